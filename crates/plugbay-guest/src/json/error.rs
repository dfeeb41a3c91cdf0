//! What is wrong with a text, or with a value.

use std::fmt;

/// Why JSON could not be read: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
// In a box, since results with it are handed up through many calls.
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    what: String,
    /// Names of fields and places in lists, from the outside in.
    path: String,
}

impl Error {
    /// An error of this text.
    pub(crate) fn new(what: String) -> Self {
        Self(Box::new(Inner { what, path: String::new() }))
    }

    /// The same error, one level further out.
    pub(crate) fn below(mut self, name: &str) -> Self {
        let mut path = name.to_owned();
        if !self.0.path.is_empty() {
            path.push('.');
            path.push_str(&self.0.path);
        }
        self.0.path = path;
        self
    }

    /// Where it is, such as `limits.0.name`; empty for the value as a whole.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The whole message.
    pub(crate) fn message(&self) -> String {
        let mut message = self.0.path.clone();
        if !message.is_empty() {
            message.push_str(": ");
        }
        message.push_str(&self.0.what);
        message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for Error {}
