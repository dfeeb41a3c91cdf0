//! Conductor while it plays: other configurations and modules, and whoever asks it and tells it what to do.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::modules;
use crate::support::{Finished, Running, conductor, conductorctl, folder, run, write};

/// A module that prints a word when it is called, and `bye` with it at its end.
fn says(folder: &Path, name: &str, word: &str) {
    let print = |at: u32, length: usize| {
        format!(
            "(i32.store (i32.const 0) (i32.const {at})) (i32.store (i32.const 4) (i32.const {length}))
             (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))"
        )
    };
    let text = format!(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 1)
             (data (i32.const 64) "{word}\nbye {word}\n")
             (func (export "execute") (param i32 i32) (result i32) {call} (i32.const 0))
             (func (export "shutdown") {bye}))"#,
        call = print(64, word.len() + 1),
        bye = print(64 + u32::try_from(word.len()).unwrap() + 1, word.len() + 5),
    );
    // As whoever rolls out a version does it: another file in the place of the old one.
    let new = format!("{name}-new");
    modules::write(folder, &new, &text);
    std::fs::rename(folder.join(format!("{new}.wasm")), folder.join(format!("{name}.wasm")))
        .unwrap();
}

const CONFIG: &str = r#"
[[modes]]
name = "Stage"
[[modes.mappings]]
description = "the only key"
trigger = { Note = { note = 60 } }
action = { WasmPlugin = { path = "voice.wasm" } }
[[modes]]
name = "Break"
"#;

/// A conductor that is played by hand.
struct Stage {
    folder: tempfile::TempDir,
    running: Running,
    played: usize,
}

impl Stage {
    fn start(more: &[&str]) -> Self {
        let folder = folder();
        says(folder.path(), "voice", "one");
        write(folder.path(), "c.toml", CONFIG);
        let running = Running::start(Self::command(folder.path()).args(more));
        running.stderr().wait_for("files are watched");
        Self { folder, running, played: 0 }
    }

    fn command(folder: &Path) -> Command {
        let mut command = conductor();
        command.env("RUST_LOG", "conductor=debug");
        command.arg("--config").arg(folder.join("c.toml")).args(["--raw", "-", "--socket"]);
        command.arg(folder.join("s"));
        command
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn socket(&self) -> PathBuf {
        self.path().join("s")
    }

    /// Strikes the key, and waits for what the plugin says.
    #[track_caller]
    fn hears(&mut self, word: &str) {
        self.running.feed(&[0x90, 60, 100]);
        self.played += 1;
        self.running.stderr().wait_for_nth("run a plugin", self.played - 1);
        let said = format!("[voice] {word}");
        let nth = self.running.stderr().text().matches(&format!("{said}\n")).count();
        // What was said before may be of an earlier stroke, so that it is told by the number of calls.
        self.running.stderr().wait_for_nth(&said, nth.saturating_sub(1));
    }

    fn ctl(&self, arguments: &[&str]) -> Finished {
        run(conductorctl().args(arguments).arg("--socket").arg(self.socket()))
    }
}

#[test]
fn modules_and_the_configuration_are_taken_over_as_their_files_change() {
    let mut stage = Stage::start(&[]);
    stage.hears("one");
    says(stage.path(), "voice", "two");
    stage.running.stderr().wait_for("taken over: modes: 2, mappings: 1, plugins: 1, new: voice");
    stage.running.stderr().wait_for("[voice] bye one");
    stage.hears("two");
    // Garbage, twice: the last good one runs on, and each time it is said.
    for (round, garbage) in ["no module", "\0asm\u{1}\0\0\0more"].into_iter().enumerate() {
        write(stage.path(), "voice.wasm", garbage);
        let told = "its new version is not taken over, the last good one runs on";
        let told = stage.running.stderr().wait_for_nth(told, round);
        assert!(told.contains("ERROR") && told.contains("plugin=voice"), "{told}");
        stage.running.stderr().wait_for_nth("none of them new", round);
        stage.hears("two");
    }
    // A configuration that is broken, and broken again.
    for (round, broken) in
        ["[[modes", "[[modes]]\nname = \"A\"\ncolour = 1\n"].into_iter().enumerate()
    {
        write(stage.path(), "c.toml", broken);
        let told =
            stage.running.stderr().wait_for_nth("nothing is taken over, all is as it was", round);
        assert!(told.contains("c.toml:"), "{told}");
        stage.hears("two");
    }
    stage.running.stderr().wait_for("did you mean `color`?");
    // And whole again, with a module that is whole, too.
    says(stage.path(), "voice", "three");
    write(stage.path(), "c.toml", CONFIG.replace("= 60", "= 61").replace("Stage", "Show"));
    stage.running.stderr().wait_for("the mode is gone, it is the first one now");
    stage.running.feed(&[0x90, 61, 100]);
    stage.running.stderr().wait_for("[voice] three");
    let ended = stage.running.stop().exits(0);
    assert!(ended.stderr.contains("[voice] bye three"), "{ended}");
    assert!(ended.stderr.contains(" reloads"), "{ended}");
}

#[test]
fn sighup_and_conductorctl_reload_without_a_watch() {
    let folder = folder();
    says(folder.path(), "voice", "one");
    write(folder.path(), "c.toml", CONFIG);
    let mut running = Running::start(Stage::command(folder.path()).arg("--no-watch"));
    let socket = folder.path().join("s");
    let ctl = |command: &str| run(conductorctl().arg(command).arg("--socket").arg(&socket));
    running.stderr().wait_for("loaded");
    while ctl("status").code() != 0 {}
    says(folder.path(), "voice", "two");
    let reloaded = ctl("reload").exits(0);
    assert!(
        reloaded.stdout.contains("taken over: modes: 2") && reloaded.stdout.contains("new: voice"),
        "{reloaded}"
    );
    write(folder.path(), "voice.wasm", "garbage");
    let broken = ctl("reload").exits(1);
    assert!(broken.stderr.contains("the last good one runs on"), "{broken}");
    write(folder.path(), "c.toml", "modes = 5");
    let broken = ctl("reload").exits(1);
    assert!(
        broken.stderr.contains("nothing is taken over") && broken.stderr.contains("c.toml:1:"),
        "{broken}"
    );
    assert!(ctl("status").exits(0).stdout.contains("the last reload changed nothing"));
    running.hang_up();
    running.stderr().wait_for_nth("nothing is taken over, all is as it was", 1);
    running.feed(&[0x90, 60, 1]);
    running.stderr().wait_for("[voice] two");
    running.stop().exits(0);
}

#[test]
fn conductorctl_asks_and_tells() {
    let mut stage = Stage::start(&[]);
    stage.hears("one");
    let status = stage.ctl(&["status"]).exits(0);
    assert!(status.stdout.contains("mode Stage of Stage, Break"), "{status}");
    assert!(stage.ctl(&["mode", "Break"]).exits(0).stdout.contains("mode Break"));
    let refused = stage.ctl(&["mode", "Brake"]).exits(1);
    assert!(
        refused.stderr.contains("there is no mode \"Brake\"; there are Stage, Break"),
        "{refused}"
    );
    let status = stage.ctl(&["status", "--json"]).exits(0).json();
    assert_eq!(
        (&status["mode"], &status["events"], &status["fired"]),
        (&"Break".into(), &1.into(), &1.into())
    );
    // A key of the mode before does nothing any more.
    stage.running.feed(&[0x90, 60, 100]);
    stage.running.stderr().wait_for_nth("note on", 1);
    let plugins = stage.ctl(&["plugins", "--json"]).exits(0).json();
    assert_eq!(
        (&plugins[0]["name"], &plugins[0]["succeeded"]),
        (&"voice".into(), &1.into()),
        "{plugins}"
    );
    assert!(stage.ctl(&["plugins"]).exits(0).stdout.contains("voice  calls: 1, failed: 0"));
    let stats = stage.ctl(&["stats", "--json"]).exits(0).json();
    assert_eq!(
        (&stats[0]["line"], &stats[0]["calls"], &stats[0]["mode"]),
        (&4.into(), &1.into(), &"Stage".into())
    );
    assert!(
        stats[0]["to_call"]["p50_us"].as_f64().unwrap()
            <= stats[0]["to_end"]["max_us"].as_f64().unwrap()
    );
    let table = stage.ctl(&["stats"]).exits(0);
    assert!(table.stdout.contains("Note in Stage: the only key"), "{table}");
    let same = run(conductor().arg("stats").arg("--socket").arg(stage.socket())).exits(0);
    assert_eq!(same.stdout, table.stdout);
    assert!(stage.ctl(&["stop"]).exits(0).stdout.contains("stopped"));
    let ended = stage.running.finish().exits(0);
    assert!(ended.stderr.contains("[voice] bye one"), "{ended}");
    assert!(ended.stderr.contains("2 events, 1 action fired, 0 failed, 1 mode change"), "{ended}");
    // How long it took, at the end.
    assert!(
        ended.stderr.contains("to call") && ended.stderr.contains("Note in Stage: the only key"),
        "{ended}"
    );
}

#[test]
fn without_a_conductor_it_is_2() {
    let folder = folder();
    let missing = folder.path().join("none");
    for command in ["status", "reload", "events", "plugins", "stats", "stop"] {
        let ended = run(conductorctl().arg(command).arg("--socket").arg(&missing)).exits(2);
        assert!(ended.stderr.contains("no conductor listens on"), "{command}: {ended}");
        let ended = run(conductorctl().arg(command).env("XDG_RUNTIME_DIR", folder.path())).exits(2);
        assert!(ended.stderr.contains("no conductor runs"), "{command}: {ended}");
    }
    for wrong in [&[][..], &["fly"], &["mode"], &["status", "--port"]] {
        run(conductorctl().args(wrong)).exits(2);
    }
}

#[test]
fn a_killed_conductors_socket_is_replaced_and_a_live_ones_is_not() {
    let mut stage = Stage::start(&[]);
    let second = run(&mut Stage::command(stage.path())).exits(2);
    assert!(second.stderr.contains("another conductor listens on"), "{second}");
    stage.hears("one");
    stage.ctl(&["status"]).exits(0);
    stage.running.kill();
    assert!(stage.socket().exists(), "nobody has removed it");
    let left = stage.ctl(&["status"]).exits(2);
    assert!(left.stderr.contains("no conductor listens on"), "{left}");
    let again = Running::start(&mut Stage::command(stage.path()));
    again.stderr().wait_for("files are watched");
    while stage.ctl(&["status"]).code() != 0 {}
    again.stop().exits(0);
    assert!(!stage.socket().exists());
}

#[test]
fn the_one_that_runs_is_found_and_of_several_one_is_named() {
    let folder = folder();
    says(folder.path(), "voice", "one");
    write(folder.path(), "c.toml", CONFIG);
    let start = || {
        let mut command = conductor();
        command.env("XDG_RUNTIME_DIR", folder.path()).env("RUST_LOG", "conductor=debug");
        let running = Running::start(
            command.arg("--config").arg(folder.path().join("c.toml")).args(["--raw", "-"]),
        );
        running.stderr().wait_for("files are watched");
        running
    };
    let ctl =
        || run(conductorctl().args(["status", "--json"]).env("XDG_RUNTIME_DIR", folder.path()));
    let first = start();
    while ctl().code() != 0 {}
    assert_eq!(ctl().json()["mode"], "Stage");
    let second = start();
    let several = loop {
        let ended = ctl();
        if ended.code() == 2 {
            break ended;
        }
    };
    assert!(several.stderr.contains("several conductors run; name one by --socket"), "{several}");
    first.stop().exits(0);
    ctl().exits(0);
    second.stop().exits(0);
    let left: Vec<_> = std::fs::read_dir(folder.path().join("plugbay")).unwrap().collect();
    assert_eq!(left.len(), 1, "the lock of the first: {left:?}");
    // Without one, nobody reaches it.
    let mut command = conductor();
    command.arg("--config").arg(folder.path().join("c.toml")).args(["--raw", "-", "--no-socket"]);
    run(command.env("XDG_RUNTIME_DIR", "/none")).exits(0);
}

#[test]
fn the_monitor_shows_what_happens_in_a_pipe() {
    let mut stage = Stage::start(&[]);
    let monitor = |more: &[&str]| {
        Running::start(conductor().arg("monitor").args(more).arg("--socket").arg(stage.socket()))
    };
    let (text, json) = (monitor(&[]), monitor(&["--json"]));
    text.stdout().wait_for("mode Stage | events 0");
    // The second is there when it is told something.
    while json.stdout().text().is_empty() {
        stage.ctl(&["mode", "Stage"]).exits(0);
    }
    stage.running.feed(&[0x90, 60, 100]);
    for wanted in [
        "event   note on, channel 1, note 60, velocity 100",
        "action  Note in Stage (line 4): WasmPlugin voice {}",
        "output  [voice] one",
        "done    voice (line 4): waited",
    ] {
        text.stdout().wait_for(wanted);
    }
    json.stdout().wait_for("\"kind\":\"done\"");
    stage.running.feed(&[0xf4]);
    text.stdout().wait_for("notice  skipped the undefined status byte 0xf4");
    stage.ctl(&["reload"]).exits(0);
    text.stdout().wait_for("reload  modes: 2");
    stage.running.stop().exits(0);
    let text = text.finish().exits(0);
    assert!(
        text.stdout.ends_with("conductor has ended\n") && !text.stdout.contains('\x1b'),
        "{text}"
    );
    let json = json.finish().exits(0);
    let lines: Vec<Value> =
        json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    for kind in ["event", "action", "output", "done", "notice", "reload", "mode"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
}

/// The picture in docs/conductor.md is what a terminal shows.
#[test]
fn the_monitor_on_a_terminal_is_as_documented() {
    let mut stage = Stage::start(&[]);
    let terminal = Terminal::start(stage.path(), stage.socket());
    terminal.wait_for("mode Stage | events 0");
    stage.running.feed(&[0x90, 60, 100]);
    terminal.wait_for("events 1 | actions 1");
    stage.ctl(&["mode", "Break"]).exits(0);
    stage.running.feed(&[0x90, 60, 100]);
    terminal.wait_for("mode Break | events 2");
    let shown = terminal.text();
    let docs = std::fs::read_to_string(crate::support::root().join("docs/conductor.md")).unwrap();
    let picture = docs
        .split("```text\n")
        .find(|block| block.starts_with("conductor at "))
        .and_then(|rest| rest.split("```").next());
    let picture = picture.expect("a picture of the monitor");
    assert_eq!(steady(picture), steady(&shown), "the picture would be:\n{shown}");
    stage.running.stop().exits(0);
    terminal.wait_for("conductor has ended");
}

/// Without what differs each time: the socket, times of day, and how long it took.
fn steady(text: &str) -> String {
    let lines = text.trim_end().lines().map(|line| {
        let line = line.trim_end();
        if line.starts_with("conductor at ") {
            return "conductor at PATH".to_owned();
        }
        let line = match line.get(..12) {
            Some(time) if time.as_bytes()[2] == b':' => format!("HH:MM:SS.mmm{}", &line[12..]),
            _ => line.to_owned(),
        };
        match line.split_once("waited ") {
            Some((before, _)) => format!("{before}waited"),
            None => line,
        }
    });
    // The output of a plugin and the end of its call come as they like, and so do a status and what it is about.
    let mut lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.sort();
    lines.join("\n")
}

/// A terminal of tmux's, with the monitor on it.
struct Terminal {
    server: PathBuf,
}

impl Terminal {
    fn start(folder: &Path, socket: PathBuf) -> Self {
        let server = folder.join("tmux");
        let monitor = conductor();
        let mut tmux = crate::support::tool("tmux");
        tmux.arg("-S").arg(&server).args([
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "100",
            "-y",
            "14",
        ]);
        tmux.args(["-e", "TERM=screen", "-e", "TZ=UTC"]);
        // It stays when the program has ended.
        let command = format!(
            "{} monitor --socket {}; exec cat",
            monitor.get_program().display(),
            socket.display()
        );
        run(tmux.arg(command)).exits(0);
        Self { server }
    }

    fn text(&self) -> String {
        let mut tmux = crate::support::tool("tmux");
        run(tmux.arg("-S").arg(&self.server).args(["capture-pane", "-p"])).exits(0).stdout
    }

    #[track_caller]
    fn wait_for(&self, wanted: &str) {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let text = self.text();
            if text.contains(wanted) {
                return;
            }
            assert!(std::time::Instant::now() < end, "no {wanted:?}:\n{text}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(crate::support::tool("tmux").arg("-S").arg(&self.server).arg("kill-server").status());
    }
}
