//! The first calls of a plugin that has taken another's place: whether it stays.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_channel::oneshot;

/// What the first calls came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They were made, and the plugin is not tripped.
    Passed,
    /// It tripped its breaker before they were all made.
    Tripped,
    /// The plugin was not needed for that long.
    Unknown,
}

/// A plugin's first calls.
#[derive(Debug)]
pub struct Trial {
    verdict: oneshot::Receiver<Verdict>,
}

impl Trial {
    /// Waits for what they come to.
    pub async fn verdict(self) -> Verdict {
        self.verdict.await.unwrap_or(Verdict::Unknown)
    }
}

/// The plugin's side: counts its calls until it is known what they come to.
#[derive(Debug)]
pub(super) struct Verdicts {
    /// Calls that are still to be made; 0 = it is known.
    left: AtomicU64,
    /// Taken once, so that no call but the last one waits for the lock.
    tell: Mutex<Option<oneshot::Sender<Verdict>>>,
}

impl Verdicts {
    pub(super) fn new(calls: u64) -> (Self, Trial) {
        let (tell, verdict) = oneshot::channel();
        let verdicts = Self { left: AtomicU64::new(calls), tell: Mutex::new(Some(tell)) };
        if calls == 0 {
            verdicts.tell(Verdict::Passed);
        }
        (verdicts, Trial { verdict })
    }

    /// A call came to its end.
    pub(super) fn called(&self, tripped: bool) {
        if tripped {
            if self.left.swap(0, Ordering::Relaxed) > 0 {
                self.tell(Verdict::Tripped);
            }
            return;
        }
        if self.left.load(Ordering::Relaxed) == 0 {
            return;
        }
        let fewer = |left: u64| left.checked_sub(1);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer) == Ok(1) {
            self.tell(Verdict::Passed);
        }
    }

    fn tell(&self, verdict: Verdict) {
        let tell = self.tell.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Whoever asked may be gone.
        let _: Option<Result<(), Verdict>> = tell.map(|tell| tell.send(verdict));
    }
}
