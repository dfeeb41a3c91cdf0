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

/// One instance's stdout and stderr on their way to a [`PluginOutput`].
pub(crate) struct OutputPipe {
    plugin: Arc<str>,
    target: Arc<dyn PluginOutput>,
    clock: Arc<dyn Clock>,
    bytes_per_second: u64,
    state: Mutex<State>,
}

struct State {
    partial: [Vec<u8>; 2],
    tail: VecDeque<String>,
    /// Bytes that may still be printed in the second that began at `since`.
    allowance: u64,
    since: Duration,
    dropped: u64,
}

impl OutputPipe {
    pub(crate) fn new(
        plugin: Arc<str>,
        target: Arc<dyn PluginOutput>,
        clock: Arc<dyn Clock>,
        bytes_per_second: u64,
    ) -> Self {
        let since = clock.now();
        let state = State {
            partial: [Vec::new(), Vec::new()],
            tail: VecDeque::new(),
            allowance: bytes_per_second,
            since,
            dropped: 0,
        };
        Self { plugin, target, clock, bytes_per_second, state: Mutex::new(state) }
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

        let now = self.clock.now();
        if now.saturating_sub(state.since) >= Duration::from_secs(1) {
            state.since = now;
            state.allowance = self.bytes_per_second;
            let dropped = std::mem::take(&mut state.dropped);
            if dropped > 0 {
                let note = format!(
                    "({dropped} bytes of output were dropped: over the limit of {} per second)",
                    self.bytes_per_second
                );
                self.target.line(&self.plugin, Stream::Stderr, &note);
            }
        }
        let cost = line.len() as u64 + 1;
        match state.allowance.checked_sub(cost) {
            Some(rest) => {
                state.allowance = rest;
                self.target.line(&self.plugin, stream, &text);
            }
            None => {
                // Nothing shorter may slip in behind a dropped line: order would lie.
                state.allowance = 0;
                state.dropped += cost;
            }
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
        let pipe = OutputPipe::new("p".into(), target.clone(), clock.clone(), bytes_per_second);
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
