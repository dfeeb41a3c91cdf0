//! Where a provider's keys are. No key is ever written in the file itself.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Where one key is, and how often it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyConfig {
    /// Where it is.
    pub source: KeySource,
    /// Its share of the requests, beside those of the other keys. Default 1.
    pub weight: NonZeroU32,
}

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySource {
    /// In an environment variable.
    Env(String),
    /// Alone in a file; a relative path begins where the configuration file is.
    File(PathBuf),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The environment variable that it is in.
    env: Option<String>,
    /// The file that it is in, alone.
    file: Option<PathBuf>,
    /// Its share of the requests, beside those of the other keys. Default 1.
    weight: Option<NonZeroU32>,
}

impl JsonSchema for KeyConfig {
    fn schema_name() -> Cow<'static, str> {
        "KeyConfig".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

impl Written {
    fn read(self) -> Result<KeyConfig, &'static str> {
        let source = match (self.env, self.file) {
            (Some(variable), None) => KeySource::Env(variable),
            (None, Some(file)) => KeySource::File(file),
            (Some(_), Some(_)) => return Err("found `env` and `file`, wanted one of them"),
            (None, None) => return Err("found neither `env` nor `file`, wanted one of them"),
        };
        Ok(KeyConfig { source, weight: self.weight.unwrap_or(NonZeroU32::MIN) })
    }
}

impl<'de> Deserialize<'de> for KeyConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;
        impl<'de> Visitor<'de> for Place {
            type Value = KeyConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `env` or `file`")
            }

            /// Somebody's key, most likely: serde's own words would repeat it.
            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<KeyConfig, E> {
                Err(E::custom("invalid type: found a text, wanted an object with `env` or `file`"))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<KeyConfig, A::Error> {
                let written = Written::deserialize(MapAccessDeserializer::new(map))?;
                written.read().map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(Place)
    }
}

impl KeyConfig {
    pub(super) fn of_variable(variable: String) -> Self {
        Self { source: KeySource::Env(variable), weight: NonZeroU32::MIN }
    }

    pub(super) fn begin_at(&mut self, base: &Path) {
        if let KeySource::File(file) = &mut self.source {
            *file = base.join(&*file);
        }
    }
}
