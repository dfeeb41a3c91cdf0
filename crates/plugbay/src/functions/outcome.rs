//! What a host function comes to: a number, and what does not fit into one.

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::answers::{PARTS, Parts};
use crate::services::{ServiceError, StandInAnswer};

pub(crate) type Outcome = Result<Success, Failure>;

/// The number that the guest's call returns, and the parts of the answer.
pub(super) fn told(outcome: Outcome) -> (i32, Parts) {
    match outcome {
        Ok(Success { value, parts }) => (value, parts),
        Err(failure) => {
            let class = failure.class as i32;
            let mut parts: Parts = [const { None }; PARTS];
            parts[0] = Some(failure.document());
            (class, parts)
        }
    }
}

/// A call that did what it was to do.
#[derive(Debug, Default)]
pub(crate) struct Success {
    /// 0 or more.
    value: i32,
    parts: Parts,
}

impl Success {
    pub(super) fn new(value: i32) -> Self {
        Self { value, ..Self::default() }
    }

    /// With a JSON document as part 0.
    pub(super) fn document(mut self, document: &impl Serialize) -> Self {
        // What this host writes has no maps with other keys than texts.
        self.parts[0] = serde_json::to_vec(document).ok();
        self
    }

    /// With bytes as part 1.
    pub(super) fn bytes(mut self, bytes: Vec<u8>) -> Self {
        self.parts[1] = Some(bytes);
        self
    }

    /// With bytes as part 2.
    pub(super) fn more(mut self, bytes: Vec<u8>) -> Self {
        self.parts[2] = Some(bytes);
        self
    }
}

/// Why a call did nothing, as its guest is told.
#[derive(Debug)]
pub(crate) struct Failure {
    class: Class,
    message: String,
    fields: Map<String, Json>,
}

/// The classes of failures: what the guest's call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Class {
    Denied = -1,
    Invalid = -2,
    TooLarge = -3,
    Timeout = -4,
    Failed = -5,
    Unavailable = -6,
}

impl Class {
    /// The class of this name.
    fn named(name: &str) -> Option<Self> {
        use Class::*;
        [Denied, Invalid, TooLarge, Timeout, Failed, Unavailable]
            .into_iter()
            .find(|class| class.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Failure {
    pub(super) fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), fields: Map::new() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Class::Invalid, message)
    }

    /// With one field more in its document.
    pub(super) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    fn document(self) -> Vec<u8> {
        let mut document = json!({"class": self.class.name(), "message": self.message});
        if let Json::Object(document) = &mut document {
            document.extend(self.fields);
        }
        document.to_string().into_bytes()
    }
}

impl From<StandInAnswer> for Outcome {
    fn from(answer: StandInAnswer) -> Self {
        match answer {
            StandInAnswer::Done { value, document, bytes, more } => {
                let mut success = Success::new(value);
                if let Some(document) = document {
                    success = success.document(&document);
                }
                success.parts[1] = bytes;
                success.parts[2] = more;
                Ok(success)
            }
            StandInAnswer::Failed { class, message } => {
                Err(Failure::new(Class::named(&class).unwrap_or(Class::Failed), message))
            }
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        let class = match &error {
            ServiceError::Unknown { .. } | ServiceError::Invalid { .. } => Class::Invalid,
            ServiceError::Unavailable(_) => Class::Unavailable,
            ServiceError::Failed(_) => Class::Failed,
        };
        Self::new(class, error.to_string())
    }
}

impl From<crate::grants::Denied> for Failure {
    fn from(denied: crate::grants::Denied) -> Self {
        Self::new(Class::Denied, denied.denial.lacking.to_string())
    }
}
