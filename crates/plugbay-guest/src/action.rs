//! What actions are given.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

use crate::hooks::Answer;
use crate::hooks::calls::unread;
use crate::json::{Map, Value};

/// What fired an action. Whatever does not apply to the trigger is `None`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Context {
    /// How hard a key was struck, 0 to 127.
    pub velocity: Option<u8>,
    /// The mode that conductor is in, from 0.
    pub mode: Option<u8>,
    /// The mode's name.
    pub mode_name: Option<String>,
    /// When it was fired, in milliseconds since 1970.
    pub timestamp: u64,
    /// More to say, by name.
    pub metadata: BTreeMap<String, String>,
    /// The kind of trigger, such as `Note`.
    pub trigger: Option<String>,
    /// The note, 0 to 127.
    pub note: Option<u8>,
    /// The channel, 1 to 16.
    pub channel: Option<u8>,
    /// The controller, 0 to 127.
    pub cc: Option<u8>,
    /// The controller's value, 0 to 127.
    pub value: Option<u8>,
    /// Pressure of a key that is held, 0 to 127.
    pub pressure: Option<u8>,
    /// Pitch bend, -8192 to 8191.
    pub pitch: Option<i16>,
}

/// Reads both documents and runs an action; the error's message if it fails.
pub(crate) fn run<P: DeserializeOwned, C: DeserializeOwned, R: Answer<std::convert::Infallible>>(
    params: &str,
    context: &str,
    action: impl FnOnce(P, C) -> R,
) -> Result<(), String> {
    let params: P = read(params, "params")?;
    let context: C = read(context, "context")?;
    action(params, context).answer().map(drop)
}

/// The same from the one document that an action is given which has metadata.
#[cfg(any(target_arch = "wasm32", test))]
pub(crate) fn run_document<
    P: DeserializeOwned,
    C: DeserializeOwned,
    R: Answer<std::convert::Infallible>,
>(
    document: &str,
    action: impl FnOnce(P, C) -> R,
) -> Result<(), String> {
    let document = Value::parse(document).map_err(|error| unread(&error))?;
    let params: P = part(&document, "params")?;
    let context: C = part(&document, "context")?;
    action(params, context).answer().map(drop)
}

#[cfg(any(target_arch = "wasm32", test))]
fn part<T: DeserializeOwned>(document: &Value, name: &str) -> Result<T, String> {
    let nothing = Value::Object(Map::new());
    let value = document.get(name).unwrap_or(&nothing);
    value.to().map_err(|error| unread(&error.below(name)))
}

/// The document that `init` returns.
#[cfg(any(target_arch = "wasm32", test))]
pub(crate) fn described(metadata: &crate::rt::Metadata) -> String {
    let crate::rt::Metadata { name, version, description, authors, license, capabilities } =
        *metadata;
    let asked = capabilities.iter().map(|name| Value::from(*name)).collect();
    let author = authors.replace(':', ", ");
    crate::json!({
        "name": name, "version": version, "description": description, "author": author.as_str(),
        "license": license, "type": "action", "capabilities": Value::Array(asked),
    })
    .to_string()
}

fn read<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, String> {
    let value = if text.is_empty() { Ok(Value::Object(Map::new())) } else { Value::parse(text) };
    let value = value.and_then(|value| value.to().map_err(|error| error.below(name)));
    value.map_err(|error| unread(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_document_has_parameters_and_context() {
        #[derive(Deserialize)]
        struct Params {
            text: String,
        }
        let run = |document: &str| {
            let mut found = None;
            let action =
                |params: Params, context: Context| found = Some((params.text, context.note));
            run_document(document, action).map(|()| found)
        };
        let document = r#"{"action": null, "context": {"note": 60}, "parameters": [], "params": {"text": "a"}}"#;
        assert_eq!(run(document).unwrap(), Some(("a".to_owned(), Some(60))));
        assert_eq!(run(r#"{"params": {"text": "b"}}"#).unwrap(), Some(("b".to_owned(), None)));
        let error = run(r#"{"params": {}}"#).unwrap_err();
        assert!(error.contains("params: missing field `text`"), "{error}");
        assert!(run("[").is_err());
    }

    #[test]
    fn what_the_manifest_says_is_one_document() {
        let metadata = crate::rt::Metadata {
            name: "stage",
            version: "0.1.0",
            description: "a \"quoted\" word",
            authors: "Ada:Grace",
            license: "MIT",
            capabilities: &["Midi"],
        };
        let found: serde_json::Value = serde_json::from_str(&described(&metadata)).unwrap();
        let wanted = serde_json::json!({
            "name": "stage", "version": "0.1.0", "description": "a \"quoted\" word", "author": "Ada, Grace",
            "license": "MIT", "type": "action", "capabilities": ["Midi"],
        });
        assert_eq!(found, wanted);
    }
}
