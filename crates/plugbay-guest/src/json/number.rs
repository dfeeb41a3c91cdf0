//! Numbers: the text that they came as, so that none loses a digit.

use std::fmt;

/// A number of JSON. Two are the same where they are written alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(Box<str>);

impl Number {
    /// `text` is a number in JSON's grammar.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.into())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a whole number, if it is one from 0 on.
    pub fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// As a whole number, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The nearest floating-point number.
    pub fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
