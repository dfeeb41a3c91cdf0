//! Whatever is wrong with what conductor is given: it says so, and the next thing works. And how it tells what goes on.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::modules;
use crate::support::{
    Running, conductor, conductorctl, folder, python, root, run, run_with, script, tool, write,
};

/// Maps note 60 to a module that does nothing.
fn quiet(folder: &Path) -> PathBuf {
    modules::write(folder, "quiet", &modules::action("(i32.const 0)", ""));
    let text = "[[global_mappings]]\ntrigger = { Note = { note = 60 } }\n\
                action = { WasmPlugin = { path = \"quiet.wasm\" } }\n";
    write(folder, "c.toml", text)
}

#[test]
fn bad_bytes_are_named_and_the_next_note_plays() {
    let folder = folder();
    let config = quiet(folder.path());
    for (what, bytes, said) in [
        (
            "system exclusive that is cut off",
            &[0xf0, 1, 2][..],
            "system exclusive message that was cut off after 2 bytes",
        ),
        ("running status from cold", &[60, 100], "2 data bytes that belong to no message"),
        ("undefined", &[0xf4], "the undefined status byte 0xf4"),
        ("undefined", &[0xf5], "the undefined status byte 0xf5"),
        ("undefined in real time", &[0xf9], "the undefined status byte 0xf9"),
        ("undefined in real time", &[0xfd], "the undefined status byte 0xfd"),
        ("note 200, which is a status", &[0x90, 200], "status 0x90 and 0 data bytes"),
        ("velocity 200, which is a status", &[0x90, 60, 200], "status 0x90 and 1 data bytes"),
    ] {
        let mut input = bytes.to_vec();
        // In it, what may be anywhere, and after it a note with real-time bytes in its middle.
        input.extend([0x90, 60, 0xf8, 0xfe, 100]);
        let mut command = conductor();
        let ended =
            run_with(command.arg("--config").arg(&config).args(["--raw", "-"]), &input).exits(0);
        assert!(ended.stderr.contains("1 action fired, 0 failed"), "{what}: {ended}");
        // A status that follows at once leaves nothing that was cut off.
        if what != "note 200, which is a status" {
            assert!(ended.stderr.contains(said), "{what}: {ended}");
            assert!(ended.stderr.contains("bad input skipped 1 time"), "{what}: {ended}");
        }
    }
}

#[test]
fn a_chunk_that_lies_about_its_length_is_named_and_its_notes_play() {
    let folder = folder();
    let config = quiet(folder.path());
    let track = [0, 0x90, 60, 100, 0, 0xff, 0x2f, 0];
    for stated in [9_u32, 1_000_000, u32::MAX] {
        let mut song = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk".to_vec();
        song.extend(stated.to_be_bytes());
        song.extend(track);
        let song = write(folder.path(), "lies.mid", song);
        let mut command = conductor();
        let ended =
            run(command.arg("--config").arg(&config).arg("--midi-file").arg(&song)).exits(0);
        let said =
            format!("the chunk at byte 14 states a length of {stated} bytes, the file has 8");
        assert!(ended.stderr.contains(&said), "{ended}");
        assert!(ended.stderr.contains("1 action fired, 0 failed"), "{ended}");
    }
}

#[test]
fn a_configuration_of_10_mb_is_refused_at_once() {
    let folder = folder();
    let config = write(folder.path(), "c.toml", "# x\n".repeat(2_500_000));
    for arguments in [&["check"][..], &["--raw", "-", "--config"]] {
        let ended = run(conductor().args(arguments).arg(&config)).exits(2);
        assert!(ended.stderr.contains("is longer than 4194304 bytes"), "{ended}");
    }
}

#[test]
fn note_200_of_a_configuration_is_named() {
    let folder = folder();
    let text = "[[global_mappings]]\ntrigger = { Note = { note = 200 } }\naction = { Delay = { ms = 1 } }\n";
    let config = write(folder.path(), "c.toml", text);
    let ended = run(conductor().arg("check").arg(&config)).exits(2);
    assert!(ended.stderr.contains("200 is out of range: 0 to 127"), "{ended}");
}

#[test]
fn the_log_says_who_it_is_about_by_what_it_is() {
    let folder = folder();
    modules::write(folder.path(), "bad", &modules::action("unreachable", ""));
    let text = r#"
[[global_mappings]]
trigger = { Note = { note = 60 } }
action = { Sequence = { actions = [
    { WasmPlugin = { path = "bad.wasm" } },
    { SendMidi = { port = "Nowhere", message_type = "NoteOn", note = 1 } },
    { Shell = { command = "/none/there" } },
    { Text = { text = "x" } },
] } }
"#;
    let config = write(folder.path(), "c.toml", text);
    let mut command = conductor();
    command.arg("--config").arg(&config).args(["--raw", "-"]);
    let ended = run_with(&mut command, &[0x90, 60, 1]).exits(1);
    for field in ["plugin=bad", "output=Nowhere", "program=/none/there"] {
        let line = ended.stderr.lines().find(|line| line.contains(field));
        let line = line.unwrap_or_else(|| panic!("{field}: {ended}"));
        assert!(line.contains("WARN conductor") && line.contains("line=2"), "{line}");
    }
    assert!(!ended.stderr.contains("plugin=MIDI output"), "{ended}");
}

#[test]
fn debug_and_rust_log_say_more_and_less() {
    let folder = folder();
    let config = quiet(folder.path());
    let play = |name: &str, value: &str, bytes: &[u8]| {
        let mut command = conductor();
        command.arg("--config").arg(&config).args(["--raw", "-"]).env(name, value);
        run_with(&mut command, bytes).exits(0).stderr
    };
    let note = [0xf4, 0x90, 60, 1];
    for (name, value, debug, warn) in [
        ("DEBUG", "1", true, true),
        ("DEBUG", "0", false, true),
        ("RUST_LOG", "conductor=debug", true, true),
        ("RUST_LOG", "conductor=warn", false, true),
        ("RUST_LOG", "conductor=error", false, false),
        ("RUST_LOG", "off", false, false),
    ] {
        let said = play(name, value, &note);
        assert_eq!(said.contains("DEBUG conductor: run a plugin"), debug, "{name}={value}: {said}");
        assert_eq!(
            said.contains("WARN conductor: skipped the undefined"),
            warn,
            "{name}={value}: {said}"
        );
        assert!(said.contains("2 events") || said.contains("1 event, 1 action fired"), "{said}");
    }
}

#[test]
fn what_a_plugin_prints_comes_line_by_line_with_its_name() {
    let folder = folder();
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 64) "first\nsecond\nthird")
        (func (export "execute") (param i32 i32) (result i32)
            (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 18))
            (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
            (i32.const 0)))"#;
    let config = quiet(folder.path());
    modules::write(folder.path(), "quiet", text);
    let mut command = conductor();
    let ended = run_with(command.arg("--config").arg(&config).args(["--raw", "-"]), &[0x90, 60, 1])
        .exits(0);
    let lines: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("[quiet] ")).collect();
    assert_eq!(lines, ["[quiet] first", "[quiet] second", "[quiet] third"], "{ended}");
}

/// The one plugin waits, in a call of the host's, for what the other one does: if that were held up by it, both would wait until the
/// first one's time is up, and it would fail.
#[test]
fn a_plugin_that_sleeps_in_a_call_of_the_host_holds_up_no_other() {
    let folder = folder();
    let fifo = folder.path().join("fifo");
    run(tool("mkfifo").arg(&fifo)).exits(0);
    let text = r#"
[[global_mappings]]
trigger = { Note = { note = 60 } }
action = { Shell = { command = ["cat", "FIFO"], timeout_ms = 60000 } }
[[global_mappings]]
trigger = { Note = { note = 61 } }
action = { Shell = { command = ["sh", "-c", "echo played > FIFO"], timeout_ms = 60000 } }
"#;
    let config = write(folder.path(), "c.toml", text.replace("FIFO", &fifo.display().to_string()));
    let mut command = conductor();
    command.arg("--config").arg(&config).args(["--raw", "-"]);
    let ended = run_with(&mut command, &[0x90, 60, 1, 61, 1]).exits(0);
    assert!(ended.stderr.contains("2 actions fired, 0 failed"), "{ended}");
    assert!(ended.stderr.contains("played"), "{ended}");
}

#[test]
fn the_schema_takes_the_examples_and_refuses_what_conductor_refuses() {
    let folder = folder();
    let schema = run(conductor().arg("schema")).exits(0).stdout;
    let published = root().join("docs/conductor.schema.json");
    assert_eq!(schema, std::fs::read_to_string(&published).unwrap());
    let examples = std::fs::read_dir(root().join("examples/midi")).unwrap();
    let examples = examples.map(|entry| entry.unwrap().path());
    let examples: Vec<_> = examples
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    assert_eq!(examples.len(), 11);
    for example in &examples {
        let text = std::fs::read_to_string(example).unwrap();
        assert!(
            text.starts_with("#:schema ../../docs/conductor.schema.json\n"),
            "{}",
            example.display()
        );
    }
    let mut command = tool(python());
    run(command.arg(script("schema.py")).arg(&published).args(&examples)).exits(0);
    let mapping = |trigger: &str, action: &str| {
        format!("[[global_mappings]]\ntrigger = {trigger}\naction = {action}\n")
    };
    let (trigger, action) = ("{ Note = { note = 1 } }", "{ Delay = { ms = 1 } }");
    for (text, loads) in [
        (mapping(trigger, action), true),
        (mapping("{ type = \"Note\", note = 1, on = \"release\" }", action), true),
        (mapping("\"PitchBend\"", action), true),
        (
            mapping(
                trigger,
                "{ Conditional = { condition = { Not = { And = [\"Always\", { TimeRange = { start = \"22:00\", end = \"24:00\" } }] } }, then_action = \"MouseClick\" } }",
            ),
            true,
        ),
        (mapping("{ Note = { note = 128 } }", action), false),
        (mapping("{ Note = { } }", action), false),
        (mapping("{ Nite = { note = 1 } }", action), false),
        (mapping("{ Note = { note = 1, velocty = 1 } }", action), false),
        (mapping("\"Note\"", action), false),
        (mapping(trigger, "{ Delay = { ms = -1 } }"), false),
        (mapping(trigger, "{ Sequence = { actions = [{ Delay = 1 }] } }"), false),
        ("colour = 1\n".to_owned(), false),
        ("[logging]\nlevel = \"loud\"\n".to_owned(), false),
    ] {
        let file = write(folder.path(), "c.toml", &text);
        let mut command = tool(python());
        let held = run(command.arg(script("schema.py")).arg(&published).arg(&file));
        assert_eq!(held.code() == 0, loads, "{text}: {held}");
        let checked = run(conductor().arg("check").arg(&file));
        assert_eq!(checked.code() != 2, loads, "{text}: {checked}");
    }
}

#[test]
fn the_services_of_dist_are_whole() {
    let home = folder();
    let programs = home.path().join(".local/bin");
    std::fs::create_dir_all(&programs).unwrap();
    for (name, program) in [("conductor", conductor()), ("conductorctl", conductorctl())] {
        std::os::unix::fs::symlink(program.get_program(), programs.join(name)).unwrap();
    }
    let unit = root().join("dist/conductor.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    // Each command line is one that the program takes, but for the configuration, which is not there.
    let start = text
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=%h/.local/bin/conductor "))
        .unwrap();
    let ended = run(conductor().args(start.replace("%E", "/none").split(' '))).exits(2);
    assert!(ended.stderr.contains("/none/conductor/config.toml"), "{ended}");
    assert!(text.contains("\nExecReload=%h/.local/bin/conductorctl reload\n"));
    // Where there is systemd, it says itself what it thinks; that there is none is no failure of the unit's.
    let mut systemd = tool("systemd-analyze");
    systemd.args(["--user", "verify"]).arg(&unit).env("HOME", home.path());
    systemd.env("XDG_RUNTIME_DIR", home.path()).env_remove("XDG_CONFIG_HOME");
    match systemd.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && !said.contains("conductor.service"), "{said}");
        }
        Err(error) => {
            println!("systemd-analyze is not here ({error}): the unit was not verified by it")
        }
    }

    let read =
        "import plistlib, sys, json; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    let mut command = tool(python());
    let plist =
        run(command.args(["-c", read]).arg(root().join("dist/org.plugbay.conductor.plist")))
            .exits(0)
            .json();
    assert_eq!(plist["Label"], "org.plugbay.conductor");
    let arguments: Vec<_> = plist["ProgramArguments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    // Run as launchd does it, in a home with the program and without a configuration.
    std::fs::create_dir_all(home.path().join("Library/Logs")).unwrap();
    let mut launched = tool(arguments[0]);
    run(launched.args(&arguments[1..]).env("HOME", home.path())).exits(2);
    let log = std::fs::read_to_string(home.path().join("Library/Logs/conductor.log")).unwrap();
    assert!(log.contains(".config/conductor/config.toml"), "{log}");
}

/// What is dropped is counted, and what comes when there is room again is done.
#[test]
fn a_full_queue_is_told_and_the_next_note_plays() {
    let folder = folder();
    let fifo = folder.path().join("fifo");
    run(tool("mkfifo").arg(&fifo)).exits(0);
    let text = "[[global_mappings]]\ntrigger = { Note = { note = 60 } }\naction = { Shell = { command = [\"cat\", \"FIFO\"] , timeout_ms = 60000 } }\n\
                [[global_mappings]]\ntrigger = { Note = { note = 61 } }\naction = { Shell = { command = [\"sh\", \"-c\", \"echo played\"] } }\n";
    let config = write(folder.path(), "c.toml", text.replace("FIFO", &fifo.display().to_string()));
    let mut running = Running::start(conductor().arg("--config").arg(&config).args(["--raw", "-"]));
    // The first one waits for somebody who writes, 1,024 wait for it, and there is no room for the others.
    let mut bytes = vec![0x90];
    for _ in 0..1_100 {
        bytes.extend([60, 1]);
    }
    running.feed(&bytes);
    let told = running.stderr().wait_for("the queue is full: actions are dropped");
    assert!(told.contains("program=cat") && told.contains("line=1"), "{told}");
    running.feed(&[61, 1]);
    running.stderr().wait_for("played");
    running.terminate();
    // Whatever still waits for a writer gets one that has nothing to say, until all has ended.
    let ended = AtomicBool::new(false);
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                const NONBLOCK: i32 = 0o4000;
                drop(std::fs::File::options().write(true).custom_flags(NONBLOCK).open(&fifo));
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        let finished = running.finish();
        ended.store(true, Ordering::Relaxed);
        finished
    });
    let ended = ended.exits(0);
    assert!(ended.stderr.contains("dropped"), "{ended}");
}
