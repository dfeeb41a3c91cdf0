//! Why a plugin could not be loaded or called, in the words that its author searches for.

use std::path::PathBuf;

use plugbay_policy::{Capability, ModuleHash, UnknownCapability};
use plugbay_runtime::abi::action::CapabilitiesError;
use plugbay_runtime::abi::hook::OutputError;
use plugbay_runtime::abi::interface::{Problem, UnknownAbi};
use plugbay_runtime::abi::json::JsonError;
use plugbay_runtime::{CallError, CompileError, InstantiateError};
use plugbay_signing::{Fingerprint, Refusal, TrustError};

use crate::backtrace::GuestBacktrace;
use crate::data::DataError;

/// An engine that is not to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// No engine of that name is in this build.
    #[error("unknown backend `{found}`; this build has {}", list(.known))]
    Unknown {
        /// The name asked for.
        found: String,
        /// The names there are.
        known: &'static [&'static str],
    },
    /// The engine does not work on this machine.
    #[error("backend `{name}` cannot be set up: {message}")]
    Setup {
        /// The engine.
        name: &'static str,
        /// Its own words.
        message: String,
    },
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        return "none: enable the feature `wasmtime` or `wasmi`".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

/// A plugin that could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("plugin `{plugin}`: {kind}")]
pub struct LoadError {
    /// The plugin's name, or its file's.
    pub plugin: String,
    /// What went wrong.
    #[source]
    pub kind: LoadErrorKind,
}

/// What went wrong while loading.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The module is larger than its limit.
    #[error("the module has {found} bytes, more than the limit of {limit} (raise `module_bytes`)")]
    TooLarge {
        /// Bytes found; for a file that was not read to its end, at least these.
        found: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The module is another one than the options name.
    #[error("the module's SHA-256 is {found}, wanted {wanted}")]
    OtherModule {
        /// Of the module that was found.
        found: ModuleHash,
        /// Of the module that was wanted.
        wanted: ModuleHash,
    },
    /// The module's signature, or its lack of one, keeps it out.
    #[error("{}: {refusal}", .path.display())]
    Signature {
        /// The file that is at fault: the signature, or the module that has none. For a module that came as
        /// bytes, its name.
        path: PathBuf,
        /// Why.
        refusal: Box<Refusal>,
    },
    /// It cannot be told whom the user trusts, or taken down what was loaded.
    #[error("the trust store cannot be used: {0}")]
    Trust(#[source] Box<TrustError>),
    /// What it is to run on is not to be had.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The bytes are no module.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It was to be traced or profiled, and cannot be.
    #[error("it cannot be watched: {message}")]
    NotWatched {
        /// Why.
        message: String,
    },
    /// The module has not the exports of a plugin.
    #[error("failed to instantiate WASM module: {}", problems(.0))]
    Interface(Vec<Problem>),
    /// The module cannot be brought to life.
    #[error("failed to instantiate WASM module: {source}{}", said(.output))]
    Instantiate {
        /// Why.
        source: Box<InstantiateError>,
        /// The last lines that the plugin printed.
        output: Vec<String>,
        /// Where it was.
        backtrace: GuestBacktrace,
    },
    /// An export that is called while loading failed.
    #[error("`{export}` failed: {source}{}", said(.output))]
    Call {
        /// The export.
        export: &'static str,
        /// Why.
        source: Box<CallError>,
        /// The last lines that the plugin printed.
        output: Vec<String>,
        /// Where it was.
        backtrace: GuestBacktrace,
    },
    /// `plugbay_abi` returned a generation that there is not.
    #[error(transparent)]
    Abi(#[from] UnknownAbi),
    /// The plugin's directory cannot be used.
    #[error(transparent)]
    Files(#[from] DataError),
    /// The plugin was given files, and what runs it cannot keep it to them.
    #[error(
        "it was given files, which a plugin on `{backend}` cannot have: nothing there keeps it to them"
    )]
    FilesNotConfined {
        /// The backend's name.
        backend: &'static str,
    },
    /// `init` returned something other than 0.
    #[error("`init` returned {status}, wanted 0{}", said(.output))]
    Init {
        /// What it returned.
        status: i32,
        /// The last lines that the plugin printed.
        output: Vec<String>,
    },
    /// An export that is called while loading returned something unusable.
    #[error("`{export}`: {source}")]
    Document {
        /// The export.
        export: &'static str,
        /// What was found.
        source: JsonError,
    },
    /// `capabilities` returned no list of names.
    #[error(transparent)]
    Capabilities(#[from] CapabilitiesError),
    /// `capabilities` or the metadata names something that there is not.
    #[error(transparent)]
    UnknownCapability(#[from] UnknownCapability),
    /// It asks for something that its author does not vouch for.
    #[error("it asks for {asked}, and its signature by the key {key} states {}", names(.stated))]
    NotStated {
        /// What it asks for.
        asked: Capability,
        /// What its signature states, lowest risk first.
        stated: Vec<Capability>,
        /// The key that signed it.
        key: Fingerprint,
    },
    /// It is of another contract than it was signed for.
    #[error(
        "its signature by the key {key} states the abi `{stated}`, and the module's is `{found}`"
    )]
    OtherAbi {
        /// What the signature states.
        stated: String,
        /// What was found.
        found: String,
        /// The key that signed it.
        key: Fingerprint,
    },
}

impl LoadError {
    /// Where the plugin was, if it was stopped while it was loaded.
    pub fn backtrace(&self) -> Option<&GuestBacktrace> {
        match &self.kind {
            LoadErrorKind::Call { backtrace, .. }
            | LoadErrorKind::Instantiate { backtrace, .. } => {
                Some(backtrace).filter(|backtrace| !backtrace.is_empty())
            }
            _ => None,
        }
    }
}

impl From<TrustError> for LoadErrorKind {
    fn from(error: TrustError) -> Self {
        Self::Trust(Box::new(error))
    }
}

/// A call that gave no usable result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The guest was stopped, or broke the protocol. A new instance takes the next call.
    #[error("plugin `{plugin}`, `{export}`: {source}{}", said(.output))]
    Call {
        /// The plugin.
        plugin: String,
        /// The export.
        export: &'static str,
        /// Why.
        source: Box<CallError>,
        /// The last lines that the plugin printed during the call.
        output: Vec<String>,
        /// Where it was.
        backtrace: GuestBacktrace,
    },
    /// The guest returned a document that cannot be used, or reported a failure in it.
    #[error("plugin `{plugin}`, `{export}`: {source}")]
    Output {
        /// The plugin.
        plugin: String,
        /// The export.
        export: &'static str,
        /// Why.
        source: OutputError,
    },
    /// The guest returned a status other than 0.
    #[error("plugin `{plugin}`, `{export}` returned {status}, wanted 0{}", said(.output))]
    Status {
        /// The plugin.
        plugin: String,
        /// The export.
        export: &'static str,
        /// What it returned.
        status: i32,
        /// The last lines that the plugin printed during the call.
        output: Vec<String>,
    },
    /// The document for the guest could not be written.
    #[error("plugin `{plugin}`, `{export}`: cannot write its input: {source}")]
    Input {
        /// The plugin.
        plugin: String,
        /// The export.
        export: &'static str,
        /// Why.
        source: JsonError,
    },
    /// The plugin has no such export.
    #[error("plugin `{plugin}` does not export `{export}`")]
    NotExported {
        /// The plugin.
        plugin: String,
        /// The export.
        export: &'static str,
    },
    /// A new instance was wanted and could not be made.
    #[error(transparent)]
    Load(Box<LoadError>),
    /// As many calls wait for the plugin's single instance as may.
    #[error("plugin `{plugin}`: {waiting} calls wait for its single instance, and no more may")]
    QueueFull {
        /// The plugin.
        plugin: String,
        /// Calls that wait.
        waiting: usize,
    },
    /// As many streams hold an instance of the plugin as may, and none of them ended in time.
    #[error(
        "plugin `{plugin}`: {streams} streams hold an instance, and none of them ended within {} ms",
        .waited.as_millis()
    )]
    StreamsFull {
        /// The plugin.
        plugin: String,
        /// Streams that hold one.
        streams: usize,
        /// How long that was waited for.
        waited: std::time::Duration,
    },
    /// The plugin was shut down.
    #[error("plugin `{plugin}` was shut down")]
    ShutDown {
        /// The plugin.
        plugin: String,
    },
}

impl PluginError {
    /// Where the plugin was, if it was stopped: for logs and its author, and not for clients.
    pub fn backtrace(&self) -> Option<&GuestBacktrace> {
        match self {
            PluginError::Call { backtrace, .. } => {
                Some(backtrace).filter(|backtrace| !backtrace.is_empty())
            }
            PluginError::Load(error) => error.backtrace(),
            _ => None,
        }
    }

    /// The class's short name, for logs, metrics and tests.
    pub fn class(&self) -> &'static str {
        match self {
            PluginError::Call { source, .. } => source.class(),
            PluginError::Output { source: OutputError::Reported(_), .. } => "reported",
            PluginError::Output { .. } => "output",
            PluginError::Status { .. } => "status",
            PluginError::Input { .. } => "input",
            PluginError::NotExported { .. } => "not_exported",
            PluginError::Load(_) => "load",
            PluginError::QueueFull { .. } => "queue_full",
            PluginError::StreamsFull { .. } => "streams_full",
            PluginError::ShutDown { .. } => "shut_down",
        }
    }
}

/// Capabilities as a sentence has them.
fn names(capabilities: &[Capability]) -> String {
    let names: Vec<_> = capabilities.iter().map(|capability| capability.name()).collect();
    if names.is_empty() { "none of them".to_owned() } else { format!("only {}", names.join(", ")) }
}

fn problems(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What the plugin itself said, which is often the best explanation there is.
fn said(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!("; it printed: {}", lines.join(" | ")) }
}

/// An error and its sources as one text: the first alone seldom says what happened.
pub fn with_sources(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
