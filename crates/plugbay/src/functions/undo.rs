//! What a call did that only it knows of: undone where it does not end well, since nobody else could.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

type Undo = Box<dyn FnOnce() + Send>;

/// What is undone with an instance, unless its call ends before.
#[derive(Default)]
pub(crate) struct Undone {
    /// Most calls have nothing to undo, and should not pay for the lock.
    is_any: AtomicBool,
    undone: Mutex<Vec<Undo>>,
}

impl Undone {
    #[cfg_attr(not(feature = "network"), allow(dead_code, reason = "only sockets stay"))]
    pub(super) fn add(&self, undo: impl FnOnce() + Send + 'static) {
        self.lock().push(Box::new(undo));
        self.is_any.store(true, Ordering::Release);
    }

    /// The call has ended, and what it did stays.
    pub(crate) fn keep(&self) {
        if self.is_any.load(Ordering::Acquire) {
            self.lock().clear();
            self.is_any.store(false, Ordering::Release);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Undo>> {
        self.undone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Undone {
    fn drop(&mut self) {
        let undone = std::mem::take(&mut *self.lock());
        undone.into_iter().for_each(|undo| undo());
    }
}

impl fmt::Debug for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undone").field("count", &self.lock().len()).finish()
    }
}
