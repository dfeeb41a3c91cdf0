//! What the engine wants done.

use std::sync::Arc;
use std::time::Duration;

use plugbay::abi::action::TriggerContext;

use crate::config::{
    Action, Direction, Edge, Level, ModeId, PlaceholderValues, Trigger, TriggerKind,
};

/// One thing to do now.
///
/// A mapping that was set off comes to one of them, or, if its action holds others, to as many as there are, each at its time.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// Which mapping.
    pub mapping: MappingId,
    /// Its line in the configuration, from 1, for messages.
    pub line: usize,
    /// The mode in which it was set off.
    pub mode: ModeId,
    /// When this is to be done, in the engine's time.
    pub at: Duration,
    /// What set it off.
    pub cause: Arc<Cause>,
    /// What its trigger makes of that.
    pub trigger: Matched,
    /// What is to be done: nothing that holds other actions.
    pub action: Arc<Action>,
}

/// A place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MappingId {
    /// The mode that it belongs to; a global mapping belongs to none.
    pub mode: Option<ModeId>,
    /// Its place in that mode's mappings, or in the global ones.
    pub index: usize,
}

/// The facts that set a mapping off. Channels are 1 to 16.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// A key was pressed, and it became nothing more than that.
    Press {
        /// The channel.
        channel: u8,
        /// 0 to 127.
        note: u8,
        /// 1 to 127.
        velocity: u8,
    },
    /// A key was let go.
    Release {
        /// The channel.
        channel: u8,
        /// 0 to 127.
        note: u8,
        /// 0 to 127.
        velocity: u8,
    },
    /// A key was held.
    LongPress {
        /// The channel.
        channel: u8,
        /// 0 to 127.
        note: u8,
        /// 1 to 127.
        velocity: u8,
        /// The longest time of a mapping that it was held for.
        held: Duration,
    },
    /// A key was pressed twice.
    DoubleTap {
        /// The channel.
        channel: u8,
        /// 0 to 127.
        note: u8,
        /// Of the second press.
        velocity: u8,
        /// Between the two presses.
        gap: Duration,
    },
    /// Several keys were pressed at the same time.
    Chord {
        /// The channel.
        channel: u8,
        /// In ascending order.
        notes: Arc<[u8]>,
        /// Of the hardest press.
        velocity: u8,
        /// From the first press to the last.
        span: Duration,
    },
    /// A controller was moved.
    Controller {
        /// The channel.
        channel: u8,
        /// 0 to 127.
        cc: u8,
        /// 0 to 127.
        value: u8,
        /// Its value before, where one is known.
        previous: Option<u8>,
    },
    /// A non-registered parameter was set.
    Nrpn {
        /// The channel.
        channel: u8,
        /// 0 to 16383.
        parameter: u16,
        /// 0 to 16383.
        value: u16,
    },
    /// A program was chosen.
    Program {
        /// The channel.
        channel: u8,
        /// 0 to 127.
        program: u8,
    },
    /// Keys were pressed harder.
    Pressure {
        /// The channel.
        channel: u8,
        /// The key; without one, all of the channel's.
        note: Option<u8>,
        /// 0 to 127.
        pressure: u8,
    },
    /// The pitch wheel was moved.
    PitchBend {
        /// The channel.
        channel: u8,
        /// -8192 to 8191.
        bend: i16,
    },
    /// A system exclusive message came.
    SysEx {
        /// Its bytes without the first and the last.
        data: Arc<[u8]>,
    },
}

/// What a trigger makes of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Matched {
    /// The trigger's name.
    pub name: &'static str,
    /// How hard a key was pressed, for triggers that ask for that.
    pub level: Option<Level>,
    /// Steps of an encoder, up or down.
    pub steps: Option<i16>,
}

impl Cause {
    /// The channel, where there is one.
    pub fn channel(&self) -> Option<u8> {
        match *self {
            Self::Press { channel, .. }
            | Self::Release { channel, .. }
            | Self::LongPress { channel, .. }
            | Self::DoubleTap { channel, .. }
            | Self::Chord { channel, .. }
            | Self::Controller { channel, .. }
            | Self::Nrpn { channel, .. }
            | Self::Program { channel, .. }
            | Self::Pressure { channel, .. }
            | Self::PitchBend { channel, .. } => Some(channel),
            Self::SysEx { .. } => None,
        }
    }

    /// What a trigger makes of it, if it is what the trigger waits for.
    pub(super) fn matched(&self, trigger: &Trigger) -> Option<Matched> {
        if trigger.channel.is_some() && trigger.channel != self.channel() {
            return None;
        }
        let mut matched = Matched { name: trigger.kind.name(), level: None, steps: None };
        let is_it = match (&trigger.kind, self) {
            (
                TriggerKind::Note { note, velocity, on },
                Self::Press { note: n, velocity: v, .. },
            ) => *on == Edge::Press && note == n && velocity.contains(v),
            (
                TriggerKind::Note { note, velocity, on },
                Self::Release { note: n, velocity: v, .. },
            ) => *on == Edge::Release && note == n && velocity.contains(v),
            (
                TriggerKind::VelocityRange { note, soft_max, medium_max, level },
                Self::Press { note: n, velocity, .. },
            ) => {
                let found = Level::of(*velocity, *soft_max, *medium_max);
                matched.level = Some(found);
                note == n && level.is_none_or(|wanted| wanted == found)
            }
            (TriggerKind::LongPress { note, duration }, Self::LongPress { note: n, held, .. }) => {
                note == n && duration == held
            }
            (TriggerKind::DoubleTap { note, timeout }, Self::DoubleTap { note: n, gap, .. }) => {
                note == n && gap < timeout
            }
            (TriggerKind::NoteChord { notes, timeout }, Self::Chord { notes: n, span, .. }) => {
                notes == n && span < timeout
            }
            (
                TriggerKind::EncoderTurn { cc, direction, encoding },
                Self::Controller { cc: c, value, previous, .. },
            ) => {
                let steps = encoding.steps(*previous, *value);
                matched.steps = Some(steps);
                cc == c
                    && match direction {
                        None => steps != 0,
                        Some(Direction::Clockwise) => steps > 0,
                        Some(Direction::CounterClockwise) => steps < 0,
                    }
            }
            (TriggerKind::Cc { cc, value }, Self::Controller { cc: c, value: v, .. }) => {
                cc == c && value.contains(v)
            }
            (
                TriggerKind::Aftertouch { pressure_min, note },
                Self::Pressure { note: n, pressure, .. },
            ) => pressure >= pressure_min && (note.is_none() || note == n),
            (TriggerKind::PitchBend { value }, Self::PitchBend { bend, .. }) => {
                value.contains(bend)
            }
            (TriggerKind::ProgramChange { program }, Self::Program { program: p, .. }) => {
                program.is_none_or(|program| program == *p)
            }
            (TriggerKind::Nrpn { parameter }, Self::Nrpn { parameter: p, .. }) => parameter == p,
            (TriggerKind::SysEx { prefix }, Self::SysEx { data }) => data.starts_with(prefix),
            _ => false,
        };
        is_it.then_some(matched)
    }

    fn note(&self) -> Option<u8> {
        match self {
            Self::Press { note, .. }
            | Self::Release { note, .. }
            | Self::LongPress { note, .. }
            | Self::DoubleTap { note, .. } => Some(*note),
            Self::Chord { notes, .. } => notes.first().copied(),
            Self::Pressure { note, .. } => *note,
            _ => None,
        }
    }

    fn velocity(&self) -> Option<u8> {
        match self {
            Self::Press { velocity, .. }
            | Self::Release { velocity, .. }
            | Self::LongPress { velocity, .. }
            | Self::DoubleTap { velocity, .. }
            | Self::Chord { velocity, .. } => Some(*velocity),
            _ => None,
        }
    }

    /// What the trigger measures.
    fn value(&self) -> Option<i32> {
        match self {
            Self::Controller { value, .. } => Some((*value).into()),
            Self::Nrpn { value, .. } => Some((*value).into()),
            Self::Program { program, .. } => Some((*program).into()),
            Self::Pressure { pressure, .. } => Some((*pressure).into()),
            Self::PitchBend { bend, .. } => Some((*bend).into()),
            Self::SysEx { .. } => None,
            _ => self.velocity().map(i32::from),
        }
    }
}

impl Decision {
    /// What placeholders stand for.
    pub fn placeholders(&self) -> PlaceholderValues {
        PlaceholderValues {
            velocity: self.cause.velocity(),
            note: self.cause.note(),
            value: self.cause.value(),
            channel: self.cause.channel(),
            mode: self.mode.0,
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
            trigger: Some(self.trigger.name.to_owned()),
            channel: self.cause.channel(),
            note: self.cause.note(),
            velocity: self.cause.velocity(),
            ..TriggerContext::default()
        };
        let mut say = |name: &str, what: String| context.metadata.insert(name.to_owned(), what);
        match &*self.cause {
            Cause::Release { .. } => drop(say("on", "release".to_owned())),
            Cause::LongPress { held, .. } => drop(say("held_ms", held.as_millis().to_string())),
            Cause::DoubleTap { gap, .. } => drop(say("gap_ms", gap.as_millis().to_string())),
            Cause::Chord { notes, .. } => {
                let notes: Vec<String> = notes.iter().map(u8::to_string).collect();
                say("notes", notes.join(","));
            }
            Cause::Nrpn { parameter, value, .. } => {
                say("parameter", parameter.to_string());
                say("value", value.to_string());
            }
            Cause::SysEx { data } => {
                say("data", data.iter().map(|byte| format!("{byte:02x}")).collect());
            }
            _ => {}
        }
        if let Some(level) = self.trigger.level {
            say("level", level.name().to_owned());
        }
        if let Some(steps) = self.trigger.steps {
            let direction =
                if steps < 0 { Direction::CounterClockwise } else { Direction::Clockwise };
            say("direction", direction.name().to_owned());
            say("steps", steps.to_string());
        }
        match *self.cause {
            Cause::Controller { cc, value, .. } => {
                (context.cc, context.value) = (Some(cc), Some(value));
            }
            Cause::Program { program, .. } => context.value = Some(program),
            Cause::Pressure { pressure, .. } => context.pressure = Some(pressure),
            Cause::PitchBend { bend, .. } => context.pitch = Some(bend),
            // Seven bits, as all of a plugin's other values; the metadata has all fourteen.
            Cause::Nrpn { value, .. } => context.value = u8::try_from(value >> 7).ok(),
            _ => {}
        }
        context
    }
}
