//! Recordings of runs, played again.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use plugbay::runtime::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{MidiSource, Notice, Parsed, RawParser, SourceError, SourceItem};
use crate::engine::TimedEvent;

/// Longest line that is read, in bytes: a system exclusive message of the most that is kept.
const LONGEST: u64 = 1 << 20;

/// The first line of a recording.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) conductor_recording: u32,
    pub(crate) epoch_ms: u64,
}

/// Any other line, as far as it is played.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) at_ns: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) midi: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<String>,
    /// Whether another configuration was taken over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) reloaded: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<End>,
}

impl Line {
    pub(crate) fn at(at: Duration) -> Self {
        Self { at_ns: u64::try_from(at.as_nanos()).unwrap_or(u64::MAX), ..Self::default() }
    }
}

/// How a recorded run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// Its source did.
    Source,
    /// It was stopped: nothing was let go of or waited for.
    Stopped,
}

/// What a source knows of the run that it repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repeats {
    /// When that began, in milliseconds since the Unix epoch.
    pub epoch_ms: u64,
    /// When it ended, and whether it was stopped, once that is known.
    pub(crate) end: Option<(Duration, End)>,
}

/// A recording of a run as a source: the same events at the same times, without waiting. What that run did is
/// not read.
pub struct RecordingSource {
    path: PathBuf,
    lines: Box<dyn BufRead + Send>,
    number: usize,
    epoch_ms: u64,
    end: Option<(Duration, End)>,
}

impl RecordingSource {
    /// Opens a recording.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or does not begin as a recording does.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let file = std::fs::File::open(path)
            .map_err(|source| SourceError::Open { path: path.to_owned(), source })?;
        Self::new(path.to_owned(), BufReader::new(file))
    }

    fn new(path: PathBuf, lines: impl BufRead + Send + 'static) -> Result<Self, SourceError> {
        let lines: Box<dyn BufRead + Send> = Box::new(lines);
        let mut source = Self { path, lines, number: 0, epoch_ms: 0, end: None };
        let first = source.line()?.unwrap_or_default();
        let wanted = "wanted {\"conductor_recording\":1,\"epoch_ms\":...}";
        let header: Header = serde_json::from_str(&first)
            .map_err(|error| source.wrong(format!("{error}; {wanted}")))?;
        if header.conductor_recording != 1 {
            let found = header.conductor_recording;
            return Err(source.wrong(format!("found a recording of form {found}; {wanted}")));
        }
        source.epoch_ms = header.epoch_ms;
        Ok(source)
    }

    fn line(&mut self) -> Result<Option<String>, SourceError> {
        self.number += 1;
        let mut text = String::new();
        let read = (&mut self.lines).take(LONGEST).read_line(&mut text);
        let path = || self.path.clone();
        read.map_err(|source| SourceError::Read { path: path(), source })?;
        if text.len() as u64 == LONGEST {
            return Err(self.wrong(format!("it is longer than {LONGEST} bytes")));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn wrong(&self, problem: String) -> SourceError {
        SourceError::Recording { path: self.path.clone(), line: self.number, problem }
    }

    fn read(&mut self) -> Result<Option<SourceItem>, SourceError> {
        while let Some(text) = self.line()? {
            let line: Line =
                serde_json::from_str(&text).map_err(|error| self.wrong(error.to_string()))?;
            let at = Duration::from_nanos(line.at_ns);
            if let Some(end) = line.end {
                self.end = Some((at, end));
                return Ok(None);
            }
            if let Some(mode) = line.mode {
                return Ok(Some(SourceItem::Mode { at, mode }));
            }
            if line.reloaded {
                return Ok(Some(SourceItem::Notice(Notice::Reloaded)));
            }
            if let Some(midi) = line.midi {
                return self.event(at, &midi).map(Some);
            }
        }
        // Whoever recorded it had no time to say how it ended.
        Ok(None)
    }

    fn event(&self, at: Duration, midi: &str) -> Result<SourceItem, SourceError> {
        let mut found = Vec::new();
        let mut parser = RawParser::new();
        let bytes = bytes(midi).unwrap_or_default();
        parser.feed(&bytes, &mut found);
        parser.finish(&mut found);
        match <[Parsed; 1]>::try_from(found) {
            Ok([Parsed::Event(event)]) => Ok(SourceItem::Event(TimedEvent { at, event })),
            _ => Err(self.wrong("`midi`: wanted one message in hexadecimal digits".to_owned())),
        }
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hex.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect(),
    )
}

impl MidiSource for RecordingSource {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
        Box::pin(async { self.read() })
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn is_live(&self) -> bool {
        false
    }

    fn repeats(&self) -> Option<Repeats> {
        Some(Repeats { epoch_ms: self.epoch_ms, end: self.end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &'static str) -> Result<RecordingSource, SourceError> {
        RecordingSource::new("r.jsonl".into(), text.as_bytes())
    }

    fn read(text: &'static str) -> Result<Vec<SourceItem>, String> {
        let mut source = open(text).map_err(|error| error.to_string())?;
        let mut items = Vec::new();
        loop {
            match source.read() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => return Ok(items),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    #[test]
    fn what_was_done_is_not_read() {
        let items = read(
            "{\"conductor_recording\":1,\"epoch_ms\":5}\n{\"at_ns\":7,\"midi\":\"903c64\"}\n\
             {\"at_ns\":7,\"do\":{\"line\":1}}\n{\"at_ns\":8,\"mode\":\"B\"}\n{\"at_ns\":9,\"midi\":\"f07d01f7\"}",
        );
        let items: Vec<_> = items.unwrap().iter().map(|item| format!("{item:?}")).collect();
        assert_eq!(items.len(), 3);
        assert!(items[0].contains("7ns") && items[0].contains("note: 60"), "{}", items[0]);
        assert!(items[1].contains("Mode") && items[2].contains("SysEx"), "{items:?}");
    }

    #[test]
    fn errors_name_the_line() {
        for (text, wanted) in [
            ("", "r.jsonl, line 1: EOF"),
            ("{}", "r.jsonl, line 1: missing field `conductor_recording`"),
            ("{\"conductor_recording\":2,\"epoch_ms\":5}", "line 1: found a recording of form 2"),
            ("\u{0}", "line 1: expected value"),
            (
                "{\"conductor_recording\":1,\"epoch_ms\":5}\n{\"at_ns\":1,\"midi\":\"90\"}",
                "line 2: `midi`: wanted one message",
            ),
            (
                "{\"conductor_recording\":1,\"epoch_ms\":5}\n{\"midi\":\"80\"}",
                "line 2: missing field `at_ns`",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
