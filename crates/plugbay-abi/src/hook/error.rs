//! The error object that hooks and clients share.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Written;
use super::output::{Status, serialize_extra};
use super::written::Text;
use crate::json::RawObject;

/// An error of a provider or of a plugin, in the shape that OpenAI's clients read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HookError {
    /// What went wrong.
    pub error: ErrorDetail,
    /// The HTTP status to answer with.
    pub status_code: Option<u16>,
    /// Whether another provider may be tried.
    pub allow_fallbacks: Option<bool>,
    /// Fields that the contract does not know, handed on to the next plugin.
    pub extra: RawObject,
}

/// What went wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ErrorDetail {
    /// For people.
    pub message: String,
    /// The error's class, such as `invalid_request_error`.
    pub kind: Option<String>,
    /// The provider's own code.
    pub code: Option<ErrorCode>,
    /// The parameter that is to blame.
    pub param: Option<String>,
    /// Fields that the contract does not know, handed on to the next plugin.
    pub extra: RawObject,
}

/// A code: providers write names, some write numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ErrorCode {
    /// A name.
    Name(String),
    /// A whole number.
    Number(i64),
}

impl Serialize for HookError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("error", &self.error)?;
        if let Some(status_code) = self.status_code {
            map.serialize_entry("status_code", &status_code)?;
        }
        if let Some(allow_fallbacks) = self.allow_fallbacks {
            map.serialize_entry("allow_fallbacks", &allow_fallbacks)?;
        }
        serialize_extra(&mut map, &self.extra, &["error", "status_code", "allow_fallbacks"])?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for HookError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = HookError;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `error`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HookError, A::Error> {
                let mut found = HookError::default();
                let mut error = None;
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "error" => error = Some(map.next_value()?),
                        "status_code" => {
                            // 0 is what a language without "absent" writes for it.
                            let status: Option<Status> = map.next_value()?;
                            found.status_code = status.and_then(Status::unless_zero);
                        }
                        "allow_fallbacks" => found.allow_fallbacks = map.next_value()?,
                        _ => found.extra.push_parsed(name, map.next_value()?)?,
                    }
                }
                found.error = error.ok_or_else(|| de::Error::missing_field("error"))?;
                Ok(found)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl Serialize for ErrorDetail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("param", &self.param)?;
        serialize_extra(&mut map, &self.extra, &["message", "type", "code", "param"])?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for ErrorDetail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = ErrorDetail;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `message`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ErrorDetail, A::Error> {
                let mut found = ErrorDetail::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "message" => {
                            found.message = map.next_value::<Option<_>>()?.unwrap_or_default();
                        }
                        "type" => found.kind = map.next_value()?,
                        "code" => found.code = map.next_value()?,
                        "param" => found.param = map.next_value()?,
                        _ => found.extra.push_parsed(name, map.next_value()?)?,
                    }
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Code;
        impl Visitor<'_> for Code {
            type Value = ErrorCode;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a number")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<ErrorCode, E> {
                Ok(ErrorCode::Name(name.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<ErrorCode, E> {
                Ok(ErrorCode::Number(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<ErrorCode, E> {
                Ok(i64::try_from(number)
                    .map_or_else(|_| ErrorCode::Name(number.to_string()), ErrorCode::Number))
            }

            /// Languages whose only number is a float write `429.0`.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<ErrorCode, E> {
                let whole = number.fract() == 0.0 && number.abs() < 9e15;
                #[allow(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
                Ok(if whole {
                    ErrorCode::Number(number as i64)
                } else {
                    ErrorCode::Name(number.to_string())
                })
            }
        }
        deserializer.deserialize_any(Code)
    }
}

impl HookError {
    /// The error's JSON, written once.
    pub(super) fn json(error: &Written<Self>) -> &str {
        let write = |error: &Self| {
            // Texts, numbers and raw values can always be written.
            Text::whole(serde_json::to_string(error).unwrap_or_else(|_| "{}".to_owned()))
        };
        &error.text(write).before_body
    }

    /// An error with a message and a class.
    pub fn new(message: impl Into<String>, kind: impl Into<String>) -> Self {
        let error = ErrorDetail {
            message: message.into(),
            kind: Some(kind.into()),
            ..ErrorDetail::default()
        };
        Self { error, ..Self::default() }
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
