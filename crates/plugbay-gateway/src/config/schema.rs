//! The JSON Schema of a configuration: most of it is derived from its types, and here is what other crates' types
//! come to, whose defaults say what they are made of.

use plugbay::abi::interface::Hook;
use plugbay::policy::{Capability, Limits};
use plugbay::{InputPlacement, InstanceMode, Runtime, Streams};
use plugbay_hooks::{BreakerSettings, OnError, Placement};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Config;

impl Config {
    /// The JSON Schema of `config.json`.
    pub fn schema() -> Value {
        schemars::schema_for!(Config).to_value()
    }
}

/// One of these words.
fn words<T: Serialize>(all: &[T]) -> Schema {
    json_schema!({"type": "string", "enum": all.iter().map(|it| json!(it)).collect::<Vec<_>>()})
}

/// An object with these keys, of which any may be left out.
fn keys<T: Serialize>(defaults: &T) -> Value {
    let described = |value: Value| {
        let kind = match &value {
            Value::Number(_) => json!({"type": "integer", "minimum": 0}),
            Value::Bool(_) => json!({"type": "boolean"}),
            Value::String(_) => json!({"type": "string"}),
            _ => json!({}),
        };
        let mut kind = if let Value::Object(kind) = kind { kind } else { Map::new() };
        kind.insert("default".to_owned(), value);
        Value::Object(kind)
    };
    let defaults = match json!(defaults) {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    };
    let properties: Map<_, _> =
        defaults.into_iter().map(|(key, value)| (key, described(value))).collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn object(value: Value) -> Schema {
    Schema::try_from(value).unwrap_or_default()
}

pub(super) fn placement(_: &mut SchemaGenerator) -> Schema {
    words(&[Placement::PreBuiltin, Placement::Builtin, Placement::PostBuiltin])
}

pub(super) fn on_error(_: &mut SchemaGenerator) -> Schema {
    words(&[OnError::Closed, OnError::Open])
}

pub(super) fn breaker(_: &mut SchemaGenerator) -> Schema {
    object(keys(&BreakerSettings::default()))
}

pub(super) fn limits(_: &mut SchemaGenerator) -> Schema {
    let mut schema = keys(&Limits::default());
    if let Some(fuel) = schema.pointer_mut("/properties/fuel") {
        let default = fuel.get("default").cloned();
        *fuel = json!({
            "anyOf": [{"type": "integer", "minimum": 0}, {"const": "unmetered"}],
            "default": default,
        });
    }
    object(schema)
}

pub(super) fn capabilities(_: &mut SchemaGenerator) -> Schema {
    let alone = Capability::ALL.into_iter().filter(|capability| capability.alone().is_none());
    let alone: Vec<Value> = alone.map(|capability| json!(capability)).collect();
    let all = Capability::ALL.map(|capability| capability.name());
    // Names may be written in snake case, too, and arguments are for the host to judge.
    json_schema!({
        "anyOf": [
            {"type": "array", "items": {"type": "string", "examples": alone}},
            {"type": "object", "additionalProperties": {"type": "object"}, "examples": [{(all[0]): {}}]},
        ],
    })
}

/// A part of all requests, which the environment may say, too.
pub(super) fn sample_of_traces(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["number", "null"], "minimum": 0, "maximum": 1})
}

/// A part of all requests.
pub(crate) fn sample(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "number", "minimum": 0, "maximum": 1, "default": 1})
}

pub(super) fn matching(generator: &mut SchemaGenerator) -> Schema {
    let patterns = json!({"type": "array", "items": {"type": "string"}});
    json_schema!({
        "type": "object",
        "properties": {
            "paths": patterns,
            "models": patterns,
            "headers": {
                "type": "object",
                "additionalProperties": {"anyOf": [{"type": "boolean"}, {"type": "string"}]},
            },
            "sample": sample(generator),
        },
        "additionalProperties": false,
    })
}

pub(super) fn input(_: &mut SchemaGenerator) -> Schema {
    words(&[InputPlacement::Malloc, InputPlacement::HostPages])
}

pub(super) fn environment(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": {"pattern": "^[^=]+$"},
        "additionalProperties": {"type": "string"},
    })
}

pub(super) fn instances(_: &mut SchemaGenerator) -> Schema {
    let modes = [InstanceMode::Pooled, InstanceMode::PerRequest, InstanceMode::Single];
    json_schema!({
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {
                "type": "object",
                "properties": {"mode": words(&modes), "size": {"type": "integer", "minimum": 1}},
                "additionalProperties": false,
            },
            {"type": "null"},
        ],
    })
}

pub(super) fn streams(_: &mut SchemaGenerator) -> Schema {
    words(&[Streams::Any, Streams::Sticky])
}

pub(super) fn runtime(_: &mut SchemaGenerator) -> Schema {
    let all = [Runtime::Wasmtime, Runtime::Wasmi, Runtime::Tiered, Runtime::Shadow];
    json_schema!({"anyOf": [words(&all), {"type": "null"}]})
}

pub(super) fn hook(_: &mut SchemaGenerator) -> Schema {
    words(&Hook::ALL.map(Hook::export))
}

pub(super) fn sha256(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}, {"type": "null"}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_EXPECT=1` writes it.
    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let published = expect_test::expect_file!["../../../../docs/config.schema.json"];
        published.assert_eq(&format!("{:#}\n", Config::schema()));
    }

    #[test]
    fn what_is_made_of_defaults_has_keys() {
        let schema = Config::schema();
        let at = |path: &str| schema.pointer(&format!("/$defs/PluginConfig/properties/{path}"));
        for (path, wanted) in [
            ("limits/properties/memory_bytes/default", json!(134_217_728)),
            ("limits/properties/fuel/anyOf/1/const", json!("unmetered")),
            ("limits/additionalProperties", json!(false)),
            ("breaker/properties/failures/type", json!("integer")),
            ("on_error/enum", json!(["closed", "open"])),
            ("runtime/anyOf/0/enum/0", json!("wasmtime")),
            (
                "canary/description",
                json!(
                    "A call that a new version has to answer before it takes the old one's place."
                ),
            ),
        ] {
            assert_eq!(at(path), Some(&wanted), "{path}");
        }
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["listen"]["type"], "string");
    }
}
