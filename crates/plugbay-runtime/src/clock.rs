//! Time as a parameter: wall clock in production, a hand-moved one in tests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::timer;

/// A source of monotonic time.
pub trait Clock: Send + Sync {
    /// Time since some fixed moment of this clock's own.
    fn now(&self) -> Duration;

    /// Arranges that `waker` is woken when `at` has come, or earlier: whoever is woken
    /// looks at the clock again.
    ///
    /// The default wakes at once, which is right for every clock and idle on none: a
    /// clock that can wait should.
    fn wake_at(&self, at: Duration, waker: &Waker) {
        let _ = at;
        waker.wake_by_ref();
    }
}

/// The machine's monotonic clock.
#[derive(Debug, Clone)]
pub struct SystemClock {
    epoch: Instant,
}

impl SystemClock {
    /// A clock that starts at zero now.
    pub fn new() -> Self {
        Self { epoch: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn wake_at(&self, at: Duration, waker: &Waker) {
        match self.epoch.checked_add(at) {
            Some(at) => timer::wake_at(at, waker),
            // Centuries ahead: the deadline that bounds every wait is nearer.
            None => waker.wake_by_ref(),
        }
    }
}

/// A clock that moves when it is told to, or by a fixed step each time it is looked at.
///
/// With a step, a deadline falls after a known number of looks, however fast the
/// machine is.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: AtomicU64,
    step: u64,
}

impl ManualClock {
    /// Stands still until [`advance`](Self::advance).
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves by `step` (whole nanoseconds) at each look.
    pub fn stepping(step: Duration) -> Self {
        Self { now: AtomicU64::new(0), step: nanos(step) }
    }

    /// Moves time forward.
    pub fn advance(&self, by: Duration) {
        self.now.fetch_add(nanos(by), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.now.fetch_add(self.step, Ordering::SeqCst))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A moment on one clock after which a call may not go on.
///
/// It belongs to one instance: nothing that another instance does can move it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    at: Duration,
}

impl Deadline {
    /// `timeout` from now.
    pub fn after(clock: &dyn Clock, timeout: Duration) -> Self {
        Self { at: clock.now().saturating_add(timeout) }
    }

    /// The moment, on the clock it was made from.
    pub fn at(self) -> Duration {
        self.at
    }

    /// Whether the moment has come.
    pub fn has_passed(self, clock: &dyn Clock) -> bool {
        clock.now() >= self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_when_its_clock_says_so() {
        let clock = ManualClock::new();
        let deadline = Deadline::after(&clock, Duration::from_millis(5));
        assert!(!deadline.has_passed(&clock));
        clock.advance(Duration::from_millis(4));
        assert!(!deadline.has_passed(&clock));
        clock.advance(Duration::from_millis(1));
        assert!(deadline.has_passed(&clock));
    }

    #[test]
    fn a_stepping_clock_counts_looks() {
        let clock = ManualClock::stepping(Duration::from_millis(1));
        let deadline = Deadline::after(&clock, Duration::from_millis(10));
        let looks = (1..).find(|_| deadline.has_passed(&clock));
        assert_eq!(looks, Some(10));
    }
}
