//! What can be set of an upstream.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How an upstream is reached.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpstreamSettings {
    /// Where its API begins, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// Its keys and their weights. Without any, none is sent.
    pub keys: Vec<(Secret, NonZeroU32)>,
    /// The models that it answers; `None` is all that it has.
    pub models: Option<Vec<String>>,
    /// Headers that are sent with each request.
    pub headers: Vec<(String, Secret)>,
    /// How long it may take.
    pub timeouts: UpstreamTimeouts,
    /// When it is asked again.
    pub retry: RetrySettings,
    /// Whether it is spoken to in HTTP/2.
    pub http2: Http2,
    /// PEM file of the authorities that sign its certificate, in place of the machine's own.
    pub ca_file: Option<PathBuf>,
}

impl UpstreamSettings {
    /// An upstream without keys, that is asked once.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            keys: Vec::new(),
            models: None,
            headers: Vec::new(),
            timeouts: UpstreamTimeouts::default(),
            retry: RetrySettings { attempts: NonZeroU32::MIN, ..RetrySettings::default() },
            http2: Http2::default(),
            ca_file: None,
        }
    }

    /// One more key, used as often as any other.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Secret>) -> Self {
        self.keys.push((key.into(), NonZeroU32::MIN));
        self
    }
}

/// A text that nothing prints.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// How long a provider may take. All in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct UpstreamTimeouts {
    /// For a connection: name, TCP and TLS. Default 10,000.
    pub connect_ms: u64,
    /// From the request to the head of its response, connecting included. Default 300,000: whole
    /// answers of slow models take minutes.
    pub first_byte_ms: u64,
    /// Between two pieces of a response. Default 120,000.
    pub idle_ms: u64,
    /// From the first attempt to the last byte of the answer, a stream's too. Default 3,600,000.
    pub total_ms: u64,
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self { connect_ms: 10_000, first_byte_ms: 300_000, idle_ms: 120_000, total_ms: 3_600_000 }
    }
}

/// When a provider is asked again: after 429, 500, 502, 503, 504 or 529, and where there was no
/// connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetrySettings {
    /// How often it is asked at most. Default 3; 1 is never again.
    pub attempts: NonZeroU32,
    /// Longest pause after the first attempt, in milliseconds. It doubles with each one, and half of
    /// it is left to chance. Default 250.
    pub base_ms: u64,
    /// Longest pause of all, in milliseconds. A provider that wants a longer one in `retry-after`
    /// is not asked again. Default 5,000.
    pub max_ms: u64,
}

impl Default for RetrySettings {
    fn default() -> Self {
        let attempts = NonZeroU32::MIN.saturating_add(2);
        Self { attempts, base_ms: 250, max_ms: 5_000 }
    }
}

/// Whether an upstream is spoken to in HTTP/2.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Http2 {
    /// Where TLS agrees on it (ALPN); HTTP/1.1 otherwise, and without TLS.
    #[default]
    Auto,
    /// Always, without asking.
    PriorKnowledge,
    /// Never.
    Off,
}
