//! What the engine wants done.

use std::time::Duration;

use plugbay::abi::action::TriggerContext;

use crate::config::{Edge, ModeId, PlaceholderValues};

/// One mapping that an event set off.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Which mapping.
    pub mapping: MappingId,
    /// The mode in which it was decided.
    pub mode: ModeId,
    /// When, in the engine's time.
    pub at: Duration,
    /// What set it off.
    pub cause: Cause,
}

/// A place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MappingId {
    /// The mode that it belongs to; a global mapping belongs to none.
    pub mode: Option<ModeId>,
    /// Its place in that mode's mappings, or in the global ones.
    pub index: usize,
}

/// The facts of the event that set a mapping off.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// A `Note` trigger.
    Note {
        /// 1 to 16.
        channel: u8,
        /// 0 to 127.
        note: u8,
        /// Of the press or of the release.
        velocity: u8,
        /// Which of the two it was.
        edge: Edge,
    },
}

impl Decision {
    /// What placeholders in params stand for.
    pub fn placeholders(&self) -> PlaceholderValues {
        match self.cause {
            Cause::Note { channel, note, velocity, .. } => {
                PlaceholderValues::note(channel, note, velocity, self.mode.0)
            }
        }
    }

    /// What the plugin is told. `epoch_ms` is the engine's time 0, in milliseconds
    /// since the Unix epoch.
    pub fn context(&self, mode_name: &str, epoch_ms: u64) -> TriggerContext {
        let elapsed = u64::try_from(self.at.as_millis()).unwrap_or(u64::MAX);
        let mut context = TriggerContext {
            mode: Some(self.mode.0),
            current_mode: Some(self.mode.0),
            mode_name: Some(mode_name.to_owned()),
            timestamp: epoch_ms.saturating_add(elapsed),
            ..TriggerContext::default()
        };
        match self.cause {
            Cause::Note { channel, note, velocity, edge } => {
                context.trigger = Some("Note".to_owned());
                context.channel = Some(channel);
                context.note = Some(note);
                context.velocity = Some(velocity);
                if edge == Edge::Release {
                    context.metadata.insert("on".to_owned(), "release".to_owned());
                }
            }
        }
        context
    }
}
