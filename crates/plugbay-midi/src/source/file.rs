//! Playing a MIDI file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use plugbay::runtime::BoxFuture;

use super::{MidiSource, Notice, Song, SongError, SourceError, SourceItem};
use crate::engine::TimedEvent;
use crate::run::Clock;

/// Largest file, in bytes, that is read. An hour of piano has about 1 MiB.
const LONGEST: u64 = 64 << 20;

/// How fast a file is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// In its own time.
    #[default]
    Real,
    /// Without waiting. Events keep the times that the file gives them.
    Fast,
}

/// A Standard MIDI File as a source.
pub struct MidiFileSource {
    notices: std::vec::IntoIter<Notice>,
    events: std::vec::IntoIter<TimedEvent>,
    pace: Pace,
    clock: Arc<dyn Clock>,
    /// When the first event was asked for.
    started: Option<Duration>,
}

impl MidiFileSource {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is no MIDI file.
    pub fn open(path: &Path, pace: Pace, clock: Arc<dyn Clock>) -> Result<Self, SourceError> {
        use std::io::Read as _;
        let file = std::fs::File::open(path)
            .map_err(|source| SourceError::Open { path: path.to_owned(), source })?;
        let mut bytes = Vec::new();
        file.take(LONGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| SourceError::Read { path: path.to_owned(), source })?;
        let song = if bytes.len() as u64 > LONGEST {
            Err(SongError::TooLong { limit: LONGEST })
        } else {
            Song::parse(&bytes)
        };
        let song = song.map_err(|source| SourceError::Song { path: path.to_owned(), source })?;
        Ok(Self::new(song, pace, clock))
    }

    /// Plays a song.
    pub fn new(song: Song, pace: Pace, clock: Arc<dyn Clock>) -> Self {
        let (notices, events) = (song.notices.into_iter(), song.events.into_iter());
        Self { notices, events, pace, clock, started: None }
    }
}

impl MidiSource for MidiFileSource {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
        Box::pin(async {
            if let Some(notice) = self.notices.next() {
                return Ok(Some(SourceItem::Notice(notice)));
            }
            let started = *self.started.get_or_insert_with(|| self.clock.now());
            let Some(event) = self.events.next() else { return Ok(None) };
            if self.pace == Pace::Real {
                self.clock.sleep_until(started.saturating_add(event.at)).await;
            }
            Ok(Some(SourceItem::Event(event)))
        })
    }

    fn can_wait(&self) -> bool {
        self.pace == Pace::Fast
    }

    fn is_live(&self) -> bool {
        self.pace == Pace::Real
    }
}
