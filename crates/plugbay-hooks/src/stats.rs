//! What a plugin's hooks came to and how long they took: counters that calls add to without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plugbay::abi::interface::Hook;
use plugbay::{Durations, Histogram};

use crate::{CallFailure, FailureKind};

/// 2^8 units of fuel and less are one bucket, and each is four times as wide as the one before.
const FIRST_FUEL: u32 = 8;
/// Up to 2^34 units, a hundred times the usual limit and more; the last one is for what is above.
const FUEL_BUCKETS: usize = 15;

/// What one plugin's hooks came to, for each hook.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    hooks: [HookCounts; Hook::ALL.len()],
}

#[derive(Debug, Default)]
struct HookCounts {
    ok: AtomicU64,
    failed: [AtomicU64; FailureKind::ALL.len()],
    tripped: AtomicU64,
    durations: Histogram,
    fuel: AtomicU64,
    fuel_buckets: [AtomicU64; FUEL_BUCKETS],
}

impl Stats {
    /// A call that was made and came to its end.
    pub(crate) fn called(
        &self,
        hook: Hook,
        failure: Option<&CallFailure>,
        took: Duration,
        fuel: Option<u64>,
    ) {
        let Some(counts) = self.hooks.get(place(hook)) else { return };
        let counter = match failure {
            None => Some(&counts.ok),
            Some(failure) => counts.failed.get(failure.kind as usize),
        };
        if let Some(counter) = counter {
            add(counter, 1);
        }
        counts.durations.add(took);
        if let Some(fuel) = fuel {
            add(&counts.fuel, fuel);
            if let Some(bucket) = counts.fuel_buckets.get(fuel_bucket(fuel)) {
                add(bucket, 1);
            }
        }
    }

    /// A call that was not made, because the plugin is tripped.
    pub(crate) fn not_called(&self, hook: Hook) {
        if let Some(counts) = self.hooks.get(place(hook)) {
            add(&counts.tripped, 1);
        }
    }

    /// What it all came to, for the hooks that were called.
    pub(crate) fn snapshot(&self) -> Vec<HookStats> {
        let hooks = Hook::ALL.into_iter().zip(&self.hooks);
        let all = hooks.map(|(hook, counts)| counts.snapshot(hook));
        all.filter(|stats| stats.calls() > 0 || stats.tripped > 0).collect()
    }
}

impl HookCounts {
    fn snapshot(&self, hook: Hook) -> HookStats {
        HookStats {
            hook,
            ok: get(&self.ok),
            failed: self.failed.each_ref().map(get),
            tripped: get(&self.tripped),
            total: self.durations.total(),
            durations: self.durations.snapshot(),
            fuel: FuelUse {
                total: get(&self.fuel),
                buckets: self.fuel_buckets.iter().map(get).collect(),
            },
        }
    }
}

/// What one hook of one plugin came to since the plugin was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HookStats {
    /// The hook.
    pub hook: Hook,
    /// Calls that gave usable output, or none.
    pub ok: u64,
    failed: [u64; FailureKind::ALL.len()],
    /// Calls that were not made, because the plugin was tripped.
    pub tripped: u64,
    /// The time of all calls that were made, put together.
    pub total: Duration,
    /// How long they took, one by one.
    pub durations: Durations,
    /// The fuel that they used, failed ones included, where the limits count any.
    pub fuel: FuelUse,
}

impl HookStats {
    /// Calls that were made and came to their end.
    pub fn calls(&self) -> u64 {
        self.ok + self.failures()
    }

    /// Calls that failed, in whatever way.
    pub fn failures(&self) -> u64 {
        self.failed.iter().sum()
    }

    /// Calls that failed in one way.
    pub fn failed(&self, kind: FailureKind) -> u64 {
        self.failed.get(kind as usize).copied().unwrap_or_default()
    }
}

/// Fuel of calls, in units of about one instruction: how much in all, and a histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FuelUse {
    /// What all calls used, put together.
    pub total: u64,
    buckets: Vec<u64>,
}

impl FuelUse {
    /// Calls whose fuel is known.
    pub fn calls(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Calls by the fuel that they used: the upper bound of each bucket, which belongs to it, and how many are
    /// in it alone, the smallest first. What is above the last bound is in none.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let bounds = (FIRST_FUEL..).step_by(2).map(|doubles| 1 << doubles);
        bounds.zip(self.buckets.iter().copied().take(FUEL_BUCKETS - 1))
    }
}

fn place(hook: Hook) -> usize {
    match hook {
        Hook::HttpPre => 0,
        Hook::Pre => 1,
        Hook::Post => 2,
        Hook::HttpStreamChunk => 3,
        Hook::HttpPost => 4,
    }
}

fn add(counter: &AtomicU64, value: u64) {
    counter.fetch_add(value, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Where a call's fuel is counted: bounds are inclusive.
fn fuel_bucket(fuel: u64) -> usize {
    let octave = fuel.saturating_sub(1).checked_ilog2().unwrap_or(0);
    let above = octave.checked_sub(FIRST_FUEL).map_or(0, |octaves| 1 + octaves / 2);
    usize::try_from(above).unwrap_or(FUEL_BUCKETS).min(FUEL_BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_where_they_are_listed() {
        let places: Vec<usize> = Hook::ALL.into_iter().map(place).collect();
        assert_eq!(places, (0..Hook::ALL.len()).collect::<Vec<_>>());
        let kinds: Vec<usize> = FailureKind::ALL.iter().map(|kind| *kind as usize).collect();
        assert_eq!(kinds, (0..FailureKind::ALL.len()).collect::<Vec<_>>());
    }

    #[test]
    fn fuel_is_counted_below_the_first_bound_that_it_does_not_pass() {
        let stats = Stats::default();
        for fuel in [0, 256, 257, 1_024, 1_025, 1 << 34, (1 << 34) + 1, u64::MAX] {
            stats.called(Hook::Pre, None, Duration::ZERO, Some(fuel));
        }
        let fuel = &stats.snapshot()[0].fuel;
        let found: Vec<(u64, u64)> = fuel.buckets().filter(|(_, calls)| *calls > 0).collect();
        assert_eq!(found, [(256, 2), (1_024, 2), (4_096, 1), (1 << 34, 1)]);
        assert_eq!((fuel.calls(), fuel.buckets().last()), (8, Some((1 << 34, 1))));
    }

    #[test]
    fn calls_are_told_apart_by_hook_and_by_what_they_came_to() {
        let stats = Stats::default();
        let trap = CallFailure::new("invalid memory access", "");
        for micros in 1..=98 {
            stats.called(Hook::Pre, None, Duration::from_micros(micros), None);
        }
        let trap = trap.of_kind(FailureKind::Trap);
        stats.called(Hook::Pre, Some(&trap), Duration::from_millis(1), Some(300));
        stats.called(Hook::Pre, Some(&CallFailure::busy("")), Duration::from_millis(50), None);
        stats.not_called(Hook::Post);

        let [pre, post] = &stats.snapshot()[..] else { panic!("two hooks") };
        assert_eq!((pre.hook, pre.calls(), pre.ok, pre.failures()), (Hook::Pre, 100, 98, 2));
        assert_eq!((pre.failed(FailureKind::Trap), pre.failed(FailureKind::Busy)), (1, 1));
        assert_eq!(pre.failed(FailureKind::Fuel), 0);
        assert_eq!((pre.fuel.calls(), pre.fuel.total), (1, 300));
        assert_eq!((post.hook, post.calls(), post.tripped), (Hook::Post, 0, 1));
        assert_eq!(post.durations.quantile(0.5), None);
        let within = |share, low, high| {
            let found = pre.durations.quantile(share).unwrap();
            assert!((low..=high).contains(&found), "{share}: {found:?}");
        };
        within(0.5, Duration::from_micros(50), Duration::from_micros(63));
        within(0.99, Duration::from_millis(1), Duration::from_micros(1_250));
        within(1.0, Duration::from_millis(50), Duration::from_micros(62_500));
        assert_eq!(pre.durations.at_most(Duration::from_nanos(256 << 20)), 100);
        assert_eq!(pre.durations.at_most(Duration::from_nanos(256 << 11)), 98, "0.52 ms");
    }
}
