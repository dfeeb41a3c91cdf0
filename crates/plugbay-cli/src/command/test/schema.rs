//! The JSON Schema of test cases: most of it is derived from their types.

use plugbay::abi::interface::Hook;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::fixture::Case;
use super::scripted::FUNCTIONS;

/// The exports of an action that a case can call.
pub(super) const ACTIONS: [&str; 2] = ["execute", "execute_with_context"];

/// The JSON Schema of a file of cases.
pub(super) fn schema() -> Value {
    let mut schema = schemars::schema_for!(Case).to_value();
    let definitions = schema.as_object_mut().and_then(|schema| schema.remove("$defs"));
    let mut definitions = definitions.unwrap_or_else(|| json!({}));
    if let (Some(all), Some(case)) = (definitions.as_object_mut(), schema.as_object_mut()) {
        case.remove("$schema");
        all.insert("Case".to_owned(), schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Test cases of a plugin",
        "anyOf": [
            {"$ref": "#/$defs/Case"},
            {"type": "array", "items": {"$ref": "#/$defs/Case"}},
        ],
        "$defs": definitions,
    })
}

/// What a configuration of the gateway says of the same.
fn of_gateway(key: &str) -> Schema {
    let schema = plugbay_gateway::Config::schema();
    let found = schema.pointer(&format!("/$defs/PluginConfig/properties/{key}")).cloned();
    let mut found = found.unwrap_or_else(|| json!({}));
    if let Some(found) = found.as_object_mut() {
        // A case says it in its own words.
        found.remove("description");
    }
    Schema::try_from(found).unwrap_or_default()
}

pub(super) fn grants(_: &mut SchemaGenerator) -> Schema {
    of_gateway("capabilities")
}

pub(super) fn limits(_: &mut SchemaGenerator) -> Schema {
    of_gateway("limits")
}

pub(super) fn input_placement(_: &mut SchemaGenerator) -> Schema {
    of_gateway("input")
}

pub(super) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "number", "minimum": 0},
    ]})
}

pub(super) fn hook(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": Hook::ALL.map(Hook::export)})
}

pub(super) fn action(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": ACTIONS})
}

pub(super) fn function(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": FUNCTIONS.iter().map(|row| row.name).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_published() {
        let published = expect_test::expect_file!["../../../../../docs/testing.schema.json"];
        published.assert_eq(&format!("{:#}\n", super::schema()));
    }

    #[test]
    fn what_the_gateway_says_is_found() {
        for key in ["capabilities", "limits", "input"] {
            let schema = super::of_gateway(key).to_value();
            assert!(schema.as_object().is_some_and(|it| it.len() > 1), "{key}: {schema}");
        }
    }
}
