//! A body that is bytes on the wire and base64 in JSON, converted only when asked.

use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::JsonError;

/// The field with a body's length, in documents whose bodies travel apart.
pub(super) const BODY_BYTES: &str = "body_bytes";

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
    /// The field that stands for a body that travels apart.
    counted: OnceLock<String>,
}

impl Body {
    /// A body from its bytes.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { forms: Arc::new(Forms { bytes, ..Forms::default() }) }
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

    /// The field that a document has in a body's place when the body travels apart.
    pub(super) fn counted(&self) -> &str {
        self.forms.counted.get_or_init(|| format!(r#""{BODY_BYTES}":{}"#, self.bytes().len()))
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

    /// By the letter: six bits at a time.
    fn by_the_letter(bytes: &[u8]) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits: Vec<bool> = bytes
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
            .collect();
        let letter = |six: &[bool]| {
            let padded = six.iter().chain([&false; 6]).take(6);
            char::from(LETTERS[padded.fold(0, |value, bit| value << 1 | usize::from(*bit))])
        };
        let mut text: String = bits.chunks(6).map(letter).collect();
        while !text.len().is_multiple_of(4) {
            text.push('=');
        }
        text
    }

    #[test]
    fn bytes_of_every_length_survive() {
        for len in 0..=300 {
            let bytes: Vec<u8> = (0..len).map(|n| (n * 151 + n / 256 * 7 + len) as u8).collect();
            let sent = Body::from_bytes(bytes.clone());
            assert_eq!(sent.base64(), by_the_letter(&bytes));
            assert_eq!(sent.quoted(), format!("\"{}\"", sent.base64()));
            let back = Body::from_base64(sent.base64()).unwrap();
            assert_eq!(back.bytes(), &bytes[..]);
            assert_eq!(back, sent);
            let json = serde_json::to_string(&sent).unwrap();
            assert_eq!(serde_json::from_str::<Body>(&json).unwrap(), sent);
        }
    }

    /// What is refused is exactly what the strict decoder refuses.
    fn as_strict(text: &str) {
        let strict = STANDARD.decode(text).ok();
        let quick = base64_simd::STANDARD.decode_to_vec(text).ok();
        assert_eq!(quick, strict, "{text:?}");
    }

    #[test]
    fn every_end_is_as_strict() {
        // Letters whose last bits are and are not zero, what pads, and what is no letter.
        let letters = ['A', 'B', 'E', 'Q', 'g', 'w', '8', '/', '+', '=', '-', ' ', '\n', 'é'];
        for before in ["", "QUJD", "QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD"] {
            for a in letters {
                for b in letters {
                    for c in letters {
                        for d in letters {
                            as_strict(&format!("{before}{a}{b}{c}{d}"));
                        }
                        as_strict(&format!("{before}{a}{b}{c}"));
                    }
                    as_strict(&format!("{before}{a}{b}"));
                }
                as_strict(&format!("{before}{a}"));
            }
        }
    }

    proptest! {
        #[test]
        fn any_damage_is_told_as_strictly(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            damage in proptest::collection::vec((any::<proptest::sample::Index>(), 0u8..128), 0..3),
            cut in 0usize..4,
        ) {
            let mut text = by_the_letter(&bytes).into_bytes();
            text.truncate(text.len() - cut.min(text.len()));
            for (at, byte) in damage {
                if !text.is_empty() {
                    let at = at.index(text.len());
                    text[at] = byte;
                }
            }
            as_strict(std::str::from_utf8(&text).unwrap());
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
