//! From values to text.

use super::{Map, Value};

/// Writes a string, quotation marks and escapes included.
pub(crate) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=31)) {
        json.push_str(rest.get(..at).unwrap_or_default());
        let special = rest.as_bytes().get(at).copied().unwrap_or(0);
        json.push('\\');
        let letter = match special {
            b'\n' => 'n',
            b'\r' => 'r',
            b'\t' => 't',
            0..=31 => {
                json.push_str(if special < 16 { "u000" } else { "u001" });
                char::from_digit(u32::from(special & 15), 16).unwrap_or('0')
            }
            other => char::from(other),
        };
        json.push(letter);
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    json.push_str(rest);
    json.push('"');
}

/// Writes a whole number.
pub(crate) fn push_number(json: &mut String, number: u64) {
    if number > 9 {
        push_number(json, number / 10);
    }
    json.push(char::from_digit((number % 10) as u32, 10).unwrap_or('0'));
}

/// Writes a value, without white space.
pub(crate) fn push_value(json: &mut String, value: &Value) {
    match value {
        Value::Null => json.push_str("null"),
        Value::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => json.push_str(number.as_str()),
        Value::String(text) => push_string(json, text),
        Value::Array(items) => {
            json.push('[');
            for (at, item) in items.iter().enumerate() {
                comma(json, at);
                push_value(json, item);
            }
            json.push(']');
        }
        Value::Object(map) => push_map(json, map),
    }
}

/// Writes an object.
pub(crate) fn push_map(json: &mut String, map: &Map) {
    json.push('{');
    for (at, (name, value)) in map.iter().enumerate() {
        comma(json, at);
        push_string(json, name);
        json.push(':');
        push_value(json, value);
    }
    json.push('}');
}

/// A comma before all but the first.
pub(crate) fn comma(json: &mut String, at: usize) {
    if at > 0 {
        json.push(',');
    }
}
