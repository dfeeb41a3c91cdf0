//! The schema says what the loader takes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::config::TriggerKind;
use crate::config::load::actions::{ACTIONS, VOLUMES};
use crate::config::load::conditions::CONDITIONS;
use crate::config::load::messages::KINDS;
use crate::config::reader::asked;

fn loads(text: &str) -> Result<(), String> {
    let origin = Origin::new("c.toml", "/");
    Config::parse(text, &origin).map(drop).map_err(|report| report.to_string())
}

/// One mapping, with a mode that it may name.
fn mapping(trigger: &str, action: &str) -> String {
    format!("[[modes]]\nname = \"M\"\n[[modes.mappings]]\ntrigger = {trigger}\naction = {action}\n")
}

const TRIGGER: &str = "{ Note = { note = 1 } }";
const ACTION: &str = "{ Delay = { ms = 1 } }";

fn keys(properties: &Value) -> BTreeSet<String> {
    properties.as_object().unwrap().keys().cloned().collect()
}

/// The body of one variant, as in `{ Name = { ... } }`.
fn variant<'s>(schema: &'s Value, of: &str, name: &str) -> &'s Value {
    let all = schema["$defs"][of]["anyOf"].as_array().unwrap();
    let mut all = all.iter().map(|spelling| &spelling["properties"][name]);
    all.find(|body| body["properties"].is_object()).unwrap_or_else(|| panic!("{of} {name}"))
}

#[test]
fn it_is_the_one_that_is_published() {
    let published = expect_test::expect_file!["../../../../../docs/conductor.schema.json"];
    published.assert_eq(&format!("{:#}\n", Config::schema()));
}

#[test]
fn every_key_that_the_loader_knows_is_in_it_and_no_other() {
    let schema = Config::schema();
    let mut checked = 0;
    let mut check = |text: &str, tables: &[(&str, &Value)]| {
        // Whether it loads does not matter: the loader asks all the same.
        let _: Result<_, _> = loads(text);
        let asked = asked::take();
        for (what, schema) in tables {
            let asked =
                asked.get(what).unwrap_or_else(|| panic!("nothing asked of {what}: {asked:?}"));
            let asked: BTreeSet<String> = asked.iter().map(|key| (*key).to_owned()).collect();
            assert_eq!(keys(&schema["properties"]), asked, "{what}");
            checked += 1;
        }
    };
    let article = |name: &str| {
        if name.starts_with(['A', 'E', 'I', 'O', 'N']) && name != "Note" && name != "NoteChord" {
            "an"
        } else {
            "a"
        }
    };
    for name in TriggerKind::NAMES {
        let text = mapping(&format!("{{ type = \"{name}\" }}"), ACTION);
        let what = format!("{} `{name}` trigger", article(name));
        let mut body = variant(&schema, "trigger", name).clone();
        if *name == "SysEx" {
            // Asked for only to be refused.
            body["properties"]["channel"] = Value::Null;
        }
        check(&text, &[(&what, &body)]);
    }
    for name in ACTIONS {
        let more = match *name {
            "SendMidi" => KINDS.map(|(kind, _)| format!(", message_type = \"{kind}\"")).to_vec(),
            "VolumeControl" => VOLUMES.map(|(way, _)| format!(", operation = \"{way}\"")).to_vec(),
            _ => vec![String::new()],
        };
        let text: String = more
            .iter()
            .map(|more| format!("[[global_mappings]]\ntrigger = {TRIGGER}\naction = {{ type = \"{name}\"{more} }}\n"))
            .collect();
        let what = format!("a `{name}` action");
        check(&text, &[(&what, variant(&schema, "action", name))]);
    }
    for (name, what) in [
        ("ModeIs", "a `ModeIs` condition"),
        ("TimeRange", "a `TimeRange` condition"),
        ("DayOfWeek", "a `DayOfWeek` condition"),
        ("Not", "a `Not` condition"),
        ("And", "a condition of several"),
        ("Or", "a condition of several"),
    ] {
        let action = format!(
            "{{ Conditional = {{ condition = {{ type = \"{name}\" }}, then_action = {ACTION} }} }}"
        );
        check(&mapping(TRIGGER, &action), &[(what, variant(&schema, "condition", name))]);
    }
    let top = &schema["properties"];
    let plugin = &top["plugins"]["additionalProperties"];
    let capability =
        |name: &str| &plugin["properties"]["capabilities"]["anyOf"][1]["properties"][name];
    let text = format!(
        "device = {{}}\nlogging = {{}}\naudit = {{}}\nadvanced_settings = {{}}\n{}\
         [plugins.\"a\"]\nlimits = {{}}\ninstances = {{}}\n[plugins.a.capabilities]\nNetwork = {{}}\nAudio = {{}}\nMidi = {{}}\n\
         Filesystem = {{}}\nSubprocess = {{ programs = [{{}}] }}\nSystemControl = {{}}\n",
        mapping(TRIGGER, ACTION)
    );
    let program = &capability("Subprocess")["properties"]["programs"]["items"];
    check(
        &text,
        &[
            ("the configuration", &schema),
            ("[device]", &top["device"]),
            ("[logging]", &top["logging"]),
            ("[audit]", &top["audit"]),
            ("[advanced_settings]", &top["advanced_settings"]),
            ("a mode", &top["modes"]["items"]),
            ("a mapping", &schema["$defs"]["mapping"]),
            ("a plugin's settings", plugin),
            ("`instances`", &plugin["properties"]["instances"]["anyOf"][1]),
            ("`limits`", &plugin["properties"]["limits"]),
            ("`Network`", capability("Network")),
            ("`Audio`", capability("Audio")),
            ("`Midi`", capability("Midi")),
            ("`Filesystem`", capability("Filesystem")),
            ("`Subprocess`", capability("Subprocess")),
            ("`SystemControl`", capability("SystemControl")),
            ("a program", program),
        ],
    );
    assert_eq!(checked, TriggerKind::NAMES.len() + ACTIONS.len() + CONDITIONS.len() - 2 + 17);
}

/// The least of each that loads.
const LEAST: &[(&str, &str, &str)] = &[
    ("trigger", "Note", "note = 1"),
    ("trigger", "VelocityRange", "note = 1"),
    ("trigger", "LongPress", "note = 1"),
    ("trigger", "DoubleTap", "note = 1"),
    ("trigger", "NoteChord", "notes = [1, 2]"),
    ("trigger", "EncoderTurn", "cc = 1"),
    ("trigger", "Aftertouch", ""),
    ("trigger", "PitchBend", ""),
    ("trigger", "CC", "cc = 1"),
    ("trigger", "ProgramChange", ""),
    ("trigger", "Nrpn", "parameter = 1"),
    ("trigger", "SysEx", ""),
    ("action", "Delay", "ms = 1"),
    ("action", "Repeat", "count = 1, action = { Delay = { ms = 1 } }"),
    ("action", "Shell", "command = \"true\""),
    ("action", "VolumeControl", "operation = \"Up\""),
    (
        "action",
        "SendMidi",
        "port = \"S\", message_type = \"PolyAftertouch\", note = 1, pressure = 1",
    ),
    ("action", "MouseClick", ""),
    ("action", "Keystroke", "keys = \"a\""),
    ("action", "Text", "text = \"a\""),
    ("action", "Launch", "app = \"a\""),
    ("action", "WasmPlugin", "path = \"a\""),
    ("action", "ModeChange", "mode = 0"),
    ("action", "Sequence", "actions = []"),
];

#[test]
fn bounds_words_and_what_is_required_are_the_loaders() {
    let schema = Config::schema();
    let text = |of: &str, name: &str, body: &str| {
        let table = format!("{{ {name} = {{ {body} }} }}");
        if of == "trigger" { mapping(&table, ACTION) } else { mapping(TRIGGER, &table) }
    };
    let mut bounds = 0;
    for (of, name, least) in LEAST {
        loads(&text(of, name, least)).unwrap();
        let body = variant(&schema, of, name);
        let required = body["required"].as_array().unwrap();
        // The same without each of its keys.
        for key in required.iter().map(|key| key.as_str().unwrap()) {
            let parts = least.split(", ").filter(|part| !part.starts_with(&format!("{key} =")));
            let without: Vec<_> = parts.collect();
            assert!(loads(&text(of, name, &without.join(", "))).is_err(), "{name} without {key}");
        }
        if required.is_empty() {
            let alone = format!("\"{name}\"");
            let text =
                if *of == "trigger" { mapping(&alone, ACTION) } else { mapping(TRIGGER, &alone) };
            loads(&text).unwrap();
        }
        for (key, property) in body["properties"].as_object().unwrap() {
            let with = |value: &str| {
                let parts = least
                    .split(", ")
                    .filter(|part| !part.is_empty() && !part.starts_with(&format!("{key} =")));
                let parts: Vec<_> =
                    parts.map(str::to_owned).chain([format!("{key} = {value}")]).collect();
                // A soft press beyond the default end of medium ones.
                let more = if key == "soft_max" {
                    ", medium_max = 127"
                } else if key == "medium_max" {
                    ", soft_max = 0"
                } else {
                    ""
                };
                loads(&text(of, name, &format!("{}{more}", parts.join(", "))))
            };
            let number = property.get("anyOf").and_then(|any| any.get(0)).unwrap_or(property);
            if let (Some(min), Some(max)) = (number["minimum"].as_i64(), number["maximum"].as_i64())
                && !["value", "velocity", "cc", "program", "data"].contains(&key.as_str())
                && (*name, key.as_str()) != ("ModeChange", "mode")
            {
                for (value, wanted) in
                    [(min, true), (max, true), (min - 1, false), (max + 1, false)]
                {
                    let found = with(&value.to_string());
                    assert_eq!(found.is_ok(), wanted, "{name} {key} = {value}: {found:?}");
                }
                bounds += 1;
            }
            for word in property["enum"].as_array().into_iter().flatten() {
                if *name == "SendMidi" || *name == "VolumeControl" {
                    continue;
                }
                with(&word.to_string())
                    .unwrap_or_else(|error| panic!("{name} {key} = {word}: {error}"));
            }
        }
    }
    assert!(bounds > 25, "{bounds}");
}
