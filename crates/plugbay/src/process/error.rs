//! Why a program was not run to its end: a class for programs, a message for the plugin, and all of it for the log.

use std::path::PathBuf;
use std::time::Duration;

/// A program that was not started, or did not end by itself.
///
/// Its `Display` is for the operator's log: it has the path at which the program was found. A plugin gets
/// a class and a message, which have what the plugin itself named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// Nothing that could be run.
    #[error("{reason}")]
    Invalid {
        /// What is wrong with it, and what was wanted.
        reason: String,
    },
    /// It is not there, or the system does not start it.
    #[error("the program {program:?} is not started{}: {reason}", at(.path.as_ref()))]
    Start {
        /// The program, as it was asked for.
        program: String,
        /// Where it is, if it was found.
        path: Option<PathBuf>,
        /// Why not.
        reason: String,
    },
    /// It was killed because it took too long.
    #[error("the program took longer than {} ms and was killed", .after.as_millis())]
    Timeout {
        /// The limit.
        after: Duration,
    },
    /// A signal ended it.
    #[error("the program was ended by signal {0}")]
    Signal(i32),
    /// It ended with a status that is none of a program's own: on Windows, what went wrong in it.
    #[error("the program ended with status {0}")]
    Status(i32),
    /// The system does not say how it ended.
    #[error("the program's end is not known: {reason}")]
    Wait {
        /// The system's words.
        reason: String,
    },
}

impl ProcessError {
    /// One of the classes of host functions: `invalid`, `timeout` or `failed`.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::Timeout { .. } => "timeout",
            Self::Start { .. } | Self::Signal(_) | Self::Status(_) | Self::Wait { .. } => "failed",
        }
    }

    /// What the plugin is told. It names what the plugin itself named, and no place on this machine.
    pub(crate) fn guest_message(&self) -> String {
        match self {
            Self::Start { program, reason, .. } => {
                format!("the program {program:?} is not started: {reason}")
            }
            error => error.to_string(),
        }
    }

    pub(super) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { reason: reason.into() }
    }
}

fn at(path: Option<&PathBuf>) -> String {
    path.map(|path| format!(", from {}", path.display())).unwrap_or_default()
}
