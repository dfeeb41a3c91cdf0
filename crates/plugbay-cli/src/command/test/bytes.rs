//! Bytes in JSON: a text, or base64 where they are none.

use plugbay::abi::hook::Body;
use serde_json::{Value, json};

/// Bytes as a case shows them.
pub(super) fn to_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => json!({"base64": Body::from_bytes(bytes).base64()}),
    }
}

/// The bytes that a case says; `None` where it says something else.
pub(super) fn of_json(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Object(object) if object.len() == 1 => {
            let body = Body::from_base64(object.get("base64")?.as_str()?).ok()?;
            Some(body.bytes().to_vec())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_round() {
        for bytes in [&b""[..], b"text", &[0xff, 0, 1]] {
            assert_eq!(of_json(&to_json(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(to_json(&[0xff]), json!({"base64": "/w=="}));
        for wrong in [json!(1), json!({"base64": "%"}), json!({"base64": "", "more": 1})] {
            assert_eq!(of_json(&wrong), None);
        }
    }
}
