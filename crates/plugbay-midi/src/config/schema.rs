//! The JSON Schema of configurations, for editors: made of the tables that the loader reads by.
//!
//! It says what the loader takes in the spelling of the documentation. What one value means for another (a range that is
//! empty, a mode that is not there) it cannot say: that is the loader's.

use plugbay::policy::{Capability, Filesystem, Limits, Network, Operation};
use serde_json::{Map, Value, json};

use super::condition::DAYS;
use super::load::actions::{ACTIONS, BUTTONS, MODIFIERS, VOLUMES};
use super::load::conditions::CONDITIONS;
use super::load::instance::MODES as INSTANCE_MODES;
use super::load::messages::KINDS;
use super::{
    Config, Direction, Edge, Encoding, Level, LogLevel, PlaceholderValues, Thresholds, TriggerKind,
};

/// A time in milliseconds at most: an hour.
const HOUR_MS: i64 = 3_600_000;

impl Config {
    /// The JSON Schema of a configuration.
    pub fn schema() -> Value {
        let text = || json!({ "type": "string" });
        let flag = |default: bool| json!({ "type": "boolean", "default": default });
        let mappings = || json!({ "type": "array", "items": { "$ref": "#/$defs/mapping" } });
        let or_several = |item: Value| {
            let several = json!({ "type": "array", "items": item });
            json!({ "anyOf": [item, several] })
        };
        let port = or_several(json!({ "anyOf": [text(), integer(0, 65_535)] }));
        let defaults = Thresholds::default();
        let threshold = |time: std::time::Duration| {
            described(milliseconds(1), json!(u64::try_from(time.as_millis()).unwrap_or_default()))
        };
        let plugin = object(
            &[],
            [
                ("limits", limits()),
                ("instances", instances()),
                ("environment", json!({ "type": "object", "additionalProperties": text() })),
                ("capabilities", capabilities()),
                ("require_signature", flag(false)),
            ],
        );
        let mut schema = object(
            &[],
            [
                (
                    "device",
                    object(
                        &[],
                        [
                            ("name", or_several(text())),
                            ("port", port),
                            ("auto_connect", flag(true)),
                            ("auto_reconnect", json!({ "type": "boolean" })),
                        ],
                    ),
                ),
                (
                    "modes",
                    json!({ "type": "array", "maxItems": 256, "items": object(&["name"], [
                ("name", text()),
                ("color", text()),
                ("mappings", mappings()),
            ]) }),
                ),
                ("global_mappings", mappings()),
                (
                    "logging",
                    object(
                        &[],
                        [("level", words(LogLevel::ALL.map(|(name, _)| name))), ("file", path())],
                    ),
                ),
                ("audit", object(&[], [("file", path()), ("max_bytes", at_least(1_024))])),
                (
                    "advanced_settings",
                    object(
                        &[],
                        [
                            ("chord_timeout_ms", threshold(defaults.chord)),
                            ("double_tap_timeout_ms", threshold(defaults.double_tap)),
                            ("hold_threshold_ms", threshold(defaults.hold)),
                        ],
                    ),
                ),
                ("plugins", json!({ "type": "object", "additionalProperties": plugin })),
            ],
        );
        let definitions = json!({
            "mapping": object(&["trigger", "action"], [
                ("trigger", json!({ "$ref": "#/$defs/trigger" })),
                ("action", json!({ "$ref": "#/$defs/action" })),
                ("description", text()),
            ]),
            "trigger": variants(TriggerKind::NAMES, trigger),
            "action": variants(ACTIONS, action),
            "condition": condition(),
        });
        if let Value::Object(schema) = &mut schema {
            schema.insert(
                "$schema".to_owned(),
                json!("https://json-schema.org/draft/2020-12/schema"),
            );
            schema.insert("title".to_owned(), json!("A configuration of conductor"));
            schema.insert("$defs".to_owned(), definitions);
        }
        schema
    }
}

/// Keys, and which of them there have to be.
struct Body {
    required: &'static [&'static str],
    properties: Map<String, Value>,
}

fn body<const N: usize>(required: &'static [&'static str], properties: [(&str, Value); N]) -> Body {
    let properties = properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Body { required, properties }
}

fn object<const N: usize>(
    required: &'static [&'static str],
    properties: [(&str, Value); N],
) -> Value {
    body(required, properties).object()
}

impl Body {
    fn object(&self) -> Value {
        let Self { required, properties } = self;
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }

    /// `{ Name = { ... } }`, `{ type = "Name", ... }`, and the name alone where that is enough.
    fn spellings(&self, name: &str) -> Vec<Value> {
        let mut properties = self.properties.clone();
        properties.insert("type".to_owned(), json!({ "const": name }));
        let required: Vec<_> = std::iter::once(&"type").chain(self.required).collect();
        let mut spellings = vec![
            outer(name, self.object()),
            json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false }),
        ];
        if self.required.is_empty() {
            spellings.push(json!({ "const": name }));
        }
        spellings
    }
}

fn outer(name: &str, inner: Value) -> Value {
    json!({ "type": "object", "properties": { name: inner }, "required": [name], "additionalProperties": false })
}

fn variants(names: &[&str], of: fn(&str) -> Body) -> Value {
    let spellings: Vec<_> = names.iter().flat_map(|name| of(name).spellings(name)).collect();
    json!({ "anyOf": spellings })
}

fn trigger(name: &str) -> Body {
    let seven = || integer(0, 127);
    let mut body = match name {
        "Note" => body(
            &["note"],
            [
                ("note", seven()),
                ("velocity_min", seven()),
                ("velocity_max", seven()),
                ("on", words(Edge::ALL.map(|(name, _)| name))),
            ],
        ),
        "VelocityRange" => body(
            &["note"],
            [
                ("note", seven()),
                ("soft_max", described(seven(), json!(40))),
                ("medium_max", described(seven(), json!(80))),
                ("level", words(Level::ALL.map(|(name, _)| name))),
            ],
        ),
        "LongPress" => body(&["note"], [("note", seven()), ("duration_ms", milliseconds(1))]),
        "DoubleTap" => body(&["note"], [("note", seven()), ("timeout_ms", milliseconds(1))]),
        "NoteChord" => body(
            &["notes"],
            [
                (
                    "notes",
                    json!({ "type": "array", "items": seven(), "minItems": 2, "maxItems": 16, "uniqueItems": true }),
                ),
                ("timeout_ms", milliseconds(1)),
            ],
        ),
        "EncoderTurn" => body(
            &["cc"],
            [
                ("cc", seven()),
                ("direction", words(Direction::ALL.map(|(name, _)| name))),
                ("mode", words(Encoding::ALL.map(|(name, _)| name))),
            ],
        ),
        "Aftertouch" => {
            body(&[], [("pressure_min", described(seven(), json!(1))), ("note", seven())])
        }
        "PitchBend" => body(
            &[],
            [("value_min", integer(-8_192, 8_191)), ("value_max", integer(-8_192, 8_191))],
        ),
        "CC" => body(&["cc"], [("cc", seven()), ("value_min", seven()), ("value_max", seven())]),
        "ProgramChange" => body(&[], [("program", seven())]),
        "Nrpn" => body(&["parameter"], [("parameter", integer(0, 16_383))]),
        _ => body(&[], [("prefix", bytes())]),
    };
    // A system exclusive message has none.
    if name != "SysEx" {
        body.properties.insert("channel".to_owned(), integer(1, 16));
    }
    body
}

fn action(name: &str) -> Body {
    let text = || json!({ "type": "string", "minLength": 1 });
    let action = || json!({ "$ref": "#/$defs/action" });
    match name {
        "WasmPlugin" => {
            body(&["path"], [("path", path()), ("params", json!({ "type": "object" }))])
        }
        "ModeChange" => body(&["mode"], [("mode", mode())]),
        "Sequence" => {
            body(&["actions"], [("actions", json!({ "type": "array", "items": action() }))])
        }
        "Delay" => body(&["ms"], [("ms", milliseconds(0))]),
        "Repeat" => body(
            &["action", "count"],
            [("action", action()), ("count", integer(1, 10_000)), ("delay_ms", milliseconds(0))],
        ),
        "Conditional" => body(
            &["condition", "then_action"],
            [
                ("condition", json!({ "$ref": "#/$defs/condition" })),
                ("then_action", action()),
                ("else_action", action()),
            ],
        ),
        "SendMidi" => body(
            &["port", "message_type"],
            [
                ("port", json!({ "type": "string" })),
                ("message_type", words(KINDS.map(|(name, _)| name))),
                ("channel", number(1, 16)),
                ("note", number(0, 127)),
                ("velocity", number(0, 127)),
                ("cc", number(0, 127)),
                ("program", number(0, 127)),
                ("pressure", number(0, 127)),
                // Of a pitch bend; what a controller's is, the loader says.
                ("value", number(-8_192, 8_191)),
                ("data", bytes()),
            ],
        ),
        "Keystroke" => body(
            &["keys"],
            [
                ("keys", text()),
                (
                    "modifiers",
                    json!({ "type": "array", "items": words(MODIFIERS.map(|(name, _)| name)) }),
                ),
            ],
        ),
        "Text" => body(&["text"], [("text", text())]),
        "Launch" => body(&["app"], [("app", text())]),
        "Shell" => body(
            &["command"],
            [
                (
                    "command",
                    json!({ "anyOf": [text(), { "type": "array", "items": { "type": "string" }, "minItems": 1 }] }),
                ),
                ("timeout_ms", described(milliseconds(1), json!(10_000))),
            ],
        ),
        "MouseClick" => body(&[], [("button", words(BUTTONS.map(|(name, _)| name)))]),
        _ => body(
            &["operation"],
            [("operation", words(VOLUMES.map(|(name, _)| name))), ("value", integer(0, 100))],
        ),
    }
}

/// In either spelling, and with the argument alone where there is one.
fn condition() -> Value {
    let itself = || json!({ "$ref": "#/$defs/condition" });
    let all = || json!({ "type": "array", "items": itself() });
    let short = |day: &&str| (*day).get(..3).map(str::to_owned);
    let days: Vec<String> =
        DAYS.iter().map(|day| (*day).to_owned()).chain(DAYS.iter().filter_map(short)).collect();
    let days = || json!({ "type": "array", "items": { "enum": days }, "minItems": 1 });
    let time = || json!({ "type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}(:00)*$" });
    let mut spellings = Vec::new();
    for name in CONDITIONS {
        let (body, argument) = match *name {
            "Always" | "Never" => (body(&[], []), None),
            "ModeIs" => (body(&["mode"], [("mode", mode())]), Some(mode())),
            "TimeRange" => (body(&["start", "end"], [("start", time()), ("end", time())]), None),
            "DayOfWeek" => (body(&["days"], [("days", days())]), Some(days())),
            "Not" => (body(&["condition"], [("condition", itself())]), Some(itself())),
            _ => (body(&["conditions"], [("conditions", all())]), Some(all())),
        };
        spellings.extend(body.spellings(name));
        spellings.extend(argument.map(|argument| outer(name, argument)));
    }
    json!({ "anyOf": spellings })
}

/// How many, or how they live as well.
fn instances() -> Value {
    let size = || integer(1, u32::MAX.into());
    let modes = words(INSTANCE_MODES.map(|(name, _)| name));
    json!({ "anyOf": [size(), object(&[], [("mode", modes), ("size", size())])] })
}

fn limits() -> Value {
    let defaults = Limits::default();
    let number = |default: u64| described(at_least(0), json!(default));
    object(
        &[],
        [
            ("fuel", json!({ "anyOf": [at_least(0), { "const": "unmetered" }] })),
            ("memory_bytes", number(defaults.memory_bytes)),
            ("timeout_ms", number(defaults.timeout_ms)),
            ("table_elements", number(defaults.table_elements)),
            ("output_bytes", number(defaults.output_bytes)),
            ("log_bytes_per_second", number(defaults.log_bytes_per_second)),
            ("module_bytes", number(defaults.module_bytes)),
        ],
    )
}

/// Names alone, or with what each may reach.
fn capabilities() -> Value {
    let names = || json!({ "type": "array", "items": { "type": "string" } });
    let arguments = |capability: Capability| match capability {
        Capability::Network => {
            let defaults = Network::default();
            object(
                &[],
                [
                    ("hosts", names()),
                    ("allow_private", names()),
                    ("timeout_ms", described(at_least(0), json!(defaults.timeout_ms))),
                    (
                        "max_redirects",
                        described(integer(0, u32::MAX.into()), json!(defaults.max_redirects)),
                    ),
                    (
                        "max_request_bytes",
                        described(at_least(0), json!(defaults.max_request_bytes)),
                    ),
                    (
                        "max_response_bytes",
                        described(at_least(0), json!(defaults.max_response_bytes)),
                    ),
                ],
            )
        }
        Capability::Audio => object(&[], [("sounds", names())]),
        Capability::Midi => object(&[], [("outputs", names())]),
        Capability::Filesystem => {
            let defaults = Filesystem::default();
            object(
                &[],
                [
                    ("read_only", json!({ "type": "boolean", "default": defaults.read_only })),
                    ("quota_bytes", described(at_least(0), json!(defaults.quota_bytes))),
                    ("max_files", described(at_least(0), json!(defaults.max_files))),
                ],
            )
        }
        Capability::Subprocess => object(
            &["programs"],
            [(
                "programs",
                json!({ "type": "array", "items": object(&["program"], [("program", json!({ "type": "string" })), ("args", names())]) }),
            )],
        ),
        Capability::SystemControl => object(
            &["operations"],
            [
                (
                    "operations",
                    json!({ "type": "array", "items": words(Operation::ALL.map(Operation::name)) }),
                ),
                ("applications", names()),
            ],
        ),
        _ => object(&[], []),
    };
    let properties: Map<_, _> =
        Capability::ALL.iter().map(|one| (one.name().to_owned(), arguments(*one))).collect();
    let alone = Capability::ALL.iter().filter(|one| one.alone().is_none()).map(|one| one.name());
    json!({ "anyOf": [
        { "type": "array", "items": words(alone) },
        { "type": "object", "properties": properties, "additionalProperties": false },
    ] })
}

fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Value {
    let words: Vec<&str> = words.into_iter().collect();
    json!({ "enum": words })
}

fn integer(least: i64, most: i64) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

fn at_least(least: i64) -> Value {
    json!({ "type": "integer", "minimum": least })
}

fn milliseconds(least: i64) -> Value {
    integer(least, HOUR_MS)
}

fn described(mut schema: Value, default: Value) -> Value {
    if let Value::Object(schema) = &mut schema {
        schema.insert("default".to_owned(), default);
    }
    schema
}

fn path() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

/// By name, or by place.
fn mode() -> Value {
    json!({ "anyOf": [{ "type": "string" }, integer(0, 255)] })
}

/// A number, or a text that is one placeholder.
fn number(least: i64, most: i64) -> Value {
    let placeholder = format!("^\\{{({})\\}}$", PlaceholderValues::NAMES.join("|"));
    json!({ "anyOf": [integer(least, most), { "type": "string", "pattern": placeholder }] })
}

/// Bytes of a system exclusive message.
fn bytes() -> Value {
    json!({ "anyOf": [
        { "type": "string", "pattern": "^[0-9A-Fa-f\\s]*$" },
        { "type": "array", "items": integer(0, 255) },
    ] })
}
