//! Time as the runner sees it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plugbay::runtime::BoxFuture;
use tokio::time::Instant;

/// Monotonic time that can be waited for, and the date of its beginning.
pub trait Clock: Send + Sync {
    /// Since the clock was made.
    fn now(&self) -> Duration;

    /// The date at which the clock was made, in milliseconds since the Unix epoch.
    fn epoch_ms(&self) -> u64;

    /// Waits until [`now`](Self::now) is at least `at`.
    fn sleep_until(&self, at: Duration) -> BoxFuture<'_, ()>;
}

/// tokio's clock: the machine's, or, in a test that paused it, a virtual one.
#[derive(Debug, Clone)]
pub struct TokioClock {
    started: Instant,
    epoch_ms: u64,
}

impl TokioClock {
    /// A clock that begins now.
    pub fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::starting_at(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    /// A clock that begins now and takes now for a given date.
    pub fn starting_at(epoch_ms: u64) -> Self {
        Self { started: Instant::now(), epoch_ms }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn epoch_ms(&self) -> u64 {
        self.epoch_ms
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match self.started.checked_add(at) {
                Some(at) => tokio::time::sleep_until(at).await,
                // Later than any date.
                None => std::future::pending().await,
            }
        })
    }
}
