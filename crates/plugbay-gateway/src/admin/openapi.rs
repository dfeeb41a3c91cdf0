//! The admin API's description of itself.

use serde_json::{Value, json};

pub(super) fn document() -> Value {
    let named =
        json!([{"name": "name", "in": "path", "required": true, "schema": {"type": "string"}}]);
    let plugin = || json!({"$ref": "#/components/schemas/Plugin"});
    let answers = |schema: Value| {
        json!({
            "200": {"description": "done", "content": {"application/json": {"schema": schema}}},
            "default": {
                "description": "refused; all is as it was",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        })
    };
    let operation =
        |summary: &str, schema: Value| json!({"summary": summary, "responses": answers(schema)});
    let with = |operation: Value, key: &str, part: Value| match operation {
        Value::Object(mut operation) => {
            operation.insert(key.to_owned(), part);
            Value::Object(operation)
        }
        other => other,
    };
    let list = json!({
        "type": "object",
        "properties": {
            "plugins": {"type": "array", "items": plugin()},
            "reload_error": {"type": ["string", "null"]},
        },
    });
    let change = json!({
        "required": true,
        "content": {"application/json": {"schema": {
            "type": "object",
            "properties": {"enabled": {"type": "boolean"}, "config": {}},
            "additionalProperties": false,
        }}},
    });
    let put = operation("Change it until the configuration is read again", plugin());
    let put = with(put, "requestBody", change);
    let logs = operation(
        "The last 1,000 lines that it printed",
        json!({
            "type": "object",
            "properties": {"lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}}},
        }),
    );
    let follow = json!([{
        "name": "follow", "in": "query", "schema": {"type": "string", "enum": ["1", "true"]},
        "description": "as server-sent events, and then each line as it is printed",
    }]);
    let logs = with(logs, "parameters", follow);
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Plugbay gateway: admin", "version": env!("CARGO_PKG_VERSION")},
        "paths": {
            "/admin/plugins": {"get": operation("All plugins", list.clone())},
            "/admin/plugins/{name}": {
                "parameters": named.clone(),
                "get": operation("One plugin", plugin()),
                "put": put,
                "delete": operation("Take it away until the configuration is read again", json!({"type": "object"})),
            },
            "/admin/plugins/{name}/reload": {
                "parameters": named.clone(),
                "post": operation("Load it again", plugin()),
            },
            "/admin/plugins/{name}/logs": {"parameters": named, "get": logs},
            "/admin/reload": {"post": operation("Read the configuration file again", list)},
            "/admin/openapi.json": {"get": operation("This document", json!({"type": "object"}))},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Plugin": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "status": {"enum": ["active", "tripped", "error", "disabled", "loading"]},
                        "error": {"type": ["string", "null"]},
                        "version": {"type": ["string", "null"]},
                        "sha256": {"type": ["string", "null"]},
                        "signer": {"type": ["string", "null"]},
                        "backend": {"type": ["string", "null"]},
                        "instances": {"type": ["integer", "null"]},
                        "usage": {"anyOf": [{"$ref": "#/components/schemas/Usage"}, {"type": "null"}]},
                        "on_trial": {"type": "boolean"},
                        "calls": {"type": "integer"},
                        "errors": {"type": "integer"},
                        "hooks": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Hook"}},
                    },
                },
                "Usage": {
                    "type": "object",
                    "properties": {
                        "instances": {"type": "integer"},
                        "idle": {"type": "integer"},
                        "memory_bytes": {"type": "integer"},
                        "peak_memory_bytes": {"type": "integer"},
                    },
                },
                "Hook": {
                    "type": "object",
                    "properties": {
                        "calls": {"type": "integer"},
                        "errors": {"type": "object", "additionalProperties": {"type": "integer"}},
                        "tripped": {"type": "integer"},
                        "fuel": {"type": ["integer", "null"]},
                        "p50_us": {"type": ["number", "null"]},
                        "p99_us": {"type": ["number", "null"]},
                    },
                },
                "Line": {
                    "type": "object",
                    "properties": {
                        "time_ms": {"type": "integer"},
                        "stream": {"enum": ["stdout", "stderr"]},
                        "line": {"type": "string"},
                    },
                },
                "Error": {
                    "type": "object",
                    "properties": {"error": {
                        "type": "object",
                        "properties": {
                            "message": {"type": "string"},
                            "type": {"type": "string"},
                            "param": {"type": ["string", "null"]},
                            "code": {"type": ["string", "null"]},
                        },
                    }},
                },
            },
        },
        "security": [{"token": []}, {}],
    })
}
