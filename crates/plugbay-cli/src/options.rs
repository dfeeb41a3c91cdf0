//! Options that several commands share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use plugbay::policy::{Fuel, Limits};
use plugbay::runtime::Backend;
use plugbay::signing::TrustDirectory;
use plugbay::{
    CodeCache, Host, HostBuilder, LoadError, LoadErrorKind, Plugin, PluginOptions, PluginOutput,
};
use serde_json::value::RawValue;

use crate::harden::Places;
use crate::logging;
use crate::policy::variable;

/// `--backend`, `--cache-dir`, `--no-cache`.
#[derive(Debug, Args)]
pub(crate) struct BackendOptions {
    /// The engine that runs plugins: wasmtime (compiles), wasmi (interprets), tiered (interprets
    /// until it has compiled) or shadow (compiles, interprets too, and compares)
    #[arg(long, value_name = "NAME", default_value = "wasmtime",
          value_parser = ["wasmtime", "wasmi", "tiered", "shadow"])]
    pub(crate) backend: String,
    #[command(flatten)]
    directory: CacheDirectory,
    /// Compile every module anew, and write nothing to disk
    #[arg(long, conflicts_with = "cache_dir")]
    no_cache: bool,
}

impl BackendOptions {
    /// A host on that engine, which hands on what plugins print.
    pub(crate) fn host(&self, output: Arc<dyn PluginOutput>) -> Result<Host> {
        // An interpreter keeps nothing, and wants no place for it.
        self.host_with(output, self.backend != "wasmi", |host| host)
    }

    /// The same, with something more.
    pub(crate) fn host_and(
        &self,
        output: Arc<dyn PluginOutput>,
        more: impl FnOnce(HostBuilder) -> HostBuilder,
    ) -> Result<Host> {
        self.host_with(output, self.backend != "wasmi", more)
    }

    /// The same, for plugins that may name engines of their own.
    pub(crate) fn host_of_many(
        &self,
        output: Arc<dyn PluginOutput>,
        more: impl FnOnce(HostBuilder) -> HostBuilder,
    ) -> Result<Host> {
        self.host_with(output, true, more)
    }

    fn host_with(
        &self,
        output: Arc<dyn PluginOutput>,
        compiles: bool,
        more: impl FnOnce(HostBuilder) -> HostBuilder,
    ) -> Result<Host> {
        // Where the command logs nothing itself, what is wrong with the cache, the grants and the audit log is said
        // all the same, and so is what nobody hears.
        logging::start(
            "off,plugbay_cli=warn,plugbay_wasmtime=warn,plugbay::grants=error,plugbay::audit=error,plugbay::audio=info",
        );
        let mut builder = Host::builder();
        if let Some(trust) = trust_directory() {
            builder = builder.trust(trust);
        }
        let backend = match compiles.then(|| self.cache()).flatten() {
            Some(cache) => {
                builder = builder.cache(cache.clone());
                plugbay::cached_backend(&self.backend, cache)
            }
            None => plugbay::backend(&self.backend),
        };
        Ok(more(builder.backend(backend?).output(output)).build()?)
    }

    /// What such a host reads and writes for itself.
    pub(crate) fn places(&self) -> Places {
        self.places_with(self.backend != "wasmi")
    }

    /// The same, for plugins that may name engines of their own.
    pub(crate) fn places_of_many(&self) -> Places {
        self.places_with(true)
    }

    fn places_with(&self, compiles: bool) -> Places {
        let mut places = Places::default();
        if let Some(trust) = trust_directory() {
            places.keeps_file(trust.keys_path());
        }
        let compiles = compiles && !self.no_cache;
        if let Some(cache) = compiles.then(|| self.directory.path()).flatten() {
            places.keeps(&cache);
        }
        places
    }

    /// Where modules from URLs are kept: beside compiled code.
    pub(crate) fn modules(&self) -> Option<PathBuf> {
        let cache = (!self.no_cache).then(|| self.directory.path()).flatten()?;
        Some(cache.join("modules"))
    }

    fn cache(&self) -> Option<CodeCache> {
        if self.no_cache { None } else { opened(&self.directory) }
    }
}

/// `--cache-dir`, `--no-cache`, for commands that choose engines themselves.
#[derive(Debug, Args)]
pub(crate) struct CacheOptions {
    #[command(flatten)]
    directory: CacheDirectory,
    /// Compile every module anew, and write nothing to disk
    #[arg(long, conflicts_with = "cache_dir")]
    no_cache: bool,
}

impl CacheOptions {
    /// What its engines read and write for themselves.
    pub(crate) fn places(&self) -> Places {
        let mut places = Places::default();
        if let Some(cache) = (!self.no_cache).then(|| self.directory.path()).flatten() {
            places.keeps(&cache);
        }
        places
    }

    /// An engine, by its name.
    pub(crate) fn engine(&self, name: &str) -> Result<Arc<dyn Backend>> {
        logging::start("off,plugbay_cli=warn,plugbay_wasmtime=warn");
        // An interpreter keeps nothing.
        let cached = !self.no_cache && name != "wasmi";
        Ok(match cached.then(|| opened(&self.directory)).flatten() {
            Some(cache) => plugbay::cached_backend(name, cache)?,
            None => plugbay::backend(name)?,
        })
    }
}

/// Where an engine keeps what it compiles. Without a usable place it compiles all the same.
fn opened(directory: &CacheDirectory) -> Option<CodeCache> {
    let opened = CodeCache::open(directory.path()?);
    opened.inspect_err(|error| tracing::warn!("{error} (--no-cache does without)")).ok()
}

/// `--cache-dir`.
#[derive(Debug, Args)]
pub(crate) struct CacheDirectory {
    /// Where compiled code is kept [default: PLUGBAY_CACHE_DIR, or plugbay in the user's cache directory]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

impl CacheDirectory {
    /// The directory, whether it is there or not; `None` for a user without a home.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        let named = self.cache_dir.clone().or_else(|| Some(variable("PLUGBAY_CACHE_DIR")?.into()));
        named.or_else(|| user_caches().map(|caches| caches.join("plugbay")))
    }
}

/// The directory that a user's programs keep caches in.
fn user_caches() -> Option<PathBuf> {
    if cfg!(windows) {
        return variable("LOCALAPPDATA").map(PathBuf::from);
    }
    // The standard has relative paths ignored.
    let named = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(std::env::home_dir()?.join(".cache")).filter(|path| path.is_absolute()))
}

/// Where a user keeps whom they trust; `None` for a user without a home.
pub(crate) fn trust_directory() -> Option<TrustDirectory> {
    let configuration = if cfg!(windows) {
        variable("APPDATA").map(PathBuf::from)
    } else {
        let named = variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let named = named.filter(|path| path.is_absolute());
        named.or_else(|| {
            Some(std::env::home_dir()?.join(".config")).filter(|path| path.is_absolute())
        })
    };
    configuration.map(|directory| TrustDirectory::new(directory.join("conductor")))
}

/// `--fuel`, `--memory-bytes`, `--timeout-ms`.
#[derive(Debug, Args)]
pub(crate) struct LimitOptions {
    /// Fuel per call, about one unit an instruction [default: 100000000]. With `unmetered` nothing interrupts a call
    /// that only computes, --timeout-ms neither: an endless loop runs until the program is killed
    #[arg(long, value_name = "UNITS", value_parser = fuel)]
    fuel: Option<Fuel>,
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

fn fuel(text: &str) -> Result<Fuel, String> {
    match text {
        "unmetered" => Ok(Fuel::Unmetered),
        _ => text.parse().map(Fuel::Units).map_err(|error: std::num::ParseIntError| {
            format!("{error}; wanted a number of units or `unmetered`")
        }),
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
    let text = text.strip_prefix(MARK).unwrap_or(text);
    serde_json::from_str(text).with_context(|| format!("{place} is not JSON"))
}

/// What some editors put before a text, to say that it is UTF-8: it is no part of it.
const MARK: char = '\u{feff}';

/// A text without that.
pub(crate) fn without_mark(text: String) -> String {
    match text.strip_prefix(MARK) {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let bytes = read_bytes(path)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => bail!("{} is not UTF-8: {}", path.display(), error.utf8_error()),
    }
}

/// Reads a file, or standard input for `-`: never more than a module may have.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read as _;
    let limit = Limits::default().module_bytes;
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    if bytes.len() as u64 > limit {
        bail!("{} has more than {limit} bytes, which is the most that is read", path.display());
    }
    Ok(bytes)
}

/// Refuses standard input for more than one of these.
pub(crate) fn read_once<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    if paths.into_iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        bail!("`-` is given twice: standard input can be read for one of them only");
    }
    Ok(())
}

/// Loads a plugin from a file, or from standard input for `-`.
///
/// The outer error is the caller's mistake, such as a file that is not there; the inner one the plugin's.
pub(crate) async fn load(
    host: &Host,
    path: &Path,
    options: PluginOptions,
) -> Result<std::result::Result<Plugin, LoadError>> {
    if path.as_os_str() == "-" {
        return Ok(host.load_unsigned("stdin", &read_bytes(path)?, options).await);
    }
    match host.load_file(path, options).await {
        Err(error) if matches!(error.kind, LoadErrorKind::Read { .. }) => Err(error.into()),
        loaded => Ok(loaded),
    }
}
