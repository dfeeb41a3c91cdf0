//! JSON objects whose values stay as they were written.
//!
//! A field that nobody looks at is neither parsed nor re-encoded: numbers keep their
//! digits, objects their order, and unknown fields survive a round trip.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{self, DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// One JSON object: its fields in order, each value as its own JSON text.
///
/// Of a name that is written twice the last value counts. Values may be nested to any
/// depth: they are skipped without recursion, and it is for whoever parses one to bound it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct RawObject {
    fields: IndexMap<String, Box<RawValue>>,
}

impl RawObject {
    /// The most fields that an object is parsed with. A field of seven bytes of text takes
    /// about twenty times that here, and the text may be a plugin's.
    pub const MAX_FIELDS: usize = 65_536;

    /// An object without fields.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with_capacity(fields: usize) -> Self {
        Self { fields: IndexMap::with_capacity(fields) }
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

    /// The field at a place in the order.
    pub(crate) fn nth(&self, place: usize) -> Option<(&str, &RawValue)> {
        self.fields.get_index(place).map(|(name, value)| (name.as_str(), value.as_ref()))
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

    /// Takes over every field of `other`, in place of those of the same name.
    pub fn extend(&mut self, other: RawObject) {
        self.fields.extend(other.fields);
    }

    /// Whether both are the same JSON text: the same fields in the same order.
    pub(crate) fn is_written_as(&self, other: &Self) -> bool {
        let same = |(one, other): ((&str, &RawValue), (&str, &RawValue))| {
            one.0 == other.0 && one.1.get() == other.1.get()
        };
        self.len() == other.len() && self.iter().zip(other.iter()).all(same)
    }

    /// Adds a field that was parsed, up to the bound.
    pub(crate) fn push_parsed<E: de::Error>(
        &mut self,
        field: String,
        value: Box<RawValue>,
    ) -> Result<(), E> {
        if self.fields.len() >= Self::MAX_FIELDS && !self.fields.contains_key(&field) {
            return Err(E::custom(format_args!("more than {} fields", Self::MAX_FIELDS)));
        }
        self.fields.insert(field, value);
        Ok(())
    }

    /// The object as JSON text.
    pub fn to_json(&self) -> String {
        let fields = |(name, value): (&str, &RawValue)| name.len() + value.get().len() + 4;
        let mut text = String::with_capacity(2 + self.iter().map(fields).sum::<usize>());
        text.push('{');
        for (index, (name, value)) in self.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            push_string(&mut text, name);
            text.push(':');
            text.push_str(value.get());
        }
        text.push('}');
        text
    }
}

/// Writes a text as a JSON string.
pub(crate) fn push_string(out: &mut String, text: &str) {
    // Without an early end, so that it is done many bytes at a time.
    let escaped = |found, byte| found | (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    if text.bytes().fold(false, escaped) {
        // A string is always written; `Value`'s display is JSON.
        out.push_str(&serde_json::Value::from(text).to_string());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

impl IntoIterator for RawObject {
    type Item = (String, Box<RawValue>);
    type IntoIter = indexmap::map::IntoIter<String, Box<RawValue>>;

    /// The fields in order.
    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = RawObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject, A::Error> {
                let mut object = RawObject::new();
                while let Some((name, value)) = map.next_entry()? {
                    object.push_parsed(name, value)?;
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(Fields)
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
    /// What was found and wanted; for a whole document with line and column.
    pub message: String,
}

/// How much of a guest's own text an error repeats, in bytes.
const LONGEST_EXCERPT: usize = 512;

/// How much of a path, in bytes: what is nested deeper than anybody writes is told by its beginning.
const LONGEST_PATH: usize = 160;

/// A message of serde's that names no type of ours or of Rust's.
fn in_words(message: &str) -> String {
    let Some((before, wanted)) = message.rsplit_once("expected ") else {
        return message.to_owned();
    };
    let (wanted, after) = match wanted.split_once(" at line ") {
        Some((wanted, place)) => (wanted, format!(" at line {place}")),
        None => (wanted, String::new()),
    };
    let wanted = match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        wanted if wanted.starts_with("struct ") => "an object",
        wanted => wanted,
    };
    format!("{before}expected {wanted}{after}")
}

/// The beginning of a guest's text, without what would act on a terminal or split a log line.
pub(crate) fn excerpt(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        if shown.len() + c.len_utf8() > longest {
            shown.push('…');
            break;
        }
        if c.is_control() { shown.extend(c.escape_debug()) } else { shown.push(c) }
    }
    shown
}

impl JsonError {
    /// An error at a path.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    fn plain(error: &serde_json::Error) -> Self {
        Self::new("", excerpt(&in_words(&error.to_string()), LONGEST_EXCERPT))
    }

    /// No JSON at all, from a place on: with the place in the document, and the field that it is in.
    fn broken(path: &str, error: &serde_json::Error) -> Self {
        Self { path: excerpt(path, LONGEST_PATH), ..Self::plain(error) }
    }

    /// An error in a field's own text, whose line and column mean nothing in the document's.
    fn in_field(path: &str, error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let position = format!(" at line {} column {}", error.line(), error.column());
        let message = message.strip_suffix(&position).unwrap_or(&message);
        Self::new(excerpt(path, LONGEST_PATH), excerpt(&in_words(message), LONGEST_EXCERPT))
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
    parse_str(utf8(json)?, true)
}

/// Parses one value; an error's path begins with `field`.
///
/// # Errors
///
/// When the value is not of the type.
pub fn parse_at<'a, T: Deserialize<'a>>(raw: &'a RawValue, field: &str) -> Result<T, JsonError> {
    parse_str(raw.get(), false).map_err(|error| error.below(field))
}

/// [`parse`] for a type that serde would also read from an array of its fields.
pub(crate) fn parse_object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, JsonError> {
    object_first(utf8(json)?, true)
}

/// [`parse_at`] for a type that serde would also read from an array of its fields.
pub(crate) fn parse_object_at<'a, T: Deserialize<'a>>(
    raw: &'a RawValue,
    field: &str,
) -> Result<T, JsonError> {
    object_first(raw.get(), false).map_err(|error| error.below(field))
}

fn object_first<'a, T: Deserialize<'a>>(text: &'a str, whole: bool) -> Result<T, JsonError> {
    let begins = text.bytes().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    if begins != Some(b'{') {
        // For the message: this cannot succeed.
        parse_str::<RawObject>(text, whole)?;
    }
    parse_str(text, whole)
}

pub(crate) fn utf8(json: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(json).map_err(|error| {
        JsonError::new("", format!("not UTF-8: byte {} begins no character", error.valid_up_to()))
    })
}

fn parse_str<'a, T: Deserialize<'a>>(text: &'a str, whole: bool) -> Result<T, JsonError> {
    // Tracking the path costs more than parsing: it is done only for the message.
    serde_json::from_str(text).map_err(|plain| {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Err(error) => {
                let path = error.path().to_string();
                // `?` is where the text is no JSON at all: there is no field to name.
                let path = if matches!(&*path, "." | "?") { "" } else { &path };
                if whole && (path.is_empty() || !error.inner().is_data()) {
                    JsonError::broken(path, error.inner())
                } else {
                    JsonError::in_field(path, error.inner())
                }
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
        assert!(error.message.ends_with("expected a whole number that is not negative"), "{error}");
    }

    #[test]
    fn bad_documents_say_why() {
        for (json, wanted) in [
            (&b"\xff{}"[..], "not UTF-8"),
            (b"{} {}", "trailing characters"),
            (b"[1]", "expected an object"),
            (b"{\"a\": 1", "EOF"),
            (b"{\"a\":", "a: EOF while parsing a value at line 1 column 5"),
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
            ("\r\n null\t", true),
            (" {\t} \n", true),
            (r#"{"":{}}"#, false),
            (r#""{}""#, false),
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
