//! Lines on stdout and stderr, and what becomes of a program whose lines nobody reads.
//!
//! What a command does is done whether or not it can be shown: a run whose reader has gone (`plugbay test | head -1`)
//! ends with its own code and writes its reports. Only what has no end of its own ends with its reader.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::ERROR;

/// `println!`, but for a stdout that cannot be written: see [`write_line`].
macro_rules! outln {
    ($($part:tt)*) => { $crate::ui::write_line(format_args!($($part)*)) };
}
pub(crate) use outln;

/// `eprintln!`, but for a stderr that cannot be written: there is nobody left to tell, and the program goes on.
macro_rules! errln {
    ($($part:tt)*) => { $crate::ui::write_error(format_args!("{}\n", format_args!($($part)*))) };
}
pub(crate) use errln;

/// [`errln`] without the end of the line.
macro_rules! err {
    ($($part:tt)*) => { $crate::ui::write_error(format_args!($($part)*)) };
}
pub(crate) use err;

/// Whether stdout takes lines: it does, nobody reads it any more, or it cannot be written.
static STDOUT: AtomicU8 = AtomicU8::new(TAKES);
const TAKES: u8 = 0;
const UNREAD: u8 = 1;
const BROKEN: u8 = 2;

/// Whether the program is of no use without a reader.
static ENDS: AtomicBool = AtomicBool::new(false);

/// From now on the program ends when nobody reads its stdout any more: it would go on for ever.
pub(crate) fn ends_with_its_reader() {
    ENDS.store(true, Ordering::Relaxed);
}

/// Whether something was to be written to stdout that could not be, other than for want of a reader.
pub(crate) fn stdout_is_broken() -> bool {
    STDOUT.load(Ordering::Relaxed) == BROKEN
}

/// Writes a line to stdout, with styles where that is a terminal. Once that fails, nothing more is written there.
pub(crate) fn write_line(line: Arguments<'_>) {
    written(|| {
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{line}").and_then(|()| stdout.flush())
    });
}

/// Writes a line to stdout, byte by byte: [`write_line`] leaves out what a terminal would act on.
pub(crate) fn write_data(line: &str) {
    written(|| {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{line}").and_then(|()| stdout.flush())
    });
}

fn written(write: impl FnOnce() -> std::io::Result<()>) {
    if STDOUT.load(Ordering::Relaxed) != TAKES {
        return;
    }
    let Err(error) = write() else { return };
    let is_unread = error.kind() == ErrorKind::BrokenPipe;
    STDOUT.store(if is_unread { UNREAD } else { BROKEN }, Ordering::Relaxed);
    if !is_unread {
        errln!("{ERROR}error{ERROR:#}: cannot write to stdout: {error}");
    }
    if ENDS.load(Ordering::Relaxed) {
        std::process::exit(if is_unread { 0 } else { 2 });
    }
}

/// Writes to stderr, if that can be done.
pub(crate) fn write_error(text: Arguments<'_>) {
    let mut stderr = anstream::stderr().lock();
    let _: std::io::Result<()> = stderr.write_fmt(text).and_then(|()| stderr.flush());
}
