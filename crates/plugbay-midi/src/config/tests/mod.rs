//! Configurations, and what is said of them.

mod actions;
mod schema;
mod triggers;

use std::num::NonZeroUsize;
use std::path::Path;

use expect_test::{Expect, expect};
use plugbay::policy::Capability;
use plugbay::{Instances, Variables};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(text: &str) -> Result<Loaded, Report> {
    Config::parse(text, &Origin::new("test.toml", "/music").with_home("/home/me"))
}

fn loads(text: &str) -> Config {
    let loaded = parse(text).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    loaded.config
}

#[track_caller]
fn check_errors(text: &str, expected: Expect) {
    let report = match parse(text) {
        Ok(loaded) => panic!("it loads: {:#?}", loaded.config),
        Err(report) => report.to_string(),
    };
    expected.assert_eq(&report);
}

#[track_caller]
fn check_warnings(text: &str, expected: Expect) {
    match parse(text) {
        Ok(loaded) => expected.assert_eq(&loaded.warnings.to_string()),
        Err(report) => panic!("it does not load:\n{report}"),
    }
}

#[test]
fn capabilities_with_their_arguments() {
    let config = loads(&format!(
        "{}\n{}",
        with_action("{ WasmPlugin = { path = \"a.wasm\" } }"),
        r#"
[audit]
file = "~/audit.jsonl"
max_bytes = 4096

[plugins."a.wasm".capabilities]
Network = { hosts = ["*.example.org"], allow_private = ["127.0.0.1:9000"], timeout_ms = 7, max_redirects = 0 }
audio = { sounds = ["bell"] }
Midi.outputs = ["*"]
Filesystem = { read_only = true, quota_bytes = 10 }
SystemControl = { operations = ["launch", "mode_change"], applications = ["Firefox"] }
[[plugins."a.wasm".capabilities.Subprocess.programs]]
program = "/usr/bin/notify-send"
args = ["--urgency=low", "{text}"]
"#
    ));
    let wanted = json!({
        "Network": {
            "hosts": ["*.example.org"], "allow_private": ["127.0.0.1:9000"], "timeout_ms": 7, "max_redirects": 0,
            "max_request_bytes": 1 << 20, "max_response_bytes": 16 << 20
        },
        "Audio": { "sounds": ["bell"] },
        "Midi": { "outputs": ["*"] },
        "Filesystem": { "read_only": true, "quota_bytes": 10, "max_files": 1024 },
        "Subprocess": {
            "programs": [{ "program": "/usr/bin/notify-send", "args": ["--urgency=low", "{text}"] }]
        },
        "SystemControl": { "operations": ["launch", "mode_change"], "applications": ["Firefox"] }
    });
    assert_eq!(serde_json::to_value(&config.plugins[0].grant).unwrap(), wanted);
    assert_eq!(config.audit.file.as_deref(), Some(Path::new("/home/me/audit.jsonl")));
    assert_eq!(config.audit.max_bytes, Some(4096));
}

/// One mapping of middle C, with its action.
fn with_action(action: &str) -> String {
    format!(
        "[[modes]]\nname = \"A\"\n[[modes]]\nname = \"B\"\n[[modes.mappings]]\n\
         trigger = {{ Note = {{ note = 60 }} }}\naction = {action}\n"
    )
}

fn action(text: &str) -> Action {
    Action::clone(&loads(&with_action(text)).modes[1].mappings[0].action)
}

fn with_trigger(trigger: &str) -> String {
    format!(
        "global_mappings = [{{ trigger = {trigger}, action = {{ ModeChange = {{ mode = 0 }} }} }}]"
    )
}

fn trigger(text: &str) -> Trigger {
    loads(&with_trigger(text)).global_mappings[0].trigger.clone()
}

fn note(note: u8, velocity: std::ops::RangeInclusive<u8>, on: Edge) -> TriggerKind {
    TriggerKind::Note { note, velocity, on }
}

#[test]
fn everything_at_once() {
    let config = loads(
        r#"
[device]
name = "Pads"
auto_connect = false
auto_reconnect = false

[logging]
level = "Debug"
file = "~/conductor.log"

[[modes]]
name = "Drums"
color = "red"

[[modes.mappings]]
description = "kick"
trigger = { Note = { note = 36, velocity_min = 10, velocity_max = 90, on = "release", channel = 10 } }
action = { WasmPlugin = { path = "./lights.wasm", params = { level = "{velocity}", list = [1, 2.5, true, 1979-05-27] } } }

[[modes]]
name = "Keys"

[[global_mappings]]
trigger = { type = "Note", note = 37 }
action = { type = "ModeChange", mode = "Keys" }

[[global_mappings]]
trigger = { Note = { note = 0x26 } }
action = { type = "WasmPlugin", path = "lights.wasm" }

[plugins."lights.wasm"]
capabilities = ["network", "Midi"]
require_signature = true
limits = { fuel = 5, timeout_ms = 100 }
"#,
    );
    assert_eq!(config.device.ports, [PortSelector::Name("Pads".to_owned())]);
    assert!(!config.device.auto_reconnect);
    assert_eq!(config.device.choose(&[]), []);
    assert_eq!(config.device.choose(&[PortSelector::Index(1)]), [PortSelector::Index(1)]);
    assert_eq!(config.logging.level, Some(LogLevel::Debug));
    assert_eq!(config.logging.file.as_deref(), Some(Path::new("/home/me/conductor.log")));

    let kick = &config.modes[0].mappings[0];
    assert_eq!(config.modes[0].color.as_deref(), Some("red"));
    assert_eq!(kick.description.as_deref(), Some("kick"));
    assert_eq!(kick.line, 15);
    assert_eq!(kick.trigger, Trigger { channel: Some(10), kind: note(36, 10..=90, Edge::Release) });
    let Action::WasmPlugin { plugin: PluginId(0), params } = &*kick.action else { panic!() };
    assert_eq!(
        *params.document(),
        json!({ "level": "{velocity}", "list": [1, 2.5, true, "1979-05-27"] })
    );
    assert_eq!(*config.global_mappings[0].action, Action::ModeChange { mode: ModeId(1) });

    // Two spellings of one path are one plugin.
    let [plugin] = config.plugins.as_slice() else { panic!("{:?}", config.plugins) };
    assert_eq!((plugin.name.as_str(), &*plugin.path), ("lights", Path::new("/music/lights.wasm")));
    assert_eq!((plugin.limits.fuel, plugin.limits.timeout_ms), (5.into(), 100));
    assert_eq!(plugin.limits.memory_bytes, 128 << 20);
    assert!(plugin.require_signature);
    assert_eq!(plugin.grant.iter().collect::<Vec<_>>(), [Capability::Network, Capability::Midi]);
}

#[test]
fn instances_and_variables() {
    for (written, wanted) in [
        ("", None),
        ("instances = 3", Some(Instances::pooled(NonZeroUsize::new(3).unwrap()))),
        ("instances = {}", Some(Instances::POOLED)),
        ("instances = { mode = \"single\", size = 1 }", Some(Instances::SINGLE)),
        ("instances.mode = \"per-request\"", Some(Instances::PER_REQUEST)),
        (
            "instances = { mode = \"per-request\", size = 2 }",
            Some(Instances::per_request(NonZeroUsize::new(2).unwrap())),
        ),
    ] {
        let action = with_action("{ WasmPlugin = { path = \"a.wasm\" } }");
        let config = loads(&format!("{action}\n[plugins.\"a.wasm\"]\n{written}\n"));
        assert_eq!(config.plugins[0].instances, wanted, "{written}");
        assert_eq!(config.plugins[0].environment, Variables::default());
    }
    let config = loads(&format!(
        "{}\n[plugins.\"a.wasm\".environment]\nTZ = \"UTC\"\nEMPTY = \"\"\n",
        with_action("{ WasmPlugin = { path = \"a.wasm\" } }")
    ));
    let wanted = [("EMPTY", ""), ("TZ", "UTC")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(config.plugins[0].environment.as_slice(), wanted);
}

#[test]
fn values_of_variables_are_not_shown() {
    let action = with_action("{ WasmPlugin = { path = \"a.wasm\" } }");
    let report = parse(&format!(
        "{action}\n[plugins.\"a.wasm\"]\nenvironment = {{ \"A=B\" = \"secret 1\", C = \"\\u0000 secret 2\", D = 5 }}\n"
    ));
    let report = report.unwrap_err();
    assert_eq!(report.findings().len(), 3, "{report}");
    for text in [report.to_string(), report.to_ansi(), report.brief()] {
        assert!(!text.contains("secret"), "{text}");
    }
    assert!(report.to_string().contains(".toml:"), "{report}");
}

#[test]
fn both_spellings_and_defaults() {
    let plain = trigger("{ Note = { note = 60 } }");
    assert_eq!(plain, Trigger { channel: None, kind: note(60, 0..=127, Edge::Press) });
    assert_eq!(plain, trigger("{ type = \"Note\", note = 60 }"));
    for mode in ["\"B\"", "1"] {
        let expected = Action::ModeChange { mode: ModeId(1) };
        assert_eq!(action(&format!("{{ ModeChange = {{ mode = {mode} }} }}")), expected);
        assert_eq!(action(&format!("{{ type = \"ModeChange\", mode = {mode} }}")), expected);
    }
    let Action::WasmPlugin { params, .. } = action("{ WasmPlugin = { path = \"x.wasm\" } }") else {
        panic!()
    };
    assert_eq!(*params.document(), json!({}));
}

#[test]
fn a_configured_port_is_used_unless_another_is_asked_for() {
    let mapping = with_trigger("{ Note = { note = 1 } }");
    let name = |name: &str| PortSelector::Name(name.to_owned());
    for (device, ports) in [
        ("port = 2", vec![PortSelector::Index(2)]),
        ("port = \"pads\"", vec![name("pads")]),
        ("port = [\"pads\", 1]", vec![name("pads"), PortSelector::Index(1)]),
        ("name = \"Pads\"", vec![name("Pads")]),
        ("name = [\"Pads\", \"Keys\"]", vec![name("Pads"), name("Keys")]),
        ("name = \"Pads\", port = 2", vec![PortSelector::Index(2)]),
    ] {
        let device = loads(&format!("device = {{ {device} }}\n{mapping}")).device;
        assert_eq!(device.choose(&[]), ports);
        assert_eq!(device.choose(&[PortSelector::Index(7)]), [PortSelector::Index(7)]);
        assert!(device.auto_reconnect);
    }
    assert_eq!(loads(&mapping).device.choose(&[]), []);
}

#[test]
fn paths_start_at_the_configuration_and_the_home() {
    for (written, resolved) in [
        ("x.wasm", "/music/x.wasm"),
        ("./a/../x.wasm", "/music/a/../x.wasm"),
        ("/opt/x.wasm", "/opt/x.wasm"),
        ("~/x.wasm", "/home/me/x.wasm"),
        ("~", "/home/me"),
        ("~you/x.wasm", "/music/~you/x.wasm"),
    ] {
        let config = loads(&with_action(&format!("{{ WasmPlugin = {{ path = '{written}' }} }}")));
        assert_eq!(config.plugins[0].path, Path::new(resolved), "{written}");
    }
}

#[test]
fn a_relative_configuration_has_relative_paths() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    std::fs::write(&file, with_action("{ WasmPlugin = { path = 'sub/x.wasm' } }")).unwrap();
    let config = Config::load(&file).unwrap().config;
    assert_eq!(config.plugins[0].path, folder.path().join("sub/x.wasm"));
}

#[test]
fn plugins_with_equal_stems_go_by_their_paths() {
    let config = loads(
        r#"
        [[modes]]
        name = "A"
        mappings = [
            { trigger = { Note = { note = 1 } }, action = { WasmPlugin = { path = "a/x.wasm" } } },
            { trigger = { Note = { note = 1 } }, action = { WasmPlugin = { path = "b/x.wasm" } } },
        ]
        "#,
    );
    let names: Vec<_> = config.plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    assert_eq!(names, ["/music/a/x.wasm", "/music/b/x.wasm"]);
}

const COLONS: &str = r#"[[modes]]
name = "Stage"

[[modes.mappings]]
trigger = { Note = { note = 48 } } # a C
action = { WasmPlugin = {
  path = "build/greeter.wasm",
  params = {
    "greeting": "good evening: \"all\"",
    "times" : 3, "deep":{"list":[{"a":1}]},
    plain = "x"
  }
}}
"#;

#[test]
fn colons_after_quoted_keys_are_read_with_a_warning() {
    let config = parse(COLONS).unwrap().config;
    let Action::WasmPlugin { params, .. } = &*config.modes[0].mappings[0].action else { panic!() };
    assert_eq!(
        *params.document(),
        json!({
            "greeting": "good evening: \"all\"",
            "times": 3,
            "deep": { "list": [{ "a": 1 }] },
            "plain": "x",
        })
    );
    check_warnings(
        COLONS,
        expect![[r#"
            warning: lines 9, 10: `:` after a key is not TOML; it was read as `=`
             --> test.toml:9:15
              |
            9 |     "greeting": "good evening: \"all\"",
              |               ^
              |
              = help: in TOML: greeting = ..."#]],
    );
}

#[test]
fn errors_after_colons_are_at_their_own_place() {
    check_errors(
        &COLONS.replace("48", "148").replace("plain = \"x\"", "plain = x"),
        expect![[r#"
            error: not TOML: string values must be quoted, expected literal string
              --> test.toml:11:13
               |
            11 |     plain = x
               |             ^"#]],
    );
    check_errors(
        &COLONS.replace("48", "148"),
        expect![[r#"
            error: 148 is out of range: 0 to 127
             --> test.toml:5:29
              |
            5 | trigger = { Note = { note = 148 } } # a C
              |                             ^^^

            warning: lines 9, 10: `:` after a key is not TOML; it was read as `=`
             --> test.toml:9:15
              |
            9 |     "greeting": "good evening: \"all\"",
              |               ^
              |
              = help: in TOML: greeting = ..."#]],
    );
}

#[test]
fn colons_elsewhere_are_errors() {
    for text in ["\"a\": 1", "a: 1", "x = { a: 1 }", "x = [\"a\": 1]", "x = \"a\": 1"] {
        let report = parse(text).unwrap_err();
        assert!(report.to_string().contains("not TOML"), "{text}: {report}");
    }
}

#[test]
fn all_errors_in_one_go() {
    check_errors(
        r#"
colour = 1
[device]
nam = "x"
[[modes]]
name = "A"
[[modes.mappings]]
trigger = { Note = { note = 200, velocty_min = 1, channel = 0 } }
action = { WasmPlugin = { pth = "x.wasm", params = [1] } }
[[modes]]
name = "A"
[[modes.mappings]]
trigger = { LongPres = { note = 1 } }
action = { ModeChange = { mode = "a" } }
"#,
        expect![[r#"
            error: the configuration has no key `colour`
             --> test.toml:2:1
              |
            2 | colour = 1
              | ^^^^^^
              |
              = help: known keys: `device`, `modes`, `global_mappings`, `logging`, `audit`, `advanced_settings`, `plugins`

            error: [device] has no key `nam`
             --> test.toml:4:1
              |
            4 | nam = "x"
              | ^^^
              |
              = help: did you mean `name`?

            error: 200 is out of range: 0 to 127
             --> test.toml:8:29
              |
            8 | trigger = { Note = { note = 200, velocty_min = 1, channel = 0 } }
              |                             ^^^

            error: a `Note` trigger has no key `velocty_min`
             --> test.toml:8:34
              |
            8 | trigger = { Note = { note = 200, velocty_min = 1, channel = 0 } }
              |                                  ^^^^^^^^^^^
              |
              = help: did you mean `velocity_min`?

            error: 0 is out of range: 1 to 16
             --> test.toml:8:61
              |
            8 | trigger = { Note = { note = 200, velocty_min = 1, channel = 0 } }
              |                                                             ^

            error: a `WasmPlugin` action needs the key `path`
             --> test.toml:9:25
              |
            9 | action = { WasmPlugin = { pth = "x.wasm", params = [1] } }
              |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: a `WasmPlugin` action has no key `pth`
             --> test.toml:9:27
              |
            9 | action = { WasmPlugin = { pth = "x.wasm", params = [1] } }
              |                           ^^^
              |
              = help: did you mean `path`?

            error: expected a table, found an array
             --> test.toml:9:52
              |
            9 | action = { WasmPlugin = { pth = "x.wasm", params = [1] } }
              |                                                    ^^^

            error: there is already a mode named `A`
              --> test.toml:11:8
               |
            11 | name = "A"
               |        ^^^

            error: `LongPres` is not supported as a trigger
              --> test.toml:13:13
               |
            13 | trigger = { LongPres = { note = 1 } }
               |             ^^^^^^^^
               |
               = help: did you mean `LongPress`? supported: `Note`, `VelocityRange`, `LongPress`, `DoubleTap`, `NoteChord`, `EncoderTurn`, `Aftertouch`, `PitchBend`, `CC`, `ProgramChange`, `Nrpn`, `SysEx`

            error: there is no mode `a`
              --> test.toml:14:34
               |
            14 | action = { ModeChange = { mode = "a" } }
               |                                  ^^^
               |
               = help: did you mean `A`?"#]],
    );
}

/// The first error of each text, as `line:column message`.
#[track_caller]
fn check_each(texts: &[&str], whole: impl Fn(&str) -> String, expected: Expect) {
    let first_error = |text: &&str| {
        let report = parse(&whole(text)).unwrap_err();
        let is_error = |finding: &&Finding| finding.severity == Severity::Error;
        let first = report.findings().iter().find(is_error).unwrap();
        let (line, column) = report.position(first.span.start);
        format!("{text:?}\n    {line}:{column} {}\n", first.message)
    };
    expected.assert_eq(&texts.iter().map(first_error).collect::<String>());
}

#[test]
fn errors_of_texts() {
    check_each(
        &[
            "[[modes]]\ncolor = \"red\"",
            "modes = 3",
            "modes = [3]",
            "[[modes.mappings]]",
            "[[modes]]\nname = 3",
            "[logging]\nlevel = \"loud\"",
            "[device]\nport = -1",
            "[device]\nauto_connect = 1",
            "[plugins]\nx = { limits = { feul = 1 } }",
            "[plugins]\nx = { capabilities = [\"Netwrok\"] }",
            "[plugins]\nx = { capabilities = { Netwrok = {} } }",
            "[plugins]\nx = { capabilities = \"Network\" }",
            "[plugins]\nx = { capabilities = [\"Subprocess\"] }",
            "[plugins]\nx = { capabilities = { Network = { host = [] } } }",
            "[plugins]\nx = { capabilities = { Network = { hosts = [\"a.org\", \"http://b.org\"] } } }",
            "[plugins]\nx = { capabilities = { Network = { allow_private = [\"localhost:1\"] } } }",
            "[plugins]\nx = { capabilities = { network = {}, Network = {} } }",
            "[plugins]\nx = { capabilities = { Filesystem = { quota_bytes = -1 } } }",
            "[plugins]\nx = { capabilities = { Subprocess = {} } }",
            "[plugins]\nx = { capabilities = { Subprocess = { programs = [{ program = \"sh\" }] } } }",
            "[plugins]\nx = { capabilities = { SystemControl = { operations = [\"fly\"] } } }",
            "[plugins]\nx = { capabilities = { SystemControl = { operations = [\"launch\"] } } }",
            "[plugins]\nx = { instances = 0 }",
            "[plugins]\nx = { instances = \"single\" }",
            "[plugins]\nx = { instances = { mode = \"sinlge\" } }",
            "[plugins]\nx = { instances = { mode = \"single\", size = 2 } }",
            "[plugins]\nx = { environment = { A = 1, \"B=C\" = \"x\" } }",
            "[audit]\nmax_bytes = 1",
            "a = 1\na = 2",
            "a = ",
            "[a",
            "\u{1}",
        ],
        str::to_owned,
        expect![[r#"
            "[[modes]]\ncolor = \"red\""
                1:1 a mode needs the key `name`
            "modes = 3"
                1:9 expected an array, found an integer
            "modes = [3]"
                1:10 expected a table, found an integer
            "[[modes.mappings]]"
                1:3 mappings of modes need a mode to belong to
            "[[modes]]\nname = 3"
                2:8 expected a string, found an integer
            "[logging]\nlevel = \"loud\""
                2:9 `loud` is no log level
            "[device]\nport = -1"
                2:8 -1 is out of range: 0 to 65535
            "[device]\nauto_connect = 1"
                2:16 expected `true` or `false`, found an integer
            "[plugins]\nx = { limits = { feul = 1 } }"
                2:18 `limits` has no key `feul`
            "[plugins]\nx = { capabilities = [\"Netwrok\"] }"
                2:23 there is no capability `Netwrok`
            "[plugins]\nx = { capabilities = { Netwrok = {} } }"
                2:24 there is no capability `Netwrok`
            "[plugins]\nx = { capabilities = \"Network\" }"
                2:22 expected an array of capabilities, or a table of them with their arguments, found a string
            "[plugins]\nx = { capabilities = [\"Subprocess\"] }"
                2:23 found Subprocess alone, wanted the programs: Subprocess with `programs`, each with `program` and `args`
            "[plugins]\nx = { capabilities = { Network = { host = [] } } }"
                2:36 `Network` has no key `host`
            "[plugins]\nx = { capabilities = { Network = { hosts = [\"a.org\", \"http://b.org\"] } } }"
                2:54 found "http://b.org", a URL or a path; wanted a name such as example.org, *.example.org or example.org:8443
            "[plugins]\nx = { capabilities = { Network = { allow_private = [\"localhost:1\"] } } }"
                2:53 found "localhost:1", wanted an address with its port such as 127.0.0.1:9000
            "[plugins]\nx = { capabilities = { network = {}, Network = {} } }"
                2:24 `Network` is there a second time
            "[plugins]\nx = { capabilities = { Filesystem = { quota_bytes = -1 } } }"
                2:53 -1 is out of range: 0 to 18446744073709551615
            "[plugins]\nx = { capabilities = { Subprocess = {} } }"
                2:37 `Subprocess` needs the key `programs`
            "[plugins]\nx = { capabilities = { Subprocess = { programs = [{ program = \"sh\" }] } } }"
                2:63 found "sh", a shell, which runs any program; list the program itself; wanted a program's absolute path, or its name alone
            "[plugins]\nx = { capabilities = { SystemControl = { operations = [\"fly\"] } } }"
                2:56 unknown operation "fly"; known are keystroke, volume, launch, mode_change, text, click
            "[plugins]\nx = { capabilities = { SystemControl = { operations = [\"launch\"] } } }"
                2:40 found the operation launch without `applications`, wanted what it may start
            "[plugins]\nx = { instances = 0 }"
                2:19 0 is out of range: 1 to 4294967295
            "[plugins]\nx = { instances = \"single\" }"
                2:19 expected a number of instances, or a table with `mode` and `size`, found a string
            "[plugins]\nx = { instances = { mode = \"sinlge\" } }"
                2:28 `sinlge` is no mode of instances
            "[plugins]\nx = { instances = { mode = \"single\", size = 2 } }"
                2:45 found a size of 2 with the mode `single`, wanted 1 or none
            "[plugins]\nx = { environment = { A = 1, \"B=C\" = \"x\" } }"
                2:27 expected a string, found an integer
            "[audit]\nmax_bytes = 1"
                2:13 1 is out of range: 1024 to 18446744073709551615
            "a = 1\na = 2"
                2:1 not TOML: duplicate key
            "a = "
                1:5 not TOML: string values must be quoted, expected literal string
            "[a"
                1:3 not TOML: unclosed table, expected `]`
            "\u{1}"
                1:1 not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`
        "#]],
    );
}

#[test]
fn errors_of_triggers() {
    check_each(
        &[
            "{ Note = { note = 128 } }",
            "{ Note = { note = -1 } }",
            "{ Note = { note = 1e3 } }",
            "{ Note = {} }",
            "{ Note = { note = 1, channel = 17 } }",
            "{ Note = { note = 1, on = \"hold\" } }",
            "{ Note = { note = 1, velocity_min = 9, velocity_max = 8 } }",
            "{ note = 1 }",
            "{ type = \"Nore\", note = 1 }",
            "{ type = 1, note = 1 }",
            "{}",
            "{ Note = { note = 1 }, CC = {} }",
            "60",
        ],
        with_trigger,
        expect![[r#"
            "{ Note = { note = 128 } }"
                1:50 128 is out of range: 0 to 127
            "{ Note = { note = -1 } }"
                1:50 -1 is out of range: 0 to 127
            "{ Note = { note = 1e3 } }"
                1:50 expected an integer from 0 to 127, found a float
            "{ Note = {} }"
                1:41 a `Note` trigger needs the key `note`
            "{ Note = { note = 1, channel = 17 } }"
                1:63 17 is out of range: 1 to 16
            "{ Note = { note = 1, on = \"hold\" } }"
                1:58 `hold` is no movement of a key
            "{ Note = { note = 1, velocity_min = 9, velocity_max = 8 } }"
                1:68 no velocity is at least 9 and at most 8
            "{ note = 1 }"
                1:34 `note` is not supported as a trigger
            "{ type = \"Nore\", note = 1 }"
                1:41 `Nore` is not supported as a trigger
            "{ type = 1, note = 1 }"
                1:41 expected a string, found an integer
            "{}"
                1:32 a trigger names exactly one of: `Note`, `VelocityRange`, `LongPress`, `DoubleTap`, `NoteChord`, `EncoderTurn`, `Aftertouch`, `PitchBend`, `CC`, `ProgramChange`, `Nrpn`, `SysEx`
            "{ Note = { note = 1 }, CC = {} }"
                1:32 a trigger names exactly one of: `Note`, `VelocityRange`, `LongPress`, `DoubleTap`, `NoteChord`, `EncoderTurn`, `Aftertouch`, `PitchBend`, `CC`, `ProgramChange`, `Nrpn`, `SysEx`
            "60"
                1:32 expected a table such as { Note = { ... } }, found an integer
        "#]],
    );
}

#[test]
fn errors_of_actions() {
    check_each(
        &[
            "{ ModeChange = { mode = \"b\" } }",
            "{ ModeChange = { mode = 2 } }",
            "{ ModeChange = {} }",
            "{ WasmPlugin = { params = {} } }",
            "{ WasmPlugin = { path = \"\" } }",
            "{ WasmPlugin = { path = \"x\", params = 1 } }",
            "{ WasmPlugin = { path = \"x\", params = { a = inf } } }",
            "{ WasmPlugin = { path = \"x\", params = { a = 9223372036854775808 } } }",
            "{ Shel = { command = \"ls\" } }",
        ],
        with_action,
        expect![[r#"
            "{ ModeChange = { mode = \"b\" } }"
                7:34 there is no mode `b`
            "{ ModeChange = { mode = 2 } }"
                7:34 2 is out of range: 0 to 1
            "{ ModeChange = {} }"
                7:25 a `ModeChange` action needs the key `mode`
            "{ WasmPlugin = { params = {} } }"
                7:25 a `WasmPlugin` action needs the key `path`
            "{ WasmPlugin = { path = \"\" } }"
                7:34 a path is not empty
            "{ WasmPlugin = { path = \"x\", params = 1 } }"
                7:48 expected a table, found an integer
            "{ WasmPlugin = { path = \"x\", params = { a = inf } } }"
                7:54 JSON, which plugins read, has no inf
            "{ WasmPlugin = { path = \"x\", params = { a = 9223372036854775808 } } }"
                7:54 9223372036854775808 does not fit into 64 bits
            "{ Shel = { command = \"ls\" } }"
                7:12 `Shel` is not supported as an action
        "#]],
    );
}

#[test]
fn warnings() {
    check_warnings(
        "[advanced_settings]\nhold_threshold_ms = 5\n[device]\nauto_reconnect = true\n[plugins.'x.wasm']\n",
        expect![[r#"
            warning: there are no mappings: nothing will ever happen
             --> test.toml:1:1
              |
            1 | [advanced_settings]
              | ^
              |
              = help: add [[modes]] with [[modes.mappings]], or [[global_mappings]]

            warning: no mapping uses the plugin `x.wasm`
             --> test.toml:5:10
              |
            5 | [plugins.'x.wasm']
              |          ^^^^^^^^"#]],
    );
}

#[test]
fn no_home_is_an_error_only_where_one_is_needed() {
    let text = with_action("{ WasmPlugin = { path = '~/x.wasm' } }");
    let report = Config::parse(&text, &Origin::new("t", "/")).unwrap_err();
    assert_eq!(report.findings()[0].message, "`~` cannot be expanded: there is no home directory");
}

#[test]
fn files_that_are_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    let message = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        Config::load(&file).unwrap_err().to_string().replace(&file.display().to_string(), "FILE")
    };
    assert_eq!(
        message(b"ab\xff"),
        "the configuration FILE is not UTF-8 text: byte 2 is not part of a character"
    );
    assert_eq!(
        message(&vec![b' '; 10 << 20]),
        "the configuration FILE is longer than 4194304 bytes, which is the most that is read"
    );
    let missing = Config::load(&folder.path().join("none")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read the configuration"), "{missing}");
}

#[test]
fn many_errors_are_counted() {
    let text: String = (0..200).map(|n| format!("key{n} = 1\n")).collect();
    let report = parse(&text).unwrap_err().to_string();
    assert!(report.ends_with("and 150 more"), "{report}");
}

#[test]
fn more_modes_than_a_byte_counts() {
    let modes: String = (0..257).map(|n| format!("[[modes]]\nname = \"{n}\"\n")).collect();
    let report = parse(&modes).unwrap_err();
    assert_eq!(report.findings()[0].message, "a configuration has at most 256 modes");
}

#[test]
fn a_thousand_mappings_load_with_and_without_colons() {
    let mapping = |n: usize, is: char| {
        format!(
            "[[modes.mappings]]\ntrigger = {{ Note = {{ note = {} }} }}\n\
             action = {{ WasmPlugin = {{ path = \"p{n}.wasm\", params = {{ \"n\"{is} {n} }} }} }}\n",
            n % 128
        )
    };
    for is in ['=', ':'] {
        let mappings: String = (0..1000).map(|n| mapping(n, is)).collect();
        let config = parse(&format!("[[modes]]\nname = \"A\"\n{mappings}")).unwrap().config;
        assert_eq!(config.modes[0].mappings.len(), 1000);
        assert_eq!(config.plugins.len(), 1000);
    }
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "[a-z\"'={}\\[\\]:,#\n \u{e9}\\\\0-9.]{0,80}") {
        if let Err(report) = parse(&text) {
            prop_assert!(!report.to_string().is_empty());
        }
    }

    #[test]
    fn a_damaged_configuration_is_survived(at in 0..300_usize, by in any::<char>()) {
        let text: String =
            COLONS.chars().enumerate().map(|(n, c)| if n == at { by } else { c }).collect();
        if let Err(report) = parse(&text) {
            prop_assert!(report.to_string().contains("test.toml:"), "{report}");
        }
    }
}
