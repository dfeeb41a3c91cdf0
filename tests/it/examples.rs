//! The files of `examples/`, used as their READMEs say.

use serde_json::{Value, json};

use crate::support::{BACKENDS, Server, conductor, root, run, sample, tool};

#[test]
fn the_gateway_s() {
    for name in ["redactor", "hello_typescript"] {
        sample(name);
    }
    let folder = root().join("examples/gateway");
    let config: Value =
        serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap();
    let keys: Vec<_> = config.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["plugins"], "the smallest that people write");
    let gateway = Server::gateway(&folder.join("config.json"));
    assert!(gateway.log().wait_for("plugins: ").contains("redactor, hello"));

    // Each curl command of the README, with this gateway's address in place of the default one.
    let text = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut answers = Vec::new();
    for command in indented(&text).into_iter().filter(|command| command.starts_with("curl ")) {
        let command = command.replace("http://127.0.0.1:8080", &gateway.url);
        assert!(command.contains(&gateway.url), "{command}");
        let ended = run(tool("sh").args(["-c", &command])).exits(0);
        answers.push(ended.stdout);
    }
    let [plain, streamed, models, health] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(plain.contains("[redacted]") && !plain.contains("ada@"), "{plain}");
    assert!(streamed.contains("[redacted]") && !streamed.contains("ada@"), "{streamed}");
    assert!(streamed.ends_with("data: [DONE]\n\n"), "{streamed}");
    assert!(models.contains("mock/echo"), "{models}");
    assert_eq!(serde_json::from_str::<Value>(health).unwrap(), json!({ "status": "ok" }));
    gateway.stop().exits(0);
}

/// The commands of a README: its indented lines, with those that `\` continues joined.
fn indented(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut unfinished = false;
    for line in text.lines().filter_map(|line| line.strip_prefix("    ")) {
        let (part, goes_on) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match commands.last_mut() {
            Some(command) if unfinished => *command = format!("{command} {}", part.trim_start()),
            _ => commands.push(part.to_owned()),
        }
        unfinished = goes_on;
    }
    commands
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
