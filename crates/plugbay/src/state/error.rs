//! Why a value could not be read or kept: a class for programs, a message for the plugin, and all of it for the log.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};

/// What a plugin's state could not do.
///
/// Its `Display` is for the operator's log: it has the file's path. A plugin gets [`class`](Self::class) and
/// [`guest_message`](Self::guest_message), which have none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StateError {
    /// A key that is none.
    #[error("a key of {found} bytes, wanted 1 to {limit}")]
    Key {
        /// Its bytes.
        found: usize,
        /// The most that it may have.
        limit: usize,
    },
    /// A value that is too long by itself.
    #[error("a value of {found} bytes, wanted {limit} at most")]
    Value {
        /// Its bytes.
        found: usize,
        /// The most that it may have.
        limit: usize,
    },
    /// Keys and values together would pass the quota.
    #[error("keys and values would have {wanted} bytes, {quota} are allowed")]
    Quota {
        /// What they would have.
        wanted: u64,
        /// What they may have.
        quota: u64,
    },
    /// One more key would be too many.
    #[error("there are {found} keys, and no more than {limit} are allowed")]
    Keys {
        /// How many there are.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Somebody else has the file.
    #[error(
        "the state in {} is in use by another process; one at a time may have a plugin's state", .path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file is not as it was written. It is left as it is.
    #[error(
        "the state in {} is damaged: {reason}; it stays as it is, and while it is there the plugin has no state",
        .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file is of a later version of this program.
    #[error("the state in {} is of format {found}, wanted {wanted}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The format that it is of.
        found: u64,
        /// The one that is read.
        wanted: u64,
    },
    /// It could not be read or written.
    #[error("the state in {}: {reason}", .path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

impl StateError {
    /// One of the classes of host functions: `invalid`, `too_large` or `failed`.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Key { .. } => "invalid",
            Self::Value { .. } | Self::Quota { .. } | Self::Keys { .. } => "too_large",
            Self::Busy { .. } | Self::Damaged { .. } | Self::Format { .. } | Self::Disk { .. } => {
                "failed"
            }
        }
    }

    /// What the plugin is told: its own numbers, and nothing of the machine.
    pub(crate) fn guest_message(&self) -> String {
        match self {
            Self::Key { .. } | Self::Value { .. } | Self::Quota { .. } | Self::Keys { .. } => {
                self.to_string()
            }
            Self::Busy { .. } => "the state is in use by another process".to_owned(),
            Self::Damaged { .. } => "the state is damaged".to_owned(),
            Self::Format { .. } => "the state is of another version".to_owned(),
            Self::Disk { .. } => "the state cannot be read or written".to_owned(),
        }
    }

    /// Whether trying again is of no use, because the file itself is at fault.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Format { .. })
    }

    pub(super) fn disk(path: &Path, error: &io::Error) -> Self {
        Self::Disk { path: path.to_owned(), reason: error.to_string() }
    }

    pub(super) fn redb(path: &Path, error: &redb::Error) -> Self {
        let path = path.to_owned();
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                Self::Busy { path }
            }
            // The first is what redb says of a file that is none of its own.
            redb::Error::Io(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ) =>
            {
                Self::Disk { path, reason: error.to_string() }
            }
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                Self::Disk { path, reason: error.to_string() }
            }
            error => Self::Damaged { path, reason: error.to_string() },
        }
    }

    /// A panic of redb's: what it found was nothing that it writes.
    pub(super) fn panicked(path: &Path, panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Self::Damaged { path: path.to_owned(), reason: format!("redb panicked: {text}") }
    }
}
