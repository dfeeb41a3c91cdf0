//! What an instrument sends.

use std::fmt;

use midly::MidiMessage;
use midly::num::{u4, u7};

/// One message, apart from real-time messages, which are no event of the player's.
///
/// Channels are 1 to 16, as instruments and musicians count; all other numbers are as
/// they are on the wire, 0 to 127.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MidiEvent {
    /// A key goes down, or, with velocity 0, up.
    NoteOn {
        /// 1 to 16.
        channel: u8,
        /// 0 to 127.
        note: u8,
        /// 0 to 127.
        velocity: u8,
    },
    /// A key goes up.
    NoteOff {
        /// 1 to 16.
        channel: u8,
        /// 0 to 127.
        note: u8,
        /// 0 to 127: how fast it was released, on keyboards that know.
        velocity: u8,
    },
    /// Polyphonic aftertouch.
    KeyPressure {
        /// 1 to 16.
        channel: u8,
        /// 0 to 127.
        note: u8,
        /// 0 to 127.
        pressure: u8,
    },
    /// A fader, knob or pedal moves.
    Controller {
        /// 1 to 16.
        channel: u8,
        /// 0 to 127.
        cc: u8,
        /// 0 to 127.
        value: u8,
    },
    /// A program is chosen.
    Program {
        /// 1 to 16.
        channel: u8,
        /// 0 to 127.
        program: u8,
    },
    /// Channel aftertouch.
    ChannelPressure {
        /// 1 to 16.
        channel: u8,
        /// 0 to 127.
        pressure: u8,
    },
    /// The pitch wheel.
    PitchBend {
        /// 1 to 16.
        channel: u8,
        /// -8192 to 8191; 0 is the middle.
        bend: i16,
    },
    /// A system exclusive message, without its first and last byte.
    SysEx {
        /// Its bytes, each 0 to 127.
        data: Box<[u8]>,
    },
}

impl MidiEvent {
    pub(crate) fn channel_message(channel: u4, message: MidiMessage) -> Self {
        let channel = channel.as_int() + 1;
        match message {
            MidiMessage::NoteOn { key, vel } => {
                Self::NoteOn { channel, note: key.as_int(), velocity: vel.as_int() }
            }
            MidiMessage::NoteOff { key, vel } => {
                Self::NoteOff { channel, note: key.as_int(), velocity: vel.as_int() }
            }
            MidiMessage::Aftertouch { key, vel } => {
                Self::KeyPressure { channel, note: key.as_int(), pressure: vel.as_int() }
            }
            MidiMessage::Controller { controller, value } => {
                Self::Controller { channel, cc: controller.as_int(), value: value.as_int() }
            }
            MidiMessage::ProgramChange { program } => {
                Self::Program { channel, program: program.as_int() }
            }
            MidiMessage::ChannelAftertouch { vel } => {
                Self::ChannelPressure { channel, pressure: vel.as_int() }
            }
            MidiMessage::PitchBend { bend } => Self::PitchBend { channel, bend: bend.as_int() },
        }
    }
}

impl MidiEvent {
    /// The message in bytes, as on a wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let seven = |number: &u8| u7::new(number & 0x7f);
        let (channel, message) = match self {
            Self::NoteOn { channel, note, velocity } => {
                (channel, MidiMessage::NoteOn { key: seven(note), vel: seven(velocity) })
            }
            Self::NoteOff { channel, note, velocity } => {
                (channel, MidiMessage::NoteOff { key: seven(note), vel: seven(velocity) })
            }
            Self::KeyPressure { channel, note, pressure } => {
                (channel, MidiMessage::Aftertouch { key: seven(note), vel: seven(pressure) })
            }
            Self::Controller { channel, cc, value } => {
                (channel, MidiMessage::Controller { controller: seven(cc), value: seven(value) })
            }
            Self::Program { channel, program } => {
                (channel, MidiMessage::ProgramChange { program: seven(program) })
            }
            Self::ChannelPressure { channel, pressure } => {
                (channel, MidiMessage::ChannelAftertouch { vel: seven(pressure) })
            }
            Self::PitchBend { channel, bend } => {
                let bend = midly::PitchBend::from_int((*bend).clamp(-8192, 8191));
                (channel, MidiMessage::PitchBend { bend })
            }
            Self::SysEx { data } => return [&[0xf0][..], data, &[0xf7]].concat(),
        };
        let mut bytes = Vec::with_capacity(3);
        let channel = u4::new(channel.wrapping_sub(1) & 0x0f);
        // Writing to a vector does not fail.
        drop(midly::live::LiveEvent::Midi { channel, message }.write_std(&mut bytes));
        bytes
    }
}

impl fmt::Display for MidiEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MidiEvent::NoteOn { channel, note, velocity } => {
                write!(f, "note on, channel {channel}, note {note}, velocity {velocity}")
            }
            MidiEvent::NoteOff { channel, note, velocity } => {
                write!(f, "note off, channel {channel}, note {note}, velocity {velocity}")
            }
            MidiEvent::KeyPressure { channel, note, pressure } => {
                write!(f, "key pressure, channel {channel}, note {note}, pressure {pressure}")
            }
            MidiEvent::Controller { channel, cc, value } => {
                write!(f, "controller, channel {channel}, cc {cc}, value {value}")
            }
            MidiEvent::Program { channel, program } => {
                write!(f, "program change, channel {channel}, program {program}")
            }
            MidiEvent::ChannelPressure { channel, pressure } => {
                write!(f, "channel pressure, channel {channel}, pressure {pressure}")
            }
            MidiEvent::PitchBend { channel, bend } => {
                write!(f, "pitch bend, channel {channel}, bend {bend}")
            }
            MidiEvent::SysEx { data } => write!(f, "system exclusive, {} bytes", data.len()),
        }
    }
}

/// An event and when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedEvent {
    /// Since the source was first asked for an event.
    pub at: std::time::Duration,
    /// What came.
    pub event: MidiEvent,
}
