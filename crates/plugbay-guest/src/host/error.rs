//! What the host says that went wrong.

use std::{error, fmt};

use super::plain;
use crate::json::Value;

/// A function that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// What sort of failure it is.
    pub class: Class,
    /// The host's words.
    pub message: String,
    /// The host's whole document: some functions have more to say, such as `kind` or `signal`. `null`
    /// after functions that leave none.
    pub document: Value,
}

/// The classes of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// The grant does not allow it.
    Denied,
    /// The arguments are none.
    Invalid,
    /// A cap or a quota.
    TooLarge,
    /// It took longer than it may.
    Timeout,
    /// It was tried, and it failed.
    Failed,
    /// This host has no such thing.
    Unavailable,
    /// A class of a later version.
    Other(i32),
}

impl Class {
    /// The class of a negative result.
    pub fn from_code(code: i32) -> Self {
        match code {
            -1 => Self::Denied,
            -2 => Self::Invalid,
            -3 => Self::TooLarge,
            -4 => Self::Timeout,
            -5 => Self::Failed,
            -6 => Self::Unavailable,
            other => Self::Other(other),
        }
    }

    /// The negative result of the class.
    pub fn code(self) -> i32 {
        match self {
            Self::Denied => -1,
            Self::Invalid => -2,
            Self::TooLarge => -3,
            Self::Timeout => -4,
            Self::Failed => -5,
            Self::Unavailable => -6,
            Self::Other(code) => code,
        }
    }

    /// The name that documents have.
    pub fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
            Self::Other(_) => "other",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Error {
    /// The error of a function that leaves no answer: the answer that is there is another's.
    pub(crate) fn bare(code: i32) -> Self {
        let class = Class::from_code(code);
        Self { class, message: class.name().to_owned(), document: Value::Null }
    }

    /// The error of a function that has left its document.
    pub(crate) fn with_answer(code: i32) -> Self {
        Self::read(code, &document())
    }

    fn read(code: i32, document: &str) -> Self {
        let mut error = Self::bare(code);
        if let Ok(document) = Value::parse(document) {
            if let Some(message) = document.at("message").as_str() {
                message.clone_into(&mut error.message);
            }
            error.document = document;
        }
        error
    }

    /// The error of a document that the host should not have written.
    pub(crate) fn unreadable(error: &str) -> Self {
        Self {
            class: Class::Failed,
            message: format!("the host's answer is not as expected: {error}"),
            document: Value::Null,
        }
    }
}

/// Part 0 of the answer.
fn document() -> String {
    String::from_utf8(plain::answer(0).unwrap_or_default()).unwrap_or_default()
}

/// The document that a function left after success.
pub(super) fn answer_document() -> Result<Value, Error> {
    Value::parse(&document()).map_err(|error| Error::unreadable(&error.to_string()))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_code() {
        for code in -9..0 {
            assert_eq!(Class::from_code(code).code(), code);
        }
        assert_eq!(Class::from_code(-3).to_string(), "too_large");
    }

    #[test]
    fn the_hosts_words_are_kept_where_there_are_any() {
        let document = r#"{"class": "failed", "message": "no route", "kind": "connect"}"#;
        let error = Error::read(-5, document);
        assert_eq!(error.to_string(), "failed: no route");
        assert_eq!(error.document.at("kind").as_str(), Some("connect"));
        assert_eq!(Error::read(-5, "").to_string(), "failed: failed");
        assert_eq!(Error::read(-8, "[]").class, Class::Other(-8));
    }
}
