//! A gateway that does not start.

use std::net::SocketAddr;

use plugbay::LoadError;

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
    #[error("cannot open the access log: {source}")]
    AccessLog {
        /// Why.
        source: std::io::Error,
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
    /// A provider's key is not where the configuration says.
    #[error(
        "provider `{provider}`: the environment variable `{variable}` (api_key_env) is not set"
    )]
    NoKey {
        /// The provider.
        provider: String,
        /// The variable.
        variable: String,
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

impl From<LoadError> for GatewayError {
    fn from(error: LoadError) -> Self {
        Self::Plugin(Box::new(error))
    }
}
