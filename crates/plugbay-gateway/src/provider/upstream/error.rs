//! What goes wrong with an upstream, before it is asked and while.

use std::path::PathBuf;

use http::HeaderMap;

use crate::body::BodyError;

/// Why a provider cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The base URL is none.
    #[error(
        "base_url: found `{found}`, wanted http:// or https:// with a host, no user and no query"
    )]
    BaseUrl {
        /// What was found.
        found: String,
    },
    /// The key cannot be a header's value.
    #[error("the key has characters that no header can carry")]
    Key,
    /// A variable that should hold a key is not set.
    #[error("the environment variable `{variable}` (api_key_env or keys) is not set")]
    NoVariable {
        /// The variable.
        variable: String,
    },
    /// A file that should hold a key cannot be read.
    #[error("the key's file {}: {source}", .file.display())]
    NoKeyFile {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that should hold a key holds none.
    #[error("the key's file {}: found nothing, wanted a key", .file.display())]
    EmptyKeyFile {
        /// The file.
        file: PathBuf,
    },
    /// A header cannot be one.
    #[error("headers: `{name}` or its value has characters that no header can carry")]
    Header {
        /// Its name.
        name: String,
    },
    /// The machine's certificates cannot be read.
    #[error("the machine's root certificates cannot be loaded: {source}")]
    Certificates {
        /// Why.
        source: std::io::Error,
    },
    /// A file of certificates cannot be used.
    #[error("ca_file: {}: {reason}", .file.display())]
    Authorities {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// TLS cannot be had at all.
    #[error("TLS cannot be set up: {reason}")]
    Tls {
        /// Why.
        reason: String,
    },
}

/// Headers of an upstream's error that clients act upon.
pub(super) fn told_to_clients(headers: &HeaderMap) -> Vec<(String, String)> {
    let told = |name: &str| {
        name == "retry-after"
            || name.starts_with("x-ratelimit-")
            || name.starts_with("anthropic-ratelimit-")
    };
    headers
        .iter()
        .filter(|(name, _)| told(name.as_str()))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

/// What is wrong with the body that was to be sent, if that is what went wrong.
pub(super) fn body_error(error: &(dyn std::error::Error + 'static)) -> Option<BodyError> {
    let mut error = Some(error);
    while let Some(found) = error {
        if let Some(body) = found.downcast_ref::<BodyError>() {
            return Some(body.clone());
        }
        error = found.source();
    }
    None
}
