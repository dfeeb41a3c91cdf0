//! One sleeping thread for all waits on the system's clock.
//!
//! This crate knows no async runtime, and a guest that sleeps must hold up no thread of
//! whichever runtime polls it; so the waits of all guests share this one.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Instant;

#[derive(Default)]
struct Timer {
    waits: Mutex<BinaryHeap<Wait>>,
    changed: Condvar,
}

struct Wait {
    at: Instant,
    waker: Waker,
}

/// The earliest is the greatest, as a `BinaryHeap` wants it.
impl Ord for Wait {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Wait {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Wait {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Wait {}

/// Wakes `waker` when `at` has come; at once if there can be no thread to wait.
pub(crate) fn wake_at(at: Instant, waker: &Waker) {
    static TIMER: OnceLock<Option<&'static Timer>> = OnceLock::new();
    let timer = TIMER.get_or_init(|| {
        let timer: &'static Timer = Box::leak(Box::default());
        let thread = std::thread::Builder::new().name("plugbay-timer".to_owned());
        thread.spawn(|| timer.run()).ok().map(|_| timer)
    });
    match timer {
        Some(timer) => {
            let wait = Wait { at, waker: waker.clone() };
            timer.waits.lock().unwrap_or_else(PoisonError::into_inner).push(wait);
            timer.changed.notify_one();
        }
        None => waker.wake_by_ref(),
    }
}

impl Timer {
    fn run(&self) {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            let due = waits.peek().is_some_and(|next| next.at <= now);
            if due && let Some(wait) = waits.pop() {
                // A waker is foreign code: it is not called with the lock held.
                drop(waits);
                wait.waker.wake();
                waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            waits = match waits.peek().map(|next| next.at - now) {
                Some(wait) => {
                    let woken = self.changed.wait_timeout(waits, wait);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(waits).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;
    use std::task::Wake;
    use std::time::Duration;

    use super::*;

    struct Named(u8, mpsc::Sender<u8>);

    impl Wake for Named {
        fn wake(self: Arc<Self>) {
            self.1.send(self.0).unwrap();
        }
    }

    /// The order is what is asserted; how long it takes is the machine's affair.
    #[test]
    fn waits_end_in_the_order_of_their_moments() {
        let (sender, receiver) = mpsc::channel();
        let now = Instant::now();
        for (name, after) in [(2, 40), (1, 20), (0, 0)] {
            let waker = Waker::from(Arc::new(Named(name, sender.clone())));
            wake_at(now + Duration::from_millis(after), &waker);
        }
        let woken: Vec<u8> = receiver.iter().take(3).collect();
        assert_eq!(woken, [0, 1, 2]);
        assert!(now.elapsed() >= Duration::from_millis(40));
    }
}
