//! `config.json`: what it may say, and how it is told when it says something else.

mod admin;
mod env;
mod error;
mod plugins;
mod providers;
mod schema;
pub(crate) mod suggest;
mod telemetry;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub use admin::AdminConfig;
pub use error::ConfigError;
pub use plugins::{CanaryConfig, PluginConfig, RawJson};
pub(crate) use providers::MOCK;
pub use providers::{KeyConfig, KeySource, ProviderConfig, ProviderKind, ProvidersConfig};
pub(crate) use schema::sample as sample_schema;
pub use telemetry::{OtlpConfig, OtlpProtocol, TelemetryConfig};

use crate::observe::AccessLogTarget;
use crate::record::RecordConfig;

/// Longest configuration that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// A gateway's configuration. Every key has a default; an unknown one is an error.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Where the gateway listens. Default `127.0.0.1:8080`; port 0 takes a free one.
    #[serde(deserialize_with = "address")]
    #[schemars(with = "String")]
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
    /// Where operators are served. Without it, nowhere.
    pub admin: Option<AdminConfig>,
    /// What is loaded again while the gateway serves.
    pub reload: ReloadConfig,
    /// Where Prometheus reads.
    pub metrics: MetricsConfig,
    /// Where a line for each request goes. Default `off`.
    pub access_log: AccessLogTarget,
    /// Where spans go. Default: where OpenTelemetry's environment variables say, or nowhere.
    pub telemetry: TelemetryConfig,
    /// Calls of hooks that are kept. Default: none.
    pub record: Option<RecordConfig>,
    /// The plugins.
    pub plugins: Vec<PluginConfig>,
    /// Who answers. Without any, the built-in `mock`.
    pub providers: ProvidersConfig,
    /// Who answers models without a provider in their name. Without a name, `openai`, or else the
    /// first provider that is not built in.
    pub default_provider: Option<String>,
    /// Where it was read from, and what it is that is read again for plugins alone.
    #[serde(skip)]
    pub(crate) origin: Origin,
}

/// Where a configuration comes from.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Origin {
    /// The file; `None` where it was made otherwise.
    pub(crate) file: Option<PathBuf>,
    /// All of it but the plugins.
    pub(crate) others: Map<String, Value>,
}

impl fmt::Debug for Origin {
    /// Without what the keys say: it may be somebody's secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.others.keys().collect();
        f.debug_struct("Origin").field("file", &self.file).field("others", &keys).finish()
    }
}

impl Origin {
    /// The keys that say something else in `other`.
    pub(crate) fn differing<'a>(&'a self, other: &'a Self) -> BTreeSet<&'a str> {
        let keys = self.others.keys().chain(other.others.keys());
        keys.filter(|key| self.others.get(*key) != other.others.get(*key))
            .map(String::as_str)
            .collect()
    }
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
            admin: None,
            reload: ReloadConfig::default(),
            metrics: MetricsConfig::default(),
            access_log: AccessLogTarget::default(),
            telemetry: TelemetryConfig::default(),
            record: None,
            plugins: Vec::new(),
            providers: ProvidersConfig::default(),
            default_provider: None,
            origin: Origin::default(),
        }
    }
}

/// What is loaded again while the gateway serves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ReloadConfig {
    /// Whether the configuration file and the files of plugins are watched. Default `true`.
    pub watch: bool,
}

impl Default for ReloadConfig {
    fn default() -> Self {
        Self { watch: true }
    }
}

/// How the gateway serves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Threads that serve, each with its own connections. Default: as many as there are
    /// processors.
    pub threads: Option<NonZeroUsize>,
}

/// Where Prometheus reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MetricsConfig {
    /// The address of `/metrics`. Without one, nothing is counted but what plugins' hooks come to.
    #[serde(deserialize_with = "some_address")]
    pub listen: Option<SocketAddr>,
}

/// Where records of what plugins were refused go. Who sets up the host reads this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditConfig {
    /// The file, instead of the user's own; a relative path begins where the configuration file is.
    pub file: Option<PathBuf>,
    /// Size from which it is put aside, in bytes. Default 8 MiB.
    pub max_bytes: Option<u64>,
}

/// How long clients may take. All in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServerTimeouts {
    /// For the head of a request, an idle connection's wait for the next one included.
    /// Default 30,000.
    pub header_ms: u64,
    /// For the whole body of a request; where a body is passed on as it comes, for each piece of
    /// it. Default 60,000.
    pub body_ms: u64,
    /// For the whole body of a request that is passed on as it comes. Default 3,600,000.
    pub passing_ms: u64,
    /// For a client to take more of a response. Default 60,000.
    pub write_ms: u64,
    /// For requests under way when the gateway is told to stop. Default 10,000.
    pub drain_ms: u64,
}

impl Default for ServerTimeouts {
    fn default() -> Self {
        Self {
            header_ms: 30_000,
            body_ms: 60_000,
            passing_ms: 3_600_000,
            write_ms: 60_000,
            drain_ms: 10_000,
        }
    }
}

impl ServerTimeouts {
    pub(crate) fn header(&self) -> Duration {
        Duration::from_millis(self.header_ms)
    }

    pub(crate) fn body(&self) -> Duration {
        Duration::from_millis(self.body_ms)
    }

    pub(crate) fn passing(&self) -> Duration {
        Duration::from_millis(self.passing_ms)
    }

    pub(crate) fn write(&self) -> Duration {
        Duration::from_millis(self.write_ms)
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// When it cannot be read or says something that it may not; the error gives the file, the
    /// place in it, what was found and what was wanted.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        use std::io::Read as _;

        let failed = |source| ConfigError::Read { file: path.to_owned(), source };
        let mut text = Vec::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(LONGEST + 1).read_to_end(&mut text).map_err(failed)?;
        if text.len() as u64 > LONGEST {
            let problem = format!("it is longer than {LONGEST} bytes");
            return Err(ConfigError::invalid(path, "", problem));
        }
        let mut config = Self::parse(&text, path)?;
        config.origin.file = Some(path.to_owned());
        Ok(config)
    }

    /// Reads a configuration from its text. `file` stands in errors, and relative paths begin
    /// where it is.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn parse(text: &[u8], file: &Path) -> Result<Self, ConfigError> {
        Self::parse_with(text, file, &|name| std::env::var(name).ok())
    }

    fn parse_with(text: &[u8], file: &Path, lookup: env::Lookup<'_>) -> Result<Self, ConfigError> {
        // A list would pass for an object whose keys were left out.
        if text.trim_ascii_start().starts_with(b"[") {
            return Err(ConfigError::invalid(
                file,
                "",
                "invalid type: found a list, wanted an object",
            ));
        }
        let expanded = env::expand(text, file, lookup)?;
        Self::parse_expanded(&expanded.text, file).map_err(|error| expanded.hide(error))
    }

    fn parse_expanded(text: &[u8], file: &Path) -> Result<Self, ConfigError> {
        let invalid = |plain: serde_json::Error| ConfigError::from_json(file, text, &plain);
        let mut config: Config = serde_json::from_slice(text).map_err(invalid)?;
        config.origin.others = serde_json::from_slice(text).map_err(invalid)?;
        config.origin.others.remove("plugins");
        let base = file.parent().unwrap_or(Path::new(""));
        config.audit.file = config.audit.file.map(|audit| base.join(audit));
        config.access_log = config.access_log.below(base);
        config.telemetry.settle(base);
        if let Some(record) = &mut config.record {
            record.directory = base.join(&record.directory);
        }
        if let Some(admin) = &mut config.admin {
            admin.settle(file, base)?;
        }
        for (index, plugin) in config.plugins.iter_mut().enumerate() {
            plugin.settle(file, &format!("plugins[{index}]"), base)?;
        }
        config.providers.settle(file, base)?;
        config.check_names(file)?;
        config.check_addresses(file)?;
        Ok(config)
    }

    /// The default provider's name.
    pub(crate) fn default_provider(&self) -> &str {
        self.default_provider.as_deref().unwrap_or_else(|| self.providers.usual_default())
    }

    /// Each address is listened to once; any number of free ports is something else.
    fn check_addresses(&self, file: &Path) -> Result<(), ConfigError> {
        let admin = self.admin.as_ref().map(|admin| ("admin.listen", admin.listen));
        let metrics = self.metrics.listen.map(|address| ("metrics.listen", address));
        let mut taken = vec![("listen", self.listen)];
        for (key, address) in [admin, metrics].into_iter().flatten() {
            let same = |(_, other): &&(&str, SocketAddr)| *other == address && address.port() != 0;
            if let Some((other, _)) = taken.iter().find(same) {
                let problem = format!("found {address}, which is that of `{other}`");
                return Err(ConfigError::invalid(file, key, problem));
            }
            taken.push((key, address));
        }
        Ok(())
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
        let known = self.providers.names();
        if !known.contains(&default) {
            let problem = format!("found `{default}`, wanted one of {}", suggest::list(&known));
            return Err(ConfigError::invalid(file, "default_provider", problem));
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests;
