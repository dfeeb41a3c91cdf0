//! docs/host-functions.md, held against what the host offers; and host functions as the programs show them.

use std::collections::BTreeSet;

use plugbay::abi::ValueType;
use plugbay::policy::Capability;
use plugbay::{HostFunction, host_functions};

use crate::modules;
use crate::support::{
    BACKENDS, Running, conductor, folder, plugbay, root, run, run_with, sample, write,
};

/// The page that authors read has each function, with its signature and what it takes, and no other.
#[test]
fn the_page_and_the_host_agree() {
    let page = std::fs::read_to_string(root().join("docs/host-functions.md")).unwrap();
    let ty = |written: &str| match written.rsplit(": ").next().unwrap() {
        "i64" => ValueType::I64,
        "f64" => ValueType::F64,
        // Pointers and lengths are written by their names alone.
        _ => ValueType::I32,
    };
    let mut written = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("| `") && line.contains(" -> i")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`');
        let function = host_functions().find(|function| function.name == name);
        let HostFunction { ty: offered, takes, .. } =
            function.unwrap_or_else(|| panic!("{name} is not offered"));
        let (params, result) = cells[2].trim_matches('`').split_once(" -> ").unwrap();
        let params = params.trim_matches(['(', ')']).split(", ").filter(|name| !name.is_empty());
        let params: Vec<ValueType> = params.map(ty).collect();
        assert_eq!(
            (&params[..], &[ty(result)][..]),
            (&offered.params[..], &offered.results[..]),
            "{name}"
        );
        let takes = takes.map_or("nothing", Capability::name);
        assert!(cells[3].trim_start_matches('`').starts_with(takes), "{name}: {line}");
        written.insert(name.to_owned());
    }
    let offered: BTreeSet<String> =
        host_functions().map(|function| function.name.to_owned()).collect();
    assert_eq!(written, offered);
}

const TOOL: &str =
    r#"{"context":{},"request":{"provider":"mock","model":"m","input":[],"params":{"tool":TOOL}}}"#;

#[test]
fn a_trace_shows_each_call_with_its_decision() {
    for backend in BACKENDS {
        let trace = |tool: &str| {
            let mut command = plugbay();
            command.arg("call").arg(sample("toolbox_rust"));
            command.args(["pre_hook", "--input", "-", "--trace-host", "--backend", backend]);
            run_with(&mut command, TOOL.replace("TOOL", tool).as_bytes()).exits(0).stderr
        };
        let said = trace(r#"{"call":"http_request","url":"https://example.org/"}"#);
        let line = said.lines().find(|line| line.contains("plugbay.http_request(")).unwrap();
        assert!(line.contains("-> -1 [Network denied for \"example.org:443\": "), "{line}");
        assert!(line.contains("it would take \"example.org\" in `hosts`"), "{line}");
        let said = trace(r#"{"call":"log","level":3,"text":"here"}"#);
        assert!(said.contains("[toolbox_rust] info: here"), "{said}");
        assert!(said.contains("-> 0 [always allowed]"), "{said}");
        let said = trace(r#"{"call":"run","program":"true"}"#);
        assert!(said.contains("[Subprocess denied for \"true\": "), "{said}");
    }
}

#[test]
fn check_lists_what_each_function_takes() {
    let mut command = plugbay();
    let said = run(command.arg("check").arg(sample("toolbox_c"))).exits(0).stdout;
    assert!(said.contains("plugbay.http_request") && said.contains("Network"), "{said}");
    assert!(said.contains("plugbay.run") && said.contains("Subprocess"), "{said}");
}

/// An action that sends MIDI and changes the mode, from a note to the bytes and the next note's mapping.
#[test]
fn conductor_lends_outputs_and_modes() {
    let folder = folder();
    let imports = r#"
        (import "plugbay" "log" (func $log (param i32 i32 i32) (result i32)))
        (import "plugbay" "midi_send" (func $midi (param i32 i32 i32 i32) (result i32)))
        (import "plugbay" "system" (func $system (param i32 i32) (result i32)))"#;
    let plugin = |body: &str, data: &str| {
        format!(
            r#"(module {imports} (memory (export "memory") 1) {data}
            (func (export "init"))
            (func (export "execute") (param i32 i32) (result i32) {body}))"#
        )
    };
    let first = plugin(
        "(i32.or (i32.or
            (call $midi (i32.const 0) (i32.const 5) (i32.const 16) (i32.const 3))
            (call $system (i32.const 32) (i32.const 47)))
          (call $log (i32.const 3) (i32.const 128) (i32.const 4)))",
        r#"(data (i32.const 0) "Synth") (data (i32.const 16) "\90\3c\64") (data (i32.const 128) "sent")
           (data (i32.const 32) "{\"operation\":\"mode_change\",\"argument\":\"Second\"}")"#,
    );
    let second = plugin(
        "(call $log (i32.const 3) (i32.const 0) (i32.const 7))",
        r#"(data (i32.const 0) "changed")"#,
    );
    modules::write(folder.path(), "first", &first);
    modules::write(folder.path(), "second", &second);
    let config = r#"
        [plugins."first.wasm".capabilities]
        Midi = { outputs = ["Synth"] }
        SystemControl = { operations = ["mode_change"] }

        [[modes]]
        name = "First"
        [[modes.mappings]]
        trigger = { Note = { note = 60 } }
        action = { WasmPlugin = { path = "first.wasm", params = {} } }

        [[modes]]
        name = "Second"
        [[modes.mappings]]
        trigger = { Note = { note = 60 } }
        action = { WasmPlugin = { path = "second.wasm", params = {} } }
    "#;
    let config = write(folder.path(), "config.toml", config);
    let sent = folder.path().join("sent.raw");
    for backend in BACKENDS {
        let mut command = conductor();
        command.arg("--config").arg(&config).args(["--raw", "-", "--backend", backend]);
        command.arg(format!("--midi-out=Synth={}", sent.display()));
        let mut running = Running::start(&mut command);
        running.feed(&[0x90, 60, 100]);
        running.stderr().wait_for("[first] info: sent");
        // The mode was asked for before the line was printed: it is there for the next event.
        running.feed(&[0x90, 60, 100]);
        running.stderr().wait_for("[second] info: changed");
        running.finish().exits(0);
        assert_eq!(std::fs::read(&sent).unwrap(), [0x90, 60, 100]);
        std::fs::remove_file(&sent).unwrap();
    }
}
