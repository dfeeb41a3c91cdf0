//! Where events come from.

mod file;
mod parser;
mod port;
mod raw;
pub(crate) mod recording;
mod scripted;
mod song;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use plugbay::runtime::BoxFuture;

pub use file::{MidiFileSource, Pace};
pub use parser::{Parsed, RawParser};
pub use port::{Devices, PortSource};
pub use raw::RawSource;
pub use recording::{RecordingSource, Repeats};
pub use scripted::ScriptedSource;
#[cfg(test)]
pub(crate) use song::tests::one_track as test_file;
pub use song::{Song, SongError};

use crate::engine::TimedEvent;
use crate::ports::PortError;

/// A place that events come from. Its test double is [`ScriptedSource`].
pub trait MidiSource: Send {
    /// Waits for the next item; `None` is the end.
    ///
    /// Events are timed from the first time that this is called.
    ///
    /// It may be dropped while it waits; what it would have returned may then be lost.
    ///
    /// # Errors
    ///
    /// When nothing more can come, though the end was not reached.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<SourceItem>, SourceError>>;

    /// Whether it can be kept waiting without harm.
    ///
    /// When a plugin's queue is full, events of a source that can wait are held back;
    /// actions of one that cannot are dropped and counted.
    fn can_wait(&self) -> bool {
        false
    }

    /// Whether its times are the clock's. Where they are not, nothing that is due between two events is waited
    /// for: it is done when the later one comes.
    fn is_live(&self) -> bool {
        true
    }

    /// What is known of the run that this source repeats, if it does. Its end is known once the source has come to its own.
    fn repeats(&self) -> Option<Repeats> {
        None
    }
}

/// What a source yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceItem {
    /// An event.
    Event(TimedEvent),
    /// A mode that something else than a mapping asked for, in the run that is repeated.
    Mode {
        /// When.
        at: Duration,
        /// Its name.
        mode: String,
    },
    /// Something that was skipped.
    Notice(Notice),
}

/// Something that a source skipped; what follows it is read as usual.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A system exclusive message was cut off by another message, or by the end.
    TruncatedSysEx {
        /// Data bytes of it that came.
        bytes: usize,
    },
    /// A system exclusive message is longer than any that is kept.
    OverlongSysEx {
        /// Data bytes of it that came before it was given up.
        bytes: usize,
    },
    /// A message was cut off by another one, or by the end.
    TruncatedMessage {
        /// Its status byte.
        status: u8,
        /// Data bytes of it that came.
        bytes: usize,
    },
    /// Data bytes that belong to no message: there was no status byte before them.
    StrayData {
        /// How many.
        bytes: usize,
    },
    /// A status byte that MIDI does not define.
    UndefinedStatus {
        /// The byte.
        status: u8,
    },
    /// A chunk of a MIDI file says that it is longer than what is left of the file.
    ChunkTooLong {
        /// Its place in the file, from 0.
        offset: usize,
        /// The length that it states, in bytes.
        stated: usize,
        /// The bytes that there are.
        found: usize,
    },
    /// A track of a MIDI file cannot be read from some place on.
    DamagedTrack {
        /// Its number, from 0.
        track: usize,
        /// The place in the file, from 0.
        offset: usize,
        /// Bytes of the track that were skipped.
        bytes: usize,
    },
    /// A MIDI file does not have as many tracks as it says.
    TrackCount {
        /// Tracks that it states.
        stated: usize,
        /// Tracks that there are.
        found: usize,
    },
    /// The run that is repeated took over another configuration here, which is in no recording.
    Reloaded,
    /// Messages came faster than they could be taken.
    Lost {
        /// How many.
        messages: u64,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::TruncatedSysEx { bytes } => {
                write!(f, "skipped a system exclusive message that was cut off after {bytes} bytes")
            }
            Notice::OverlongSysEx { bytes } => {
                write!(f, "skipped a system exclusive message of more than {bytes} bytes")
            }
            Notice::TruncatedMessage { status, bytes } => write!(
                f,
                "skipped a message that was cut off: status {status:#04x} and {bytes} data bytes"
            ),
            Notice::StrayData { bytes } => {
                write!(f, "skipped {bytes} data bytes that belong to no message")
            }
            Notice::UndefinedStatus { status } => {
                write!(f, "skipped the undefined status byte {status:#04x}")
            }
            Notice::ChunkTooLong { offset, stated, found } => write!(
                f,
                "the chunk at byte {offset} states a length of {stated} bytes, the file has {found}"
            ),
            Notice::DamagedTrack { track, offset, bytes } => write!(
                f,
                "track {track} cannot be read from byte {offset} on; skipped its last {bytes} bytes"
            ),
            Notice::TrackCount { stated, found } => {
                write!(f, "the file states {stated} tracks and has {found}")
            }
            Notice::Reloaded => f.write_str(
                "the recorded run took over another configuration here: from now on this one may do something else",
            ),
            Notice::Lost { messages } => {
                write!(f, "{messages} messages came too fast and were lost")
            }
        }
    }
}

/// A source that cannot be opened, or that broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It cannot be opened.
    #[error("cannot open {}: {source}", .path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Reading it failed.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no MIDI file.
    #[error("{}: {source}", .path.display())]
    Song {
        /// Which.
        path: PathBuf,
        /// Why.
        source: SongError,
    },
    /// It is no recording, or one that is damaged.
    #[error("{}, line {line}: {problem}", .path.display())]
    Recording {
        /// Which.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was found and what was wanted.
        problem: String,
    },
    /// A port cannot be used.
    #[error(transparent)]
    Port(#[from] PortError),
}
