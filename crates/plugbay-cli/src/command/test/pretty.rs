//! JSON as a person would lay it out: what fits stands on one line. Numbers, texts and the order of keys stay as they were
//! written.

use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

/// Columns of a line.
const WIDTH: usize = 100;

/// A document over as many lines as it takes, without the end of the last one.
pub(super) fn pretty(raw: &RawValue) -> String {
    let mut text = String::new();
    write(raw, 0, 0, &mut text);
    text
}

enum Parts {
    Object(IndexMap<String, Box<RawValue>>),
    Array(Vec<Box<RawValue>>),
    Leaf,
}

fn parts(raw: &RawValue) -> Parts {
    let parsed = match raw.get().as_bytes().first() {
        Some(b'{') => serde_json::from_str(raw.get()).map(Parts::Object),
        Some(b'[') => serde_json::from_str(raw.get()).map(Parts::Array),
        _ => Ok(Parts::Leaf),
    };
    parsed.unwrap_or(Parts::Leaf)
}

/// `before` is how much of the first line is taken, beside the indent.
fn write(raw: &RawValue, indent: usize, before: usize, text: &mut String) {
    let line = one_line(raw);
    // Cases are objects over several lines, short ones beside.
    if indent + before + line.len() < WIDTH {
        text.push_str(&line);
        return;
    }
    let pad = " ".repeat(indent + 2);
    let close = |text: &mut String, end: char| {
        text.push('\n');
        text.push_str(&" ".repeat(indent));
        text.push(end);
    };
    match parts(raw) {
        Parts::Object(fields) => {
            text.push('{');
            for (index, (key, value)) in fields.iter().enumerate() {
                let key = format!("{}: ", Value::from(key.as_str()));
                text.push_str(if index > 0 { ",\n" } else { "\n" });
                text.push_str(&pad);
                text.push_str(&key);
                write(value, indent + 2, key.len(), text);
            }
            close(text, '}');
        }
        Parts::Array(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                text.push_str(if index > 0 { ",\n" } else { "\n" });
                text.push_str(&pad);
                write(value, indent + 2, 0, text);
            }
            close(text, ']');
        }
        Parts::Leaf => text.push_str(raw.get()),
    }
}

fn one_line(raw: &RawValue) -> String {
    match parts(raw) {
        Parts::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Parts::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), one_line(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Parts::Array(values) => {
            let values: Vec<_> = values.iter().map(|value| one_line(value)).collect();
            format!("[{}]", values.join(", "))
        }
        Parts::Leaf => raw.get().to_owned(),
    }
}
