//! What came in and what was done, written down line by line, in a form that can be played again.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use plugbay::abi::action::TriggerContext;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::engine::MidiEvent;
use crate::source::recording::{End, Header, Line};

/// Lines that wait for the disk at most.
const WAITING: usize = 4_096;

/// Writes down a run. A slow disk holds up nothing: what it has no time for is left out and counted.
///
/// The first line says which form it is and when it began; each other line has a time in nanoseconds since then:
///
/// ```text
/// {"conductor_recording":1,"epoch_ms":1700000000000}
/// {"at_ns":1200000,"midi":"903c64"}
/// {"at_ns":1200000,"do":{"line":5,"mode":"Stage","trigger":"Note","ModeChange":{"mode":"Break"}}}
/// {"at_ns":9000000,"end":"source"}
/// ```
#[derive(Debug)]
pub struct Journal {
    lines: SyncSender<String>,
    writer: JoinHandle<io::Result<()>>,
    lost: u64,
}

/// What was done.
#[derive(Serialize)]
pub(super) struct Deed<'a> {
    pub(super) line: usize,
    pub(super) mode: &'a str,
    pub(super) trigger: &'a str,
    #[serde(flatten)]
    pub(super) what: What<'a>,
}

/// What was done, as the configuration calls it.
#[derive(Serialize)]
pub(super) enum What<'a> {
    WasmPlugin { plugin: &'a str, params: &'a RawValue, context: &'a TriggerContext },
    ModeChange { mode: &'a str },
    SendMidi { port: &'a str, message: String },
    Desktop { operation: &'a str, argument: &'a str },
    Shell { program: &'a str, arguments: &'a [String] },
}

impl Journal {
    /// Writes to `out`, on a thread of its own.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub fn new(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, received) = sync_channel::<String>(WAITING);
        let writer = std::thread::Builder::new().name("conductor-recording".to_owned()).spawn(
            move || {
                let mut result = Ok(());
                // The lines are taken even when they cannot be written: nobody waits for them then.
                while let Ok(line) = received.recv() {
                    if result.is_ok() {
                        result = out.write_all(line.as_bytes());
                    }
                }
                result.and_then(|()| out.flush())
            },
        )?;
        Ok(Self { lines, writer, lost: 0 })
    }

    pub(super) fn begin(&mut self, epoch_ms: u64) {
        self.write(&Header { conductor_recording: 1, epoch_ms }, true);
    }

    pub(super) fn event(&mut self, at: Duration, event: &MidiEvent, wait: bool) {
        self.write(&Line { midi: Some(hex(&event.to_bytes())), ..Line::at(at) }, wait);
    }

    /// A mode that was asked for by something else than a mapping.
    pub(super) fn mode(&mut self, at: Duration, mode: &str, wait: bool) {
        self.write(&Line { mode: Some(mode.to_owned()), ..Line::at(at) }, wait);
    }

    /// Another configuration was taken over.
    pub(super) fn reloaded(&mut self, at: Duration, wait: bool) {
        self.write(&Line { reloaded: true, ..Line::at(at) }, wait);
    }

    pub(super) fn deed(&mut self, at: Duration, deed: &Deed<'_>, wait: bool) {
        #[derive(Serialize)]
        struct Done<'a> {
            at_ns: u64,
            r#do: &'a Deed<'a>,
        }
        let at_ns = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        self.write(&Done { at_ns, r#do: deed }, wait);
    }

    pub(super) fn end(&mut self, at: Duration, end: End) {
        self.write(&Line { end: Some(end), ..Line::at(at) }, true);
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    ///
    /// What the disk says, or how many lines it was too slow for.
    pub(super) fn finish(self) -> Result<(), JournalError> {
        let Self { lines, writer, lost } = self;
        drop(lines);
        match writer.join() {
            Ok(Err(source)) => Err(JournalError::Write { source }),
            Ok(Ok(())) if lost > 0 => Err(JournalError::Lost { lines: lost }),
            Ok(Ok(())) => Ok(()),
            Err(_) => {
                Err(JournalError::Write { source: io::Error::other("its thread broke down") })
            }
        }
    }

    fn write(&mut self, line: &impl Serialize, wait: bool) {
        // What is written here is text and numbers, which JSON has.
        let Ok(mut line) = serde_json::to_string(line) else { return };
        line.push('\n');
        match self.lines.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(line)) if wait => drop(self.lines.send(line)),
            Err(_) => self.lost += 1,
        }
    }
}

/// A recording that is not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It cannot be written.
    #[error("the recording cannot be written: {source}")]
    Write {
        /// Why.
        source: io::Error,
    },
    /// The disk was too slow.
    #[error("the recording is not whole: the disk was too slow for {lines} lines of it")]
    Lost {
        /// How many lines are missing.
        lines: u64,
    },
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
