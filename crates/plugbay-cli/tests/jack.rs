//! Real ports: JACK with the driver that plays nothing, and other programs that play and listen.

#![cfg(all(feature = "jack", target_os = "linux"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test binary")]

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More than anything here takes on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// An action that writes its parameters to standard error.
const ECHO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "\0a")
    (func (export "init"))
    (func (export "execute") (param i32 i32) (result i32)
        (i32.store (i32.const 16) (local.get 0))
        (i32.store (i32.const 20) (local.get 1))
        (i32.store (i32.const 24) (i32.const 8))
        (i32.store (i32.const 28) (i32.const 1))
        (call $write (i32.const 2) (i32.const 16) (i32.const 2) (i32.const 12))))"#;

/// A program that is killed when it is dropped.
struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: String,
}

impl Running {
    fn new(command: &mut Command) -> Self {
        let what = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{what}: {error}; Debian's package is jackd2"));
        let (sender, lines) = channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Self { child, lines, seen: String::new() }
    }

    /// Waits for a line that has `what` in it.
    #[track_caller]
    fn says(&mut self, what: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen += &format!("{line}\n");
                    if line.contains(what) {
                        return line;
                    }
                }
                Err(why) => panic!("{what:?} was not said ({why}), but:\n{}", self.seen),
            }
        }
    }

    /// Tells it to end, and waits until it did.
    fn ends(mut self) -> String {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.seen += &format!("{line}\n"),
                Err(RecvTimeoutError::Disconnected) => return std::mem::take(&mut self.seen),
                Err(why) => panic!("{why}: {}", self.seen),
            }
        }
    }
}

impl Drop for Running {
    /// A server that is not asked first leaves its entry in a registry that has room for eight.
    fn drop(&mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server of a name of its own, and what connects to it.
struct Jack {
    name: String,
    server: Running,
    /// Servers share a registry, in which those that begin at the same time are in each other's way.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl Jack {
    fn start(name: &str) -> Self {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("plugbay-{name}-{}", std::process::id());
        let server = Self::serve(&name);
        Self { name, server, _alone }
    }

    fn serve(name: &str) -> Running {
        let mut command = Command::new("jackd");
        command.args(["-n", name, "--no-mlock", "-r", "-d", "dummy", "-r", "48000", "-p", "64"]);
        let server = Running::new(command.env("JACK_NO_AUDIO_RESERVATION", "1"));
        let end = Instant::now() + PATIENCE;
        while !command_of(name, "jack_lsp").output().unwrap().status.success() {
            assert!(Instant::now() < end, "the server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn command(&self, program: &str) -> Command {
        command_of(&self.name, program)
    }

    /// One that presses a key every half second, upwards from 40, and lets go of none for half a minute: at any time some are held.
    fn plays(&self, name: &str) -> Running {
        let mut command = self.command("jack_midiseq");
        let (second, notes) = (48_000, 0..50);
        command.args([name, &(30 * second).to_string()]);
        for note in notes {
            let start = note * second / 2;
            let length = 30 * second - second / 10 - start;
            command.args([start, 40 + note, length].map(|number: i32| number.to_string()));
        }
        // A client that a server which has just begun did not take waits for ever: another one is taken.
        for _ in 0..5 {
            let player = Running::new(&mut command);
            if self.gets_port(&format!("{name}:out"), PATIENCE / 6) {
                return player;
            }
        }
        panic!("no player gets a port");
    }

    /// One that prints what is sent to it.
    fn prints(&self, name: &str) -> Running {
        let printer = Running::new(self.command("stdbuf").args(["-oL", "jack_midi_dump", name]));
        self.has_port(&format!("{name}:input"));
        printer
    }

    fn has_port(&self, port: &str) {
        assert!(self.gets_port(port, PATIENCE), "there is no port {port}");
    }

    fn gets_port(&self, port: &str, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            let ports = self.command("jack_lsp").output().unwrap().stdout;
            if String::from_utf8_lossy(&ports).contains(port) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    fn conductor(&self, folder: &Path) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_conductor"));
        command
            .current_dir(folder)
            .env("PLUGBAY_CACHE_DIR", folder.join("cache"))
            .env("PLUGBAY_GRANTS", folder.join("grants.json"))
            .env("PLUGBAY_AUDIT_LOG", folder.join("audit.jsonl"))
            .env("PLUGBAY_DATA_DIR", folder.join("data"))
            .env("XDG_CONFIG_HOME", folder.join("configuration"));
        command
    }
}

fn command_of(server: &str, program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("JACK_DEFAULT_SERVER", server).env("JACK_NO_START_SERVER", "1");
    command
}

/// A folder with a configuration that says which of the player's keys go down and up.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("echo.wasm"), wat::parse_str(ECHO).unwrap()).unwrap();
    let mut text = String::from("global_mappings = [\n");
    for note in 40..90 {
        for on in ["press", "release"] {
            text += &format!(
                "{{ trigger = {{ Note = {{ note = {note}, on = \"{on}\" }} }}, action = {{ WasmPlugin = {{ \
                 path = \"echo.wasm\", params = {{ {on} = {note} }} }} }} }},\n"
            );
        }
    }
    text += "]\n";
    std::fs::write(folder.path().join("c.toml"), text).unwrap();
    folder
}

#[test]
fn a_device_is_played_pulled_out_and_put_back() {
    let jack = Jack::start("device");
    let player = jack.plays("keys");
    let folder = folder();
    let mut conductor =
        Running::new(jack.conductor(folder.path()).args(["--config", "c.toml", "keys:out"]));
    conductor.says("listening to keys:out (JACK)");
    conductor.says("press");
    drop(player);
    conductor.says("the MIDI input \"keys:out\" is gone: what was held on it is let go of");
    // It was held when the device went: nobody else has let go of it.
    conductor.says("release");
    let player = jack.plays("keys");
    conductor.says("the MIDI input \"keys:out\" is back");
    conductor.says("press");
    let said = conductor.ends();
    assert!(said.contains("0 failed"), "{said}");
    drop(player);
}

#[test]
fn a_server_that_ends_and_begins_again_is_found() {
    let mut jack = Jack::start("server");
    let player = jack.plays("keys");
    let folder = folder();
    let mut conductor =
        Running::new(jack.conductor(folder.path()).args(["--config", "c.toml", "keys:out"]));
    conductor.says("press");
    let id = rustix::process::Pid::from_child(&jack.server.child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    jack.server.child.wait().unwrap();
    conductor.says("is gone");
    conductor.says("release");
    drop(player);
    jack.server = Jack::serve(&jack.name);
    let _player = jack.plays("keys");
    conductor.says("is back");
    conductor.says("press");
    conductor.ends();
}

#[test]
fn others_connect_to_a_port_of_our_own() {
    let jack = Jack::start("virtual");
    let folder = folder();
    let mut conductor = Running::new(jack.conductor(folder.path()).args([
        "--config",
        "c.toml",
        "--virtual",
        "Pads",
    ]));
    conductor.says("listening to Pads (JACK)");
    let _player = jack.plays("keys");
    let connected = jack.command("jack_connect").args(["keys:out", "conductor:Pads"]).status();
    assert!(connected.unwrap().success());
    conductor.says("press");
    conductor.ends();
}

#[test]
fn an_output_is_sent_to_until_it_goes_and_when_it_is_there_again() {
    let jack = Jack::start("output");
    let _player = jack.plays("keys");
    let mut printer = jack.prints("synth");
    let folder = folder();
    let sends: String = (40..90)
        .map(|note| {
            format!(
                "{{ trigger = {{ Note = {{ note = {note} }} }}, action = {{ SendMidi = {{ port = \"synth\", \
                 message_type = \"NoteOn\", note = 7, velocity = 9 }} }} }},\n"
            )
        })
        .collect();
    std::fs::write(folder.path().join("c.toml"), format!("global_mappings = [\n{sends}]\n"))
        .unwrap();
    let mut conductor =
        Running::new(jack.conductor(folder.path()).args(["--config", "c.toml", "keys:out"]));
    printer.says("90 07 09");
    drop(printer);
    conductor.says("the MIDI output \"synth:input\" is gone");
    let mut printer = jack.prints("synth");
    conductor.says("the MIDI output \"synth:input\" is back");
    printer.says("90 07 09");
    conductor.ends();
}

#[test]
fn ports_are_listed_for_machines_too() {
    let jack = Jack::start("list");
    let _player = jack.plays("keys");
    let _printer = jack.prints("synth");
    let folder = tempfile::tempdir().unwrap();
    let listed = jack.conductor(folder.path()).args(["ports", "--json"]).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let jack_is = |system: &serde_json::Value| system["name"] == "JACK" && system["usable"] == true;
    assert!(listed["systems"].as_array().unwrap().iter().any(jack_is), "{listed}");
    for (direction, name) in [("inputs", "keys:out"), ("outputs", "synth:input")] {
        let found = |one: &serde_json::Value| one["name"] == name && one["system"] == "JACK";
        assert!(listed[direction].as_array().unwrap().iter().any(found), "{listed}");
    }

    let listed = jack.conductor(folder.path()).arg("ports").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains(": keys:out JACK\n") && listed.contains(": synth:input JACK\n"),
        "{listed}"
    );
}
