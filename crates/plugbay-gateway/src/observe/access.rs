//! The access log: a line of JSON for each request. Neither queries nor headers are in it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::note::End;

/// Lines that wait for whoever writes them. What comes when so many do is lost: a disk that
/// hangs holds up no request.
const MOST_WAITING: usize = 4_096;

/// Longest that a path or the name of a model is in a line, in bytes: both are as long as clients make them.
const LONGEST_TEXT: usize = 512;

/// Where the access log goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
#[non_exhaustive]
pub enum AccessLogTarget {
    /// Nowhere.
    #[default]
    Off,
    /// To stderr.
    Stderr,
    /// To the end of a file.
    File(PathBuf),
}

impl schemars::JsonSchema for AccessLogTarget {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AccessLogTarget".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "`off`, `stderr`, or a file.",
            "type": "string",
            "examples": ["off", "stderr", "access.jsonl"],
        })
    }
}

impl From<String> for AccessLogTarget {
    fn from(target: String) -> Self {
        match target.as_str() {
            "off" => Self::Off,
            "stderr" => Self::Stderr,
            _ => Self::File(target.into()),
        }
    }
}

impl AccessLogTarget {
    /// Where it is, for messages.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Off => "off".to_owned(),
            Self::Stderr => "stderr".to_owned(),
            Self::File(file) => file.display().to_string(),
        }
    }

    /// The same with a relative path that begins at `base`.
    pub(crate) fn below(self, base: &Path) -> Self {
        match self {
            Self::File(file) => Self::File(base.join(file)),
            other => other,
        }
    }
}

/// An access log, with a thread that writes it.
#[derive(Debug)]
pub(crate) struct AccessLog {
    lines: Option<SyncSender<String>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    lost: AtomicBool,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    id: &'a str,
    method: &'a str,
    path: &'a str,
    /// `null`: the client left before there was an answer.
    status: Option<u16>,
    bytes: u64,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    streamed: Option<bool>,
    /// Requests that left for providers.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    /// Fallbacks that were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallbacks: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens: Option<u64>,
}

impl AccessLog {
    /// Opens it; `None` where it is off.
    pub(crate) fn open(target: &AccessLogTarget) -> io::Result<Option<Self>> {
        let to: Box<dyn Write + Send> = match target {
            AccessLogTarget::Off => return Ok(None),
            AccessLogTarget::Stderr => Box::new(io::stderr()),
            AccessLogTarget::File(file) => {
                Box::new(File::options().create(true).append(true).open(file)?)
            }
        };
        let (lines, waiting) = sync_channel(MOST_WAITING);
        let writer = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all(&waiting, to))?;
        let writer = Mutex::new(Some(writer));
        Ok(Some(Self { lines: Some(lines), writer, lost: AtomicBool::new(false) }))
    }

    pub(super) fn write(&self, end: &End<'_>) {
        let sent = self.lines.as_ref().map(|lines| lines.try_send(line(end)));
        let lost = !matches!(sent, Some(Ok(())));
        if lost && !self.lost.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the access log cannot be written as fast as requests come: lines are lost"
            );
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        // The writer ends when it has written what waits.
        self.lines.take();
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // One that panicked has said so.
        drop(writer.map(JoinHandle::join));
    }
}

fn write_all(lines: &Receiver<String>, mut to: impl Write) {
    let mut failed = false;
    for line in lines {
        if let Err(error) = to.write_all(line.as_bytes())
            && !failed
        {
            failed = true;
            tracing::warn!(%error, "the access log cannot be written");
        }
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST_TEXT)).unwrap_or(text)
}

fn line(end: &End<'_>) -> String {
    let known = end.note.model().clone();
    let asked = !known.provider.is_empty();
    let time = Timestamp::try_from(end.note.began).map(|time| format!("{time:.3}"));
    let line = Line {
        time: time.unwrap_or_default(),
        id: end.id,
        method: end.note.method.as_str(),
        path: cut(&end.note.path),
        status: end.status,
        bytes: end.bytes,
        ms: (end.took.as_secs_f64() * 1e6).round() / 1e3,
        provider: asked.then_some(known.provider.as_str()),
        model: known.model.as_ref().map(|(model, _)| cut(model)),
        streamed: known.model.as_ref().map(|(_, streamed)| *streamed),
        attempts: asked.then_some(known.attempts),
        fallbacks: asked.then(|| known.fallbacks()),
        prompt_tokens: known.usage.prompt,
        completion_tokens: known.usage.completion,
    };
    // Text and numbers can always be written.
    let mut json = serde_json::to_string(&line).unwrap_or_default();
    json.push('\n');
    json
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;

    use super::*;
    use crate::observe::note::Note;

    #[test]
    fn a_line_has_no_query_and_cannot_forge_another() {
        let request = Request::builder().uri("/v1/a%0Ab?key=secret").body(()).unwrap();
        let note = Note::new(&request, None);
        note.model().asked("openai", Some(("x\n{\"forged\": 1}", false)));
        let took = Duration::from_micros(1_500);
        let end = End { note: &note, id: "r-1", status: Some(200), bytes: 7, took };
        let text = line(&end);
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&found["path"], &found["ms"]), (&"/v1/a%0Ab".into(), &1.5.into()));
        assert_eq!((&found["streamed"], &found["fallbacks"]), (&false.into(), &0.into()));
        assert!(found["time"].as_str().unwrap().ends_with('Z'), "{text}");
    }

    #[test]
    fn what_clients_make_long_is_cut() {
        let request =
            Request::builder().uri(format!("/v1/{}", "a".repeat(9_000))).body(()).unwrap();
        let note = Note::new(&request, None);
        // A character of three bytes lies across the end.
        note.model().asked("openai", Some((&"語".repeat(9_000), false)));
        let end = End { note: &note, id: "r-1", status: None, bytes: 0, took: Duration::ZERO };
        let found: serde_json::Value = serde_json::from_str(&line(&end)).unwrap();
        assert_eq!(found["path"].as_str().unwrap().len(), LONGEST_TEXT);
        assert_eq!(found["model"].as_str().unwrap(), "語".repeat(LONGEST_TEXT / 3));
    }
}
