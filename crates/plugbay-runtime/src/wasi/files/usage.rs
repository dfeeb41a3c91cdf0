//! How much a plugin has in its directory, and how much it may.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap_fs_ext::MetadataExt as _;
use cap_std::fs::{Dir, Metadata};

use crate::wasi::Errno;

/// What a plugin may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileLimits {
    /// Bytes of all files together, by their lengths: holes count.
    pub bytes: u64,
    /// Files, directories and symbolic links together.
    pub files: u64,
    /// Whether nothing may be changed.
    pub read_only: bool,
}

impl FileLimits {
    /// With so many bytes and so many files.
    pub fn new(bytes: u64, files: u64) -> Self {
        Self { bytes, files, read_only: false }
    }

    /// The same, and nothing may be changed.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }
}

/// What a plugin has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileUsage {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Files, directories and symbolic links.
    pub files: u64,
}

/// A file, under whatever names.
pub(super) type Key = (u64, u64);

pub(super) fn key(metadata: &Metadata) -> Key {
    (metadata.dev(), metadata.ino())
}

/// The account of all instances of a plugin.
///
/// Whoever changes something holds it locked from the look at what is there to the end of the
/// change: else two instances could each use the last byte.
pub(super) struct Quota {
    limits: FileLimits,
    account: Mutex<Account>,
}

#[derive(Default)]
pub(super) struct Account {
    usage: FileUsage,
    open: HashMap<Key, Open>,
}

/// A file that some descriptor has open.
#[derive(Default)]
struct Open {
    handles: u32,
    /// Without a name, it takes its room until the last descriptor is closed.
    unlinked: bool,
}

impl Quota {
    pub(super) fn new(root: &Dir, limits: FileLimits) -> io::Result<Self> {
        let usage = count(root)?;
        let account = Account { usage, open: HashMap::new() };
        Ok(Self { limits, account: Mutex::new(account) })
    }

    pub(super) fn usage(&self) -> FileUsage {
        self.lock().usage
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Account> {
        // The numbers are right between any two statements.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locked for a change.
    ///
    /// # Errors
    ///
    /// Nothing may be changed.
    pub(super) fn change(&self) -> Result<MutexGuard<'_, Account>, Errno> {
        if self.limits.read_only { Err(Errno::ReadOnly) } else { Ok(self.lock()) }
    }

    /// Whether a file may become so much longer.
    pub(super) fn allows_bytes(&self, account: &Account, more: u64) -> Result<(), Errno> {
        let wanted = account.usage.bytes.saturating_add(more);
        if more > 0 && wanted > self.limits.bytes { Err(Errno::Quota) } else { Ok(()) }
    }

    /// Whether there may be one more file.
    pub(super) fn allows_file(&self, account: &Account) -> Result<(), Errno> {
        if account.usage.files >= self.limits.files { Err(Errno::Quota) } else { Ok(()) }
    }
}

impl Account {
    /// A file has another length now.
    pub(super) fn resized(&mut self, from: u64, to: u64) {
        let bytes = &mut self.usage.bytes;
        *bytes = bytes.saturating_sub(from).saturating_add(to);
    }

    /// There is one more file, directory or link.
    pub(super) fn created(&mut self) {
        self.usage.files += 1;
    }

    /// A name is gone, of what was this before.
    pub(super) fn removed(&mut self, metadata: &Metadata) {
        self.usage.files = self.usage.files.saturating_sub(1);
        if !metadata.is_file() {
            return;
        }
        match self.open.get_mut(&key(metadata)) {
            Some(open) => open.unlinked = true,
            None => self.resized(metadata.len(), 0),
        }
    }

    pub(super) fn opened(&mut self, key: Key) {
        self.open.entry(key).or_default().handles += 1;
    }

    /// A descriptor is about to be closed, of a file that is so long.
    pub(super) fn closed(&mut self, key: Key, len: u64) {
        let Some(open) = self.open.get_mut(&key) else { return };
        open.handles = open.handles.saturating_sub(1);
        if open.handles == 0 && self.open.remove(&key).is_some_and(|open| open.unlinked) {
            self.resized(len, 0);
        }
    }
}

/// Everything below a directory. Links are counted and not followed.
fn count(root: &Dir) -> io::Result<FileUsage> {
    let mut usage = FileUsage::default();
    let mut directories = vec![root.try_clone()?];
    while let Some(directory) = directories.pop() {
        for entry in directory.entries()? {
            let entry = entry?;
            // Somebody may have removed it since.
            let Ok(metadata) = entry.metadata() else { continue };
            usage.files += 1;
            if metadata.is_dir() {
                directories.push(entry.open_dir()?);
            } else if metadata.is_file() {
                usage.bytes = usage.bytes.saturating_add(metadata.len());
            }
        }
    }
    Ok(usage)
}
