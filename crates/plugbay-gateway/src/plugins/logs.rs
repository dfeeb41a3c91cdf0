//! What plugins print, kept for whoever wants to read it: the last lines of each.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use plugbay::runtime::Stream;
use plugbay::{Discard, PluginOutput};
use serde::Serialize;
use tokio::sync::broadcast;

use super::lock;

/// Lines that are kept of each plugin.
const LINES: usize = 1_000;
/// Lines that a follower may be behind before it misses some.
const BEHIND: usize = 256;

/// A line that a plugin printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogLine {
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// `stdout` or `stderr`.
    pub stream: &'static str,
    /// The line.
    pub line: String,
}

/// The last 1,000 lines of each plugin, passed on to somebody else, too.
///
/// Give it to the host as its output, and to the gateway in its [`GatewayOptions`](crate::GatewayOptions).
pub struct PluginLogs {
    next: Arc<dyn PluginOutput>,
    rings: Mutex<HashMap<String, Ring>>,
}

struct Ring {
    lines: VecDeque<LogLine>,
    followers: broadcast::Sender<LogLine>,
}

impl Default for Ring {
    fn default() -> Self {
        Self { lines: VecDeque::new(), followers: broadcast::Sender::new(BEHIND) }
    }
}

impl PluginLogs {
    /// Lines that go on to `next`.
    pub fn before(next: Arc<dyn PluginOutput>) -> Self {
        Self { next, rings: Mutex::default() }
    }

    /// The last lines of a plugin.
    pub(crate) fn lines(&self, plugin: &str) -> Vec<LogLine> {
        let rings = lock(&self.rings);
        rings.get(plugin).map(|ring| ring.lines.iter().cloned().collect()).unwrap_or_default()
    }

    /// The same, and all that come after them.
    pub(crate) fn follow(&self, plugin: &str) -> (Vec<LogLine>, broadcast::Receiver<LogLine>) {
        let mut rings = lock(&self.rings);
        let ring = rings.entry(plugin.to_owned()).or_default();
        (ring.lines.iter().cloned().collect(), ring.followers.subscribe())
    }
}

impl Default for PluginLogs {
    fn default() -> Self {
        Self::before(Arc::new(Discard))
    }
}

impl PluginOutput for PluginLogs {
    fn line(&self, plugin: &str, stream: Stream, line: &str) {
        self.next.line(plugin, stream, line);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = LogLine {
            time_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            stream: match stream {
                Stream::Stdout => "stdout",
                Stream::Stderr => "stderr",
            },
            line: line.into(),
        };
        let mut rings = lock(&self.rings);
        // Names of plugins are few, and the same for all versions of one.
        if !rings.contains_key(plugin) {
            rings.insert(plugin.to_owned(), Ring::default());
        }
        let Some(ring) = rings.get_mut(plugin) else { return };
        if ring.lines.len() == LINES {
            ring.lines.pop_front();
        }
        ring.lines.push_back(line.clone());
        // Nobody may follow it.
        let _: Result<usize, _> = ring.followers.send(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thousand_lines_of_each_are_kept() {
        let logs = PluginLogs::default();
        assert!(logs.lines("a").is_empty());
        for number in 0..1_002 {
            logs.line("a", Stream::Stdout, &number.to_string());
        }
        logs.line("b", Stream::Stderr, "b's");
        let lines = logs.lines("a");
        assert_eq!((lines.len(), &*lines[0].line, &*lines[999].line), (1_000, "2", "1001"));
        let (before, mut after) = logs.follow("b");
        assert_eq!((before.len(), before[0].stream), (1, "stderr"));
        logs.line("b", Stream::Stdout, "more");
        logs.line("a", Stream::Stdout, "not b's");
        assert_eq!(&*after.try_recv().unwrap().line, "more");
        assert!(after.try_recv().is_err());
    }
}
