//! Why a directory is no cache, and why an entry is not run.

use std::io;
use std::path::PathBuf;

/// A directory that compiled code cannot be kept in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// It, or the secret in it, cannot be made or read.
    #[error("cannot keep compiled code in {path}: {source}", path = path.display())]
    Io {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It belongs to somebody else.
    #[error("compiled code is not kept in {path}: it belongs to user {owner}, not to {user}", path = path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// The user it belongs to.
        owner: u32,
        /// The user that this process runs as.
        user: u32,
    },
    /// Others than its owner can write to it.
    #[error(
        "compiled code is not kept in {path}: others can write to it (mode {mode:o}); `chmod 700` closes it", path = path.display()
    )]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system gives no random bytes for a secret.
    #[error("no secret can be made for {path}: {message}", path = path.display())]
    NoRandom {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        message: String,
    },
}

/// Why an entry is not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("there is none")]
    Missing,
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("it is no regular file")]
    NoFile,
    #[error("it belongs to user {owner}, not to {user}")]
    Foreign { owner: u32, user: u32 },
    #[error("others have access to it (mode {mode:o})")]
    Open { mode: u32 },
    #[error("it has {bytes} bytes, fewer than any entry")]
    Short { bytes: u64 },
    #[error("it does not have 32 bytes")]
    NoSecret,
    #[error("it is damaged, or was written with another secret")]
    Damaged,
    #[error("it is the entry of another module, or of another engine")]
    Swapped,
    #[error("the engine does not take it: {0}")]
    Unloadable(String),
}

impl Refused {
    /// Whether the file is at fault, rather than a system that could not open it just now.
    pub(super) fn is_of_no_use(&self) -> bool {
        !matches!(self, Refused::Missing | Refused::Unreadable(_))
    }
}
