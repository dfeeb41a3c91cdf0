//! The answer that a host function leaves: it stays with the host until its guest fetches it, in ranges.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use plugbay_runtime::abi::{GuestMemory, read, write};
use plugbay_runtime::{BYTES_PER_FUEL, TrapKind};

use super::outcome::{Outcome, told};

/// Parts of an answer.
pub(super) const PARTS: usize = 3;

/// A document, bytes, and more bytes.
pub(super) type Parts = [Option<Vec<u8>>; PARTS];

/// The answer of an instance's last call, if it left one.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Most calls leave none, and should not pay for the lock.
    is_left: AtomicBool,
    parts: Mutex<Parts>,
}

impl Answers {
    /// Keeps what a call came to; gives what it returns.
    pub(super) fn leave(&self, outcome: Outcome) -> i32 {
        let (value, parts) = told(outcome);
        *self.lock() = parts;
        self.is_left.store(true, Ordering::Release);
        value
    }

    /// Forgets it: it may be large, and nobody fetches it any more.
    pub(crate) fn clear(&self) {
        if self.is_left.load(Ordering::Acquire) {
            *self.lock() = Default::default();
            self.is_left.store(false, Ordering::Release);
        }
    }

    pub(super) fn len(&self, part: i32) -> i64 {
        let parts = self.lock();
        of(&parts, part).map_or(-1, |part| i64::try_from(part.len()).unwrap_or(i64::MAX))
    }

    /// Fuel of a read: what it copies.
    pub(super) fn fuel(&self, part: i32, offset: i64, len: u32) -> u64 {
        let parts = self.lock();
        (rest(&parts, part, offset, len).len() as u64).div_ceil(BYTES_PER_FUEL)
    }

    pub(super) fn read(
        &self,
        memory: &mut dyn GuestMemory,
        part: i32,
        offset: i64,
        (ptr, len): (u32, u32),
    ) -> Result<i32, TrapKind> {
        // The whole range counts: a pointer that is wrong is to be found also where little is read.
        read(memory, ptr, len).map_err(|_| TrapKind::MemoryOutOfBounds)?;
        let parts = self.lock();
        let bytes = rest(&parts, part, offset, len);
        write(memory, ptr, bytes).map_err(|_| TrapKind::MemoryOutOfBounds)?;
        Ok(i32::try_from(bytes.len()).unwrap_or(i32::MAX))
    }

    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of(parts: &Parts, part: i32) -> Option<&[u8]> {
    parts.get(usize::try_from(part).ok()?)?.as_deref()
}

/// What there is of `len` bytes at an offset, as many as the result can count.
fn rest(parts: &Parts, part: i32, offset: i64, len: u32) -> &[u8] {
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(i32::MAX as usize);
    let rest = usize::try_from(offset).ok().and_then(|offset| of(parts, part)?.get(offset..));
    let rest = rest.unwrap_or_default();
    rest.get(..len).unwrap_or(rest)
}
