//! JSON objects whose values stay as they were written.
//!
//! A field that nobody looks at is neither parsed nor re-encoded: numbers keep their
//! digits, objects their order, and unknown fields survive a round trip.

use std::fmt;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// One JSON object: its fields in order, each value as its own JSON text.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawObject {
    fields: IndexMap<String, Box<RawValue>>,
}

impl RawObject {
    /// An object without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses an object.
    ///
    /// # Errors
    ///
    /// When `json` is no UTF-8, no JSON, or no object.
    pub fn parse(json: &[u8]) -> Result<Self, JsonError> {
        parse(json)
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field's value as it was written.
    pub fn raw(&self, field: &str) -> Option<&RawValue> {
        self.fields.get(field).map(AsRef::as_ref)
    }

    /// A field's value; `None` when it is absent or `null`.
    ///
    /// # Errors
    ///
    /// When it is there with another type; the error's path begins with the field.
    pub fn get<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>, JsonError> {
        match self.raw(field) {
            Some(raw) if !is_null(raw) => parse_at(raw, field).map(Some),
            _ => Ok(None),
        }
    }

    /// Sets a field to a value that was already written as JSON.
    pub fn set_raw(&mut self, field: impl Into<String>, value: Box<RawValue>) {
        self.fields.insert(field.into(), value);
    }

    /// Sets a field.
    ///
    /// # Errors
    ///
    /// When `value` cannot be written as JSON, such as a map with keys that are no strings.
    pub fn set<T: Serialize + ?Sized>(
        &mut self,
        field: impl Into<String>,
        value: &T,
    ) -> Result<(), JsonError> {
        let raw = to_raw_value(value).map_err(|error| JsonError::plain(&error))?;
        self.set_raw(field, raw);
        Ok(())
    }

    /// Takes a field out, keeping the order of the others.
    pub fn remove(&mut self, field: &str) -> Option<Box<RawValue>> {
        self.fields.shift_remove(field)
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_ref()))
    }

    /// The object as JSON text.
    pub fn to_json(&self) -> String {
        let mut text = String::from("{");
        for (index, (name, value)) in self.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            // A string is always written; `Value`'s display is JSON.
            text.push_str(&serde_json::Value::from(name).to_string());
            text.push(':');
            text.push_str(value.get());
        }
        text.push('}');
        text
    }
}

impl PartialEq for RawObject {
    /// The same fields with the same text; their order does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(name, value)| other.raw(name).is_some_and(|o| o.get() == value.get()))
    }
}

/// Whether a value says "nothing here": `null` or `{}`.
pub fn is_nothing(raw: &RawValue) -> bool {
    is_null(raw) || is_empty_object(raw)
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

fn is_empty_object(raw: &RawValue) -> bool {
    let text = raw.get();
    text.strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|inside| inside.bytes().all(|byte| byte.is_ascii_whitespace()))
}

/// JSON that could not be read: where, what was found, what was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// The path to the offending field, such as `request.headers.accept`; empty for
    /// the document itself.
    pub path: String,
    /// What was found and wanted, with line and column.
    pub message: String,
}

impl JsonError {
    /// An error at a path.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    fn plain(error: &serde_json::Error) -> Self {
        Self::new("", error.to_string())
    }

    /// The same error below `field`.
    #[must_use]
    pub fn below(mut self, field: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => field.to_owned(),
            path if path.starts_with('[') => format!("{field}{path}"),
            path => format!("{field}.{path}"),
        };
        self
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for JsonError {}

/// Parses a whole document; an error gives the path of the offending field.
///
/// # Errors
///
/// When `json` is no UTF-8, no JSON, or not of the type.
pub fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, JsonError> {
    let text = std::str::from_utf8(json).map_err(|error| {
        JsonError::new("", format!("not UTF-8: byte {} begins no character", error.valid_up_to()))
    })?;
    parse_str(text)
}

/// Parses one value; an error's path begins with `field`.
///
/// # Errors
///
/// When the value is not of the type.
pub fn parse_at<'a, T: Deserialize<'a>>(raw: &'a RawValue, field: &str) -> Result<T, JsonError> {
    parse_str(raw.get()).map_err(|error| error.below(field))
}

fn parse_str<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JsonError> {
    // Tracking the path costs more than parsing: it is done only for the message.
    serde_json::from_str(text).map_err(|plain| {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Err(error) => {
                let path = match error.path().to_string() {
                    path if path == "." => String::new(),
                    path => path,
                };
                JsonError::new(path, error.inner().to_string())
            }
            // Trailing text after a document that is right in itself.
            Ok(_) => JsonError::plain(&plain),
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_keep_their_text() {
        let json = r#"{"z":1.000000000000000000001,"a":{"b":[1, 2]},"n":null,"e":1E2}"#;
        let object = RawObject::parse(json.as_bytes()).unwrap();
        assert_eq!(object.to_json(), json);
        assert_eq!(serde_json::to_string(&object).unwrap(), json);
    }

    #[test]
    fn a_wrong_type_is_named_with_its_path() {
        #[derive(Debug, Deserialize)]
        struct Inner {
            #[allow(dead_code, reason = "only its type matters")]
            numbers: Vec<u8>,
        }
        let object = RawObject::parse(br#"{"inner": {"numbers": [1, "two"]}}"#).unwrap();
        let error = object.get::<Inner>("inner").unwrap_err();
        assert_eq!(error.path, "inner.numbers[1]");
        assert!(error.message.contains("expected u8"), "{error}");
    }

    #[test]
    fn bad_documents_say_why() {
        for (json, wanted) in [
            (&b"\xff{}"[..], "not UTF-8"),
            (b"{} {}", "trailing characters"),
            (b"[1]", "expected a map"),
            (b"{\"a\": 1", "EOF"),
        ] {
            let error = RawObject::parse(json).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn nothing_is_null_or_an_object_without_fields() {
        for (json, nothing) in [
            ("null", true),
            ("{}", true),
            ("{ \n }", true),
            ("[]", false),
            (r#"{"a":1}"#, false),
            ("0", false),
        ] {
            let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
            assert_eq!(is_nothing(&raw), nothing, "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_object_survives(fields in proptest::collection::hash_map(".*", any::<i64>(), 0..8)) {
            let json = serde_json::to_string(&fields).unwrap();
            let object = RawObject::parse(json.as_bytes()).unwrap();
            let again: std::collections::HashMap<String, i64> =
                serde_json::from_str(&object.to_json()).unwrap();
            prop_assert_eq!(again, fields);
        }
    }
}
