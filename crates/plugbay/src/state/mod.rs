//! What a plugin keeps by key: bytes under bytes, on disk, over restarts, for all of its instances.
//!
//! Each plugin has a file of its own, a database of redb's (`database`), opened once in a process (`registry`).
//! Changes that come at the same time are one transaction (`together`); how much there is, is counted in the
//! same transaction (`change`), so that a quota holds whatever stops the process.
//!
//! Everything in here waits for the disk, and none of it may be called where nothing may wait.

mod change;
mod database;
mod error;
mod registry;
#[cfg(test)]
mod tests;
mod together;

use std::path::Path;
use std::sync::Arc;

pub(crate) use self::error::StateError;

use self::change::{Before, Change, Changed};
use self::registry::Shared;

/// Longest key, in bytes.
pub(crate) const LONGEST_KEY: usize = 1_024;

/// Longest value, in bytes.
pub(crate) const LONGEST_VALUE: usize = 1 << 20;

/// Bytes of changes that are made in one transaction: a file grows with what one transaction writes.
const BATCH: usize = LONGEST_KEY + LONGEST_VALUE;

/// How large a file may get, as a multiple of its quota, before it is compacted. redb gives a value pages by powers
/// of two, and doubles its file when it is full.
const SLACK_FACTOR: u64 = 4;

/// And by how many bytes more: what a file needs for one change in an empty database, doubled.
const SLACK: u64 = 8 << 20;

/// And for each key, which may be a byte long.
const SLACK_BY_KEY: u64 = 64;

/// How much a plugin may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateLimits {
    /// Most bytes of all keys and values together.
    pub(crate) quota_bytes: u64,
    /// Most keys.
    pub(crate) max_keys: u64,
}

/// What came of a [`swap`](StateStore::swap).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Swapped {
    /// The new value is there.
    Done,
    /// The value was another, or there was none.
    Other(Option<Vec<u8>>),
}

/// The state of one plugin. Cheap to clone; all of one file are one, and the last closes it.
#[derive(Debug, Clone)]
pub(crate) struct StateStore {
    shared: Arc<Shared>,
}

impl StateStore {
    /// Opens a file, or makes it, and its folder, readable by their user alone.
    ///
    /// The whole file is read and checked, unless this process has it open.
    ///
    /// # Errors
    ///
    /// Another process has it, it is damaged or of another format, or the disk fails. Nothing is made new in
    /// place of what is damaged.
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        Ok(Self { shared: Shared::of(path)? })
    }

    /// The value of a key.
    ///
    /// # Errors
    ///
    /// The key has another length than 1 to 1,024 bytes, or the file fails.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        check_key(key)?;
        self.shared.file.get(key)
    }

    /// Sets the value of a key, and returns when it is on the disk.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); the value has more than 1 MiB; or it makes more of the state than `limits` allow.
    pub(crate) fn set(
        &self,
        key: &[u8],
        value: &[u8],
        limits: StateLimits,
    ) -> Result<(), StateError> {
        self.change(key, Before::Anything, Some(value), limits).map(drop)
    }

    /// Takes a key away; whether it was there.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub(crate) fn delete(&self, key: &[u8]) -> Result<bool, StateError> {
        // What makes less of the state needs no limits.
        let limits = StateLimits { quota_bytes: u64::MAX, max_keys: u64::MAX };
        let changed = self.change(key, Before::Anything, None, limits)?;
        Ok(changed == Changed::Done(true))
    }

    /// Sets the value of a key, or takes it away where `new` is none, if it is `old` now, in one step.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set). A value that is another is no error.
    pub(crate) fn swap(
        &self,
        key: &[u8],
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        limits: StateLimits,
    ) -> Result<Swapped, StateError> {
        let before = Before::Exactly(old.map(<[u8]>::to_vec));
        Ok(match self.change(key, before, new, limits)? {
            Changed::Done(_) => Swapped::Done,
            Changed::Other(value) => Swapped::Other(value),
        })
    }

    fn change(
        &self,
        key: &[u8],
        before: Before,
        after: Option<&[u8]>,
        limits: StateLimits,
    ) -> Result<Changed, StateError> {
        check_key(key)?;
        let found = after.map_or(0, <[u8]>::len);
        if found > LONGEST_VALUE {
            return Err(StateError::Value { found, limit: LONGEST_VALUE });
        }
        let change = Change { key: key.to_vec(), before, after: after.map(<[u8]>::to_vec), limits };
        self.shared.changes.submit(change, Change::len, BATCH, |batch| self.make(batch))
    }

    fn make(&self, batch: &[Change]) -> Vec<Result<Changed, StateError>> {
        let file = &self.shared.file;
        let results = file.change(batch);
        let kept = batch.iter().filter(|change| change.after.is_some());
        if let Some(limits) = kept.map(|change| change.limits).max_by_key(longest_file) {
            file.bound(longest_file(&limits), limits.quota_bytes);
        }
        results.unwrap_or_else(|error| batch.iter().map(|_| Err(error.clone())).collect())
    }
}

/// How large the file of a state with these limits may get before it is compacted.
fn longest_file(limits: &StateLimits) -> u64 {
    let StateLimits { quota_bytes, max_keys } = *limits;
    // A key has a byte at least.
    let keys = max_keys.min(quota_bytes).saturating_mul(SLACK_BY_KEY);
    quota_bytes.saturating_mul(SLACK_FACTOR).saturating_add(keys).saturating_add(SLACK)
}

fn check_key(key: &[u8]) -> Result<(), StateError> {
    match key.len() {
        1..=LONGEST_KEY => Ok(()),
        found => Err(StateError::Key { found, limit: LONGEST_KEY }),
    }
}
