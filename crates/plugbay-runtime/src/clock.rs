//! Time as a parameter: wall clock in production, a hand-moved one in tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::timer;
use crate::trap::TrapKind;

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

/// The moment after which the call under way may not go on.
///
/// It belongs to one instance: nothing that another instance does can move it.
///
/// It counts from the first time that somebody looks. Looking at a clock costs a tenth of a short
/// call; a call that is over within its first slice of fuel is over in time, and a longer
/// one is looked at after it.
pub struct Deadline {
    clock: Arc<dyn Clock>,
    limit: Duration,
    /// In nanoseconds on the clock; [`NOT_SET`] until somebody looks.
    at: AtomicU64,
}

const NOT_SET: u64 = u64::MAX;

impl Deadline {
    /// `limit` from when it is first looked at.
    pub fn new(clock: Arc<dyn Clock>, limit: Duration) -> Self {
        Self { clock, limit, at: AtomicU64::new(NOT_SET) }
    }

    /// Begins anew, for the next call.
    pub fn rearm(&self) {
        self.at.store(NOT_SET, Ordering::Relaxed);
    }

    /// The moment, on its clock. Time begins to count, if it did not before.
    pub fn at(&self) -> Duration {
        let at = match self.at.load(Ordering::Relaxed) {
            NOT_SET => {
                let at = nanos(self.clock.now().saturating_add(self.limit)).min(NOT_SET - 1);
                self.at.store(at, Ordering::Relaxed);
                at
            }
            at => at,
        };
        Duration::from_nanos(at)
    }

    /// Looks at the clock.
    ///
    /// # Errors
    ///
    /// [`TrapKind::DeadlineExceeded`] when the moment has come.
    pub fn check(&self) -> Result<(), TrapKind> {
        // In this order: who looks for the first time sees the whole limit before him.
        let at = self.at();
        if self.clock.now() >= at {
            return Err(TrapKind::DeadlineExceeded { limit: self.limit });
        }
        Ok(())
    }

    /// The clock it is measured on.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(5);
    const LATE: Result<(), TrapKind> = Err(TrapKind::DeadlineExceeded { limit: LIMIT });

    #[test]
    fn a_deadline_counts_from_the_first_look() {
        let clock = Arc::new(ManualClock::new());
        let deadline = Deadline::new(clock.clone(), LIMIT);
        clock.advance(Duration::from_secs(1));
        assert_eq!(deadline.check(), Ok(()));
        clock.advance(Duration::from_millis(4));
        assert_eq!(deadline.check(), Ok(()));
        clock.advance(Duration::from_millis(1));
        assert_eq!(deadline.check(), LATE);
        deadline.rearm();
        assert_eq!(deadline.check(), Ok(()));
    }

    #[test]
    fn a_limit_without_end_is_never_reached() {
        let clock = Arc::new(ManualClock::new());
        let deadline = Deadline::new(clock.clone(), Duration::MAX);
        clock.advance(Duration::from_secs(1 << 33));
        assert_eq!(deadline.check(), Ok(()));
        clock.advance(Duration::from_secs(1 << 33));
        assert_eq!(deadline.check(), Ok(()));
    }

    #[test]
    fn a_stepping_clock_counts_looks() {
        let clock = Arc::new(ManualClock::stepping(Duration::from_millis(1)));
        let deadline = Deadline::new(clock, LIMIT);
        let looks = (1..).find(|_| deadline.check().is_err());
        assert_eq!(looks, Some(5));
    }
}
