//! What all answers that are collected at one time may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are left for answers.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

/// What one answer has taken of them; dropped, it is given back.
#[derive(Debug)]
pub(crate) struct Taken {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    /// An answer that has taken nothing yet.
    pub(crate) fn nothing(self: &Arc<Self>) -> Taken {
        Taken { budget: Arc::clone(self), bytes: 0 }
    }
}

impl Taken {
    /// Takes more, if there is as much.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        let taken = self.budget.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if taken.is_ok() {
            self.bytes += bytes;
        }
        taken.is_ok()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_share_it_and_give_it_back() {
        let budget = Budget::new(10);
        let (mut one, mut other) = (budget.nothing(), budget.nothing());
        assert!(one.grow(4) && other.grow(5) && !one.grow(2) && one.grow(1));
        drop(other);
        assert!(one.grow(5) && !one.grow(1));
        drop(one);
        assert!(budget.nothing().grow(10));
    }
}
