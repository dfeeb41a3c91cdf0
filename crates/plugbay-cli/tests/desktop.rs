//! Keys, text and mouse in a window: an X server without a screen, and a program that prints what reaches it.

#![cfg(all(feature = "desktop", target_os = "linux"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test binary")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const CONFIG: &str = r#"
global_mappings = [
    { trigger = { Note = { note = 1 } }, action = { Sequence = { actions = [
        { Keystroke = { keys = "s", modifiers = ["ctrl", "shift"] } },
        { Text = { text = "hé, y" } },
        { MouseClick = { button = "right" } },
        { Keystroke = { keys = "f5" } },
    ] } } },
]
"#;

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn piped(command: &mut Command) -> (Killed, BufReader<ChildStdout>) {
    let what = format!("{command:?}");
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.unwrap_or_else(|error| {
        panic!("{what}: {error}; Debian's packages are xvfb and x11-utils")
    });
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (Killed(child), stdout)
}

fn conductor(folder: &Path, display: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conductor"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("DISPLAY")
        .env("PLUGBAY_CACHE_DIR", folder.join("cache"))
        .env("PLUGBAY_GRANTS", folder.join("grants.json"))
        .env("PLUGBAY_AUDIT_LOG", folder.join("audit.jsonl"))
        .env("XDG_CONFIG_HOME", folder.join("configuration"));
    if let Some(display) = display {
        command.env("DISPLAY", display);
    }
    command.output().unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), CONFIG).unwrap();
    std::fs::write(folder.path().join("notes.raw"), [0x90, 1, 100, 0x80, 1, 0]).unwrap();
    folder
}

#[test]
fn keys_text_and_clicks_reach_a_window() {
    let (_server, mut display) = piped(Command::new("Xvfb").args([
        "-displayfd",
        "1",
        "-screen",
        "0",
        "640x480x24",
        "-nolisten",
        "tcp",
    ]));
    let mut number = String::new();
    display.read_line(&mut number).unwrap();
    let display = format!(":{}", number.trim());
    // The window is below the pointer, which without a window manager is all that the keys need.
    let (_window, mut seen) = piped(
        Command::new("stdbuf")
            .args([
                "-oL",
                "xev",
                "-geometry",
                "640x480+0+0",
                "-event",
                "keyboard",
                "-event",
                "button",
                "-event",
                "expose",
            ])
            .env("DISPLAY", &display),
    );
    let mut line = String::new();
    while !line.starts_with("Expose") {
        line.clear();
        assert!(seen.read_line(&mut line).unwrap() > 0, "the window closed");
    }
    let folder = folder();
    let arguments = ["--config", "c.toml", "--raw", "notes.raw"];
    let ended = conductor(folder.path(), Some(&display), &arguments);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success() && !said.contains("warning"), "{said}");
    assert!(said.contains("4 actions fired, 0 failed"), "{said}");

    // What is pressed, with what is held.
    let mut presses = Vec::new();
    while presses.last().is_none_or(|last: &String| !last.contains("F5")) {
        line.clear();
        assert!(seen.read_line(&mut line).unwrap() > 0, "the window closed: {presses:?}");
        if line.starts_with("ButtonPress") {
            presses.push("button".to_owned());
        } else if line.starts_with("KeyPress") {
            presses.push("key".to_owned());
        } else if let (Some(last), Some(state)) = (presses.last_mut(), line.split("state ").nth(1))
        {
            // Events of other kinds, such as releases, end with their first line.
            if last == "key" || last == "button" {
                *last += &format!(" {}", state.split("),").next().unwrap().trim());
            }
        }
    }
    let names: Vec<String> = presses
        .iter()
        .map(|press| match press.split_once("keysym ") {
            Some((state, key)) => {
                let held = state.split([' ', ',']).nth(1).unwrap_or_default();
                format!("{held} {}", key.split(", ").nth(1).unwrap_or_default())
            }
            None => press.replace(',', ""),
        })
        .collect();
    let names = names.join("; ");
    for wanted in ["0x5 S", "h; ", "eacute", "y; ", "button", "F5"] {
        assert!(names.contains(wanted), "{wanted}: {names}\n{presses:?}");
    }
}

#[test]
fn without_a_session_it_is_said_before_and_when_it_runs() {
    let folder = folder();
    for display in [None, Some(":4711")] {
        let checked = conductor(folder.path(), display, &["check", "c.toml"]);
        let said = String::from_utf8(checked.stdout).unwrap();
        assert_eq!(checked.status.code(), Some(1), "{said}");
        for what in ["keystroke \"ctrl+shift+s\"", "text \"hé, y\"", "click \"right\""] {
            let line =
                format!("line 3, column 5: {what} cannot work here: there is no X11 session");
            assert!(said.contains(&line), "{line}: {said}");
        }
        let ran = conductor(folder.path(), display, &["--config", "c.toml", "--raw", "notes.raw"]);
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert_eq!(said.matches("keystroke").count(), 1, "{said}");
        assert!(said.contains("4 actions fired, 4 failed"), "{said}");
    }
}

#[test]
fn keys_that_there_are_not_are_found_beforehand() {
    let folder = folder();
    let text = CONFIG.replace("\"f5\"", "\"f99\"");
    std::fs::write(folder.path().join("c.toml"), text).unwrap();
    let checked = conductor(folder.path(), None, &["check", "c.toml", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    let found = found["unusable"].as_array().unwrap();
    let wrong = found.iter().find(|one| one["what"] == "keystroke \"f99\"").unwrap();
    assert_eq!((&wrong["line"], &wrong["column"]), (&3.into(), &5.into()), "{wrong}");
    assert!(wrong["why"].as_str().unwrap().starts_with("\"f99\" is no key"), "{wrong}");
}
