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

fn read<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, String> {
    let value = if text.is_empty() { Ok(Value::Object(Map::new())) } else { Value::parse(text) };
    let value = value.and_then(|value| value.to().map_err(|error| error.below(name)));
    value.map_err(|error| unread(&error))
}
