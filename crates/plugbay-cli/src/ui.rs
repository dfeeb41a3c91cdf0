//! What both programs' output has in common: styles, plugins' own lines, sizes.

mod lines;

use anstyle::{AnsiColor, Style};
use plugbay::runtime::Stream;
use plugbay::{GuestBacktrace, HostCallTrace, HostTrace, PluginOutput};

pub(crate) use self::lines::{
    ends_with_its_reader, err, errln, outln, stdout_is_broken, write_data, write_error, write_line,
};
use crate::exit::Outcome;

/// Styles are dropped by `anstream` where stdout or stderr is no terminal, and by `NO_COLOR`.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
pub(crate) const TITLE: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();

/// Lines that plugins print, on stderr, each with its plugin's name.
pub(crate) struct StderrLines;

impl PluginOutput for StderrLines {
    fn line(&self, plugin: &str, _stream: Stream, line: &str) {
        errln!("{DIM}[{plugin}]{DIM:#} {}", printable(line));
    }
}

/// Reports what a plugin did wrong.
pub(crate) fn failure(error: &dyn std::fmt::Display) -> Outcome {
    errln!("{ERROR}error{ERROR:#}: {}", printable(&error.to_string()));
    Outcome::Failure
}

/// Reports what a plugin did wrong, and the functions that it was in.
pub(crate) fn plugin_failure(
    error: &dyn std::fmt::Display,
    backtrace: Option<&GuestBacktrace>,
) -> Outcome {
    let outcome = failure(error);
    frames_of(backtrace);
    outcome
}

/// Shows the functions that a plugin was in, if they are known.
pub(crate) fn frames_of(backtrace: Option<&GuestBacktrace>) {
    let frames = backtrace.map(GuestBacktrace::frames).unwrap_or_default();
    if !frames.is_empty() {
        errln!("{DIM}backtrace, innermost first:{DIM:#}");
    }
    for (place, frame) in frames.iter().enumerate() {
        errln!("{DIM}{place:4}:{DIM:#} {}", printable(&frame.function));
        if let Some(line) = &frame.line {
            errln!("{DIM}        at {DIM:#}{}", printable(&line.to_string()));
        }
    }
}

/// A guest's text without what could move the cursor or forge a line of ours.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c| c == '\t' || plugbay::is_printable(c);
    text.chars().map(|c| if shown(c) { c } else { '\u{fffd}' }).collect()
}

/// A stranger's text in a line of ours, without anything that does not show as itself, and not endless.
pub(crate) fn plain(text: &str) -> String {
    plugbay::plain(text, 400)
}

/// Shows each call of a plugin into its host, on stderr.
pub(crate) struct StderrCalls;

impl HostTrace for StderrCalls {
    fn call(&self, call: &HostCallTrace) {
        errln!("{DIM}host call:{DIM:#} {}", printable(&call.to_string()));
    }
}

/// A size in bytes as people read it.
pub(crate) fn bytes(size: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (unit, factor) in UNITS {
        if size >= factor {
            let tenths = u128::from(size) * 10 / u128::from(factor);
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{size} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        for (size, text) in
            [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (1 << 20, "1.0 MiB")]
        {
            assert_eq!(bytes(size), text);
        }
    }
}
