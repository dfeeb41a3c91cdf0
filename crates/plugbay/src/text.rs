//! Texts of strangers, and times, as files and terminals may have them.

use std::time::SystemTime;

/// Whether a character shows as itself: no control character, nothing invisible, nothing that turns the direction
/// of writing.
pub fn is_printable(c: char) -> bool {
    // The standard library's table says it, by what `Debug` escapes. A combining mark is escaped
    // only where it begins a text.
    matches!(c, '\'' | '"' | '\\')
        || ['a', c].iter().collect::<String>().escape_debug().count() == 2
}

/// A text without the characters that do not show as themselves, cut to `longest` characters.
pub fn plain(text: &str, longest: usize) -> String {
    let mut shown = text.chars().filter(|c| is_printable(*c));
    let mut plain: String = shown.by_ref().take(longest).collect();
    if shown.next().is_some() {
        plain.push_str("...");
    }
    plain
}

/// JSON in which every character shows as itself: the others are escaped, which JSON allows in its strings and
/// where else they cannot be. What is between its tokens stays, but for what would begin a line anew.
pub fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // In a string they are escaped already.
            '\n' | '\t' => escaped.push(c),
            '\r' => escaped.push(' '),
            c if is_printable(c) => escaped.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    escaped
}

/// Times in files: RFC 3339 in UTC, with milliseconds.
pub(crate) mod rfc3339 {
    use std::time::SystemTime;

    use jiff::Timestamp;
    use jiff::fmt::temporal::DateTimePrinter;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
        let time = Timestamp::try_from(*time).map_err(serde::ser::Error::custom)?;
        to.serialize_str(&PRINTER.timestamp_to_string(&time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(from)?;
        let time: Timestamp = text.parse().map_err(|_| {
            serde::de::Error::custom(format!(
                "found {text:?}, wanted a time such as 2026-01-31T12:00:00Z"
            ))
        })?;
        Ok(time.into())
    }
}

/// Now, as precise as it is written.
pub(crate) fn now() -> SystemTime {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_gone() {
        for (text, shown) in [
            ("naïve 🎹 नमस्ते 'a\\b\"", "naïve 🎹 नमस्ते 'a\\b\""),
            ("\x1b[2J\x1b]0;title\x07good", "[2J]0;titlegood"),
            ("a\r\nb\tc\u{7f}\u{85}\u{9b}31m", "abc31m"),
            ("nothing \u{202e}live\u{202c} \u{2066}x\u{2069}", "nothing live x"),
            ("z\u{200b}e\u{feff}r\u{200d}o\u{2028}\u{e0041}", "zero"),
        ] {
            assert_eq!(plain(text, 80), shown);
        }
        assert_eq!(plain(&"x".repeat(100), 5), "xxxxx...");
    }

    #[test]
    fn json_stays_what_it_says() {
        let text = "a\u{202e}b\u{7f}\n\u{1b}\u{e0041}\"é";
        let json = escaped_json(&serde_json::to_string(text).unwrap());
        assert!(json.chars().all(is_printable), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
