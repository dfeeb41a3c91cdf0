//! `plugbay cache`: where compiled code is kept, how much there is, and away with it.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use plugbay::CodeCache;
use serde::Serialize;

use crate::exit::Outcome;
use crate::options::CacheDirectory;
use crate::ui::{self, DIM, outln};

/// Show or clear the compiled code that is kept on disk.
///
/// The engine wasmtime keeps what it compiled, so that the next start loads it in a fraction of the time. An
/// entry is found by the module's content and the engine's settings; one that was changed by anybody
/// else is compiled again. Beyond 512 MiB the longest unused entry goes.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay cache list\n  plugbay cache list --json | jq .bytes\n  plugbay cache clear"
)]
pub(crate) struct Cache {
    #[command(subcommand)]
    command: CacheCommand,
}

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// Print the directory
    #[command(after_help = "Example:\n  du -h \"$(plugbay cache path)\"")]
    Path(CacheDirectory),
    /// List the entries, the longest unused first
    #[command(
        after_help = "Example:\n  plugbay cache list\n  plugbay cache list --json | jq .bytes"
    )]
    List {
        /// Print one JSON document instead of text
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        directory: CacheDirectory,
    },
    /// Remove all entries
    #[command(after_help = "Example:\n  plugbay cache clear")]
    Clear(CacheDirectory),
}

#[derive(Serialize)]
struct Report {
    directory: PathBuf,
    limit_bytes: u64,
    bytes: u64,
    entries: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    file: String,
    bytes: u64,
    /// Seconds since 1970.
    last_used: u64,
}

impl Cache {
    pub(crate) fn run(self) -> Result<Outcome> {
        match self.command {
            CacheCommand::Path(directory) => outln!("{}", path(&directory)?.display()),
            CacheCommand::List { json, directory } => {
                let report = Report::new(path(&directory)?)?;
                if json {
                    outln!("{}", serde_json::to_string_pretty(&report)?);
                } else {
                    print(&report);
                }
            }
            CacheCommand::Clear(directory) => {
                let removed = match existing(path(&directory)?)? {
                    Some(cache) => cache.clear()?,
                    None => 0,
                };
                outln!("entries removed: {removed}");
            }
        }
        Ok(Outcome::Success)
    }
}

fn path(directory: &CacheDirectory) -> Result<PathBuf> {
    directory.path().context("this user has no cache directory; --cache-dir names one")
}

/// The cache, where there is one: looking at it does not make it.
fn existing(directory: PathBuf) -> Result<Option<CodeCache>> {
    Ok(if directory.exists() { Some(CodeCache::open(directory)?) } else { None })
}

impl Report {
    fn new(directory: PathBuf) -> Result<Self> {
        let (mut entries, mut limit_bytes) = (Vec::new(), plugbay::DEFAULT_CACHE_BYTES);
        if let Some(cache) = existing(directory.clone())? {
            limit_bytes = cache.limit();
            for entry in cache.entries()? {
                let file = entry.path.file_name().unwrap_or_default();
                entries.push(Entry {
                    file: file.to_string_lossy().into_owned(),
                    bytes: entry.bytes,
                    last_used: seconds(entry.last_used),
                });
            }
        }
        let bytes = entries.iter().map(|entry| entry.bytes).sum();
        Ok(Self { directory, limit_bytes, bytes, entries })
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn print(report: &Report) {
    let now = seconds(SystemTime::now());
    for Entry { file, bytes, last_used } in &report.entries {
        let days = now.saturating_sub(*last_used) / (24 * 60 * 60);
        outln!("{file}  {:>9}  {DIM}{}{DIM:#}", ui::bytes(*bytes), age(days));
    }
    outln!(
        "{DIM}{} entries, {} of {} in {}{DIM:#}",
        report.entries.len(),
        ui::bytes(report.bytes),
        ui::bytes(report.limit_bytes),
        ui::printable(&report.directory.to_string_lossy())
    );
}

fn age(days: u64) -> String {
    match days {
        0 => "used within a day".to_owned(),
        1 => "used a day ago".to_owned(),
        _ => format!("used {days} days ago"),
    }
}
