//! Sounds of plugins, on a machine that has nothing to play them on: they are written to the log.

use std::path::Path;

use serde_json::Value;

use crate::support::{BACKENDS, Finished, folder, plugbay, run, run_with, sample, write};

/// What a toolbox says of a sound that it was to play, and what the program says beside it.
fn play(folder: &Path, backend: &str, sound: &str) -> (Value, Finished) {
    let input = r#"{"context":{},"request":{"provider":"mock","model":"m","input":[],
        "params":{"tool":{"call":"audio_play","sound":"SOUND","volume":0.25}}}}"#;
    let mut command = plugbay();
    command.env("PLUGBAY_GRANTS", folder.join("grants.json"));
    // For builds with the feature `audio`: on no machine has this one an output.
    command.env("ALSA_CONFIG_PATH", folder.join("none.conf"));
    command.arg("call").arg(sample("toolbox_rust")).args(["pre_hook", "--input", "-"]);
    command.args(["--backend", backend, "--sounds"]).arg(folder);
    let ended = run_with(&mut command, input.replace("SOUND", sound).as_bytes()).exits(0);
    (ended.json()["context"]["tool"].clone(), ended)
}

#[test]
fn without_an_output_a_sound_is_logged() {
    let folder = folder();
    let mut grant = plugbay();
    grant.env("PLUGBAY_GRANTS", folder.path().join("grants.json"));
    grant.arg("grant").arg(sample("toolbox_rust")).args(["Audio", "--yes"]);
    run(grant.args(["--sound", "bell", "--sound", "link", "--sound", "none"])).exits(0);
    let bell = write(folder.path(), "bell.wav", WAV);
    std::os::unix::fs::symlink(&bell, folder.path().join("link.wav")).unwrap();
    for backend in BACKENDS {
        let (told, ended) = play(folder.path(), backend, "bell");
        assert_eq!((&told["result"], &told["error"]), (&Value::from(0), &Value::Null), "{told}");
        let line = ended.stderr.lines().find(|line| line.contains("would be played"));
        let line = line.unwrap_or_else(|| panic!("{ended}"));
        assert!(line.contains("sound=\"bell\"") && line.contains("volume=0.25"), "{line}");
        let (told, ended) = play(folder.path(), backend, "link");
        assert!(told.to_string().contains("is a link, not a file"), "{told}");
        assert!(!ended.stderr.contains("would be played"), "{ended}");
        let (told, _) = play(folder.path(), backend, "none");
        assert!(told.to_string().contains("there is no sound"), "{told}");
        let (told, _) = play(folder.path(), backend, "horn");
        assert_eq!(told["result"], -1, "{told}");
    }
}

/// Two samples of silence.
const WAV: &[u8] = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x04\0\0\0\0\0\0\0";
