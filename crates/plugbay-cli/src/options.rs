//! Options that several commands share.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use plugbay::policy::Limits;
use plugbay::{Host, PluginOutput};
use serde_json::value::RawValue;

/// `--backend`.
#[derive(Debug, Args)]
pub(crate) struct BackendOption {
    /// The engine that runs plugins: wasmtime (compiles) or wasmi (interprets)
    #[arg(long, value_name = "NAME", default_value = "wasmtime", value_parser = ["wasmtime", "wasmi"])]
    pub(crate) backend: String,
}

impl BackendOption {
    /// A host on that engine, which hands on what plugins print.
    pub(crate) fn host(&self, output: Arc<dyn PluginOutput>) -> Result<Host> {
        let backend = plugbay::backend(&self.backend)?;
        Ok(Host::builder().backend(backend).output(output).build()?)
    }
}

/// `--fuel`, `--memory-bytes`, `--timeout-ms`.
#[derive(Debug, Args)]
pub(crate) struct LimitOptions {
    /// Fuel per call, about one unit an instruction [default: 100000000]
    #[arg(long, value_name = "UNITS")]
    fuel: Option<u64>,
    /// Linear memory at most, in bytes [default: 134217728]
    #[arg(long, value_name = "BYTES")]
    memory_bytes: Option<u64>,
    /// Wall clock per call, in milliseconds [default: 5000]
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,
}

impl LimitOptions {
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.fuel = self.fuel.unwrap_or(limits.fuel);
        limits.memory_bytes = self.memory_bytes.unwrap_or(limits.memory_bytes);
        limits.timeout_ms = self.timeout_ms.unwrap_or(limits.timeout_ms);
        limits
    }
}

/// The text of a JSON argument: itself, `@FILE`, or `-` for standard input.
pub(crate) fn json_argument(name: &str, value: &str) -> Result<Box<RawValue>> {
    let (text, place) = match value.strip_prefix('@') {
        Some(path) => (read_text(&PathBuf::from(path))?, path.to_owned()),
        None => (value.to_owned(), format!("--{name}")),
    };
    parse_json(&text, &place)
}

/// Checks that a text is one JSON document and keeps it as it is.
pub(crate) fn parse_json(text: &str, place: &str) -> Result<Box<RawValue>> {
    serde_json::from_str(text).with_context(|| format!("{place} is not JSON"))
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read_text(path: &std::path::Path) -> Result<String> {
    let bytes = read_bytes(path)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => bail!("{} is not UTF-8: {}", path.display(), error.utf8_error()),
    }
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read_bytes(path: &std::path::Path) -> Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes)
            .context("cannot read standard input")?;
        return Ok(bytes);
    }
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
