//! A provider that gave no answer.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use plugbay::abi::hook::HookError;

use crate::api_error::{invalid, server};
use crate::body::BodyError;
use crate::config::suggest;
use crate::endpoint::Endpoint;

/// Why a provider gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// It has no such model.
    #[error("provider `{provider}` has no model `{model}`; it has {}", list(.provider, .known, *.more))]
    UnknownModel {
        /// The provider.
        provider: String,
        /// The model asked for.
        model: String,
        /// Models that it has, the nearest first.
        known: Vec<String>,
        /// How many it has besides.
        more: usize,
    },
    /// It does not have what was asked for.
    #[error("provider `{provider}` has no `{}`", .endpoint.path())]
    NoEndpoint {
        /// The provider.
        provider: String,
        /// What was asked for.
        endpoint: Endpoint,
    },
    /// The request is not one that it could answer.
    #[error("provider `{provider}`: {reason}")]
    BadRequest {
        /// The provider.
        provider: String,
        /// What is wrong.
        reason: String,
    },
    /// The client's body broke off on its way.
    #[error("the request's body on its way to provider `{provider}`: {source}")]
    ClientBody {
        /// The provider.
        provider: String,
        /// How.
        source: BodyError,
    },
    /// There was no connection: it was asked nothing.
    #[error("provider `{provider}` cannot be reached: {reason}")]
    NoConnection {
        /// The provider.
        provider: String,
        /// Why, for the log.
        reason: String,
    },
    /// The connection broke.
    #[error("provider `{provider}` cannot be reached: {reason}")]
    Unreachable {
        /// The provider.
        provider: String,
        /// Why, for the log.
        reason: String,
    },
    /// It took too long.
    #[error("provider `{provider}`: no {phase} within {} ms", .after.as_millis())]
    TimedOut {
        /// The provider.
        provider: String,
        /// What did not come.
        phase: Phase,
        /// How long that was waited for.
        after: Duration,
    },
    /// It answered with an error of its own.
    #[error("provider `{provider}` answered with status {}", .error.status)]
    Upstream {
        /// The provider.
        provider: String,
        /// What it answered.
        error: UpstreamError,
    },
    /// Its stream ended before the answer did.
    #[error("provider `{provider}`: the stream ended before the answer was complete")]
    CutShort {
        /// The provider.
        provider: String,
    },
    /// It answered with something that is not the API's.
    #[error("provider `{provider}` sent an unusable answer: {reason}")]
    BadAnswer {
        /// The provider.
        provider: String,
        /// What is wrong with it, for the log.
        reason: String,
    },
}

/// Models that a message names at most.
const NAMED: usize = 8;

fn list(provider: &str, models: &[String], more: usize) -> String {
    let names: Vec<String> = models.iter().map(|model| format!("`{provider}/{model}`")).collect();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", names.join(", "))
}

/// What was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The head of the response.
    FirstByte,
    /// The next piece of the response.
    NextBytes,
    /// The whole of it, in as many attempts as it takes.
    Whole,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Phase::FirstByte => "first byte",
            Phase::NextBytes => "more bytes",
            Phase::Whole => "whole answer",
        })
    }
}

/// A provider's own error.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UpstreamError {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
    /// Headers that clients act upon: `retry-after`, `x-ratelimit-*`.
    pub headers: Vec<(String, String)>,
}

impl UpstreamError {
    /// The error in its body, where the body has OpenAI's shape.
    fn parsed(&self) -> Option<HookError> {
        let mut error: HookError = serde_json::from_slice(&self.body).ok()?;
        error.status_code = Some(self.status);
        Some(error)
    }

    /// Whether the body can go to a client as it is.
    pub(crate) fn is_openai_shaped(&self) -> bool {
        (400..=599).contains(&self.status) && self.parsed().is_some()
    }
}

impl ProviderError {
    /// A few words for what went wrong, for metrics and spans.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::UnknownModel { .. } | Self::NoEndpoint { .. } => "not_found",
            Self::BadRequest { .. } => "bad_request",
            Self::ClientBody { .. } => "client_broke_off",
            Self::NoConnection { .. } | Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::Upstream { error, .. } => match error.status {
                429 => "rate_limited",
                400..=499 => "client_error",
                _ => "server_error",
            },
            Self::CutShort { .. } | Self::BadAnswer { .. } => "bad_answer",
        }
    }

    /// A model that is none of these.
    pub(crate) fn unknown_model<'a>(
        provider: &str,
        model: &str,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut known: Vec<&str> = known.collect();
        let more = known.len().saturating_sub(NAMED);
        // In their own order, unless they are too many.
        if more > 0 {
            known.sort_by_key(|known| suggest::distance(model, known));
        }
        let known = known.into_iter().take(NAMED).map(str::to_owned).collect();
        Self::UnknownModel { provider: provider.to_owned(), model: model.to_owned(), known, more }
    }

    /// The error as plugins and clients see it: nothing of addresses or keys.
    pub fn to_error(&self) -> HookError {
        match self {
            ProviderError::UnknownModel { .. } => {
                invalid(404, "model_not_found", self.to_string()).with_param("model")
            }
            ProviderError::NoEndpoint { .. } => {
                invalid(404, "endpoint_not_found", self.to_string()).with_param("model")
            }
            ProviderError::BadRequest { .. } => invalid(400, "invalid_request", self.to_string()),
            ProviderError::ClientBody {
                source: stalled @ (BodyError::Stalled { .. } | BodyError::TooSlow { .. }),
                ..
            } => invalid(408, "request_timeout", format!("the request's body: {stalled}")),
            ProviderError::ClientBody { source: BodyError::Broken { .. }, .. } => {
                invalid(400, "invalid_body", "the request's body cannot be read")
            }
            ProviderError::Unreachable { provider, .. }
            | ProviderError::NoConnection { provider, .. } => server(
                502,
                "provider_unreachable",
                format!("provider `{provider}` cannot be reached"),
            ),
            ProviderError::CutShort { .. } => {
                server(502, "provider_stream_cut_short", self.to_string())
            }
            ProviderError::TimedOut { .. } => server(504, "provider_timeout", self.to_string()),
            ProviderError::Upstream { error, .. } => error.parsed().unwrap_or_else(|| {
                let status = if (400..=599).contains(&error.status) { error.status } else { 502 };
                server(status, "provider_error", self.to_string())
            }),
            ProviderError::BadAnswer { provider, .. } => server(
                502,
                "provider_bad_answer",
                format!("provider `{provider}` sent an unusable answer"),
            ),
        }
    }
}
