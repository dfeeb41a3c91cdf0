//! `config.json`: what it may say, and how it is told when it says something else.

mod error;
mod suggest;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plugbay::policy::{Grant, Limits};
use plugbay::{InputPlacement, Instances, PluginOptions, Runtime, Streams};
use plugbay_hooks::{BreakerSettings, Match, OnError, Placement};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

pub use error::ConfigError;

use crate::observe::AccessLogTarget;
use crate::provider::UpstreamTimeouts;
use crate::record::RecordConfig;

/// A gateway's configuration. Every key has a default; an unknown one is an error.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Where the gateway listens. Default `127.0.0.1:8080`; port 0 takes a free one.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Longest request body that is collected, in bytes. Default 16 MiB. One that is passed on as
    /// it comes may be longer.
    pub max_body_bytes: usize,
    /// Most bytes of answers that are collected for plugins at one time. Default 512 MiB.
    pub max_collected_bytes: usize,
    /// How long clients may take.
    pub timeouts: ServerTimeouts,
    /// How it serves.
    pub server: ServerConfig,
    /// Where records of what plugins were refused go.
    pub audit: AuditConfig,
    /// Where Prometheus reads.
    pub metrics: MetricsConfig,
    /// Where a line for each request goes. Default `off`.
    pub access_log: AccessLogTarget,
    /// Calls of hooks that are kept. Default: none.
    pub record: Option<RecordConfig>,
    /// The plugins.
    pub plugins: Vec<PluginConfig>,
    /// Who answers. Without any, the built-in `mock`.
    pub providers: ProvidersConfig,
    /// Who answers models without a provider in their name. Without a name, the provider that is
    /// configured: `openai` before `mock`.
    pub default_provider: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            max_body_bytes: 16 << 20,
            max_collected_bytes: 512 << 20,
            timeouts: ServerTimeouts::default(),
            server: ServerConfig::default(),
            audit: AuditConfig::default(),
            metrics: MetricsConfig::default(),
            access_log: AccessLogTarget::default(),
            record: None,
            plugins: Vec::new(),
            providers: ProvidersConfig::default(),
            default_provider: None,
        }
    }
}

/// How the gateway serves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Threads that serve, each with its own connections. Default: as many as there are
    /// processors.
    pub threads: Option<NonZeroUsize>,
}

/// Where Prometheus reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MetricsConfig {
    /// The address of `/metrics`. Without one, nothing is counted but what plugins' hooks come to.
    #[serde(deserialize_with = "some_address")]
    pub listen: Option<SocketAddr>,
}

/// Where records of what plugins were refused go. Who sets up the host reads this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditConfig {
    /// The file, instead of the user's own; a relative path begins where the configuration file is.
    pub file: Option<PathBuf>,
    /// Size from which it is put aside, in bytes. Default 8 MiB.
    pub max_bytes: Option<u64>,
}

/// How long clients may take. All in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServerTimeouts {
    /// For the head of a request, an idle connection's wait for the next one included.
    /// Default 30,000.
    pub header_ms: u64,
    /// For the whole body of a request; where a body is passed on as it comes, for each piece of
    /// it. Default 60,000.
    pub body_ms: u64,
    /// For a client to take more of a response. Default 60,000.
    pub write_ms: u64,
    /// For requests under way when the gateway is told to stop. Default 10,000.
    pub drain_ms: u64,
}

impl Default for ServerTimeouts {
    fn default() -> Self {
        Self { header_ms: 30_000, body_ms: 60_000, write_ms: 60_000, drain_ms: 10_000 }
    }
}

impl ServerTimeouts {
    pub(crate) fn header(&self) -> Duration {
        Duration::from_millis(self.header_ms)
    }

    pub(crate) fn body(&self) -> Duration {
        Duration::from_millis(self.body_ms)
    }

    pub(crate) fn write(&self) -> Duration {
        Duration::from_millis(self.write_ms)
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }
}

/// One plugin.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PluginConfig {
    /// The `.wasm` file; a relative path begins where the configuration file is.
    pub path: PathBuf,
    /// Its name in logs and errors; without one, its own.
    pub name: Option<String>,
    /// Whether it is loaded at all. Default `true`.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What its `init` is given, as it is written here.
    #[serde(default)]
    pub config: Option<Box<RawValue>>,
    /// Where it stands relative to the built-in ones. Default `post_builtin`.
    #[serde(default)]
    pub placement: Placement,
    /// Its place among those of the same placement, lowest first. Default 0.
    #[serde(default)]
    pub order: i64,
    /// What becomes of a request when it fails. Default `closed`.
    #[serde(default)]
    pub on_error: OnError,
    /// When it is left alone.
    #[serde(default)]
    pub breaker: BreakerSettings,
    /// The requests that it takes part in. Default: all.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// Whether a request may go past it, by `x-plugbay-skip`. Default `false`.
    #[serde(default)]
    pub opt_out: bool,
    /// Whether it is shown the keys in a request's headers rather than masks. Default `false`.
    #[serde(default)]
    pub see_credentials: bool,
    /// Whether only a module that a trusted key signed is loaded. Default: not for a file.
    #[serde(default)]
    pub require_signature: Option<bool>,
    /// Its bounds.
    #[serde(default)]
    pub limits: Limits,
    /// What it may do beyond computing and printing: names, or an object from name to arguments.
    #[serde(default)]
    pub capabilities: Grant,
    /// Where its input is written. Default `malloc`.
    #[serde(default)]
    pub input: InputPlacement,
    /// How many instances it has and how long each of them lives. Default: a pool of as many as
    /// there are processors.
    #[serde(default)]
    pub instances: Option<Instances>,
    /// Which instances take the chunks of one stream. Default `any`.
    #[serde(default)]
    pub streams: Streams,
    /// What runs it. Default: what the gateway was started with.
    #[serde(default)]
    pub runtime: Option<Runtime>,
}

impl PluginConfig {
    /// The host's side of it.
    pub(crate) fn options(&self) -> PluginOptions {
        let mut options = PluginOptions::default()
            .with_limits(self.limits.clone())
            .with_grant(self.capabilities.clone())
            .with_input(self.input)
            .with_required_signature(self.require_signature.unwrap_or(false))
            .with_streams(self.streams);
        options.name.clone_from(&self.name);
        options.config.clone_from(&self.config);
        options.instances = self.instances;
        options.runtime = self.runtime;
        options
    }
}

/// Who answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ProvidersConfig {
    /// Any upstream that speaks OpenAI's API.
    pub openai: Option<OpenAiConfig>,
    /// The built-in deterministic one.
    pub mock: Option<MockConfig>,
}

/// An upstream that speaks OpenAI's API.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OpenAiConfig {
    /// Where its API begins. Default `https://api.openai.com/v1`.
    pub base_url: String,
    /// The environment variable that holds its key. Without one, no key is sent.
    pub api_key_env: Option<String>,
    /// How long it may take.
    pub timeouts: UpstreamTimeouts,
}

impl Default for OpenAiConfig {
    fn default() -> Self {
        Self {
            base_url: "https://api.openai.com/v1".to_owned(),
            api_key_env: None,
            timeouts: UpstreamTimeouts::default(),
        }
    }
}

/// The built-in provider; there is nothing to configure.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MockConfig {}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// When it cannot be read or says something that it may not; the error gives the file, the
    /// place in it, what was found and what was wanted.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read(path)
            .map_err(|source| ConfigError::Read { file: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Reads a configuration from its text. `file` stands in errors, and relative paths begin
    /// where it is.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn parse(text: &[u8], file: &Path) -> Result<Self, ConfigError> {
        // A list would pass for an object whose keys were left out.
        if text.trim_ascii_start().starts_with(b"[") {
            return Err(ConfigError::invalid(
                file,
                "",
                "invalid type: found a list, wanted an object",
            ));
        }
        let mut config: Config = serde_json::from_slice(text)
            .map_err(|plain| ConfigError::from_json(file, text, &plain))?;
        let base = file.parent().unwrap_or(Path::new(""));
        config.audit.file = config.audit.file.map(|audit| base.join(audit));
        config.access_log = config.access_log.below(base);
        if let Some(record) = &mut config.record {
            record.directory = base.join(&record.directory);
        }
        for (index, plugin) in config.plugins.iter_mut().enumerate() {
            let at = || format!("plugins[{index}].path");
            if is_url(&plugin.path) {
                let found = plugin.path.display().to_string();
                let problem = format!(
                    "found the URL `{found}`, wanted a file: this version does not download plugins"
                );
                return Err(ConfigError::invalid(file, at(), problem));
            }
            if plugin.path.as_os_str().is_empty() {
                return Err(ConfigError::invalid(file, at(), "found nothing, wanted a file"));
            }
            plugin.path = base.join(&plugin.path);
        }
        config.check_names(file)?;
        Ok(config)
    }

    /// The default provider's name.
    pub(crate) fn default_provider(&self) -> &str {
        match (&self.default_provider, &self.providers.openai) {
            (Some(name), _) => name,
            (None, Some(_)) => OPENAI,
            (None, None) => MOCK,
        }
    }

    fn check_names(&self, file: &Path) -> Result<(), ConfigError> {
        for (index, plugin) in self.plugins.iter().enumerate() {
            let earlier = self.plugins.iter().take(index);
            let same = |other: &PluginConfig| other.name.is_some() && other.name == plugin.name;
            if let (Some(name), true) = (&plugin.name, earlier.clone().any(same)) {
                let problem = format!("found `{name}` a second time, wanted a name of its own");
                return Err(ConfigError::invalid(file, format!("plugins[{index}].name"), problem));
            }
        }
        let default = self.default_provider();
        let known: Vec<&str> = self.provider_names();
        if !known.contains(&default) {
            let problem = format!("found `{default}`, wanted one of {}", suggest::list(&known));
            return Err(ConfigError::invalid(file, "default_provider", problem));
        }
        Ok(())
    }

    pub(crate) fn provider_names(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        if self.providers.openai.is_some() {
            names.push(OPENAI);
        }
        if self.providers.mock.is_some() || names.is_empty() {
            names.push(MOCK);
        }
        names
    }
}

pub(crate) const OPENAI: &str = "openai";
pub(crate) const MOCK: &str = "mock";

fn yes() -> bool {
    true
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        serde::de::Error::custom(format!(
            "found `{text}`, wanted an IP address and a port such as 127.0.0.1:8080"
        ))
    })
}

fn some_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    address(deserializer).map(Some)
}

fn is_url(path: &Path) -> bool {
    let text = path.to_string_lossy().to_ascii_lowercase();
    text.starts_with("http://") || text.starts_with("https://")
}

#[cfg(test)]
mod tests;
