//! Bytes by key, kept for this plugin over restarts. They take `Filesystem`.

use super::{Error, plain};

/// What became of a [`swap`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// The value was the old one, and is the new one now.
    Done,
    /// The value was this one, or there was none; nothing was changed.
    Other(Option<Vec<u8>>),
}

/// The value of a key.
///
/// # Errors
///
/// Whatever the host says.
pub fn get(key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let found = plain::kv_get(key)?;
    Ok((found != 0).then(|| plain::answer(1).unwrap_or_default()))
}

/// Sets the value of a key. It is on disk then.
///
/// # Errors
///
/// Whatever the host says; `too_large` beyond 1 MiB or the quota.
pub fn set(key: &[u8], value: &[u8]) -> Result<(), Error> {
    plain::kv_set(key, value).map(drop)
}

/// Deletes a key, and says whether it was there.
///
/// # Errors
///
/// Whatever the host says.
pub fn delete(key: &[u8]) -> Result<bool, Error> {
    Ok(plain::kv_delete(key)? != 0)
}

/// Sets a value where the present one is `old`, in one step; `None` is no value.
///
/// # Errors
///
/// Whatever the host says.
pub fn swap(key: &[u8], old: Option<&[u8]>, value: Option<&[u8]>) -> Result<Swap, Error> {
    match plain::kv_swap(key, old, value)? {
        0 => Ok(Swap::Other(plain::answer(1))),
        _ => Ok(Swap::Done),
    }
}
