//! What a plugin can do beyond computing: the functions of its host.
//!
//! Each takes what the operator has granted, and is [`Class::Denied`] without it. Only plugins that call a function
//! import it. In tests, a [mock host](crate::testing) answers; without one, every function is [`Class::Unavailable`].
//!
//! | module | functions |
//! |---|---|
//! | this one | [`log`], [`now`], [`random`], [`version`] |
//! | [`metric`] | `count`, `gauge`, `sample` |
//! | [`http`] | `Request`, `Response` |
//! | [`ws`] | `Open`, `Socket`, `Received` |
//! | [`kv`] | `get`, `set`, `delete`, `swap` |
//! | [`midi`], [`audio`], [`system`] | `send`; `play`; `keystroke`, `volume`, `launch`, `mode_change`, `text`, `click` |
//! | [`program`] | `Program`, `Output` |
//! | [`plain`] | the functions one by one, with documents as text, and the parts of the answer |

pub mod audio;
mod error;
pub mod http;
pub mod kv;
pub mod metric;
pub mod midi;
pub mod plain;
pub mod program;
pub mod system;
pub mod ws;

use std::time::Duration;

use error::answer_document;
pub use error::{Class, Error};
pub use plain::{random, version};

/// How much a line in the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(pub i32);

impl Level {
    /// Something failed.
    pub const ERROR: Self = Self(1);
    /// Something is odd.
    pub const WARNING: Self = Self(2);
    /// What an operator wants to know.
    pub const INFO: Self = Self(3);
    /// What a developer wants to know.
    pub const DEBUG: Self = Self(4);
    /// Everything else.
    pub const TRACE: Self = Self(5);
}

/// Writes one line to the plugin's log.
///
/// # Errors
///
/// [`Class::Invalid`]: there is no such level.
pub fn log(level: Level, line: &str) -> Result<(), Error> {
    plain::log(level.0, line).map(drop)
}

/// The wall clock: the time since 1970.
pub fn now() -> Duration {
    // A clock that stands before 1970 is as good as none.
    Duration::from_nanos(u64::try_from(plain::now()).unwrap_or(0))
}

/// Writes a line that an operator wants to know.
pub fn info(line: &str) {
    // There is such a level.
    let _ = log(Level::INFO, line);
}

/// Writes a line about something odd.
pub fn warn(line: &str) {
    let _ = log(Level::WARNING, line);
}

/// Writes a line about something that failed.
pub fn error(line: &str) {
    let _ = log(Level::ERROR, line);
}
