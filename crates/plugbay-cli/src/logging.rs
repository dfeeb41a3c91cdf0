//! Where log lines go and which of them: `RUST_LOG`, or a default by program.
//!
//! A line holds what clients, plugins and files say. Whatever of it could move a cursor or begin
//! a line of its own is replaced before it is written, for every line in one place.

use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

/// The target of what programs print that conductor runs.
pub(crate) const PROGRAM: &str = "conductor::program";

/// Sets up logging on stderr. `RUST_LOG` decides what is shown; without it, `default`.
pub(crate) fn start(default: &str) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(default))
        // They would be told on stderr, or the program would end by it.
        .log_internal_errors(false)
        .with_writer(|| Printable(std::io::stderr()))
        // Colours are control characters, which no line may have.
        .with_ansi(false)
        // It would say on stderr that stderr cannot be written, and panic at that.
        .log_internal_errors(false)
        .finish();
    // A second start, in a test, keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for what collects logs.
    Json,
}

/// The same in a format.
pub(crate) fn start_as(format: LogFormat, default: &str) {
    match format {
        LogFormat::Text => start(default),
        LogFormat::Json => {
            let subscriber = tracing_subscriber::fmt()
                .json()
                .with_current_span(false)
                .with_env_filter(filter(default))
                // They would be told on stderr, or the program would end by it.
                .log_internal_errors(false)
                .with_writer(|| Printable(std::io::stderr()))
                .log_internal_errors(false)
                .finish();
            let _ = tracing::subscriber::set_global_default(subscriber);
        }
    }
}

/// The same, appended to a file.
pub(crate) fn start_in(path: &Path, default: &str) -> std::io::Result<()> {
    let file = std::fs::File::options().create(true).append(true).open(path)?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(default))
        // They would be told on stderr, or the program would end by it.
        .log_internal_errors(false)
        .with_writer(Mutex::new(Printable(file)))
        .with_ansi(false)
        // It would say on stderr that stderr cannot be written, and panic at that.
        .log_internal_errors(false)
        .finish();
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

fn filter(default: &str) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default))
}

/// Whether `DEBUG` asks for the engine's decisions.
pub(crate) fn debug() -> bool {
    std::env::var_os("DEBUG").is_some_and(|value| !value.is_empty() && value != "0")
}

/// A writer of log lines, each of which comes in one piece with its own newline at the end.
struct Printable<W>(W);

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let (text, end) = match line.strip_suffix(b"\n") {
            Some(text) => (text, "\n"),
            None => (line, ""),
        };
        let text = crate::ui::printable(&String::from_utf8_lossy(text));
        self.0.write_all(text.as_bytes())?;
        self.0.write_all(end.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_forge_another() {
        let mut written = Printable(Vec::new());
        written.write_all(b"WARN model=x\x1b[2J\r\nERROR forged\n").unwrap();
        let text = String::from_utf8(written.0).unwrap();
        assert_eq!(text, "WARN model=x\u{fffd}[2J\u{fffd}\u{fffd}ERROR forged\n");
    }
}
