//! What a mapping does.

use std::sync::Arc;
use std::time::Duration;

use plugbay::policy::Operation;

use super::{Condition, ModeId, Params, PlaceholderValues, PluginId};

/// What a mapping does. Those that hold others are carried out by the engine, the rest by the
/// runner.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Runs a plugin.
    WasmPlugin {
        /// Which.
        plugin: PluginId,
        /// What it is given.
        params: Params,
    },
    /// Changes the mode, from the next event on.
    ModeChange {
        /// To which.
        mode: ModeId,
    },
    /// Sends a message to an instrument.
    SendMidi {
        /// Which: the name of an output, or part of a port's.
        port: String,
        /// What.
        message: MessageTemplate,
    },
    /// Does what the user's own hands could.
    Desktop {
        /// What.
        operation: Operation,
        /// Of what, such as `ctrl+shift+m`.
        argument: String,
    },
    /// Runs a program with arguments, and no shell.
    Shell(Command),
    /// One after another.
    Sequence {
        /// What.
        actions: Arc<[Arc<Action>]>,
    },
    /// Nothing, for a while: what follows in a sequence waits.
    Delay {
        /// How long.
        time: Duration,
    },
    /// The same several times.
    Repeat {
        /// What.
        action: Arc<Action>,
        /// How often.
        count: u32,
        /// Between two times.
        pause: Duration,
    },
    /// One thing or another.
    Conditional {
        /// On what it depends.
        condition: Condition,
        /// If that holds.
        then: Arc<Action>,
        /// If it does not.
        otherwise: Option<Arc<Action>>,
    },
}

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Command {
    /// The program: a path, or a name that is looked for in `PATH`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// It is killed after this long.
    pub timeout: Duration,
}

/// A message of a channel, or a system exclusive one, whose numbers may be placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageTemplate {
    /// A channel's.
    Channel {
        /// 1 to 16.
        channel: Number,
        /// Which.
        kind: MessageKind,
        /// Its first number: a note, controller, program, pressure, or bend.
        first: Number,
        /// Its second number: a velocity, value or pressure; 0 for kinds with one number.
        second: Number,
    },
    /// System exclusive, without its first and last byte.
    SysEx {
        /// Its bytes, each 0 to 127.
        data: Arc<[u8]>,
    },
}

/// Kinds of channel messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// A key goes down.
    NoteOn,
    /// A key goes up.
    NoteOff,
    /// A controller moves.
    ControlChange,
    /// A program is chosen.
    ProgramChange,
    /// The pitch wheel moves: -8192 to 8191.
    PitchBend,
    /// The pressure on a channel's keys.
    Aftertouch,
    /// The pressure on one key.
    PolyAftertouch,
}

/// A number of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// As it is.
    Fixed(i32),
    /// What a placeholder stands for, such as `velocity`.
    Placeholder(String),
}

impl Number {
    /// The number, moved to the nearest one of `least` to `most`.
    fn within(&self, values: &PlaceholderValues, least: i32, most: i32) -> i32 {
        let number = match self {
            Self::Fixed(number) => *number,
            // One that the event has nothing for.
            Self::Placeholder(name) => values.of(name).unwrap_or(0),
        };
        number.clamp(least, most)
    }
}

impl MessageTemplate {
    /// The message in bytes. Numbers that are out of range are moved to the nearest that is in it.
    pub fn render(&self, values: &PlaceholderValues) -> Vec<u8> {
        use midly::MidiMessage as Message;
        use midly::num::{u4, u7};
        let (channel, kind, first, second) = match self {
            Self::SysEx { data } => {
                return [&[0xf0][..], data, &[0xf7]].concat();
            }
            Self::Channel { channel, kind, first, second } => (channel, *kind, first, second),
        };
        let byte = |number: &Number| {
            let number = number.within(values, 0, 127);
            u7::new(u8::try_from(number).unwrap_or_default())
        };
        let message = match kind {
            MessageKind::NoteOn => Message::NoteOn { key: byte(first), vel: byte(second) },
            MessageKind::NoteOff => Message::NoteOff { key: byte(first), vel: byte(second) },
            MessageKind::ControlChange => {
                Message::Controller { controller: byte(first), value: byte(second) }
            }
            MessageKind::ProgramChange => Message::ProgramChange { program: byte(first) },
            MessageKind::PitchBend => {
                let bend = first.within(values, -8192, 8191);
                let bend = midly::PitchBend::from_int(i16::try_from(bend).unwrap_or_default());
                Message::PitchBend { bend }
            }
            MessageKind::Aftertouch => Message::ChannelAftertouch { vel: byte(first) },
            MessageKind::PolyAftertouch => {
                Message::Aftertouch { key: byte(first), vel: byte(second) }
            }
        };
        let channel = u8::try_from(channel.within(values, 1, 16) - 1).unwrap_or_default();
        let mut bytes = Vec::with_capacity(3);
        let event = midly::live::LiveEvent::Midi { channel: u4::new(channel), message };
        // Writing to a vector does not fail.
        drop(event.write_std(&mut bytes));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_in_bytes() {
        use MessageKind::*;
        let values = PlaceholderValues::note(3, 60, 99, 1);
        let number = |text: &str| match text.parse() {
            Ok(number) => Number::Fixed(number),
            Err(_) => Number::Placeholder(text.to_owned()),
        };
        for (channel, kind, first, second, wanted) in [
            ("1", NoteOn, "36", "100", &[0x90, 36, 100][..]),
            ("channel", NoteOff, "note", "velocity", &[0x82, 60, 99]),
            ("16", ControlChange, "7", "200", &[0xbf, 7, 127]),
            ("0", ProgramChange, "-5", "0", &[0xc0, 0]),
            ("1", PitchBend, "0", "0", &[0xe0, 0, 64]),
            ("1", PitchBend, "-9000", "0", &[0xe0, 0, 0]),
            ("1", PitchBend, "8191", "0", &[0xe0, 127, 127]),
            ("1", Aftertouch, "value", "0", &[0xd0, 99]),
            ("1", PolyAftertouch, "60", "pressure", &[0xa0, 60, 0]),
        ] {
            let message = MessageTemplate::Channel {
                channel: number(channel),
                kind,
                first: number(first),
                second: number(second),
            };
            assert_eq!(message.render(&values), wanted, "{message:?}");
        }
        let message = MessageTemplate::SysEx { data: [0x7d, 1].into() };
        assert_eq!(message.render(&values), [0xf0, 0x7d, 1, 0xf7]);
    }
}
