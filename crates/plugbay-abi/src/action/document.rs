//! The one-document form of `execute`, for plugins whose `init` returns metadata.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::TriggerContext;
use crate::json::JsonError;

/// What a plugin says of itself in `init`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// The plugin's name.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// The plugin's version.
    #[serde(deserialize_with = "null_is_default")]
    pub version: String,
    /// One line about it.
    #[serde(deserialize_with = "null_is_default")]
    pub description: String,
    /// Who wrote it.
    #[serde(deserialize_with = "null_is_default")]
    pub author: String,
    /// Its licence.
    #[serde(deserialize_with = "null_is_default")]
    pub license: String,
    /// Its kind, such as `action`.
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    pub kind: String,
    /// What it asks for, by name.
    #[serde(deserialize_with = "null_is_default")]
    pub capabilities: Vec<String>,
}

/// What a guest's language writes for "absent" is up to the language.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// What such a plugin's `execute` is given.
#[derive(Debug, Serialize)]
pub struct ActionDocument<'a> {
    /// The action's name: `params.action`, or empty.
    pub action: &'a str,
    /// What fired it.
    pub context: &'a TriggerContext,
    /// Positional arguments; configurations have none.
    pub parameters: [u8; 0],
    /// The action's params.
    pub params: &'a RawValue,
}

impl ActionDocument<'_> {
    /// The document that goes into the guest.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, JsonError> {
        serde_json::to_vec(self).map_err(|error| JsonError::new("", error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_contracts_fields() {
        let params = RawValue::from_string(r#"{"action":"blink","times":3}"#.to_owned()).unwrap();
        let context = TriggerContext {
            velocity: Some(90),
            note: Some(36),
            timestamp: 7,
            ..Default::default()
        };
        let document =
            ActionDocument { action: "blink", context: &context, parameters: [], params: &params };
        assert_eq!(
            String::from_utf8(document.encode().unwrap()).unwrap(),
            r#"{"action":"blink","context":{"velocity":90,"mode":null,"current_mode":null,"mode_name":null,"timestamp":7,"metadata":{},"trigger":null,"note":36,"channel":null,"cc":null,"value":null,"pressure":null,"pitch":null},"parameters":[],"params":{"action":"blink","times":3}}"#
        );
    }

    #[test]
    fn metadata_may_leave_anything_out() {
        let metadata: Metadata =
            serde_json::from_str(r#"{"name":"lights","type":"action","capabilities":["Midi"]}"#)
                .unwrap();
        assert_eq!((&*metadata.name, &*metadata.kind), ("lights", "action"));
        assert_eq!(metadata.capabilities, ["Midi"]);
        let nulls = r#"{"name":null,"version":null,"description":null,"author":null,
                        "license":null,"type":null,"capabilities":null}"#;
        assert_eq!(serde_json::from_str::<Metadata>(nulls).unwrap(), Metadata::default());
    }
}
