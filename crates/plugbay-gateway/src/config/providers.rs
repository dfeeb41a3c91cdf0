//! The key `providers`: who answers, by name.

mod keys;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{ConfigError, suggest};
use crate::provider::{Http2, RetrySettings, Secret, UpstreamTimeouts};

pub use keys::{KeyConfig, KeySource};

/// Who answers, by name and in the file's order. Without any, the built-in `mock`.
#[derive(Debug, Clone, Default)]
pub struct ProvidersConfig {
    by_name: IndexMap<String, ProviderConfig>,
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ProviderKind {
    /// OpenAI's API, as many others do.
    OpenAi,
    /// Anthropic's messages API.
    Anthropic,
    /// The built-in deterministic one, of which there is one, by its own name.
    Mock,
}

impl ProviderKind {
    fn of_name(name: &str) -> Option<Self> {
        match name {
            "openai" => Some(Self::OpenAi),
            "anthropic" => Some(Self::Anthropic),
            MOCK => Some(Self::Mock),
            _ => None,
        }
    }

    fn usual_base_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com/v1",
            Self::Mock => "",
        }
    }
}

pub(crate) const OPENAI: &str = "openai";
pub(crate) const MOCK: &str = "mock";

/// One provider.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProviderConfig {
    /// What it speaks: `type`, or what its name says.
    pub kind: ProviderKind,
    /// Where its API begins. Default: its maker's own, `/v1` included.
    pub base_url: String,
    /// Its keys, of which each request takes one. `api_key_env` is a list of one.
    pub keys: Vec<KeyConfig>,
    /// The models that it answers, where not all that it has.
    pub models: Option<Vec<String>>,
    /// Headers that are sent with each request.
    pub headers: IndexMap<String, Secret>,
    /// How long it may take.
    pub timeouts: UpstreamTimeouts,
    /// When it is asked again.
    pub retry: RetrySettings,
    /// Whether it is spoken to in HTTP/2.
    pub http2: Http2,
    /// PEM file of the authorities that sign its certificate, in place of the machine's own.
    pub ca_file: Option<PathBuf>,
    /// Who is asked where it fails: `provider/model`, or a provider for the same model.
    pub fallbacks: Vec<String>,
    /// Whether a fallback is asked for a model that it is known not to have, too: most of these are misspelt.
    pub fallbacks_for_unknown_models: bool,
}

/// A provider as it is written.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "ProviderConfig")]
struct Written {
    /// What it speaks. Default: what its name says.
    r#type: Option<ProviderKind>,
    /// Where its API begins. Default: its maker's own.
    base_url: Option<String>,
    /// The environment variable of its only key.
    api_key_env: Option<String>,
    /// Its keys, of which each request takes one.
    keys: Option<Vec<KeyConfig>>,
    /// The models that it answers, where not all that it has.
    models: Option<Vec<String>>,
    /// Headers that are sent with each request.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    headers: Option<IndexMap<String, Secret>>,
    /// How long it may take.
    timeouts: Option<UpstreamTimeouts>,
    /// When it is asked again.
    retry: Option<RetrySettings>,
    /// Whether it is spoken to in HTTP/2.
    http2: Option<Http2>,
    /// PEM file of the authorities that sign its certificate, in place of the machine's own.
    ca_file: Option<PathBuf>,
    /// Who is asked where it fails: `provider/model`, or a provider for the same model.
    fallbacks: Vec<String>,
    /// Whether a fallback is asked for a model that it is known not to have, too. Default `false`: most of
    /// these are misspelt.
    fallbacks_for_unknown_models: bool,
}

impl Written {
    fn read(self, name: &str) -> Result<ProviderConfig, String> {
        let kind = self.kind(name)?;
        if kind == ProviderKind::Mock {
            self.of_a_mock()?;
        }
        let keys = match (self.api_key_env, self.keys) {
            (Some(_), Some(_)) => {
                return Err("found `api_key_env` and `keys`, wanted one of them".to_owned());
            }
            (Some(variable), None) => vec![KeyConfig::of_variable(variable)],
            (None, keys) => keys.unwrap_or_default(),
        };
        let base_url = self.base_url.unwrap_or_else(|| kind.usual_base_url().to_owned());
        no_endpoint(&base_url)?;
        Ok(ProviderConfig {
            kind,
            base_url,
            keys,
            models: self.models,
            headers: self.headers.unwrap_or_default(),
            timeouts: self.timeouts.unwrap_or_default(),
            retry: self.retry.unwrap_or_default(),
            http2: self.http2.unwrap_or_default(),
            ca_file: self.ca_file,
            fallbacks: self.fallbacks,
            fallbacks_for_unknown_models: self.fallbacks_for_unknown_models,
        })
    }

    fn kind(&self, name: &str) -> Result<ProviderKind, String> {
        if name.is_empty() || name.contains('/') {
            return Err(format!("found the name `{name}`, wanted one without `/`"));
        }
        let kind = self.r#type.or(ProviderKind::of_name(name)).ok_or_else(|| {
            let names = ["openai", "anthropic", MOCK];
            let meant = match suggest::nearest(name, names.into_iter()) {
                Some(near) => format!("; did you mean the name `{near}`?"),
                None => String::new(),
            };
            format!(
                "missing field `type`: `{name}` does not say what it speaks, \
                 wanted `openai`, `anthropic` or `mock`{meant}"
            )
        })?;
        if (kind == ProviderKind::Mock) != (name == MOCK) {
            return Err(match kind {
                ProviderKind::Mock => format!(
                    "found the type `mock` for `{name}`: there is one mock, and its name is `mock`"
                ),
                _ => "found another type for `mock`, which is the name of the built-in one; \
                      wanted another name"
                    .to_owned(),
            });
        }
        Ok(kind)
    }

    /// The built-in one has nothing to set.
    fn of_a_mock(&self) -> Result<(), String> {
        let set = [
            ("base_url", self.base_url.is_some()),
            ("api_key_env", self.api_key_env.is_some()),
            ("keys", self.keys.is_some()),
            ("models", self.models.is_some()),
            ("headers", self.headers.is_some()),
            ("timeouts", self.timeouts.is_some()),
            ("retry", self.retry.is_some()),
            ("http2", self.http2.is_some()),
            ("ca_file", self.ca_file.is_some()),
        ];
        match set.into_iter().find(|(_, set)| *set) {
            Some((key, _)) => Err(format!("unknown key `{key}`, wanted `fallbacks` or nothing")),
            None => Ok(()),
        }
    }
}

/// A base URL that was copied with an endpoint's path: each request would have that path twice, and be a 404.
fn no_endpoint(base_url: &str) -> Result<(), String> {
    let endpoints = ["/chat/completions", "/completions", "/responses", "/embeddings", "/messages"];
    let url = base_url.trim_end_matches('/');
    match endpoints.iter().find_map(|path| Some((path, url.strip_suffix(path)?))) {
        Some((path, base)) => Err(format!(
            "found the `base_url` of an endpoint, which ends in `{path}`; wanted where its API begins, such as `{base}`"
        )),
        None => Ok(()),
    }
}

impl ProvidersConfig {
    /// A provider by its name.
    pub fn get(&self, name: &str) -> Option<&ProviderConfig> {
        self.by_name.get(name)
    }

    /// All of them, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ProviderConfig)> {
        self.by_name.iter().map(|(name, config)| (name.as_str(), config))
    }

    /// The names of those that will be there.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self.by_name.is_empty() {
            true => vec![MOCK],
            false => self.by_name.keys().map(String::as_str).collect(),
        }
    }

    /// Who is asked where one of them fails, by its name.
    pub(crate) fn fallbacks(&self) -> HashMap<String, Vec<String>> {
        let some = self.iter().filter(|(_, provider)| !provider.fallbacks.is_empty());
        some.map(|(name, provider)| (name.to_owned(), provider.fallbacks.clone())).collect()
    }

    /// Those of whose models a fallback is asked for unknown ones, too.
    pub(crate) fn forgiving(&self) -> HashSet<String> {
        let forgiving = self.iter().filter(|(_, provider)| provider.fallbacks_for_unknown_models);
        forgiving.map(|(name, _)| name.to_owned()).collect()
    }

    /// Who answers models without a provider in their name, if nobody says so: `openai`, or else
    /// the first that is not built in.
    pub(crate) fn usual_default(&self) -> &str {
        let names = || self.by_name.keys().map(String::as_str);
        let usual = names().find(|name| *name == OPENAI);
        usual.or_else(|| names().find(|name| *name != MOCK)).unwrap_or(MOCK)
    }

    /// Makes relative paths begin at `base`, and checks what names other providers.
    pub(super) fn settle(&mut self, file: &Path, base: &Path) -> Result<(), ConfigError> {
        for (name, provider) in &mut self.by_name {
            provider.ca_file = provider.ca_file.take().map(|path| base.join(path));
            for key in &mut provider.keys {
                key.begin_at(base);
            }
            let empty = provider.models.as_ref().is_some_and(Vec::is_empty);
            if empty {
                let at = format!("providers.{name}.models");
                let problem = "found an empty list, wanted models, or no such key for all of them";
                return Err(ConfigError::invalid(file, at, problem));
            }
        }
        let names = self.names();
        for (name, provider) in &self.by_name {
            for (index, fallback) in provider.fallbacks.iter().enumerate() {
                let first = fallback.split('/').next().unwrap_or_default();
                if !names.contains(&first) {
                    let at = format!("providers.{name}.fallbacks[{index}]");
                    let problem = format!(
                        "found `{fallback}`, wanted `provider/model` or a provider, which are {}",
                        suggest::list(&names)
                    );
                    return Err(ConfigError::invalid(file, at, problem));
                }
            }
        }
        Ok(())
    }
}

impl JsonSchema for ProvidersConfig {
    fn schema_name() -> Cow<'static, str> {
        "ProvidersConfig".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, Written>::json_schema(generator)
    }
}

impl<'de> Deserialize<'de> for ProvidersConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByName;
        impl<'de> Visitor<'de> for ByName {
            type Value = ProvidersConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from names to providers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ProvidersConfig, A::Error> {
                let mut found = ProvidersConfig::default();
                while let Some(name) = map.next_key::<String>()? {
                    let provider = map.next_value_seed(Named(&name))?;
                    if found.by_name.contains_key(&name) {
                        return Err(A::Error::custom(format_args!(
                            "found `{name}` a second time, wanted a name of its own"
                        )));
                    }
                    found.by_name.insert(name, provider);
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(ByName)
    }
}

/// What a provider's name says counts for what is written of it.
struct Named<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = ProviderConfig;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Written::deserialize(deserializer)?.read(self.0).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
