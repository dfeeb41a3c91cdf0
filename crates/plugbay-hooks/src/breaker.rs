//! A plugin that fails again and again is left alone for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plugbay::abi::interface::Hook;
use serde::{Deserialize, Serialize};

/// When a plugin is tripped, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakerSettings {
    /// Failures in a row of one of its hooks that trip the plugin. Default 5; 0 = never.
    pub failures: u32,
    /// How long a tripped plugin is not called, in milliseconds. Default 10,000.
    pub cooldown_ms: u64,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, cooldown_ms: 10_000 }
    }
}

impl BreakerSettings {
    /// Trips after `failures` in a row, for `cooldown_ms` milliseconds.
    pub fn new(failures: u32, cooldown_ms: u64) -> Self {
        Self { failures, cooldown_ms }
    }
}

/// One plugin's breaker: closed, open until a moment, or half open with one call on trial.
#[derive(Debug)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By hook: one that has nothing to do, and does that well, says nothing of the others.
    in_a_row: [u32; Hook::ALL.len()],
    open_until: Option<Duration>,
    on_trial: bool,
}

impl State {
    /// Changes how often a hook has failed in a row, and says how often that is now.
    fn count(&mut self, hook: Hook, change: impl FnOnce(u32) -> u32) -> u32 {
        let Some(failures) = self.in_a_row.get_mut(hook as usize) else { return 0 };
        *failures = change(*failures);
        *failures
    }
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: Mutex::default() }
    }

    /// Leave to call the plugin at `now`, or `None` while it is tripped.
    ///
    /// After the cooldown one call is let through as a trial; the others wait for its outcome.
    pub(crate) fn admit(&self, hook: Hook, now: Duration) -> Option<Permit<'_>> {
        let mut state = self.state();
        let trial = match state.open_until {
            None => false,
            Some(until) if now < until || state.on_trial => return None,
            Some(_) => true,
        };
        state.on_trial = trial;
        Some(Permit { breaker: self, hook, trial })
    }

    /// Whether a call at `now` would be refused.
    pub(crate) fn is_tripped(&self, now: Duration) -> bool {
        let state = self.state();
        state.open_until.is_some_and(|until| now < until || state.on_trial)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave for one call. Dropped without an outcome (the client went away) it counts for nothing.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    hook: Hook,
    trial: bool,
}

impl Permit<'_> {
    pub(crate) fn succeeded(self) {
        let mut state = self.breaker.state();
        // A call that began before the plugin was tripped does not set it free.
        if self.trial || state.open_until.is_none() {
            state.open_until = None;
            state.count(self.hook, |_| 0);
        }
    }

    /// Whether the plugin is tripped by it.
    pub(crate) fn failed(self, now: Duration) -> bool {
        let settings = self.breaker.settings;
        let mut state = self.breaker.state();
        let in_a_row = state.count(self.hook, |failures| failures.saturating_add(1));
        let tripped_already = state.open_until.is_some() && !self.trial;
        let trips = settings.failures > 0 && in_a_row >= settings.failures && !tripped_already;
        if trips {
            let cooldown = Duration::from_millis(settings.cooldown_ms);
            state.open_until = Some(now.saturating_add(cooldown));
        }
        trips
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.breaker.state().on_trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Duration = Duration::from_millis;

    fn breaker() -> Breaker {
        Breaker::new(BreakerSettings::new(3, 100))
    }

    fn fail(breaker: &Breaker, at: u64) {
        breaker.admit(Hook::Pre, AT(at)).unwrap().failed(AT(at));
    }

    #[test]
    fn failures_in_a_row_trip_it_for_the_cooldown() {
        let breaker = breaker();
        fail(&breaker, 0);
        fail(&breaker, 1);
        assert!(!breaker.is_tripped(AT(2)));
        fail(&breaker, 2);
        assert!(breaker.is_tripped(AT(2)));
        assert!(breaker.admit(Hook::Pre, AT(101)).is_none());
        assert!(breaker.admit(Hook::Pre, AT(102)).is_some());
    }

    #[test]
    fn a_success_between_starts_the_count_anew() {
        let breaker = breaker();
        for at in [0, 10, 20] {
            fail(&breaker, at);
            fail(&breaker, at + 1);
            breaker.admit(Hook::Pre, AT(at + 2)).unwrap().succeeded();
        }
        assert!(!breaker.is_tripped(AT(30)));
    }

    #[test]
    fn after_the_cooldown_one_call_is_on_trial() {
        let breaker = breaker();
        (0..3).for_each(|at| fail(&breaker, at));

        let trial = breaker.admit(Hook::Pre, AT(200)).unwrap();
        assert!(breaker.admit(Hook::Pre, AT(200)).is_none(), "a second call while one is on trial");
        trial.failed(AT(210));
        assert!(breaker.admit(Hook::Pre, AT(309)).is_none(), "one failure on trial trips it again");

        breaker.admit(Hook::Pre, AT(310)).unwrap().succeeded();
        fail(&breaker, 311);
        assert!(!breaker.is_tripped(AT(312)), "a success on trial sets it free");
    }

    #[test]
    fn a_trial_that_was_abandoned_gives_way_to_the_next() {
        let breaker = breaker();
        (0..3).for_each(|at| fail(&breaker, at));
        drop(breaker.admit(Hook::Pre, AT(200)).unwrap());
        assert!(breaker.admit(Hook::Pre, AT(200)).is_some());
    }

    #[test]
    fn a_late_success_does_not_set_a_tripped_plugin_free() {
        let breaker = breaker();
        let late = breaker.admit(Hook::Pre, AT(0)).unwrap();
        (0..3).for_each(|at| fail(&breaker, at));
        late.succeeded();
        assert!(breaker.is_tripped(AT(3)));
    }

    #[test]
    fn a_hook_that_works_does_not_hide_one_that_fails() {
        let breaker = breaker();
        let works = |at| breaker.admit(Hook::HttpPre, AT(at)).unwrap().succeeded();
        for at in 0..3 {
            works(at);
            assert!(!breaker.is_tripped(AT(at)));
            fail(&breaker, at);
        }
        assert!(breaker.is_tripped(AT(3)));
        // The trial is another hook's: it sets the plugin free, and one more failure trips it again.
        works(200);
        assert!(!breaker.is_tripped(AT(200)));
        fail(&breaker, 201);
        assert!(breaker.is_tripped(AT(202)));
    }

    #[test]
    fn zero_failures_means_never() {
        let breaker = Breaker::new(BreakerSettings::new(0, 100));
        (0..50).for_each(|at| fail(&breaker, at));
        assert!(!breaker.is_tripped(AT(50)));
    }
}
