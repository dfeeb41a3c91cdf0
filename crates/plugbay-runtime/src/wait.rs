//! Host functions that take their time: the guest is put away, and its deadline runs on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use plugbay_abi::Value;

use crate::backend::BoxFuture;
use crate::budget::Budget;
use crate::clock::Deadline;
use crate::trap::TrapKind;

/// What a host function comes to: a value of the import's result type, or `None` where it has none;
/// or the class of the trap that the guest is stopped with.
pub type HostResult = Result<Option<Value>, TrapKind>;

/// What a host function answers.
pub enum HostReply {
    /// At once.
    Now(HostResult),
    /// When a wait is over. Nothing else on the guest's thread is held up until then.
    Later(HostWait),
}

impl From<HostResult> for HostReply {
    fn from(result: HostResult) -> Self {
        Self::Now(result)
    }
}

/// A wait that ends with the guest being resumed.
///
/// It has no way to the guest's memory, which an engine may not lend across a wait: what is to be
/// written there is fetched by the guest's next call.
pub struct HostWait {
    future: BoxFuture<'static, HostResult>,
    alarm: Arc<Alarm>,
}

impl HostWait {
    /// Waits for `future`, which is dropped where the guest's deadline passes before.
    pub fn new(future: impl Future<Output = HostResult> + Send + 'static) -> Self {
        Self { future: Box::pin(future), alarm: Arc::default() }
    }

    /// What is waited for, polled without any deadline: for a host in front of another, whose own
    /// wait has one.
    pub fn poll_result(&mut self, context: &mut Context<'_>) -> Poll<HostResult> {
        self.future.as_mut().poll(context)
    }

    /// The wait, polled: for [`std::future::poll_fn`].
    ///
    /// # Errors
    ///
    /// [`TrapKind::DeadlineExceeded`] as soon as the deadline of `budget` has passed; otherwise
    /// what the host function fails with.
    pub fn poll(&mut self, budget: &Budget, context: &mut Context<'_>) -> Poll<HostResult> {
        budget.check_deadline()?;
        if let Poll::Ready(result) = self.poll_result(context) {
            // What came too late did not come.
            return Poll::Ready(budget.check_deadline().and(result));
        }
        self.alarm.set(budget.deadline(), context.waker());
        Poll::Pending
    }
}

impl Drop for HostWait {
    fn drop(&mut self) {
        self.alarm.wakes().take();
    }
}

/// Wakes at the deadline whoever waits then, and nobody once the wait is over: a clock keeps an
/// alarm until its time has come, and should not keep a whole task with it.
#[derive(Default)]
struct Alarm {
    is_set: AtomicBool,
    wakes: Mutex<Option<Waker>>,
}

impl Alarm {
    fn set(self: &Arc<Self>, deadline: &Deadline, waker: &Waker) {
        self.wakes().replace(waker.clone());
        if !self.is_set.swap(true, Ordering::AcqRel) {
            deadline.clock().wake_at(deadline.at(), &Waker::from(Arc::clone(self)));
        }
    }

    fn wakes(&self) -> MutexGuard<'_, Option<Waker>> {
        self.wakes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        // A clock may wake early: whoever is woken sets it again.
        self.is_set.store(false, Ordering::Release);
        let waker = self.wakes().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use plugbay_policy::Limits;

    use super::*;
    use crate::clock::Clock;

    /// Keeps what it was to wake.
    #[derive(Default)]
    struct Kept(Mutex<Vec<Waker>>);

    impl Clock for Kept {
        fn now(&self) -> std::time::Duration {
            std::time::Duration::ZERO
        }

        fn wake_at(&self, _: std::time::Duration, waker: &Waker) {
            self.0.lock().unwrap().push(waker.clone());
        }
    }

    struct Counter(AtomicBool);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_clock_is_asked_once_and_keeps_no_task_that_is_over() {
        let clock = Arc::new(Kept::default());
        let budget = Budget::for_tests(Limits::default(), clock.clone());
        let task = Arc::new(Counter(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&task));
        let mut wait = HostWait::new(pending());
        for _ in 0..3 {
            assert!(wait.poll(&budget, &mut Context::from_waker(&waker)).is_pending());
        }
        let alarms = std::mem::take(&mut *clock.0.lock().unwrap());
        assert_eq!(alarms.len(), 1);
        alarms[0].wake_by_ref();
        assert!(task.0.swap(false, Ordering::Relaxed), "an early alarm wakes");
        assert!(wait.poll(&budget, &mut Context::from_waker(&waker)).is_pending());
        let alarms = std::mem::take(&mut *clock.0.lock().unwrap());
        assert_eq!(alarms.len(), 1, "and is set again");
        drop((wait, waker));
        assert_eq!(Arc::strong_count(&task), 1, "the alarm has let go of it");
        alarms[0].wake_by_ref();
        assert!(!task.0.load(Ordering::Relaxed));
    }
}
