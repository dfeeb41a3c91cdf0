//! One id per request, taken over from the client where it is harmless.

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over, in bytes.
const LONGEST: usize = 128;

/// The client's id if it is visible ASCII of a sane length, else a new one.
pub(crate) fn of(headers: &HeaderMap) -> String {
    let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
    match given {
        Some(id) if is_sane(id) => id.to_owned(),
        _ => uuid::Uuid::new_v4().to_string(),
    }
}

fn is_sane(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The id as a header's value; every id of [`of`] has one.
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
            assert_eq!(of(&headers) == id, sane, "{id:?}");
        }
        assert_eq!(of(&HeaderMap::new()).len(), 36);
    }
}
