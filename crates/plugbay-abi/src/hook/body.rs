//! A body that is bytes on the wire and base64 in JSON, converted only when asked.

use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::JsonError;

/// An HTTP body. Cheap to clone; absent and empty are the same.
#[derive(Clone, Default)]
pub struct Body {
    forms: Arc<Forms>,
}

#[derive(Default)]
struct Forms {
    bytes: Vec<u8>,
    /// Base64 between the quotes of a JSON string.
    quoted: OnceLock<String>,
}

impl Body {
    /// A body from its bytes.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { forms: Arc::new(Forms { bytes: bytes.into(), quoted: OnceLock::new() }) }
    }

    /// A body from padded standard base64, which is decoded at once so that a wrong one is told.
    ///
    /// # Errors
    ///
    /// When the text is no such base64; the message says where.
    pub fn from_base64(text: &str) -> Result<Self, JsonError> {
        let bytes = match base64_simd::STANDARD.decode_to_vec(text) {
            Ok(bytes) => bytes,
            // Slower, but it knows what is wrong and where.
            Err(_) => STANDARD.decode(text).map_err(|error| {
                JsonError::new("", format!("not padded standard base64: {error}"))
            })?,
        };
        Ok(Self::from_bytes(bytes))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.forms.bytes
    }

    /// The bytes as padded standard base64, encoded once however often it is asked for.
    pub fn base64(&self) -> &str {
        self.quoted().trim_matches('"')
    }

    /// The same as a JSON string. Base64 needs no escapes.
    pub(super) fn quoted(&self) -> &str {
        self.forms.quoted.get_or_init(|| {
            let bytes = self.bytes();
            let len = base64_simd::STANDARD.encoded_length(bytes.len());
            let mut quoted = String::with_capacity(len + 2);
            quoted.push('"');
            base64_simd::STANDARD.encode_append(bytes, &mut quoted);
            quoted.push('"');
            quoted
        })
    }

    /// Whether both are the same allocation.
    pub(super) fn is(&self, other: &Body) -> bool {
        Arc::ptr_eq(&self.forms, &other.forms)
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// What a plugin wrote, given what it was sent: text that it left alone is
    /// recognised without being decoded.
    pub(super) fn returned(text: &str, sent: &Body) -> Result<Self, JsonError> {
        if text == sent.base64() {
            return Ok(sent.clone());
        }
        Self::from_base64(text)
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.is(other) || self.bytes() == other.bytes()
    }
}

impl fmt::Debug for Body {
    /// The length only: bodies hold what users wrote, and debug output ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.bytes().len())
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.base64())
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)? {
            Some(text) => Self::from_base64(&text).map_err(serde::de::Error::custom),
            None => Ok(Self::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let sent = Body::from_bytes(bytes.clone());
            let json = serde_json::to_string(&sent).unwrap();
            let back: Body = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back.bytes(), &bytes[..]);
            prop_assert_eq!(back, sent);
        }
    }

    #[test]
    fn a_body_left_alone_is_the_same_body() {
        let sent = Body::from_bytes("hello");
        let back = Body::returned("aGVsbG8=", &sent).unwrap();
        assert!(back.is(&sent));
    }

    #[test]
    fn absent_and_empty_are_the_same() {
        for json in ["null", "\"\""] {
            assert!(serde_json::from_str::<Body>(json).unwrap().is_empty(), "{json}");
        }
        assert_eq!(Body::default().base64(), "");
    }

    #[test]
    fn wrong_base64_is_told() {
        for text in ["aGVsbG8", "aGVsbG8_", "a b="] {
            assert!(Body::from_base64(text).is_err(), "{text}");
        }
    }
}
