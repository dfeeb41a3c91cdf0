//! JSON as a person would lay it out: what fits stands on one line. Numbers, texts and the order of keys stay as they were
//! written.
//!
//! The text is gone through from left to right, once to see how long each part is and once to write it, whatever the depth.

use serde_json::value::RawValue;

/// Columns of a line.
const WIDTH: usize = 100;
/// Below so many levels nothing is laid out any more: indents would take more than what they indent.
const DEEPEST: usize = 32;

/// A document over as many lines as it takes, without the end of the last one.
pub(super) fn pretty(raw: &RawValue) -> String {
    let tokens = tokens(raw.get());
    let widths = widths(&tokens);
    let mut writer = Writer::default();
    for (token, width) in tokens.iter().zip(widths) {
        writer.write(*token, Some(width));
    }
    writer.text
}

#[derive(Debug, Clone, Copy)]
enum Token<'a> {
    Open(char),
    Close(char),
    Key(&'a str),
    /// A number, a text, `true`, `false` or `null`.
    Leaf(&'a str),
}

/// The tokens of a text that is JSON, without what is between them.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ',']);
        let Some(first) = rest.chars().next() else { return tokens };
        let length = match first {
            '{' | '[' | '}' | ']' => 1,
            '"' => string_length(rest),
            ':' => {
                // What came before it was a key.
                if let Some(Token::Leaf(key)) = tokens.pop() {
                    tokens.push(Token::Key(key));
                }
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            _ => rest.find([' ', '\t', '\r', '\n', ',', '}', ']']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        tokens.push(match first {
            '{' | '[' => Token::Open(first),
            '}' | ']' => Token::Close(first),
            _ => Token::Leaf(token),
        });
        rest = after;
    }
}

/// How long the text is that a string begins, its quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// For each token that opens something how many bytes all of that has on one line.
fn widths(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut line = Writer::default();
    let mut widths = vec![0; tokens.len()];
    let mut begun = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        line.write(*token, None);
        match token {
            Token::Open(_) => begun.push((at, line.text.len() - 1)),
            Token::Close(_) => {
                if let Some((at, from)) = begun.pop()
                    && let Some(width) = widths.get_mut(at)
                {
                    *width = line.text.len() - from;
                }
            }
            _ => {}
        }
    }
    widths
}

#[derive(Default)]
struct Writer {
    text: String,
    open: Vec<Open>,
    /// How much of the line a key has taken.
    before: usize,
}

/// What is open in a text that is written.
struct Open {
    bracket: char,
    /// Whether each of its parts stands on a line of its own.
    lines: bool,
    parts: usize,
}

impl Writer {
    /// `width` is how long on one line is what a token opens; without it, all is written on one.
    fn write(&mut self, token: Token<'_>, width: Option<usize>) {
        match token {
            Token::Close(bracket) => {
                match self.open.pop() {
                    Some(Open { lines: true, .. }) => self.new_line(),
                    Some(Open { bracket: '{', parts: 1.., .. }) => self.text.push(' '),
                    _ => {}
                }
                self.text.push(bracket);
            }
            Token::Key(key) => {
                self.part();
                self.text.push_str(key);
                self.text.push_str(": ");
                self.before = key.len() + 2;
            }
            Token::Leaf(leaf) => {
                self.value();
                self.text.push_str(leaf);
            }
            Token::Open(bracket) => {
                let before = self.value();
                let of_lines = self.open.last().is_none_or(|open| open.lines);
                let lines = width.is_some_and(|width| {
                    let fits = 2 * self.open.len() + before + width < WIDTH;
                    of_lines && !fits && self.open.len() < DEEPEST
                });
                self.text.push(bracket);
                self.open.push(Open { bracket, lines, parts: 0 });
            }
        }
    }

    /// Begins a value: one of a list is a part of it, one of an object stands behind its key.
    fn value(&mut self) -> usize {
        if self.before == 0 {
            self.part();
        }
        std::mem::take(&mut self.before)
    }

    /// Begins a part of what is open.
    fn part(&mut self) {
        let Some(open) = self.open.last_mut() else { return };
        let is_first = open.parts == 0;
        open.parts += 1;
        match (open.lines, is_first, open.bracket) {
            (false, true, '{') => self.text.push(' '),
            (false, true, _) => {}
            (false, false, _) => self.text.push_str(", "),
            (true, true, _) => self.new_line(),
            (true, false, _) => {
                self.text.push(',');
                self.new_line();
            }
        }
    }

    fn new_line(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", self.open.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(text: &str) -> String {
        pretty(&RawValue::from_string(text.to_owned()).unwrap())
    }

    #[test]
    fn what_fits_stands_on_one_line() {
        for (text, wanted) in [
            ("1.50", "1.50"),
            ("{ }", "{}"),
            ("[ ]", "[]"),
            (r#"[{},[],"a, \"b]"]"#, r#"[{}, [], "a, \"b]"]"#),
            (r#"{"b":[1,2],"a":{"x":null}}"#, r#"{ "b": [1, 2], "a": { "x": null } }"#),
            (r#"{"a":"b:","c":true}"#, r#"{ "a": "b:", "c": true }"#),
        ] {
            assert_eq!(laid_out(text), wanted);
        }
    }

    #[test]
    fn a_line_ends_where_it_is_full() {
        // With the key and the quotes, `{ "k": "…" }` is 11 longer than the text.
        for (length, lines) in [(88, 1), (89, 3)] {
            let text = format!(r#"{{"k":"{}"}}"#, "x".repeat(length));
            assert_eq!(laid_out(&text).lines().count(), lines, "{length}");
        }
        let long = "x".repeat(60);
        let text = format!(r#"{{"one":["{long}","{long}"],"two":{{}}}}"#);
        let wanted =
            format!("{{\n  \"one\": [\n    \"{long}\",\n    \"{long}\"\n  ],\n  \"two\": {{}}\n}}");
        assert_eq!(laid_out(&text), wanted);
    }

    #[test]
    fn depth_costs_no_more_than_length() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let text = laid_out(&deep);
        assert_eq!(text.replace([' ', '\n'], ""), deep);
        assert!(text.len() < deep.len() + 10_000, "{}", text.len());
    }
}
