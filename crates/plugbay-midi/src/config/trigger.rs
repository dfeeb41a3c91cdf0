//! What sets a mapping off.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// What sets a mapping off, and on which channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trigger {
    /// 1 to 16; any when absent.
    pub channel: Option<u8>,
    /// What has to come.
    pub kind: TriggerKind,
}

/// What has to come. Notes, controllers, programs and pressures are 0 to 127.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TriggerKind {
    /// A key is pressed or released.
    Note {
        /// Which; 60 is middle C.
        note: u8,
        /// Velocities that count, of the press or of the release, whichever `on` asks for.
        velocity: RangeInclusive<u8>,
        /// Which of the two movements counts.
        on: Edge,
    },
    /// A key is pressed, softly, with medium force or hard.
    VelocityRange {
        /// Which.
        note: u8,
        /// The hardest press that is soft.
        soft_max: u8,
        /// The hardest press that is medium.
        medium_max: u8,
        /// The only force that counts; any when absent.
        level: Option<Level>,
    },
    /// A key is held.
    LongPress {
        /// Which.
        note: u8,
        /// For how long.
        duration: Duration,
    },
    /// A key is pressed twice.
    DoubleTap {
        /// Which.
        note: u8,
        /// The second press comes sooner than this after the first.
        timeout: Duration,
    },
    /// Several keys are pressed at the same time.
    NoteChord {
        /// Which: two or more, in ascending order, each once.
        notes: Arc<[u8]>,
        /// The last press comes sooner than this after the first.
        timeout: Duration,
    },
    /// An encoder is turned.
    EncoderTurn {
        /// Its controller.
        cc: u8,
        /// The only direction that counts; either when absent.
        direction: Option<Direction>,
        /// What its values mean.
        encoding: Encoding,
    },
    /// Keys are pressed harder.
    Aftertouch {
        /// The least pressure that counts.
        pressure_min: u8,
        /// The key; when absent, any, and the pressure of a whole channel too.
        note: Option<u8>,
    },
    /// The pitch wheel is moved.
    PitchBend {
        /// Positions that count, -8192 to 8191; 0 is the middle.
        value: RangeInclusive<i16>,
    },
    /// A controller is moved.
    Cc {
        /// Which.
        cc: u8,
        /// Values that count.
        value: RangeInclusive<u8>,
    },
    /// A program is chosen.
    ProgramChange {
        /// Which; any when absent.
        program: Option<u8>,
    },
    /// A non-registered parameter is set.
    Nrpn {
        /// Which, 0 to 16383.
        parameter: u16,
    },
    /// A system exclusive message comes.
    SysEx {
        /// Its first bytes after the status byte.
        prefix: Arc<[u8]>,
    },
}

impl TriggerKind {
    /// Every name, in the order of the documentation.
    pub const NAMES: &'static [&'static str] = &[
        "Note",
        "VelocityRange",
        "LongPress",
        "DoubleTap",
        "NoteChord",
        "EncoderTurn",
        "Aftertouch",
        "PitchBend",
        "CC",
        "ProgramChange",
        "Nrpn",
        "SysEx",
    ];

    /// Its name in the configuration, and in what plugins are told.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Note { .. } => "Note",
            Self::VelocityRange { .. } => "VelocityRange",
            Self::LongPress { .. } => "LongPress",
            Self::DoubleTap { .. } => "DoubleTap",
            Self::NoteChord { .. } => "NoteChord",
            Self::EncoderTurn { .. } => "EncoderTurn",
            Self::Aftertouch { .. } => "Aftertouch",
            Self::PitchBend { .. } => "PitchBend",
            Self::Cc { .. } => "CC",
            Self::ProgramChange { .. } => "ProgramChange",
            Self::Nrpn { .. } => "Nrpn",
            Self::SysEx { .. } => "SysEx",
        }
    }
}

/// The two movements of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Edge {
    /// Note-on with a velocity above 0.
    #[default]
    Press,
    /// Note-off, or note-on with velocity 0.
    Release,
}

impl Edge {
    /// Both, by name.
    pub const ALL: [(&'static str, Self); 2] = [("press", Self::Press), ("release", Self::Release)];
}

/// How hard a key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Up to `soft_max`.
    Soft,
    /// Up to `medium_max`.
    Medium,
    /// Harder.
    Hard,
}

impl Level {
    /// All, by name.
    pub const ALL: [(&'static str, Self); 3] =
        [("soft", Self::Soft), ("medium", Self::Medium), ("hard", Self::Hard)];

    /// The level of a press.
    pub fn of(velocity: u8, soft_max: u8, medium_max: u8) -> Self {
        match velocity {
            velocity if velocity <= soft_max => Self::Soft,
            velocity if velocity <= medium_max => Self::Medium,
            _ => Self::Hard,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        name_in(&Self::ALL, self)
    }
}

/// Where an encoder is turned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To higher values.
    Clockwise,
    /// To lower values.
    CounterClockwise,
}

impl Direction {
    /// Both, by name.
    pub const ALL: [(&'static str, Self); 2] =
        [("clockwise", Self::Clockwise), ("counterclockwise", Self::CounterClockwise)];

    /// Its name.
    pub fn name(self) -> &'static str {
        name_in(&Self::ALL, self)
    }
}

/// What the values of an encoder mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// A position. What counts is how it differs from the one before; at either end, the same
    /// position again is one more step.
    #[default]
    Absolute,
    /// Steps in two's complement of seven bits: 1 is one up, 127 one down.
    RelativeTwos,
    /// Steps around 64: 65 is one up, 63 one down.
    RelativeOffset,
    /// Steps with a sign in bit 6: 1 is one up, 65 one down.
    RelativeSign,
}

impl Encoding {
    /// All, by name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("absolute", Self::Absolute),
        ("relative-twos", Self::RelativeTwos),
        ("relative-offset", Self::RelativeOffset),
        ("relative-sign", Self::RelativeSign),
    ];

    /// Steps up, or down if negative, that a value says; `previous` is the one before.
    pub fn steps(self, previous: Option<u8>, value: u8) -> i16 {
        let value = i16::from(value);
        match self {
            Self::Absolute => match (previous.map(i16::from), value) {
                (None, _) => 0,
                (Some(127), 127) => 1,
                (Some(0), 0) => -1,
                (Some(previous), value) => value - previous,
            },
            Self::RelativeTwos => {
                if value < 64 {
                    value
                } else {
                    value - 128
                }
            }
            Self::RelativeOffset => value - 64,
            Self::RelativeSign => {
                if value < 64 {
                    value
                } else {
                    64 - value
                }
            }
        }
    }
}

fn name_in<T: PartialEq>(all: &[(&'static str, T)], wanted: T) -> &'static str {
    all.iter().find(|(_, known)| *known == wanted).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps() {
        use Encoding::{Absolute, RelativeOffset, RelativeSign, RelativeTwos};
        for (encoding, previous, value, wanted) in [
            (Absolute, None, 64, 0),
            (Absolute, Some(64), 64, 0),
            (Absolute, Some(64), 70, 6),
            (Absolute, Some(64), 0, -64),
            (Absolute, Some(127), 127, 1),
            (Absolute, Some(0), 0, -1),
            (RelativeTwos, None, 1, 1),
            (RelativeTwos, None, 63, 63),
            (RelativeTwos, None, 64, -64),
            (RelativeTwos, None, 127, -1),
            (RelativeTwos, None, 0, 0),
            (RelativeOffset, None, 64, 0),
            (RelativeOffset, None, 65, 1),
            (RelativeOffset, None, 0, -64),
            (RelativeSign, None, 1, 1),
            (RelativeSign, None, 65, -1),
            (RelativeSign, None, 64, 0),
            (RelativeSign, None, 127, -63),
        ] {
            let steps = encoding.steps(previous, value);
            assert_eq!(steps, wanted, "{encoding:?} {previous:?} {value}");
        }
    }

    #[test]
    fn levels() {
        for (velocity, wanted) in
            [(1, "soft"), (40, "soft"), (41, "medium"), (80, "medium"), (81, "hard"), (127, "hard")]
        {
            assert_eq!(Level::of(velocity, 40, 80).name(), wanted, "{velocity}");
        }
    }
}
