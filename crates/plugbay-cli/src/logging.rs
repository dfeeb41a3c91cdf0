//! Where log lines go and which of them: `RUST_LOG`, or a default by program.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

/// Sets up logging on stderr. `RUST_LOG` decides what is shown; without it, `default`.
pub(crate) fn start(default: &str) {
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(default))
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .finish();
    // A second start, in a test, keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The same, appended to a file.
pub(crate) fn start_in(path: &Path, default: &str) -> std::io::Result<()> {
    let file = std::fs::File::options().create(true).append(true).open(path)?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(default))
        .with_writer(Mutex::new(file))
        .with_ansi(false)
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
