//! What plugins have of the program that runs them and of its user: what was given, and nothing else.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test binary")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Says how reading stdin ended and how much there was, what it read, how many arguments there are, and which
/// variables.
const WORLD: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get"
        (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "stdin ? read ?\0aargs ?\0a")
    (func $print (param $at i32) (param $len i32)
        (i32.store (i32.const 0) (local.get $at))
        (i32.store (i32.const 4) (local.get $len))
        (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func $digit (param $at i32) (param $number i32)
        (i32.store8 (local.get $at) (i32.add (i32.const 48) (local.get $number))))
    (func (export "execute") (param i32 i32) (result i32) (local $at i32) (local $end i32)
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 4096))
        (call $digit (i32.const 70)
            (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 12)))
        (call $digit (i32.const 77) (i32.load (i32.const 12)))
        (drop (call $args (i32.const 16) (i32.const 20)))
        (call $digit (i32.const 84) (i32.load (i32.const 16)))
        (call $print (i32.const 64) (i32.const 22))
        (call $print (i32.const 1024) (i32.load (i32.const 12)))
        (drop (call $sizes (i32.const 16) (i32.const 20)))
        (drop (call $environ (i32.const 8192) (i32.const 16384)))
        (local.set $at (i32.const 16384))
        (local.set $end (i32.add (local.get $at) (i32.load (i32.const 20))))
        (block $done (loop $next
            (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
            (if (i32.eqz (i32.load8_u (local.get $at)))
                (then (i32.store8 (local.get $at) (i32.const 10))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $next)))
        (call $print (i32.const 16384) (i32.load (i32.const 20)))
        (i32.const 0)))"#;

/// Asks for files and makes one.
const KEEPER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "kept")
    (data (i32.const 80) "[\"Filesystem\"]\00")
    (func (export "capabilities") (result i32) (i32.const 80))
    (func (export "execute") (param i32 i32) (result i32)
        (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 1)
            (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 128))))"#;

/// Middle C, once.
const SONG: &[u8] = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60\
    MTrk\x00\x00\x00\x0c\x00\x90\x3c\x28\x10\x3c\x00\x00\xff\x2f\x00\x00";

const ENGINES: [&str; 2] = ["wasmtime", "wasmi"];

/// On the program's stdin and in its environment, and nowhere else.
const SECRET: &str = "nothing of the plugin's";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in [("world.wasm", WORLD), ("keeper.wasm", KEEPER)] {
            std::fs::write(folder.path(name), wat::parse_str(text).unwrap()).unwrap();
        }
        std::fs::write(folder.path("song.mid"), SONG).unwrap();
        std::fs::write(folder.path("params.json"), "{}").unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// For conductor: one mapping, and what else is said.
    fn configure(&self, plugin: &str, more: &str) {
        let config = format!(
            "[[modes]]\nname = \"Default\"\n[[modes.mappings]]\ntrigger = {{ Note = {{ note = 60 }} }}\n\
             action = {{ WasmPlugin = {{ path = \"{plugin}\" }} }}\n{more}\n"
        );
        std::fs::write(self.path("conductor.toml"), config).unwrap();
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("PLUGBAY_CACHE_DIR", self.path("cache"))
            .env("PLUGBAY_GRANTS", self.path("grants.json"))
            .env("PLUGBAY_AUDIT_LOG", self.path("audit.jsonl"))
            .env("PLUGBAY_DATA_DIR", self.path("data"))
            .env("XDG_CONFIG_HOME", self.path("configuration"))
            .env("SECRET", SECRET)
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG");
        command
    }

    fn plugbay(&self, arguments: &[&str]) -> Command {
        self.command(env!("CARGO_BIN_EXE_plugbay"), arguments)
    }

    fn call(&self, plugin: &str, more: &[&str]) -> Command {
        let call = ["call", plugin, "execute", "--input", "params.json"];
        self.plugbay(&[&call, more].concat())
    }

    fn conductor(&self, more: &[&str]) -> Command {
        let song = ["--config", "conductor.toml", "--midi-file", "song.mid", "--fast"];
        self.command(env!("CARGO_BIN_EXE_conductor"), &[&song, more].concat())
    }
}

/// What it says on stderr, with the secret piped into it.
#[track_caller]
fn said(mut command: Command) -> String {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that does not want it may have ended.
    drop(child.stdin.take().unwrap().write_all(SECRET.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    stderr
}

/// The lines that the plugin printed, after the first two.
#[track_caller]
fn variables(stderr: &str) -> Vec<&str> {
    let mut lines = stderr.lines().filter_map(|line| line.split_once("[world] ").map(|(_, it)| it));
    assert_eq!(lines.next(), Some("stdin 0 read 0"), "{stderr}");
    assert_eq!(lines.next(), Some("args 0"), "{stderr}");
    lines.collect()
}

#[test]
fn what_the_program_has_is_not_the_plugins() {
    for engine in ENGINES {
        let folder = Folder::new();
        folder.configure("world.wasm", "");
        for command in [
            folder.call("world.wasm", &["--backend", engine]),
            folder.conductor(&["--backend", engine]),
        ] {
            let stderr = said(command);
            assert_eq!(variables(&stderr), [""; 0], "{engine}: {stderr}");
            assert!(!stderr.contains(SECRET), "{engine}: {stderr}");
        }
    }
}

#[test]
fn a_plugin_sees_the_variables_that_are_listed_and_no_others() {
    for engine in ENGINES {
        let folder = Folder::new();
        folder.configure(
            "world.wasm",
            "[plugins.\"world.wasm\".environment]\nEMPTY = \"\"\nMODE = \"a=b\"",
        );
        let given = ["--env", "EMPTY=", "--env", "MODE=a=b", "--backend", engine];
        for command in [folder.call("world.wasm", &given), folder.conductor(&["--backend", engine])]
        {
            let stderr = said(command);
            assert_eq!(variables(&stderr), ["EMPTY=", "MODE=a=b"], "{engine}: {stderr}");
            assert!(!stderr.contains(SECRET), "{engine}: {stderr}");
        }
    }
    let folder = Folder::new();
    for (given, wanted) in [
        ("MODE", "--env: found `MODE`, wanted NAME=VALUE"),
        ("=x", "found the name \"\", wanted one that is not empty"),
    ] {
        let output = folder.call("world.wasm", &["--env", given]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(wanted), "{stderr}");
    }
}

#[test]
fn without_options_plugins_files_are_in_the_users_data() {
    let folder = Folder::new();
    assert!(folder.plugbay(&["grant", "keeper.wasm", "Filesystem"]).status().unwrap().success());
    let run = |named: Option<PathBuf>| {
        let mut command = folder.call("keeper.wasm", &["--backend", "wasmi"]);
        command.env_remove("PLUGBAY_DATA_DIR").env_remove("XDG_DATA_HOME");
        command.env("HOME", folder.path("home")).env("APPDATA", folder.path("home"));
        if let Some(named) = named {
            command.env("XDG_DATA_HOME", named);
        }
        said(command);
    };
    let kept = |base: &str| folder.path(base).join("conductor/plugin-data/keeper/kept");
    let usual = if cfg!(windows) {
        "home"
    } else if cfg!(target_os = "macos") {
        "home/Library/Application Support"
    } else {
        "home/.local/share"
    };
    run(None);
    assert!(kept(usual).is_file());
    if cfg!(all(unix, not(target_os = "macos"))) {
        run(Some(folder.path("share")));
        assert!(kept("share").is_file());
        // The standard has relative paths ignored.
        std::fs::remove_file(kept(usual)).unwrap();
        run(Some("relative".into()));
        assert!(kept(usual).is_file() && !folder.path("relative").exists());
    }
    assert!(!folder.path("data").exists());
}

#[test]
fn what_is_granted_is_in_the_log() {
    let folder = Folder::new();
    let granted =
        "has what it asks for plugin=\"keeper\" granted=Filesystem (its own folder, 67108864 bytes";
    let lacking =
        "asks for a capability that it was not granted plugin=\"keeper\" capability=Filesystem";
    let call = || {
        let mut command = folder.call("keeper.wasm", &["--backend", "wasmi"]);
        command.env("RUST_LOG", "plugbay::grants=info");
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    let stderr = call();
    assert!(stderr.contains(lacking) && !stderr.contains("has what it asks for"), "{stderr}");
    assert!(folder.plugbay(&["grant", "keeper.wasm", "Filesystem"]).status().unwrap().success());
    let stderr = call();
    assert!(stderr.contains(granted) && !stderr.contains(lacking), "{stderr}");

    std::fs::remove_file(folder.path("grants.json")).unwrap();
    folder.configure(
        "keeper.wasm",
        "[logging]\nlevel = \"info\"\n[plugins.\"keeper.wasm\".capabilities]\nFilesystem = {}",
    );
    let stderr = said(folder.conductor(&["--backend", "wasmi"]));
    assert!(stderr.contains(granted), "{stderr}");
}
