//! One change of one key: whether it is allowed, and what it comes to.

use redb::{ReadableTable as _, Table};

use super::StateLimits;
use super::error::StateError;

/// A key, what is to be there before, and what after.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) key: Vec<u8>,
    pub(super) before: Before,
    /// Without: nothing is there after.
    pub(super) after: Option<Vec<u8>>,
    pub(super) limits: StateLimits,
}

/// What has to be there for a change to be made.
#[derive(Debug)]
pub(super) enum Before {
    Anything,
    Exactly(Option<Vec<u8>>),
}

/// What came of a change that was allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// It was made. Whether there was a value before.
    Done(bool),
    /// Something else was there, and still is.
    Other(Option<Vec<u8>>),
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// Of all keys and values.
    pub(super) bytes: u64,
    pub(super) keys: u64,
}

impl Change {
    /// Bytes that it brings along.
    pub(super) fn len(&self) -> usize {
        self.key.len() + self.after.as_ref().map_or(0, Vec::len)
    }
}

/// Makes a change if it is allowed. The second number is how many bytes were written: 0 where nothing changed.
pub(super) fn apply(
    values: &mut Table<'_, &'static [u8], &'static [u8]>,
    usage: &mut Usage,
    change: &Change,
) -> Result<(Result<Changed, StateError>, u64), redb::Error> {
    let key = &*change.key;
    let before = {
        let present = values.get(key)?;
        let present = present.as_ref().map(redb::AccessGuard::value);
        if let Before::Exactly(wanted) = &change.before
            && wanted.as_deref() != present
        {
            return Ok((Ok(Changed::Other(present.map(<[u8]>::to_vec))), 0));
        }
        present.map(<[u8]>::len)
    };
    let next = match after(*usage, change, before) {
        Ok(next) => next,
        Err(error) => return Ok((Err(error), 0)),
    };
    match &change.after {
        Some(value) => drop(values.insert(key, &**value)?),
        None if before.is_none() => return Ok((Ok(Changed::Done(false)), 0)),
        None => drop(values.remove(key)?),
    }
    *usage = next;
    Ok((Ok(Changed::Done(before.is_some())), size(change.len())))
}

/// How much there is after a change, where the value before it has so many bytes.
///
/// What makes less of it is always allowed: the quota may have been lowered since it was filled.
fn after(usage: Usage, change: &Change, before: Option<usize>) -> Result<Usage, StateError> {
    let entry = |value: usize| size(change.key.len()).saturating_add(size(value));
    let freed = before.map_or(0, entry);
    let taken = change.after.as_ref().map_or(0, |value| entry(value.len()));
    let next = Usage {
        bytes: usage.bytes.saturating_sub(freed).saturating_add(taken),
        keys: usage
            .keys
            .saturating_sub(u64::from(before.is_some()))
            .saturating_add(u64::from(change.after.is_some())),
    };
    let StateLimits { quota_bytes: quota, max_keys: limit } = change.limits;
    if next.keys > limit && next.keys > usage.keys {
        return Err(StateError::Keys { found: usage.keys, limit });
    }
    if next.bytes > quota && next.bytes > usage.bytes {
        return Err(StateError::Quota { wanted: next.bytes, quota });
    }
    Ok(next)
}

/// Lengths in memory, as they are counted.
fn size(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
