//! The error object that hooks and clients share.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An error of a provider or of a plugin, in the shape that OpenAI's clients read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HookError {
    /// What went wrong.
    pub error: ErrorDetail,
    /// The HTTP status to answer with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// Whether another provider may be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_fallbacks: Option<bool>,
}

/// What went wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// For people.
    #[serde(default)]
    pub message: String,
    /// The error's class, such as `invalid_request_error`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// The provider's own code.
    #[serde(default)]
    pub code: Option<ErrorCode>,
    /// The parameter that is to blame.
    #[serde(default)]
    pub param: Option<String>,
}

/// A code: providers write names, some write numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ErrorCode {
    /// A name.
    Name(String),
    /// A number.
    Number(i64),
}

impl HookError {
    /// An error with a message and a class.
    pub fn new(message: impl Into<String>, kind: impl Into<String>) -> Self {
        let error = ErrorDetail {
            message: message.into(),
            kind: Some(kind.into()),
            ..ErrorDetail::default()
        };
        Self { error, status_code: None, allow_fallbacks: None }
    }

    /// The same error with an HTTP status.
    #[must_use]
    pub fn with_status(mut self, status_code: u16) -> Self {
        self.status_code = Some(status_code);
        self
    }

    /// The same error with a code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.error.code = Some(ErrorCode::Name(code.into()));
        self
    }

    /// The same error with the parameter that is to blame.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.error.param = Some(param.into());
        self
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error.message)
    }
}
