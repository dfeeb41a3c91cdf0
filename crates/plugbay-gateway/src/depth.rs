//! How deep JSON is nested, told without recursion and without parsing it.

use plugbay::abi::hook::HookError;

use crate::api_error::invalid;

/// How deep a request may be nested: as deep as common parsers go, those of plugins among them.
const DEEPEST: usize = 128;

/// Refuses what is nested deeper, with its place. Whether it is JSON is for its parser to say.
pub(crate) fn check(json: &[u8]) -> Result<(), Box<HookError>> {
    let Some(at) = too_deep(json) else { return Ok(()) };
    let before = json.get(..at).unwrap_or_default();
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    let message = format!(
        "the request's body: nested more than {DEEPEST} deep at line {line} column {column}"
    );
    Err(Box::new(invalid(400, "invalid_json", message)))
}

/// Where the bracket is that is one too many.
fn too_deep(json: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = json.get(at) {
        match byte {
            b'[' | b'{' if depth == DEEPEST => return Some(at),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => at = end_of_text(json, at + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the quote is that ends a text. Most of a request is text, and that is passed over in strides.
fn end_of_text(json: &[u8], mut at: usize) -> usize {
    loop {
        let rest = json.get(at..).unwrap_or_default();
        match memchr::memchr2(b'"', b'\\', rest) {
            Some(found) if rest.get(found) == Some(&b'\\') => at += found + 2,
            Some(found) => return at + found,
            None => return json.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_where_they_are_no_text() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        for (json, wanted) in [
            (nested(128), None),
            (nested(129), Some(128)),
            ("[".repeat(1_000_000), Some(128)),
            (r#"{"a":"#.repeat(1_000_000), Some(5 * 128)),
            (format!("\"{}\"", "[".repeat(1_000)), None),
            (format!(r#"["\"{}"]"#, "[".repeat(1_000)), None),
            (format!(r#"["\\",{}]"#, nested(128)), Some(6 + 127)),
            ("[],".repeat(1_000), None),
            (r#""\"#.to_owned(), None),
            ("]]]".to_owned() + &nested(128), None),
        ] {
            assert_eq!(too_deep(json.as_bytes()), wanted, "{:.40}", json);
        }
    }

    #[test]
    fn the_place_is_told_by_line_and_column() {
        let json = format!("{{\n  \"a\": {}", "[".repeat(200));
        let message = check(json.as_bytes()).unwrap_err().error.message;
        assert!(message.ends_with("nested more than 128 deep at line 2 column 135"), "{message}");
    }
}
