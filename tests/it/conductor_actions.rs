//! Everything that conductor does beside running plugins, by recordings that are played again.

use std::path::PathBuf;

use crate::support::{BACKENDS, conductor, folder, root, run, write};

fn example(name: &str) -> PathBuf {
    root().join("examples/midi").join(name)
}

/// The set-ups of the examples folder that have a recording, by name.
fn setups() -> Vec<String> {
    let files = std::fs::read_dir(example("")).unwrap();
    let names = files.filter_map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".toml").filter(|name| *name != "hello").map(str::to_owned)
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn every_set_up_does_what_its_recording_says_on_either_engine() {
    let folder = folder();
    let setups = setups();
    assert_eq!(setups.len(), 10, "{setups:?}");
    for name in setups {
        let recording = example(&format!("{name}.jsonl"));
        let wanted = std::fs::read_to_string(&recording).unwrap();
        for backend in BACKENDS {
            let again = folder.path().join(format!("{name}-{backend}.jsonl"));
            let mut command = conductor();
            command.args(["--backend", backend, "--config"]).arg(example(&format!("{name}.toml")));
            command.arg("--replay").arg(&recording).arg("--record").arg(&again);
            // Conditions on the time of day are about where the recording was made.
            let ended = run(command.env("TZ", "UTC"));
            let done = std::fs::read_to_string(&again).unwrap();
            assert_eq!(done, wanted, "{name} on {backend}: {ended}");
        }
    }
}

#[test]
fn messages_go_to_outputs_by_name_in_order() {
    let folder = folder();
    let mixer = write(folder.path(), "mixer", "");
    let mut command = conductor();
    command.arg("--config").arg(example("faders.toml"));
    command.arg("--replay").arg(example("faders.jsonl"));
    command.arg("--midi-out").arg(format!("Mixer={}", mixer.display()));
    let ended = run(&mut command).exits(0);
    assert!(
        ended.stderr.contains("12 events, 6 actions fired, 0 failed, 2 mode changes"),
        "{ended}"
    );
    let sent: String =
        std::fs::read(&mixer).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sent, ["b0070a", "b00740", "b1077f", "90107f", "b05b21", "b00763"].concat());
}

#[test]
fn what_programs_print_is_in_the_log_and_their_failures_are_counted() {
    let folder = folder();
    let config = write(
        folder.path(),
        "config.toml",
        r#"
global_mappings = [
    { trigger = { Note = { note = 1 } }, action = { Shell = { command = "echo $HOME 'a  b'; exit" } } },
    { trigger = { Note = { note = 2 } }, action = { Shell = { command = "false" } } },
    { trigger = { Note = { note = 3 } }, action = { Shell = { command = "sleep 60", timeout_ms = 50 } } },
    { trigger = { Note = { note = 4 } }, action = { Shell = { command = "/nothing/there" } } },
]
"#,
    );
    let notes = write(folder.path(), "notes", [0x90, 1, 9, 2, 9, 3, 9, 4, 9]);
    let ended = run(conductor().arg("--config").arg(&config).arg("--raw").arg(&notes)).exits(1);
    // No shell: what is special to one is text.
    assert!(
        ended.stderr.contains("conductor::program: $HOME a  b; exit program=\"echo\""),
        "{ended}"
    );
    for failure in ["\"false\" ended with status 1", "longer than 50 ms", "/nothing/there"] {
        assert!(ended.stderr.contains(failure), "{failure}: {ended}");
    }
    assert!(ended.stderr.contains("4 events, 4 actions fired, 3 failed"), "{ended}");
}

#[test]
fn a_configuration_is_checked_without_being_run() {
    let ended = run(conductor().arg("check").arg(example("layers.toml"))).exits(0);
    assert!(ended.stdout.ends_with("modes: 2, mappings: 4, plugins: 2\nok\n"), "{ended}");
    assert!(!ended.stderr.contains("midi_hello"), "{ended}");

    let ended = run(conductor().arg("check").arg(example("chords.toml")).arg("--json")).exits(1);
    let report = ended.json();
    let unusable = report["unusable"].as_array().unwrap();
    // Whether a program is there is this machine's own affair.
    let said: Vec<_> = unusable
        .iter()
        .filter(|one| !one["what"].as_str().unwrap().starts_with("launch"))
        .map(|one| (one["line"].as_u64().unwrap(), one["what"].as_str().unwrap()))
        .collect();
    assert_eq!(said, [(6, "text \"minor\""), (7, "keystroke \"ctrl+s\"")], "{ended}");

    let folder = folder();
    let lacking = write(
        folder.path(),
        "lacking.toml",
        r#"
global_mappings = [
    { trigger = { Note = { note = 1 } }, action = { Shell = { command = "no-such-program-here" } } },
    { trigger = { Note = { note = 2 } }, action = { Launch = { app = "no-such-program-here" } } },
    { trigger = { Note = { note = 3 } }, action = { SendMidi = { port = "No such synth", message_type = "NoteOn", note = 1 } } },
]
"#,
    );
    let ended = run(conductor().arg("check").arg(&lacking)).exits(1);
    for (line, what) in [(3, "program"), (4, "launch"), (5, "MIDI output")] {
        assert!(
            ended.stdout.contains(&format!("line {line}, column 5: {what} ")),
            "{what}: {ended}"
        );
    }
    let ended = run(conductor().arg("check").arg(&lacking).args(["--midi-out", "No such synth=x"]))
        .exits(1);
    assert!(!ended.stdout.contains("MIDI output"), "{ended}");
    let broken = write(
        folder.path(),
        "broken.toml",
        "global_mappings = [\n  { trigger = { Note = { note = 200 } }, action = { Delai = {} } },\n]\n",
    );
    let ended = run(conductor().arg("check").arg(&broken)).exits(2);
    for said in ["broken.toml:2:33", "200 is out of range", "did you mean `Delay`?"] {
        assert!(ended.stderr.contains(said), "{said}: {ended}");
    }
    let ended = run(conductor().arg("check").arg(&broken).arg("--json")).exits(2);
    let report = ended.json();
    assert_eq!(
        (report["ok"].as_bool(), report["errors"].as_array().unwrap().len()),
        (Some(false), 2)
    );
    assert_eq!(report["errors"][0]["line"], 2);

    let missing = write(
        folder.path(),
        "missing.toml",
        "global_mappings = [{ trigger = { Note = { note = 1 } }, action = { WasmPlugin = { path = \"no.wasm\" } } }]\n",
    );
    let ended = run(conductor().arg("check").arg(&missing)).exits(1);
    assert!(ended.stdout.contains("line 1") && ended.stdout.contains("no.wasm"), "{ended}");
}

#[test]
fn a_recording_that_is_none_is_refused() {
    let folder = folder();
    let recording = write(folder.path(), "r.jsonl", "{\"conductor_recording\":9,\"epoch_ms\":0}\n");
    let mut command = conductor();
    command.arg("--config").arg(example("layers.toml")).arg("--replay").arg(&recording);
    let ended = run(&mut command).exits(2);
    assert!(ended.stderr.contains("r.jsonl, line 1: found a recording of form 9"), "{ended}");
}

#[test]
fn what_is_played_can_be_learned_and_then_played() {
    let folder = folder();
    let mut command = conductor();
    let ended =
        run(command.arg("learn").arg("--replay").arg(example("foot_switch.jsonl"))).exits(0);
    let triggers: Vec<&str> = ended.stdout.lines().filter(|l| l.starts_with("trigger")).collect();
    let wanted = [
        "trigger = { Note = { note = 64, channel = 1 } }",
        "trigger = { LongPress = { note = 64, channel = 1 } }",
    ];
    assert_eq!(triggers, wanted, "{ended}");
    // It is a configuration as it stands, but for the plugin.
    let config = write(folder.path(), "learned.toml", &ended.stdout);
    let ended = run(conductor().arg("check").arg(&config)).exits(1);
    assert!(
        ended.stdout.contains("mappings: 2") && ended.stdout.contains("plugin.wasm"),
        "{ended}"
    );

    // A live source: what is said comes while it is open still.
    let mut running = crate::support::Running::start(conductor().args(["learn", "--raw", "-"]));
    running.feed(&[0x90, 60, 64, 60, 0]);
    running.stdout().wait_for("trigger = { Note = { note = 60, channel = 1 } }");
    running.finish();
    run(conductor().arg("learn")).exits(2);
}
