#![doc = include_str!("../README.md")]
//!
//! `imports` is the host's side, `plain` makes it safe, and the other modules make it typed.

pub mod audio;
mod error;
pub mod http;
mod imports;
pub mod kv;
pub mod metric;
pub mod midi;
pub mod plain;
pub mod program;
pub mod system;
pub mod ws;

use std::time::Duration;

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
