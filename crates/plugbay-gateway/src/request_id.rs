//! One id per request, taken over from the client where it is harmless.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over, in bytes.
const LONGEST: usize = 128;

/// A request's id: visible ASCII of a sane length.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The client's id if it is visible ASCII of a sane length, else a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get(HEADER) {
            Some(given) if is_sane(given.as_bytes()) => Self(given.clone()),
            _ => Self::new(),
        }
    }

    fn new() -> Self {
        let mut text = Uuid::encode_buffer();
        let text: &str = Uuid::new_v4().hyphenated().encode_lower(&mut text);
        // Hexadecimal digits and hyphens can always be a header's value.
        Self(HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("none")))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id as a header's value; a copy costs nothing.
    pub(crate) fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_sane(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// An id as a header's value; every one of a [`RequestId`] has one.
pub(crate) fn value(id: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_id_is_taken_over() {
        let long = "x".repeat(128);
        let too_long = "x".repeat(129);
        for (id, sane) in [
            ("req-1", true),
            (long.as_str(), true),
            (too_long.as_str(), false),
            ("", false),
            ("with space", false),
            ("tab\t", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_str(id).unwrap());
            assert_eq!(RequestId::of(&headers).as_str() == id, sane, "{id:?}");
        }
        let (one, other) = (RequestId::of(&HeaderMap::new()), RequestId::new());
        assert_eq!(one.as_str().len(), 36);
        assert_ne!(one.as_str(), other.as_str());
    }
}
