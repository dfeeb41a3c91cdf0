//! The files of `examples/`, used as their READMEs say. What the gateway's says is one of the
//! [transcripts](crate::transcripts).

use serde_json::Value;

use crate::support::{BACKENDS, conductor, root, run, sample};

#[test]
fn the_gateway_s_is_short() {
    let config = std::fs::read(root().join("examples/gateway/config.json")).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    let keys: Vec<_> = config.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["plugins"], "the smallest that people write");
}

#[test]
fn the_conductor_s() {
    for name in ["midi_hello", "midi_velocity"] {
        sample(name);
    }
    let folder = root().join("examples/midi");
    for backend in BACKENDS {
        let mut command = conductor();
        command.arg("--config").arg(folder.join("hello.toml"));
        command.arg("--midi-file").arg(folder.join("hello.mid")).args(["--backend", backend]);
        let ended = run(&mut command).exits(0);
        for wanted in [
            "[midi_hello] midi_hello says: hello from note 60",
            "[midi_velocity] midi_velocity: lights gently (velocity 30) in mode 0",
            "[midi_velocity] midi_velocity: lights with force (velocity 110) in mode 0",
            "[midi_velocity] midi_velocity: fog firmly (velocity 60) in mode 1",
            "10 events, 4 actions fired, 0 failed",
        ] {
            assert!(ended.stderr.contains(wanted), "{wanted}: {ended}");
        }
    }
}

#[test]
fn the_midi_file_is_the_one_that_its_readme_describes() {
    let folder = root().join("examples/midi");
    let song = std::fs::read(folder.join("hello.mid")).unwrap();
    let text = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let table = text.split("| bytes | meaning |").nth(1).unwrap();
    // Backquoted runs of the first column, in which a string stands for its bytes.
    let mut bytes = Vec::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cell = row.split('|').nth(1).unwrap();
        for run in cell.split('`').skip(1).step_by(2) {
            for word in run.split(' ') {
                match word.strip_prefix('"') {
                    Some(word) => bytes.extend(word.strip_suffix('"').unwrap().bytes()),
                    None => bytes.push(u8::from_str_radix(word, 16).unwrap()),
                }
            }
        }
    }
    assert_eq!(song.len(), 82);
    assert_eq!(&song[..4], b"MThd");
    assert_eq!(&song[22..], bytes);
}
