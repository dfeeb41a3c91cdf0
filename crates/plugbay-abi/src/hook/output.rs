//! What is common to reading every hook's output.

use serde_json::value::RawValue;

use super::Context;
use crate::json::{JsonError, RawObject, is_nothing, parse_at};

/// Why an output could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// It is not the document that the contract describes.
    #[error("invalid output JSON: {0}")]
    Json(#[from] JsonError),
    /// The plugin itself says that it failed.
    #[error("the plugin reported: {0}")]
    Reported(String),
}

/// The changes to the context that an output names.
pub(super) fn context_changes(raw: Option<&RawValue>) -> Result<RawObject, JsonError> {
    match present(raw) {
        Some(raw) => parse_at(raw, "context"),
        None => Ok(RawObject::new()),
    }
}

/// A plugin's own report of failure.
pub(super) fn reported(message: Option<&str>) -> Result<(), OutputError> {
    match message {
        Some(message) if !message.is_empty() => Err(OutputError::Reported(message.to_owned())),
        _ => Ok(()),
    }
}

/// A field that says something: neither absent, nor `null`, nor `{}`.
pub(super) fn present(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| !is_nothing(raw))
}

/// A field that a flag promised.
pub(super) fn promised<'a>(
    raw: Option<&'a RawValue>,
    field: &str,
    flag: &str,
) -> Result<&'a RawValue, JsonError> {
    present(raw)
        .ok_or_else(|| JsonError::new(field, format!("nothing here, though `{flag}` is true")))
}

/// An input document, written.
pub(super) fn encode<T: serde::Serialize>(input: &T) -> Result<Vec<u8>, JsonError> {
    serde_json::to_vec(input).map_err(|error| JsonError::new("", error.to_string()))
}

/// For outputs: applies what a plugin changed.
pub(super) fn merged(context: &mut Context, changes: RawObject) {
    context.merge(changes);
}
