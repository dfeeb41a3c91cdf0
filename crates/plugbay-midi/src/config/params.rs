//! Parameters of an action, with placeholders for what the event carried.

use std::borrow::Cow;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Number, Value as Json};
use toml::de::DeValue;

use super::reader::{Findings, Value, signed};
use super::report::Finding;

/// What placeholders stand for. What the event does not have is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PlaceholderValues {
    /// `{velocity}`: 0 to 127.
    pub velocity: Option<u8>,
    /// `{note}`: 0 to 127.
    pub note: Option<u8>,
    /// `{value}`: what the trigger measures; for a note, its velocity.
    pub value: Option<i32>,
    /// `{channel}`: 1 to 16.
    pub channel: Option<u8>,
    /// `{mode}`: the mode's index, from 0.
    pub mode: u8,
}

impl PlaceholderValues {
    /// Every name.
    pub const NAMES: &'static [&'static str] = &["velocity", "note", "value", "channel", "mode"];

    /// The values for a note.
    pub fn note(channel: u8, note: u8, velocity: u8, mode: u8) -> Self {
        Self {
            velocity: Some(velocity),
            note: Some(note),
            value: Some(velocity.into()),
            channel: Some(channel),
            mode,
        }
    }

    pub(super) fn of(&self, name: &str) -> Option<i32> {
        match name {
            "velocity" => self.velocity.map(i32::from),
            "note" => self.note.map(i32::from),
            "value" => self.value,
            "channel" => self.channel.map(i32::from),
            "mode" => Some(self.mode.into()),
            _ => None,
        }
    }
}

fn is_placeholder(name: &str) -> bool {
    PlaceholderValues::NAMES.contains(&name)
}

/// A JSON document in which strings may hold placeholders.
#[derive(Debug, Clone)]
pub struct Params {
    document: Json,
    /// The document's text, when no placeholder can change it.
    fixed: Option<Box<RawValue>>,
}

impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document
    }
}

impl Default for Params {
    fn default() -> Self {
        Self::new(Json::Object(Map::new()))
    }
}

impl Params {
    /// Parameters as they are sent when no placeholder is in them.
    pub fn new(document: Json) -> Self {
        let fixed = (!has_placeholder(&document)).then(|| text(&document));
        Self { document, fixed }
    }

    /// The document as the configuration has it.
    pub fn document(&self) -> &Json {
        &self.document
    }

    /// The document with every placeholder replaced.
    ///
    /// A string that is only one placeholder becomes a number; inside a longer string
    /// the number is written out. One that the event has nothing for becomes `null`, and nothing inside
    /// a longer string. Other words in braces stay as they are, and so do the keys of tables.
    ///
    /// ```
    /// use plugbay_midi::config::{Params, PlaceholderValues};
    /// use serde_json::json;
    ///
    /// let params = Params::new(json!({ "level": "{velocity}", "say": "note {note}" }));
    /// let values = PlaceholderValues::note(1, 60, 99, 0);
    /// assert_eq!(params.render(&values).get(), r#"{"level":99,"say":"note 60"}"#);
    /// ```
    pub fn render(&self, values: &PlaceholderValues) -> Cow<'_, RawValue> {
        match &self.fixed {
            Some(fixed) => Cow::Borrowed(fixed),
            None => Cow::Owned(text(&render(&self.document, values))),
        }
    }
}

/// Writing a JSON value as JSON does not fail; should it ever, the plugin reads `null`.
fn text(json: &Json) -> Box<RawValue> {
    to_raw_value(json).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn has_placeholder(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('{'),
        Json::Array(items) => items.iter().any(has_placeholder),
        Json::Object(map) => map.values().any(has_placeholder),
        _ => false,
    }
}

fn render(json: &Json, values: &PlaceholderValues) -> Json {
    match json {
        Json::String(text) => render_text(text, values),
        Json::Array(items) => items.iter().map(|item| render(item, values)).collect(),
        Json::Object(map) => Json::Object(
            map.iter().map(|(key, value)| (key.clone(), render(value, values))).collect(),
        ),
        other => other.clone(),
    }
}

fn render_text(text: &str, values: &PlaceholderValues) -> Json {
    let whole = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    if let Some(name) = whole.filter(|name| is_placeholder(name)) {
        return values.of(name).map_or(Json::Null, Json::from);
    }
    let mut rendered = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        rendered.push_str(before);
        match after.split_once('}').filter(|(name, _)| is_placeholder(name)) {
            Some((name, behind)) => {
                if let Some(number) = values.of(name) {
                    rendered.push_str(&number.to_string());
                }
                rest = behind;
            }
            None => {
                rendered.push('{');
                rest = after;
            }
        }
    }
    rendered.push_str(rest);
    Json::String(rendered)
}

/// Reads a TOML value as JSON.
pub(super) fn json(value: Value<'_, '_>, findings: &mut Findings) -> Option<Json> {
    let refused = |why: String, findings: &mut Findings| {
        findings.push(Finding::error(value.span(), why));
        None
    };
    match value.get() {
        DeValue::String(text) => Some(Json::String(text.clone().into_owned())),
        DeValue::Integer(integer) => match signed(integer) {
            Some(number) => Some(Json::from(number)),
            None => refused(format!("{integer} does not fit into 64 bits"), findings),
        },
        DeValue::Float(float) => match float.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Some(Json::Number(number)),
            None => refused(format!("JSON, which plugins read, has no {float}"), findings),
        },
        DeValue::Boolean(boolean) => Some(Json::Bool(*boolean)),
        DeValue::Datetime(datetime) => Some(Json::String(datetime.to_string())),
        DeValue::Array(_) => {
            let items: Vec<_> =
                value.array(findings)?.into_iter().map(|item| json(item, findings)).collect();
            items.into_iter().collect::<Option<Vec<_>>>().map(Json::Array)
        }
        DeValue::Table(_) => {
            let entries: Vec<_> = value
                .table("params", findings)?
                .into_entries()
                .into_iter()
                .map(|(key, _, value)| Some((key.to_owned(), json(value, findings)?)))
                .collect();
            entries.into_iter().collect::<Option<Map<_, _>>>().map(Json::Object)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders() {
        let values = PlaceholderValues::note(3, 60, 99, 1);
        for (template, expected) in [
            (json!("{velocity}"), json!(99)),
            (json!("{note}"), json!(60)),
            (json!("{value}"), json!(99)),
            (json!("{channel}"), json!(3)),
            (json!("{mode}"), json!(1)),
            (json!(" {note}"), json!(" 60")),
            (json!("{note}{note}"), json!("6060")),
            (json!("{nota} {note"), json!("{nota} {note")),
            (json!("{{note}}"), json!("{60}")),
            (json!("{"), json!("{")),
            (json!({"a": [{"b": "{note}"}], "{note}": 1}), json!({"a": [{"b": 60}], "{note}": 1})),
            (json!(5), json!(5)),
        ] {
            let params = Params::new(template.clone());
            assert_eq!(params.render(&values).get(), expected.to_string(), "{template}");
        }
    }

    #[test]
    fn what_the_event_does_not_have() {
        let values = PlaceholderValues { value: Some(-8192), ..PlaceholderValues::default() };
        let params = Params::new(json!(["{velocity}", "{value}", "at {velocity}, {value}"]));
        assert_eq!(params.render(&values).get(), r#"[null,-8192,"at , -8192"]"#);
    }
}
