//! Conductor, from MIDI bytes to what plugins print.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::modules;
use crate::support::{
    Finished, Running, conductor, folder, plugbay, run, run_with, sample, tool, write,
};

/// Mappings of both samples: 60 to `midi_hello`, 61 to `midi_velocity` in each of two modes, 70 to the second.
fn config(folder: &Path) -> PathBuf {
    let (hello, velocity) = (sample("midi_hello"), sample("midi_velocity"));
    let (hello, velocity) = (hello.display(), velocity.display());
    let text = format!(
        r#"
[[modes]]
name = "First"

[[modes.mappings]]
trigger = {{ Note = {{ note = 60 }} }}
action = {{ WasmPlugin = {{ path = "{hello}", params = {{ message = "note {{note}} as hard as {{velocity}}" }} }} }}

[[modes.mappings]]
trigger = {{ Note = {{ note = 61 }} }}
action = {{ WasmPlugin = {{ path = "{velocity}", params = {{ action = "lights" }} }} }}

[[modes]]
name = "Second"

[[modes.mappings]]
trigger = {{ Note = {{ note = 61 }} }}
action = {{ WasmPlugin = {{ path = "{velocity}", params = {{ action = "fog" }} }} }}

[[global_mappings]]
trigger = {{ type = "Note", note = 70 }}
action = {{ type = "ModeChange", mode = "Second" }}
"#
    );
    write(folder, "config.toml", text)
}

/// Note-on messages of one channel, in running status.
fn notes(notes: &[(u8, u8)]) -> Vec<u8> {
    let mut bytes = vec![0x90];
    bytes.extend(notes.iter().flat_map(|(note, velocity)| [*note, *velocity]));
    bytes
}

/// A Standard MIDI File of format 0 with these note-on messages, one after the other without a pause.
fn midi_file(notes: &[(u8, u8)]) -> Vec<u8> {
    let mut track = Vec::new();
    for (note, velocity) in notes {
        track.extend([0x00, 0x90, *note, *velocity]);
    }
    track.extend([0x00, 0xff, 0x2f, 0x00]);
    let mut file = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk".to_vec();
    file.extend(u32::try_from(track.len()).unwrap().to_be_bytes());
    file.extend(track);
    file
}

const PLAYED: [(u8, u8); 5] = [(60, 1), (61, 40), (61, 41), (70, 9), (61, 127)];

/// What the two samples print of [`PLAYED`]. Each has a queue of its own, so that only their own lines have an order.
#[track_caller]
fn assert_played(finished: &Finished) {
    let lines = |plugin: &str| -> Vec<&str> {
        finished
            .stderr
            .lines()
            .filter_map(|line| line.strip_prefix(&format!("[{plugin}] ")))
            .collect()
    };
    assert_eq!(
        lines("midi_hello"),
        [
            "midi_hello is ready",
            "midi_hello says: note 60 as hard as 1",
            "midi_hello is going away"
        ],
        "{finished}"
    );
    assert_eq!(
        lines("midi_velocity"),
        [
            "midi_velocity is ready",
            "midi_velocity: lights gently (velocity 40) in mode 0",
            "midi_velocity: lights firmly (velocity 41) in mode 0",
            "midi_velocity: fog with force (velocity 127) in mode 1",
            "midi_velocity is going away",
        ],
        "{finished}"
    );
    assert!(finished.stderr.contains("5 events, 4 actions fired, 0 failed"), "{finished}");
    assert_eq!(finished.stdout, "", "{finished}");
}

#[test]
fn a_midi_file_is_played_by_either_program_on_either_engine() {
    let folder = folder();
    let config = config(folder.path());
    let song = write(folder.path(), "song.mid", midi_file(&PLAYED));
    for backend in crate::support::BACKENDS {
        let mut command = conductor();
        command.args(["--backend", backend, "--config"]).arg(&config).arg("--midi-file").arg(&song);
        assert_played(&run(&mut command).exits(0));
    }
    let mut command = plugbay();
    command.args(["midi", "--fast", "--config"]).arg(&config).arg("--midi-file").arg(&song);
    assert_played(&run(&mut command).exits(0));
}

#[test]
fn raw_bytes_come_from_a_file_or_standard_input() {
    let folder = folder();
    let config = config(folder.path());
    let bytes = write(folder.path(), "bytes", notes(&PLAYED));
    assert_played(&run(conductor().arg("--config").arg(&config).arg("--raw").arg(&bytes)).exits(0));
    let mut command = conductor();
    command.arg("--config").arg(&config).args(["--raw", "-"]);
    assert_played(&run_with(&mut command, &notes(&PLAYED)).exits(0));
}

#[test]
fn a_fifo_is_played_until_its_writer_has_gone() {
    let folder = folder();
    let config = config(folder.path());
    let fifo = folder.path().join("fifo");
    run(tool("mkfifo").arg(&fifo)).exits(0);
    let running = Running::start(conductor().arg("--config").arg(&config).arg("--raw").arg(&fifo));
    // Opening waits for the reader, and the reader for us.
    let mut writer = File::options().write(true).open(&fifo).unwrap();
    let bytes = notes(&PLAYED);
    // Cut inside a message; the first part is acted upon before the second is there.
    let (first, second) = bytes.split_at(4);
    writer.write_all(first).unwrap();
    running.stderr().wait_for("midi_hello says: note 60");
    writer.write_all(second).unwrap();
    drop(writer);
    assert_played(&running.finish().exits(0));
}

#[test]
fn a_silent_source_is_left_when_told_to_stop() {
    let folder = folder();
    let config = config(folder.path());
    let mut running = Running::start(conductor().arg("--config").arg(&config).args(["--raw", "-"]));
    running.feed(&notes(&[(60, 5)]));
    running.stderr().wait_for("as hard as 5");
    running.terminate();
    let ended = running.finish().exits(0);
    for plugin in ["midi_hello", "midi_velocity"] {
        assert!(ended.stderr.contains(&format!("[{plugin}] {plugin} is going away")), "{ended}");
    }
}

#[test]
fn odd_bytes_are_skipped_and_what_follows_is_played() {
    let folder = folder();
    let config = config(folder.path());
    let mut bytes = vec![0x3c, 0x3c, 0xf4, 0xf7];
    // System exclusive that is cut off, a clock tick inside a message, a note-on of velocity 0,
    // which is a release, and a message that the end cuts off.
    bytes.extend([0xf0, 1, 2, 0x90, 60, 0xf8, 1, 61, 0]);
    bytes.extend(notes(&PLAYED).split_off(3));
    bytes.extend([0x90, 60]);
    let mut command = conductor();
    command.arg("--config").arg(&config).args(["--raw", "-"]);
    let ended = run_with(&mut command, &bytes).exits(0);
    assert!(ended.stderr.contains("6 events, 4 actions fired, 0 failed"), "{ended}");
    assert!(ended.stderr.contains("bad input skipped 4 times"), "{ended}");
    assert!(ended.stderr.contains("note 60 as hard as 1"), "{ended}");
}

#[test]
fn an_empty_source_ends_at_once() {
    let folder = folder();
    let config = config(folder.path());
    let mut command = conductor();
    command.arg("--config").arg(&config).args(["--raw", "-"]);
    let ended = run(&mut command).exits(0);
    assert!(ended.stderr.contains("0 events, 0 actions fired"), "{ended}");
}

#[test]
fn debug_shows_events_and_decisions() {
    let folder = folder();
    let config = config(folder.path());
    let play = |value: Option<&str>| {
        let mut command = conductor();
        command.arg("--config").arg(&config).args(["--raw", "-"]);
        if let Some(value) = value {
            command.env("DEBUG", value);
        }
        run_with(&mut command, &notes(&[(60, 64), (99, 64)])).exits(0)
    };
    let told = play(Some("1"));
    assert!(told.stderr.contains("DEBUG conductor"), "{told}");
    assert!(told.stderr.contains("note on, channel 1, note 60, velocity 64"), "{told}");
    assert!(told.stderr.contains("line=5"), "the mapping's line: {told}");
    for silent in [None, Some(""), Some("0")] {
        let silent = play(silent);
        assert!(!silent.stderr.contains("DEBUG"), "{silent}");
    }
}

#[test]
fn the_same_mapping_with_a_table_for_its_parameters_as_in_json() {
    let folder = folder();
    std::fs::copy(sample("midi_hello"), folder.path().join("hello.wasm")).unwrap();
    let text = r#"
[[modes]]
name = "Default"

[[modes.mappings]]
trigger = { Note = { note = 60 } }
action = { WasmPlugin = {
  path = "hello.wasm",
  params = {
    "message": "pasted"
  }
}}
"#;
    let config = write(folder.path(), "config.toml", text);
    let mut command = conductor();
    command.arg("--config").arg(&config).args(["--raw", "-"]);
    let ended = run_with(&mut command, &notes(&[(60, 64)])).exits(0);
    assert!(ended.stderr.contains("says: pasted"), "{ended}");
    assert_eq!(ended.stderr.matches("warning").count(), 1, "{ended}");
    assert!(ended.stderr.contains(":10:"), "the warning's line: {ended}");
    assert!(ended.stderr.contains("\nconductor: 1 event"), "a line of its own: {ended}");
}

#[test]
fn a_wrong_configuration_is_told_by_line_and_column() {
    let folder = folder();
    for (text, wanted) in [
        ("[[modes]\n", &["config.toml:1:"][..]),
        ("[[modes]]\nname = \"A\"\ncolour = \"red\"\n", &["config.toml:3:1", "color"]),
        (
            "[[global_mappings]]\ntrigger = { Note = { note = 128 } }\naction = { ModeChange = { mode = 0 } }\n",
            &["config.toml:2:29"],
        ),
        (
            "[[global_mappings]]\ntrigger = { Nite = { note = 1 } }\naction = { ModeChange = { mode = 0 } }\n",
            &["config.toml:2:13", "Note"],
        ),
        (
            "[[global_mappings]]\ntrigger = { Note = { note = 1 } }\naction = { ModeChange = { mode = \"B\" } }\n",
            &["config.toml:3:34"],
        ),
        ("[[global_mappings]]\ntrigger = { Note = { note = 1 } }\n", &["config.toml:1:", "action"]),
    ] {
        let config = write(folder.path(), "config.toml", text);
        let mut command = conductor();
        let ended = run(command.arg("--config").arg(&config).args(["--raw", "-"])).exits(2);
        for wanted in wanted {
            assert!(ended.stderr.contains(wanted), "{text}: {ended}");
        }
        assert_eq!(ended.stdout, "", "{text}: {ended}");
    }
    let config = write(folder.path(), "config.toml", b"name = \"\xff\"");
    let ended = run(conductor().arg("--config").arg(&config).args(["--raw", "-"])).exits(2);
    assert!(ended.stderr.contains("not UTF-8"), "{ended}");
}

/// A configuration that maps note 60 to one module.
fn one(folder: &Path, module: &str) -> PathBuf {
    let text = format!(
        "[[global_mappings]]\ntrigger = {{ Note = {{ note = 60 }} }}\n\
         action = {{ WasmPlugin = {{ path = {module:?}, params = {{ massage = \"?\" }} }} }}\n"
    );
    write(folder, "config.toml", text)
}

#[test]
fn an_action_that_fails_fails_the_run_of_a_source_with_an_end() {
    let folder = folder();
    std::fs::copy(sample("midi_hello"), folder.path().join("hello.wasm")).unwrap();
    modules::write(
        folder.path(),
        "endless",
        &modules::action("(loop $l (br $l)) (i32.const 0)", ""),
    );
    modules::write(folder.path(), "trap", &modules::action("unreachable", ""));
    for (module, said) in [
        // Its parameter is called `message`.
        ("hello.wasm", "midi_hello cannot read its parameters"),
        ("endless.wasm", "Out of fuel"),
        ("trap.wasm", "unreachable"),
    ] {
        let config = one(folder.path(), module);
        let mut command = conductor();
        command.arg("--config").arg(&config).args(["--raw", "-"]);
        let ended = run_with(&mut command, &notes(&[(60, 64), (60, 65)])).exits(1);
        assert!(ended.stderr.contains(said), "{module}: {ended}");
        assert!(ended.stderr.contains("2 actions fired, 2 failed"), "{module}: {ended}");
        assert!(
            ended.stderr.contains("line=3") || ended.stderr.contains("line=1"),
            "{module}: {ended}"
        );
    }
}

#[test]
fn a_plugin_that_does_not_load_stops_everything() {
    let folder = folder();
    modules::write(folder.path(), "hook", &modules::hook("hook", "(i64.const 0)"));
    write(folder.path(), "text.wasm", "no module");
    let init = r#"(func (export "init") (result i32) (i32.const 9))"#;
    modules::write(folder.path(), "refuses", &modules::action("(i32.const 0)", init));
    for (module, said) in [
        ("none.wasm", "cannot read"),
        ("text.wasm", "not a valid WebAssembly module"),
        ("hook.wasm", "execute"),
        ("refuses.wasm", "`init` returned 9"),
    ] {
        let config = one(folder.path(), module);
        let mut command = conductor();
        command.arg("--config").arg(&config).args(["--raw", "-"]);
        let ended = run_with(&mut command, &notes(&[(60, 64)])).exits(2);
        assert!(ended.stderr.contains(module) && ended.stderr.contains(said), "{module}: {ended}");
    }
}

#[test]
fn a_source_that_is_not_there_is_named() {
    let folder = folder();
    let config = config(folder.path());
    write(folder.path(), "text.mid", "no song");
    write(folder.path(), "cut.mid", b"MThd\x00\x00\x00\x06\x00\x00");
    for (option, path, said) in [
        ("--raw", "none", "none"),
        ("--raw", ".", "directory"),
        ("--midi-file", "none.mid", "none.mid"),
        ("--midi-file", "text.mid", "text.mid"),
        ("--midi-file", "cut.mid", "cut.mid"),
    ] {
        let mut command = conductor();
        let ended =
            run(command.arg("--config").arg(&config).arg(option).arg(folder.path().join(path)))
                .exits(2);
        assert!(ended.stderr.contains(said), "{option} {path}: {ended}");
    }
}

/// Only where the build has no ports: with them, what happens is up to the machine.
#[cfg(target_os = "linux")]
#[test]
fn a_build_without_ports_says_so() {
    let folder = folder();
    let config = config(folder.path());
    for arguments in [&["0"][..], &["Launchpad"], &[]] {
        let ended = run(conductor().arg("--config").arg(&config).args(arguments)).exits(2);
        assert!(ended.stderr.contains("--features midir"), "{arguments:?}: {ended}");
        assert!(!ended.stderr.contains("is ready"), "{arguments:?}: {ended}");
    }
}

#[test]
fn wrong_usage_is_2() {
    let folder = folder();
    let config = config(folder.path());
    let config = config.to_str().unwrap();
    for arguments in [
        &["--config"][..],
        &["--config", config, "--raw", "-", "--midi-file", "x.mid"],
        &["--config", config, "--raw", "-", "0"],
        &["--config", config, "--fast", "--raw", "-"],
        &["--config", config, "--backend", "v8", "--raw", "-"],
        &["--raw", "-"],
        &["--config", "/none/there.toml", "--raw", "-"],
        &["--unknown"],
    ] {
        let ended = run(conductor().args(arguments)).exits(2);
        assert!(ended.stderr.contains("error"), "{arguments:?}: {ended}");
    }
}

#[test]
fn thousands_of_events_of_a_file_are_all_played() {
    let folder = folder();
    let count = 5000;
    let counter = modules::action("(i32.const 0)", "");
    modules::write(folder.path(), "quiet", &counter);
    let config = one(folder.path(), "quiet.wasm");
    let song = write(folder.path(), "song.mid", midi_file(&vec![(60, 64); count]));
    let bytes = write(folder.path(), "bytes", notes(&vec![(60, 64); count]));
    for (option, path, more) in [("--midi-file", &song, Some("--fast")), ("--raw", &bytes, None)] {
        let mut command = conductor();
        command.arg("--config").arg(&config).arg(option).arg(path).args(more);
        let ended = run(&mut command).exits(0);
        assert!(ended.stderr.contains("5000 events, 5000 actions fired, 0 failed"), "{ended}");
    }
}

/// What `execute_with_context` is given, as a plugin prints it.
#[test]
fn the_context_has_every_field_of_a_note() {
    let folder = folder();
    let text = r#"(module
      (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 64) "\n")
      (func (export "execute_with_context") (param i32 i32 i32 i32) (result i32)
        (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1))
        (i32.store (i32.const 8) (i32.const 64)) (i32.store (i32.const 12) (i32.const 1))
        (i32.store (i32.const 16) (local.get 2)) (i32.store (i32.const 20) (local.get 3))
        (i32.store (i32.const 24) (i32.const 64)) (i32.store (i32.const 28) (i32.const 1))
        (call $fd_write (i32.const 2) (i32.const 0) (i32.const 4) (i32.const 32))))"#;
    modules::write(folder.path(), "tell", text);
    let config = one(folder.path(), "tell.wasm");
    let mut command = conductor();
    command.arg("--config").arg(&config).args(["--raw", "-"]);
    let ended = run_with(&mut command, &[0x94, 60, 77]).exits(0);
    let lines: Vec<Value> = ended
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("[tell] ")?).ok())
        .collect();
    let [params, context] = lines.as_slice() else { panic!("{ended}") };
    assert_eq!(params, &serde_json::json!({ "massage": "?" }));
    for (field, wanted) in [("velocity", 77), ("note", 60), ("channel", 5), ("mode", 0)] {
        assert_eq!(context[field], wanted, "{field}: {context}");
    }
    assert_eq!(context["mode_name"], "Default");
    assert_eq!(context["metadata"], serde_json::json!({}));
    assert!(context["timestamp"].as_u64().unwrap() > 1_600_000_000_000, "{context}");
}
