//! A gateway that does not start, or does not take over a change.

use std::net::SocketAddr;

use plugbay::abi::interface::Hook;
use plugbay::{GuestBacktrace, LoadError};

use crate::config::ConfigError;
use crate::observe::AccessLogTarget;
use crate::plugins::FetchError;
use crate::provider::SetupError;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// It cannot listen.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The access log cannot be opened.
    #[error("cannot open the access log {}: {source}", .target.place())]
    AccessLog {
        /// Where.
        target: AccessLogTarget,
        /// Why.
        source: std::io::Error,
    },
    /// Spans cannot be sent.
    #[error("telemetry: {problem}")]
    Telemetry {
        /// What was found and what was wanted.
        problem: String,
    },
    /// Calls cannot be recorded.
    #[error("cannot record calls in {}: {source}", .directory.display())]
    Record {
        /// Where.
        directory: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its threads cannot be started.
    #[error("cannot start {threads} threads: {source}")]
    Threads {
        /// How many.
        threads: usize,
        /// Why.
        source: std::io::Error,
    },
    /// A plugin cannot be loaded.
    #[error(transparent)]
    Plugin(Box<LoadError>),
    /// A plugin has no hook: it is one for conductor.
    #[error(
        "plugin `{name}` is no hook plugin: it exports `execute`, as plugins for conductor do, and no hook"
    )]
    NoHookPlugin {
        /// The plugin.
        name: String,
    },
    /// Two plugins have the same name.
    #[error("two plugins are called `{name}`: give one of them another `name`")]
    SameName {
        /// The name.
        name: String,
    },
    /// A plugin's module is not where one could be.
    #[error("plugin `{name}`: {}: {source}", .file.display())]
    Module {
        /// The plugin.
        name: String,
        /// Where it should be.
        file: std::path::PathBuf,
        /// What is there.
        source: std::io::Error,
    },
    /// A plugin cannot be fetched.
    #[error("plugin `{name}`: {source}")]
    Fetch {
        /// The plugin.
        name: String,
        /// Why.
        source: Box<FetchError>,
    },
    /// A plugin's canary call failed.
    #[error("plugin `{name}`: its canary call of `{hook}` failed: {problem}")]
    Canary {
        /// The plugin.
        name: String,
        /// The hook.
        hook: Hook,
        /// What happened, or what was found and what was wanted.
        problem: String,
        /// Where the plugin was, if it was stopped.
        backtrace: GuestBacktrace,
    },
    /// The gateway is about to end.
    #[error("the gateway is about to end")]
    Closing,
    /// The token of the admin API cannot be had.
    #[error("admin: {problem}")]
    Admin {
        /// What was found and what was wanted.
        problem: String,
    },
    /// A provider cannot be set up.
    #[error("provider `{provider}`: {source}")]
    Provider {
        /// The provider.
        provider: String,
        /// Why.
        source: SetupError,
    },
    /// The default provider is not there.
    #[error("the default provider `{name}` is none of the providers")]
    NoDefault {
        /// The name.
        name: String,
    },
}

impl GatewayError {
    /// Where a plugin was, if it was stopped while it was loaded: for the log, and not for clients.
    pub fn backtrace(&self) -> Option<&GuestBacktrace> {
        match self {
            Self::Plugin(error) => error.backtrace(),
            Self::Canary { backtrace, .. } => {
                Some(backtrace).filter(|backtrace| !backtrace.is_empty())
            }
            _ => None,
        }
    }
}

impl From<LoadError> for GatewayError {
    fn from(error: LoadError) -> Self {
        Self::Plugin(Box::new(error))
    }
}

/// Why a change is not taken over. Everything is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The gateway was made without a configuration file.
    #[error("there is no configuration file to read again")]
    NoFile,
    /// What is in the configuration's place is no file.
    #[error("cannot read {}: found something that is no regular file", .file.display())]
    NoRegularFile {
        /// Where.
        file: std::path::PathBuf,
    },
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no such plugin.
    #[error("there is no plugin `{name}`")]
    NoPlugin {
        /// The name.
        name: String,
    },
    /// A plugin cannot be loaded.
    #[error(transparent)]
    Plugin(Box<GatewayError>),
}

impl From<GatewayError> for ReloadError {
    fn from(error: GatewayError) -> Self {
        Self::Plugin(Box::new(error))
    }
}
