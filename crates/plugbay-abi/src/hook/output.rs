//! What is common to reading every hook's output.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Context;
use crate::json::{JsonError, RawObject, excerpt, is_nothing, parse_at};

/// How much of a plugin's own report is kept, in bytes.
const LONGEST_REPORT: usize = 4096;

/// Why an output could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// It is not the document that the contract describes.
    #[error("invalid output JSON: {0}")]
    Json(#[from] JsonError),
    /// The plugin itself says that it failed: its message, up to 4 KiB of it.
    #[error("the plugin reported: {0}")]
    Reported(String),
    /// It would hold back more of a stream than it may, in bytes of JSON.
    #[error("{bytes} bytes of chunks would be held back, of at most {limit}")]
    HeldTooLong {
        /// What it would hold.
        bytes: usize,
        /// What it may hold.
        limit: usize,
    },
    /// The request's context would be longer than it may, in bytes of JSON.
    #[error("the context would have {bytes} bytes of JSON, of at most {limit}")]
    ContextTooLong {
        /// What it would have.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// It would hold back a chunk of a stream that has ended.
    #[error("`hold` is true, though the stream has ended")]
    HoldAtEnd,
}

/// An output whose changes the context has room for.
pub(super) fn within<T>(
    context: &Context,
    output: T,
    changes: impl Fn(&T) -> &RawObject,
) -> Result<T, OutputError> {
    context.has_room_for(changes(&output))?;
    Ok(output)
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
        Some(message) if !message.is_empty() => {
            Err(OutputError::Reported(excerpt(message, LONGEST_REPORT)))
        }
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

/// For outputs: applies what a plugin changed.
pub(super) fn merged(context: &mut Context, changes: RawObject) {
    context.merge(changes);
}

/// An HTTP status that can end a request, or the 0 of a language without "absent".
pub(super) struct Status(u16);

impl Status {
    pub(super) fn unless_zero(self) -> Option<u16> {
        (self.0 != 0).then_some(self.0)
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Code;
        impl Visitor<'_> for Code {
            type Value = Status;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an HTTP status from 200 to 999")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Status, E> {
                match u16::try_from(number) {
                    Ok(code @ (0 | 200..=999)) => Ok(Status(code)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)),
                }
            }

            /// Languages whose only number is a float write `200.0`.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Status, E> {
                let whole = number.fract() == 0.0 && (0.0..1000.0).contains(&number);
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a whole number from 0 to 999"
                )]
                if whole {
                    self.visit_u64(number as u64)
                } else {
                    Err(E::invalid_value(de::Unexpected::Float(number), &self))
                }
            }
        }
        deserializer.deserialize_any(Code)
    }
}

/// Writes fields that the contract does not know; one of a known name is left out, since
/// a name written twice would be read differently by every guest.
pub(super) fn serialize_extra<M: SerializeMap>(
    map: &mut M,
    extra: &RawObject,
    known: &[&str],
) -> Result<(), M::Error> {
    for (name, value) in extra.iter() {
        if !known.contains(&name) {
            map.serialize_entry(name, value)?;
        }
    }
    Ok(())
}

/// A chunk of a stream: an object, on one line, so that it can be framed as an event.
pub(super) fn chunk(raw: &RawValue, path: &str) -> Result<Box<RawValue>, JsonError> {
    let text = raw.get();
    if !text.starts_with('{') {
        parse_at::<RawObject>(raw, path)?;
    }
    if !text.bytes().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return Ok(raw.to_owned());
    }
    // Inside a string both are written as escapes, so these are between tokens.
    RawValue::from_string(text.replace(['\n', '\r'], " "))
        .map_err(|error| JsonError::new(path, error.to_string()))
}

/// A list of chunks, each as [`chunk`] wants it.
pub(super) fn chunks(raw: &RawValue, path: &str) -> Result<Vec<Box<RawValue>>, JsonError> {
    let Chunks(chunks) = parse_at(raw, path)?;
    let checked = chunks.iter().enumerate();
    checked.map(|(index, raw)| chunk(raw, &format!("{path}[{index}]"))).collect()
}

/// A list of chunks, of a bounded number of them.
struct Chunks(Vec<Box<RawValue>>);

impl<'de> Deserialize<'de> for Chunks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Chunks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of chunks")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Chunks, A::Error> {
                let mut chunks = Vec::new();
                while let Some(chunk) = list.next_element()? {
                    chunks.push(chunk);
                    if chunks.len() > RawObject::MAX_FIELDS {
                        let most = RawObject::MAX_FIELDS;
                        return Err(de::Error::custom(format_args!("more than {most} chunks")));
                    }
                }
                Ok(Chunks(chunks))
            }
        }
        deserializer.deserialize_seq(List)
    }
}
