//! The engine: events and their time in, decisions out.
//!
//! It opens nothing, waits for nothing and looks at no clock, so that the same events
//! at the same times give the same decisions.

mod decision;
mod event;
mod lookup;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use decision::{Cause, Decision, MappingId};
pub use event::{MidiEvent, TimedEvent};

use crate::config::{Action, Config, Edge, Mapping, Mode, ModeId};
use lookup::Lookup;

/// Decides which mappings an event sets off.
///
/// All mappings of the current mode that match are set off, in the order of the file;
/// where none does, all global mappings that match. A mode's mapping thereby wins over
/// a global one for the same trigger.
///
/// ```
/// use std::time::Duration;
/// use plugbay_midi::config::{Config, Origin};
/// use plugbay_midi::engine::{Engine, MidiEvent};
///
/// let text = r#"
///     [[modes]]
///     name = "Pads"
///     [[modes.mappings]]
///     trigger = { Note = { note = 36, velocity_min = 80 } }
///     action = { WasmPlugin = { path = "lights.wasm", params = { level = "{velocity}" } } }
/// "#;
/// let config = Config::parse(text, &Origin::new("example.toml", "/etc/conductor"))?.config;
/// let mut engine = Engine::new(config.into());
/// let mut decisions = Vec::new();
/// let event = MidiEvent::NoteOn { channel: 1, note: 36, velocity: 100 };
/// engine.handle(Duration::from_millis(5), &event, &mut decisions);
/// assert_eq!(decisions.len(), 1);
/// # Ok::<(), plugbay_midi::config::Report>(())
/// ```
#[derive(Debug, Clone)]
pub struct Engine {
    config: Arc<Config>,
    modes: Vec<Lookup>,
    global: Lookup,
    current: ModeId,
}

impl Engine {
    /// An engine in the configuration's first mode.
    pub fn new(config: Arc<Config>) -> Self {
        let modes = config.modes.iter().map(|mode| Lookup::new(&mode.mappings)).collect();
        let global = Lookup::new(&config.global_mappings);
        Self { config, modes, global, current: ModeId::default() }
    }

    /// The configuration that it follows.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The mode for the next event.
    pub fn mode(&self) -> ModeId {
        self.current
    }

    /// Has the next event find another mode. One that the configuration does not have is none.
    pub fn set_mode(&mut self, mode: ModeId) {
        if self.mode_of(mode).is_some() {
            self.current = mode;
        }
    }

    /// A mode of the configuration.
    pub fn mode_of(&self, id: ModeId) -> Option<&Mode> {
        self.config.modes.get(usize::from(id.0))
    }

    /// The mapping that a decision is about.
    pub fn mapping(&self, id: MappingId) -> Option<&Mapping> {
        let mappings = match id.mode {
            Some(mode) => &self.mode_of(mode)?.mappings,
            None => &self.config.global_mappings,
        };
        mappings.get(id.index)
    }

    /// Takes one event and appends what it sets off to `decisions`.
    ///
    /// A change of mode among the decisions is already made when this returns; all
    /// decisions of one event are made in the mode before it.
    pub fn handle(&mut self, at: Duration, event: &MidiEvent, decisions: &mut Vec<Decision>) {
        let Some(cause) = cause(event) else { return };
        let mode = self.current;
        let first = decisions.len();
        let decide = |owner: Option<ModeId>, index| Decision {
            mapping: MappingId { mode: owner, index },
            mode,
            at,
            cause: cause.clone(),
        };
        if let Some(lookup) = self.modes.get(usize::from(mode.0)) {
            decisions.extend(lookup.matching(&cause).map(|index| decide(Some(mode), index)));
        }
        if decisions.len() == first {
            decisions.extend(self.global.matching(&cause).map(|index| decide(None, index)));
        }
        let made = decisions.get(first..).unwrap_or_default();
        let next =
            made.iter().rev().find_map(|decision| match self.mapping(decision.mapping)?.action {
                Action::ModeChange { mode } => Some(mode),
                _ => None,
            });
        if let Some(next) = next {
            self.current = next;
        }
    }
}

/// What an event means to triggers, if any trigger can be about it.
fn cause(event: &MidiEvent) -> Option<Cause> {
    match *event {
        // MIDI: a note-on with velocity 0 is a note-off.
        MidiEvent::NoteOn { channel, note, velocity: velocity @ 0 }
        | MidiEvent::NoteOff { channel, note, velocity } => {
            Some(Cause::Note { channel, note, velocity, edge: Edge::Release })
        }
        MidiEvent::NoteOn { channel, note, velocity } => {
            Some(Cause::Note { channel, note, velocity, edge: Edge::Press })
        }
        _ => None,
    }
}
