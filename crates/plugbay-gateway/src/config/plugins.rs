//! What the configuration says of a plugin.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use plugbay::abi::interface::Hook;
use plugbay::policy::{Grant, Limits, ModuleHash};
use plugbay::{InputPlacement, Instances, PluginOptions, Runtime, Streams, Variables};
use plugbay_hooks::{BreakerSettings, Match, OnError, Placement};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{ConfigError, schema};
use crate::plugins::{Remote, shown, tls};

/// One plugin.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PluginConfig {
    /// The `.wasm` file, or its URL; a relative path begins where the configuration file is.
    #[serde(default)]
    path: Option<String>,
    /// Another name for `path`. Only one of them is there.
    #[serde(default)]
    url: Option<String>,
    /// Its name in logs and errors; without one, its own.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it is loaded at all. Default `true`.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether the gateway starts only with it. Default `false`: its requests are treated as `on_error` says, until
    /// it can be loaded.
    #[serde(default)]
    pub required: bool,
    /// What its `init` is given, as it is written here.
    #[serde(default)]
    pub config: Option<RawJson>,
    /// Any text, shown in its status.
    #[serde(default)]
    pub version: Option<String>,
    /// The SHA-256 of its module, in 64 hexadecimal digits. Another module is not loaded.
    #[serde(default)]
    #[schemars(schema_with = "schema::sha256")]
    pub sha256: Option<ModuleHash>,
    /// For a URL: whether it may be one without TLS. Default `false`.
    #[serde(default)]
    pub allow_http: bool,
    /// For a URL: addresses with their ports that may be reached though they are not public. Default: none.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub allow_private: Vec<SocketAddr>,
    /// Where it stands relative to the built-in ones. Default `post_builtin`.
    #[serde(default)]
    #[schemars(schema_with = "schema::placement")]
    pub placement: Placement,
    /// Its place among those of the same placement, lowest first. Default 0.
    #[serde(default)]
    pub order: i64,
    /// What becomes of a request when it fails. Default `closed`.
    #[serde(default)]
    #[schemars(schema_with = "schema::on_error")]
    pub on_error: OnError,
    /// When it is left alone.
    #[serde(default)]
    #[schemars(schema_with = "schema::breaker")]
    pub breaker: BreakerSettings,
    /// The requests that it takes part in. Default: all.
    #[serde(default, rename = "match")]
    #[schemars(schema_with = "schema::matching")]
    pub matching: Match,
    /// Whether a request may go past it, by `x-plugbay-skip`. Default `false`.
    #[serde(default)]
    pub opt_out: bool,
    /// Whether it is shown the keys in a request's headers rather than masks. Default `false`.
    #[serde(default)]
    pub see_credentials: bool,
    /// A call that a new version has to answer before it takes the old one's place.
    #[serde(default)]
    pub canary: Option<CanaryConfig>,
    /// Calls of a new version within which a tripped breaker brings the old one back. Default 100; 0 = never.
    #[serde(default = "hundred")]
    pub rollback: u64,
    /// Whether only a module that a trusted key signed is loaded. Default: for a URL, and not for a file.
    #[serde(default)]
    pub require_signature: Option<bool>,
    /// Its bounds.
    #[serde(default)]
    #[schemars(schema_with = "schema::limits")]
    pub limits: Limits,
    /// What it may do beyond computing and printing: names, or an object from name to arguments.
    #[serde(default)]
    #[schemars(schema_with = "schema::capabilities")]
    pub capabilities: Grant,
    /// The environment variables that it sees, by name. Default: none.
    #[serde(default)]
    #[schemars(schema_with = "schema::environment")]
    pub environment: Variables,
    /// Where its input is written. Default `malloc`.
    #[serde(default)]
    #[schemars(schema_with = "schema::input")]
    pub input: InputPlacement,
    /// How many instances it has and how long each of them lives. Default: a pool of as many as
    /// there are processors.
    #[serde(default)]
    #[schemars(schema_with = "schema::instances")]
    pub instances: Option<Instances>,
    /// Which instances take the chunks of one stream. Default `any`.
    #[serde(default)]
    #[schemars(schema_with = "schema::streams")]
    pub streams: Streams,
    /// What runs it. Default: what the gateway was started with.
    #[serde(default)]
    #[schemars(schema_with = "schema::runtime")]
    pub runtime: Option<Runtime>,
    /// Where its module is, once it is known where relative paths begin.
    #[serde(skip)]
    module: Module,
}

/// Where a plugin's module is.
#[derive(Debug, Clone, PartialEq)]
enum Module {
    File(PathBuf),
    Url(String),
}

impl Default for Module {
    fn default() -> Self {
        Self::File(PathBuf::new())
    }
}

/// A call that a new version of a plugin has to answer before it takes the old one's place.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CanaryConfig {
    /// The hook, by the name of its export.
    #[serde(deserialize_with = "hook")]
    #[schemars(schema_with = "schema::hook")]
    pub hook: Hook,
    /// Its input.
    pub input: RawJson,
    /// What is in its output, other fields aside. Without it, any output will do, and none, too.
    #[serde(default)]
    pub output: Option<serde_json::Value>,
}

/// JSON as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RawJson(#[schemars(with = "serde_json::Value")] Box<RawValue>);

impl RawJson {
    /// The text.
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl PluginConfig {
    /// Its `.wasm` file, unless it is fetched.
    pub fn file(&self) -> Option<&Path> {
        match &self.module {
            Module::File(file) => Some(file),
            Module::Url(_) => None,
        }
    }

    /// Where it is fetched from, if it is.
    pub(crate) fn remote(&self) -> Option<Remote> {
        match &self.module {
            Module::File(_) => None,
            Module::Url(url) => Some(Remote {
                url: url.clone(),
                allow_private: self.allow_private.clone(),
                limit: self.limits.module_bytes,
            }),
        }
    }

    /// What it is known by from one configuration to the next.
    pub(crate) fn key(&self) -> String {
        self.name.clone().unwrap_or_else(|| match &self.module {
            Module::File(file) => file.display().to_string(),
            Module::Url(url) => shown(url),
        })
    }

    /// What it is called until it says its own name, without where it is.
    pub(crate) fn display_name(&self) -> String {
        let stem = || self.file()?.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        self.name.clone().or_else(stem).unwrap_or_else(|| "plugin".to_owned())
    }

    /// The host's side of it.
    pub(crate) fn options(&self) -> PluginOptions {
        let mut options = PluginOptions::default()
            .with_limits(self.limits.clone())
            .with_grant(self.capabilities.clone())
            .with_input(self.input)
            .with_variables(self.environment.clone())
            .with_required_signature(self.require_signature.unwrap_or(self.file().is_none()))
            .with_streams(self.streams);
        options.name.clone_from(&self.name);
        options.config = self.config.as_ref().map(|config| config.0.clone());
        options.sha256 = self.sha256;
        options.instances = self.instances;
        options.runtime = self.runtime;
        options
    }

    /// Settles where its module is. `at` is its place in the configuration, `base` where paths begin.
    pub(super) fn settle(&mut self, file: &Path, at: &str, base: &Path) -> Result<(), ConfigError> {
        let invalid =
            |key: &str, problem: &str| ConfigError::invalid(file, format!("{at}{key}"), problem);
        let (key, module) = match (&self.path, &self.url) {
            (Some(path), None) => (".path", path),
            (None, Some(url)) => (".url", url),
            (None, None) => {
                let problem = "missing field `path`: found neither `path` nor `url`, wanted a file";
                return Err(invalid("", problem));
            }
            (Some(_), Some(_)) => {
                return Err(invalid("", "found `path` and `url`, wanted one of them"));
            }
        };
        if let Some(tls) = tls(module) {
            if !tls && !self.allow_http {
                let problem = format!(
                    "found `{}`, wanted https, or `allow_http` for this plugin",
                    shown(module)
                );
                return Err(invalid(key, &problem));
            }
            if self.name.is_none() {
                return Err(invalid("", "found a URL and no `name`, wanted a name"));
            }
            self.module = Module::Url(module.clone());
            return Ok(());
        }
        if module.is_empty() {
            return Err(invalid(key, "found nothing, wanted a file"));
        }
        self.module = Module::File(base.join(module));
        Ok(())
    }
}

fn yes() -> bool {
    true
}

fn hundred() -> u64 {
    100
}

fn hook<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hook, D::Error> {
    let name = String::deserialize(deserializer)?;
    let named = Hook::ALL.into_iter().find(|hook| hook.export() == name);
    named.ok_or_else(|| {
        let known = Hook::ALL.map(Hook::export).join(", ");
        serde::de::Error::custom(format!("found `{name}`, wanted one of {known}"))
    })
}
