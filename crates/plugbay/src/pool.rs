//! The instances of one plugin: who has one, who waits, and what replaces a spent one.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::LoadErrorKind;
use crate::instance::{Blueprint, Introduction, Live};

/// A bounded number of instances, made when they are first needed.
///
/// An instance is either in here or with exactly one call. What a call leaves behind after
/// an error, or when its future is dropped, never comes back: the next call finds
/// another instance or makes one.
pub(crate) struct Pool {
    blueprint: Blueprint,
    name: String,
    size: u32,
    idle: Mutex<Vec<Live>>,
    permits: Arc<Semaphore>,
}

/// An instance lent to one call.
pub(crate) struct Lent {
    pub(crate) live: Live,
    permit: OwnedSemaphorePermit,
}

/// Why no instance could be lent.
pub(crate) enum LendError {
    /// The pool is closed.
    Closed,
    /// A new instance was needed and could not be made.
    Load(LoadErrorKind),
}

impl Pool {
    /// A pool of at most `size` instances, one of which is made now.
    pub(crate) async fn new(
        blueprint: Blueprint,
        name: String,
        size: u32,
    ) -> Result<(Self, Introduction), LoadErrorKind> {
        let (first, introduction) = blueprint.start(&name).await?;
        let pool = Self {
            blueprint,
            name,
            size,
            idle: Mutex::new(vec![first]),
            permits: Arc::new(Semaphore::new(size as usize)),
        };
        Ok((pool, introduction))
    }

    pub(crate) fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// Waits for a turn, in order, and lends an instance with its budget armed.
    pub(crate) async fn lend(&self) -> Result<Lent, LendError> {
        let Ok(permit) = self.permits.clone().acquire_owned().await else {
            return Err(LendError::Closed);
        };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut live = match idle {
            Some(live) => live,
            None => self.blueprint.start(&self.name).await.map_err(LendError::Load)?.0,
        };
        live.instance.reset();
        Ok(Lent { live, permit })
    }

    /// Takes an instance back whose call ended well.
    pub(crate) fn take_back(&self, lent: Lent) {
        let Lent { live, permit } = lent;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(live);
        drop(permit);
    }

    /// Lends no more, waits for all calls to end, and gives the instances that are left.
    pub(crate) async fn close(&self) -> Vec<Live> {
        // All permits together mean that every call has ended. A second close finds the
        // semaphore closed and nothing left.
        let all = self.permits.acquire_many(self.size).await;
        self.permits.close();
        drop(all);
        std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
