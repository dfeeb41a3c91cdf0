//! What happens in a run, told to whoever listens at the moment.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::broadcast;

use super::Clock;

/// What a listener may be behind. One that is further behind misses the oldest, and is told how many.
const BEHIND: usize = 1_024;

/// What happens in a run, as lines of JSON. Cheap to clone; it costs next to nothing while nobody listens.
#[derive(Clone)]
pub struct Feed {
    lines: broadcast::Sender<Arc<str>>,
    clock: Arc<dyn Clock>,
}

/// One thing that happened.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Told<'a> {
    Event {
        midi: String,
        text: String,
    },
    Action {
        line: usize,
        mode: &'a str,
        trigger: &'a str,
        action: &'a str,
        target: &'a str,
        detail: &'a str,
    },
    Done {
        #[serde(flatten)]
        who: Who<'a>,
        line: usize,
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        waited_us: Option<u64>,
        took_us: u64,
    },
    Output {
        plugin: &'a str,
        stream: &'a str,
        text: &'a str,
    },
    Mode {
        mode: &'a str,
    },
    Notice {
        text: String,
    },
    Reload {
        ok: bool,
        text: &'a str,
    },
}

/// Who does something: a plugin, or what actions reach beside plugins.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Who<'a> {
    Plugin(&'a str),
    Output(&'a str),
    Program(&'a str),
    Desktop(&'a str),
}

#[derive(Serialize)]
struct Line<'a> {
    time_ms: u64,
    #[serde(flatten)]
    told: &'a Told<'a>,
}

impl Feed {
    /// One that nobody listens to yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { lines: broadcast::Sender::new(BEHIND), clock }
    }

    /// Hears everything from now on.
    pub fn listen(&self) -> Listener {
        Listener(self.lines.subscribe())
    }

    /// A line that a plugin printed, on its `stdout` or `stderr`.
    pub fn printed(&self, plugin: &str, stream: &str, text: &str) {
        self.tell(|| Told::Output { plugin, stream, text });
    }

    /// What came of reading the configuration again.
    pub(super) fn reloaded(&self, ok: bool, text: &str) {
        self.tell(|| Told::Reload { ok, text });
    }

    pub(super) fn tell<'a>(&self, told: impl FnOnce() -> Told<'a>) {
        if self.lines.receiver_count() == 0 {
            return;
        }
        let time_ms = self.clock.epoch_ms().saturating_add(super::millis(self.clock.now()));
        // What is written here is text and numbers, which JSON has.
        let Ok(line) = serde_json::to_string(&Line { time_ms, told: &told() }) else { return };
        // Whoever listened may have gone.
        let _: Result<_, _> = self.lines.send(line.into());
    }
}

/// Hears what happens.
pub struct Listener(broadcast::Receiver<Arc<str>>);

impl Listener {
    /// The next line, which is one JSON object; `None` when nothing more comes. It may be dropped while it waits.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        match self.0.recv().await {
            Ok(line) => Some(line),
            Err(broadcast::error::RecvError::Lagged(lost)) => {
                Some(format!(r#"{{"kind":"lost","lines":{lost}}}"#).into())
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
