//! MIDI bytes from a device, a FIFO, a file or standard input.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use plugbay::runtime::BoxFuture;
use tokio::sync::mpsc;

use super::{MidiSource, Parsed, RawParser, SourceError, SourceItem};
use crate::engine::TimedEvent;

/// Bytes that one read takes at most.
const PIECE: usize = 4096;
/// Pieces that wait to be parsed; the reading thread waits when there are more, and
/// then the kernel buffers.
const PIECES: usize = 64;

struct Piece {
    at: Instant,
    bytes: Vec<u8>,
}

/// A source of raw MIDI bytes. It ends where they end.
///
/// Reading is done by a thread of its own, so that a silent device blocks nobody. That
/// thread ends with the bytes, or at the first byte after the source was dropped.
pub struct RawSource {
    pieces: mpsc::Receiver<Result<Piece, SourceError>>,
    parser: RawParser,
    ready: VecDeque<SourceItem>,
    /// When the first item was asked for, and the time since then of the last piece.
    started: Option<Instant>,
    now: Duration,
    can_wait: bool,
    ended: bool,
}

impl RawSource {
    /// Opens a device, a FIFO or a file; `-` is standard input.
    ///
    /// # Errors
    ///
    /// When there is no such file, or it is a folder. A FIFO is opened when its writer is
    /// there, so that an error of that comes from [`next`](MidiSource::next).
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let standard_input = path == Path::new("-");
        let checked = if standard_input { Path::new("/dev/stdin") } else { path };
        let can_wait = match std::fs::metadata(checked) {
            Ok(metadata) if metadata.is_dir() => {
                let source = io::ErrorKind::IsADirectory.into();
                return Err(SourceError::Open { path: path.to_owned(), source });
            }
            Ok(metadata) => metadata.is_file(),
            // Not every system shows standard input as a file.
            Err(_) if standard_input => false,
            Err(source) => return Err(SourceError::Open { path: path.to_owned(), source }),
        };
        let opened = path.to_owned();
        Self::spawn(path.to_owned(), can_wait, move || {
            if standard_input {
                return Ok(Box::new(io::stdin()) as Box<dyn Read>);
            }
            std::fs::File::open(&opened).map(|file| Box::new(file) as Box<dyn Read>)
        })
    }

    /// Reads from anything; `name` stands in messages.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub fn from_reader(
        name: impl Into<PathBuf>,
        reader: impl Read + Send + 'static,
    ) -> Result<Self, SourceError> {
        Self::spawn(name.into(), false, move || Ok(Box::new(reader) as Box<dyn Read>))
    }

    fn spawn(
        path: PathBuf,
        can_wait: bool,
        open: impl FnOnce() -> io::Result<Box<dyn Read>> + Send + 'static,
    ) -> Result<Self, SourceError> {
        let (sender, pieces) = mpsc::channel(PIECES);
        let name = path.clone();
        std::thread::Builder::new()
            .name("midi-raw".to_owned())
            .spawn(move || read_all(&name, open, &sender))
            .map_err(|source| SourceError::Open { path, source })?;
        Ok(Self {
            pieces,
            parser: RawParser::new(),
            ready: VecDeque::new(),
            started: None,
            now: Duration::ZERO,
            can_wait,
            ended: false,
        })
    }

    fn take(&mut self, parsed: Vec<Parsed>) {
        let at = self.now;
        self.ready.extend(parsed.into_iter().map(|parsed| match parsed {
            Parsed::Event(event) => SourceItem::Event(TimedEvent { at, event }),
            Parsed::Notice(notice) => SourceItem::Notice(notice),
        }));
    }
}

fn read_all(
    path: &Path,
    open: impl FnOnce() -> io::Result<Box<dyn Read>>,
    sender: &mpsc::Sender<Result<Piece, SourceError>>,
) {
    let mut reader = match open() {
        Ok(reader) => reader,
        Err(source) => {
            let _ = sender.blocking_send(Err(SourceError::Open { path: path.to_owned(), source }));
            return;
        }
    };
    let mut buffer = vec![0; PIECE];
    loop {
        let piece = match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => {
                let bytes = buffer.get(..read).unwrap_or_default().to_vec();
                Ok(Piece { at: Instant::now(), bytes })
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => Err(SourceError::Read { path: path.to_owned(), source }),
        };
        let broken = piece.is_err();
        if sender.blocking_send(piece).is_err() || broken {
            return;
        }
    }
}

impl MidiSource for RawSource {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
        Box::pin(async {
            let started = *self.started.get_or_insert_with(Instant::now);
            loop {
                if let Some(item) = self.ready.pop_front() {
                    return Ok(Some(item));
                }
                if self.ended {
                    return Ok(None);
                }
                let mut parsed = Vec::new();
                match self.pieces.recv().await {
                    Some(piece) => {
                        let piece = piece?;
                        self.now = piece.at.saturating_duration_since(started);
                        self.parser.feed(&piece.bytes, &mut parsed);
                    }
                    None => {
                        self.ended = true;
                        self.parser.finish(&mut parsed);
                    }
                }
                self.take(parsed);
            }
        })
    }

    fn can_wait(&self) -> bool {
        self.can_wait
    }
}
