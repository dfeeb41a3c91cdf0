//! What fired an action, and in which state the engine was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The second document of `execute_with_context`.
///
/// Every key is always written, `null` where there is nothing to say, so that a guest may
/// read it into optional and into defaulted fields alike.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TriggerContext {
    /// Velocity of the note, 0 to 127.
    pub velocity: Option<u8>,
    /// Index of the mode that the engine was in, from 0.
    pub mode: Option<u8>,
    /// The same index, under the name that some plugins read.
    pub current_mode: Option<u8>,
    /// The mode's name.
    pub mode_name: Option<String>,
    /// When it was fired, in milliseconds since the Unix epoch.
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
    /// Aftertouch pressure, 0 to 127.
    pub pressure: Option<u8>,
    /// Pitch bend, -8192 to 8191.
    pub pitch: Option<i16>,
}
