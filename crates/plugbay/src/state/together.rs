//! Changes that come at the same time are made in one go: whoever comes first does it for all that wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A queue of changes, each of which has a result.
///
/// It knows nothing of what they are. One thread at a time makes changes; those that come meanwhile wait, and
/// one of them makes them all.
#[derive(Debug)]
pub(super) struct Together<C, R> {
    queue: Mutex<Queue<C, R>>,
    turned: Condvar,
}

#[derive(Debug)]
struct Queue<C, R> {
    /// The number of the next change.
    next: u64,
    /// Whether a thread is making some.
    is_busy: bool,
    waiting: VecDeque<(u64, C)>,
    results: BTreeMap<u64, R>,
}

impl<C, R> Together<C, R> {
    pub(super) fn new() -> Self {
        let queue =
            Queue { next: 0, is_busy: false, waiting: VecDeque::new(), results: BTreeMap::new() };
        Self { queue: Mutex::new(queue), turned: Condvar::new() }
    }

    /// Has a change made and waits for its result.
    ///
    /// `weight` is what a change counts of `most`; a batch has at least one change. `make` is given a batch in the
    /// order in which its changes came, and gives a result for each; it must not panic.
    pub(super) fn submit(
        &self,
        change: C,
        weight: impl Fn(&C) -> usize,
        most: usize,
        make: impl Fn(&[C]) -> Vec<R>,
    ) -> R {
        let mut queue = self.lock();
        let number = queue.next;
        queue.next += 1;
        queue.waiting.push_back((number, change));
        loop {
            if let Some(result) = queue.results.remove(&number) {
                return result;
            }
            if queue.is_busy {
                queue = self.turned.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (numbers, batch) = queue.take(&weight, most);
            queue.is_busy = true;
            drop(queue);
            let results = make(&batch);
            queue = self.lock();
            queue.results.extend(numbers.into_iter().zip(results));
            queue.is_busy = false;
            self.turned.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<C, R>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C, R> Queue<C, R> {
    fn take(&mut self, weight: impl Fn(&C) -> usize, most: usize) -> (Vec<u64>, Vec<C>) {
        let mut sum = 0_usize;
        let fits = |(_, change): &&(u64, C)| {
            sum = sum.saturating_add(weight(change));
            sum <= most
        };
        let count = self.waiting.iter().take_while(fits).count().max(1);
        self.waiting.drain(..count.min(self.waiting.len())).unzip()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_has_its_own_result_and_one_thread_at_a_time_makes_them() {
        let together = Together::new();
        let (is_making, batches) = (AtomicBool::new(false), AtomicUsize::new(0));
        let make = |batch: &[usize]| {
            assert!(!is_making.swap(true, Ordering::SeqCst));
            batches.fetch_add(1, Ordering::SeqCst);
            let results = batch.iter().map(|n| n * 2).collect();
            assert!(is_making.swap(false, Ordering::SeqCst));
            results
        };
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (together, make) = (&together, &make);
                scope.spawn(move || {
                    for n in (0..500).map(|n| thread * 500 + n) {
                        assert_eq!(together.submit(n, |_| 1, 100, make), n * 2);
                    }
                });
            }
        });
        assert!(batches.load(Ordering::SeqCst) <= 4_000);
        let queue = together.lock();
        assert!(queue.waiting.is_empty() && queue.results.is_empty() && !queue.is_busy);
    }

    #[test]
    fn what_waits_is_made_at_once_as_far_as_its_weight_goes() {
        let together = Together::new();
        let sizes = Mutex::new(Vec::new());
        let (first, others) = (Barrier::new(2), Barrier::new(2));
        let make = |batch: &[usize]| {
            if batch == [0] {
                first.wait();
                others.wait();
            }
            sizes.lock().unwrap().push(batch.len());
            batch.to_vec()
        };
        std::thread::scope(|scope| {
            let submit = |n: usize| assert_eq!(together.submit(n, |n| *n, 10, make), n);
            scope.spawn(move || submit(0));
            first.wait();
            for (count, n) in (1..).zip([4, 4, 4, 20, 1, 1]) {
                scope.spawn(move || submit(n));
                while together.lock().waiting.len() < count {
                    std::thread::yield_now();
                }
            }
            others.wait();
        });
        // 4 and 4; 4; 20, which is too much and still made; 1 and 1.
        assert_eq!(*sizes.lock().unwrap(), [1, 2, 1, 1, 2]);
    }
}
