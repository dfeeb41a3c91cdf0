//! What plugins print, as lines with a name in front and a bound on how many.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plugbay_runtime::{Clock, OutputSink, Stream};

/// Where the lines that plugins print go.
pub trait PluginOutput: Send + Sync {
    /// Takes one line without its end. It must not block.
    fn line(&self, plugin: &str, stream: Stream, line: &str);
}

/// Takes every line and does nothing with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl PluginOutput for Discard {
    fn line(&self, _plugin: &str, _stream: Stream, _line: &str) {}
}

/// A line longer than this is passed on in pieces.
const LONGEST_LINE: usize = 8 << 10;
/// How much of what a plugin printed is kept to explain a failure.
const TAIL_LINES: usize = 8;
const TAIL_LINE_CHARS: usize = 400;

/// What one plugin may print, over all its instances: a failing one is replaced, and the new one must
/// not begin with a full purse.
pub(crate) struct Allowance {
    clock: Arc<dyn Clock>,
    bytes_per_second: u64,
    purse: Mutex<Purse>,
}

struct Purse {
    /// Bytes that may still be printed in the second that began at `since`.
    left: u64,
    since: Duration,
    dropped: u64,
}

impl Allowance {
    pub(crate) fn new(clock: Arc<dyn Clock>, bytes_per_second: u64) -> Self {
        let purse = Purse { left: bytes_per_second, since: clock.now(), dropped: 0 };
        Self { clock, bytes_per_second, purse: Mutex::new(purse) }
    }

    /// Whether a line of `cost` bytes may be printed, and how many were dropped before it, if that is
    /// to be said now.
    pub(crate) fn spend(&self, cost: u64) -> (bool, Option<u64>) {
        let mut purse = self.purse.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let mut told = None;
        if now.saturating_sub(purse.since) >= Duration::from_secs(1) {
            purse.since = now;
            purse.left = self.bytes_per_second;
            told = Some(std::mem::take(&mut purse.dropped)).filter(|dropped| *dropped > 0);
        }
        match purse.left.checked_sub(cost) {
            Some(rest) => {
                purse.left = rest;
                (true, told)
            }
            None => {
                // Nothing shorter may slip in behind a dropped line: order would lie.
                purse.left = 0;
                purse.dropped += cost;
                (false, told)
            }
        }
    }
}

/// One instance's stdout and stderr on their way to a [`PluginOutput`].
pub(crate) struct OutputPipe {
    plugin: Arc<str>,
    target: Arc<dyn PluginOutput>,
    allowance: Arc<Allowance>,
    state: Mutex<State>,
}

struct State {
    partial: [Vec<u8>; 2],
    tail: VecDeque<String>,
}

impl OutputPipe {
    pub(crate) fn new(
        plugin: Arc<str>,
        target: Arc<dyn PluginOutput>,
        allowance: Arc<Allowance>,
    ) -> Self {
        let state = State { partial: [Vec::new(), Vec::new()], tail: VecDeque::new() };
        Self { plugin, target, allowance, state: Mutex::new(state) }
    }

    /// Ends a call: passes on lines that have no end and takes the last lines, for an error message.
    pub(crate) fn finish_call(&self) -> Vec<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(partial(&mut state.partial, stream));
            if !rest.is_empty() {
                self.emit(&mut state, stream, &rest);
            }
        }
        state.tail.drain(..).collect()
    }

    fn emit(&self, state: &mut State, stream: Stream, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = String::from_utf8_lossy(line);
        if state.tail.len() == TAIL_LINES {
            state.tail.pop_front();
        }
        // It ends up in error messages: it must not move a cursor or forge a line there.
        let shown =
            text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
        state.tail.push_back(shown.take(TAIL_LINE_CHARS).collect());

        let (may, dropped) = self.allowance.spend(line.len() as u64 + 1);
        if let Some(dropped) = dropped {
            let note = format!(
                "({dropped} bytes of output were dropped: over the limit of {} per second)",
                self.allowance.bytes_per_second
            );
            self.target.line(&self.plugin, Stream::Stderr, &note);
        }
        if may {
            self.target.line(&self.plugin, stream, &text);
        }
    }
}

fn partial(partials: &mut [Vec<u8>; 2], stream: Stream) -> &mut Vec<u8> {
    let [stdout, stderr] = partials;
    match stream {
        Stream::Stdout => stdout,
        Stream::Stderr => stderr,
    }
}

impl OutputSink for OutputPipe {
    fn write(&self, stream: Stream, bytes: &[u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ended = piece.last() == Some(&b'\n');
            for part in piece.chunks(LONGEST_LINE) {
                let line = partial(&mut state.partial, stream);
                line.extend_from_slice(part.strip_suffix(b"\n").unwrap_or(part));
                if line.len() >= LONGEST_LINE {
                    let line = std::mem::take(line);
                    self.emit(&mut state, stream, &line);
                }
            }
            if ended {
                let line = std::mem::take(partial(&mut state.partial, stream));
                self.emit(&mut state, stream, &line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use plugbay_runtime::ManualClock;

    use super::*;

    #[derive(Default)]
    struct Recorded(Mutex<Vec<String>>);

    impl PluginOutput for Recorded {
        fn line(&self, plugin: &str, stream: Stream, line: &str) {
            self.0.lock().unwrap().push(format!("{plugin} {stream:?} {line}"));
        }
    }

    fn pipe(bytes_per_second: u64) -> (OutputPipe, Arc<Recorded>, Arc<ManualClock>) {
        let (target, clock) = (Arc::new(Recorded::default()), Arc::new(ManualClock::new()));
        let allowance = Arc::new(Allowance::new(clock.clone(), bytes_per_second));
        let pipe = OutputPipe::new("p".into(), target.clone(), allowance);
        (pipe, target, clock)
    }

    #[test]
    fn pieces_become_lines() {
        let (pipe, target, _) = pipe(1000);
        for piece in ["one\ntw", "o\r\n", "thr", "ee"] {
            pipe.write(Stream::Stderr, piece.as_bytes());
        }
        pipe.write(Stream::Stdout, b"out\n");
        assert_eq!(pipe.finish_call(), ["one", "two", "out", "three"]);
        assert_eq!(
            *target.0.lock().unwrap(),
            ["p Stderr one", "p Stderr two", "p Stdout out", "p Stderr three"]
        );
    }

    #[test]
    fn a_flood_is_dropped_counted_and_over_after_a_second() {
        let (pipe, target, clock) = pipe(10);
        pipe.write(Stream::Stderr, b"12345\n12345\n1\n");
        clock.advance(Duration::from_secs(1));
        pipe.write(Stream::Stderr, b"again\n");
        assert_eq!(
            *target.0.lock().unwrap(),
            [
                "p Stderr 12345",
                "p Stderr (8 bytes of output were dropped: over the limit of 10 per second)",
                "p Stderr again"
            ]
        );
    }

    #[test]
    fn a_new_instance_has_no_new_allowance() {
        let (first, target, _) = pipe(10);
        let second = OutputPipe::new("p".into(), target.clone(), first.allowance.clone());
        first.write(Stream::Stderr, b"12345678\n");
        second.write(Stream::Stderr, b"12345678\n");
        assert_eq!(*target.0.lock().unwrap(), ["p Stderr 12345678"]);
    }

    #[test]
    fn what_ends_up_in_an_error_moves_no_cursor() {
        let (pipe, _, _) = pipe(1000);
        pipe.write(Stream::Stderr, b"a\x1b[2J\rb\n");
        assert_eq!(pipe.finish_call(), ["a\u{fffd}[2J\u{fffd}b"]);
    }

    #[test]
    fn a_line_without_end_does_not_grow_without_bound() {
        let (pipe, target, _) = pipe(u64::MAX);
        for _ in 0..100 {
            pipe.write(Stream::Stdout, &[b'x'; 1000]);
        }
        assert!(target.0.lock().unwrap().len() >= 100_000 / (LONGEST_LINE + 1000));
        assert!(pipe.state.lock().unwrap().partial[0].len() < LONGEST_LINE);
    }

    #[test]
    fn the_tail_keeps_the_last_lines_of_one_call() {
        let (pipe, _, _) = pipe(u64::MAX);
        for line in 0..20 {
            pipe.write(Stream::Stderr, format!("{line}\n").as_bytes());
        }
        assert_eq!(pipe.finish_call(), ["12", "13", "14", "15", "16", "17", "18", "19"]);
        assert!(pipe.finish_call().is_empty());
    }
}
