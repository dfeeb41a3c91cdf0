//! Numbers for the operator: 64 names at most.
//!
//! A name has 1 to 64 of `a-z`, `0-9` and `_`, begins with a letter, and belongs to one kind.

use super::{Error, plain};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(pub i32);

impl Kind {
    /// A sum that only grows.
    pub const COUNTER: Self = Self(0);
    /// A value that comes and goes.
    pub const GAUGE: Self = Self(1);
    /// One of many, whose distribution matters.
    pub const SAMPLE: Self = Self(2);
}

/// Adds to a counter: 0 or more.
///
/// # Errors
///
/// Name or value are none, or there are too many names.
pub fn count(name: &str, value: f64) -> Result<(), Error> {
    record(Kind::COUNTER, name, value)
}

/// Sets a gauge.
///
/// # Errors
///
/// As [`count`].
pub fn gauge(name: &str, value: f64) -> Result<(), Error> {
    record(Kind::GAUGE, name, value)
}

/// Takes a sample.
///
/// # Errors
///
/// As [`count`].
pub fn sample(name: &str, value: f64) -> Result<(), Error> {
    record(Kind::SAMPLE, name, value)
}

/// Any of them.
///
/// # Errors
///
/// As [`count`], and there is no such kind.
pub fn record(kind: Kind, name: &str, value: f64) -> Result<(), Error> {
    plain::metric(kind.0, name, value).map(drop)
}
