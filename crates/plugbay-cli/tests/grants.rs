//! `plugbay grant`, `revoke`, `grants` and `audit`, and what is asked on a terminal.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test binary")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use expect_test::{Expect, expect};
use plugbay::policy::{Capability, Grant, Request};
use plugbay::{AuditFile, GrantStore, Granted, Identity, module_hash};

/// Asks for everything that has to be asked for.
const ASKING: &str = r#"(module
    (memory (export "memory") 1)
    (data (i32.const 16) "[\"Filesystem\", \"Midi\", \"SystemControl\", \"Subprocess\"]\00")
    (func (export "capabilities") (result i32) (i32.const 16))
    (func (export "execute") (param i32 i32) (result i32) (i32.const 0)))"#;

const FILES: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "[\"Filesystem\"]\00")
    (func (export "capabilities") (result i32) (i32.const 16))
    (func (export "execute") (param i32 i32) (result i32)
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 2) (i32.const 0)
                        (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 128)))
      (i32.const 0)))"#;

struct Folder(tempfile::TempDir);

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Folder {
    fn with(modules: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in modules {
            std::fs::write(folder.path().join(name), wat::parse_str(text).unwrap()).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plugbay"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("PLUGBAY_CACHE_DIR", self.path("cache"))
            .env("PLUGBAY_GRANTS", self.path("grants.json"))
            .env("PLUGBAY_AUDIT_LOG", self.path("audit.jsonl"))
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    fn store(&self) -> GrantStore {
        GrantStore::at(self.path("grants.json"))
    }

    fn identity(&self, name: &str) -> Identity {
        let wasm = std::fs::read(self.path(&format!("{name}.wasm"))).unwrap();
        Identity::new(name, module_hash(&wasm), None)
    }

    fn granted(&self, name: &str) -> Option<Grant> {
        self.store().read().unwrap().standing(&self.identity(name)).granted
    }
}

impl Ended {
    #[track_caller]
    fn check(&self, code: i32, stdout: Expect, stderr: Expect) {
        stdout.assert_eq(&self.stdout);
        stderr.assert_eq(&self.stderr);
        assert_eq!(self.code, code);
    }
}

#[test]
fn every_capability_is_granted_with_its_arguments() {
    let folder = Folder::with(&[("p.wasm", ASKING)]);
    for arguments in [
        &[
            "Network",
            "--host",
            "*.example.org",
            "--allow-private",
            "127.0.0.1:9000",
            "--max-redirects",
            "0",
        ][..],
        &["audio", "--sound", "bell"],
        &["Midi", "--output", "Synth"],
        &["Filesystem", "--quota-bytes", "1024", "--max-files", "3", "--read-only"],
        &["Subprocess", "--program", "/usr/bin/say", "--arg", "-q", "--arg", "{text}", "--yes"],
        &["SystemControl", "--operation", "launch", "--application", "Firefox", "--yes"],
    ] {
        let ended = folder.run(&[&["grant", "p.wasm"], arguments].concat());
        assert_eq!((ended.code, &*ended.stderr), (0, ""), "{arguments:?}");
    }
    let wanted: Grant = serde_json::from_str(
        r#"{
        "Network": {"hosts": ["*.example.org"], "allow_private": ["127.0.0.1:9000"], "max_redirects": 0},
        "Audio": {"sounds": ["bell"]}, "Midi": {"outputs": ["Synth"]},
        "Filesystem": {"quota_bytes": 1024, "max_files": 3, "read_only": true},
        "Subprocess": {"programs": [{"program": "/usr/bin/say", "args": ["-q", "{text}"]}]},
        "SystemControl": {"operations": ["launch"], "applications": ["Firefox"]}}"#,
    )
    .unwrap();
    assert_eq!(folder.granted("p"), Some(wanted));
    folder.run(&["revoke", "p", "network"]).check(
        0,
        expect![[r#"
        p has Network no more
    "#]],
        expect![""],
    );
    folder.run(&["revoke", "p.wasm", "network"]).check(
        1,
        expect![[r#"
        p was not granted Network: nothing was taken back
    "#]],
        expect![""],
    );
    folder.run(&["revoke", "p.wasm"]).check(
        0,
        expect![[r#"
        p has nothing any more
    "#]],
        expect![""],
    );
    assert_eq!(folder.granted("p"), None);
    folder.run(&["grants"]).check(
        0,
        expect![[r#"
        nothing was granted, and nothing is asked for
    "#]],
        expect![""],
    );
}

#[test]
fn what_is_wrong_with_a_grant_is_told_and_nothing_is_granted() {
    let folder = Folder::with(&[("p.wasm", ASKING)]);
    for (arguments, words) in [
        (&["Telepathy"][..], "unknown capability \"Telepathy\""),
        (&["Network"], "say what it may reach with --host or --allow-private"),
        (&["Network", "--host", "https://x.org"], "a URL or a path; wanted a name such as"),
        (&["Network", "--host", "*"], "every host there is"),
        (&["Midi", "--sound", "bell"], "--sound belongs to Audio, not to Midi"),
        (&["--host", "x.org"], "unknown capability"),
        (&["Subprocess", "--arg", "x"], "--program"),
        (&["Subprocess", "--program", "/bin/bash", "--yes"], "a shell"),
        (
            &["Subprocess", "--program", "a", "--arg", "{rest}", "--arg", "b", "--yes"],
            "not the last",
        ),
        (&["SystemControl", "--operation", "fly"], "unknown operation \"fly\""),
        (&["SystemControl", "--operation", "launch", "--yes"], "--application NAME"),
        // Without a terminal nothing is asked, and nothing granted.
        (&["SystemControl", "--operation", "volume"], "no terminal to ask on: --yes grants it"),
        (&[], "no terminal to ask on: name the capability"),
    ] {
        let ended = folder.run(&[&["grant", "p.wasm"], arguments].concat());
        // Not `--host` alone, which has no capability to belong to.
        if arguments == ["--host", "x.org"] {
            assert!(ended.stderr.contains("--host belongs to a capability"), "{}", ended.stderr);
        } else {
            assert!(ended.stderr.contains(words), "{arguments:?}: {}", ended.stderr);
        }
        assert_eq!((ended.code, &*ended.stdout), (2, ""), "{arguments:?}");
    }
    assert!(!folder.path("grants.json").exists());
    std::fs::write(folder.path("grants.json"), "{\"version\": 9}").unwrap();
    let ended = folder.run(&["grants"]);
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
    assert_eq!(
        ended.stderr,
        format!(
            "plugbay: error: the grants in {} are of version 9, this program reads version 1: a later one wrote them\n",
            folder.path("grants.json").display()
        )
    );
}

#[test]
fn nothing_is_granted_that_the_signature_does_not_state() {
    let folder = Folder::with(&[("p.wasm", ASKING)]);
    let run = |arguments: &[&str]| {
        let mut command = folder.command(arguments);
        command.env("XDG_CONFIG_HOME", folder.path("configuration")).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        Ended { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    };
    assert_eq!(run(&["sign", "generate-key", "key", "--no-passphrase"]).code, 0);
    let sign = ["sign", "sign", "p.wasm", "key", "--name", "Ada", "--email", "ada@example.org"];
    assert_eq!(run(&[&sign[..], &["--capability", "Midi"]].concat()).code, 0);
    run(&["grant", "p.wasm", "Filesystem"]).check(1, expect![""], expect![[r#"
        nothing was granted: the signature of `p` does not state Filesystem, and no host would give it
    "#]]);
    run(&["grant", "p.wasm", "Midi", "--output", "Synth"]).check(
        0,
        expect![[r#"
        p has: Midi to Synth
    "#]],
        expect![""],
    );
    // Nor is it loaded, asking for more than that.
    let mut loaded = run(&["inspect", "p.wasm"]);
    let key = std::fs::read_to_string(folder.path("key.public")).unwrap();
    let key = key.parse::<plugbay::signing::PublicKey>().unwrap().fingerprint().to_string();
    loaded.stderr = loaded.stderr.replace(&key, "KEY");
    loaded.check(
        1,
        expect![""],
        expect![[r#"
        error: plugin `p`: it asks for Filesystem, and its signature by the key KEY states only Midi
    "#]],
    );
}

#[test]
fn a_call_that_is_refused_is_shown_recorded_and_waits_for_an_answer() {
    let folder = Folder::with(&[("files.wasm", FILES)]);
    std::fs::write(folder.path("params.json"), "{}").unwrap();
    let call = ["call", "files.wasm", "execute", "--input", "params.json", "--trace-host"];
    let ended = folder.run(&call);
    assert_eq!((ended.code, &*ended.stdout), (0, "0\n"));
    let shown = "host call: wasi_snapshot_preview1.path_open(3, 0, 64, 2, 0, 0, 0, 0, 128) -> 8 \
                 [denied: Filesystem is not granted]\n";
    assert!(ended.stderr.contains(shown), "{}", ended.stderr);

    let sha256 = folder.identity("files").sha256.unwrap();
    let listed = folder.run(&["grants"]);
    let wanted = format!(
        "files asks for Filesystem\n  module {sha256}, not signed\n  to answer: plugbay grant PLUGIN.wasm --name \"files\"\n"
    );
    assert_eq!((listed.stdout, listed.code), (wanted, 0));
    let json: serde_json::Value =
        serde_json::from_str(&folder.run(&["grants", "--json"]).stdout).unwrap();
    assert_eq!(json["requests"][0]["asks"], serde_json::json!(["Filesystem"]));
    assert_eq!(json["requests"][0]["sha256"], sha256.to_string());

    let audit = folder.run(&["audit"]).stdout;
    let (time, rest) = audit.split_once(' ').unwrap();
    assert!(time.ends_with('Z') && time.len() == "2026-01-31T12:00:00.000Z".len(), "{time}");
    assert_eq!(rest, "denied  files Filesystem path_open: Filesystem is not granted\n");

    assert_eq!(folder.run(&["grant", "files.wasm", "Filesystem"]).code, 0);
    let ended = folder.run(&call);
    // Its path is no text, which is what it is told now.
    let shown = r#"-> 25 [Filesystem granted for read "\0\0"]"#;
    assert!(ended.stderr.contains(shown), "{}", ended.stderr);
    assert_eq!(folder.run(&["audit"]).stdout, audit, "nothing was refused");
    let listed = folder.run(&["grants"]).stdout;
    assert!(listed.starts_with("files has Filesystem (its own folder, 67108864 bytes"), "{listed}");
    assert!(!listed.contains("asks for"), "{listed}");
}

#[test]
fn what_is_wrong_with_the_files_is_said_and_the_plugin_runs() {
    let folder = Folder::with(&[("files.wasm", FILES)]);
    std::fs::write(folder.path("params.json"), "{}").unwrap();
    std::fs::write(folder.path("grants.json"), "{").unwrap();
    std::fs::create_dir(folder.path("audit.jsonl")).unwrap();
    let ended = folder.run(&["call", "files.wasm", "execute", "--input", "params.json"]);
    assert_eq!((ended.code, &*ended.stdout), (0, "0\n"), "{}", ended.stderr);
    for words in ["grants.json are damaged: EOF", "cannot write to the audit log"] {
        assert_eq!(ended.stderr.matches(words).count(), 1, "{words}: {}", ended.stderr);
    }
    assert_eq!(std::fs::read_to_string(folder.path("grants.json")).unwrap(), "{");
}

/// Another process grants and revokes; the plugin that runs here sees it with its next call.
#[test]
fn revoking_takes_effect_at_once_in_another_process() {
    let folder = Folder::with(&[("files.wasm", FILES)]);
    let host = plugbay::Host::builder().grants(Arc::new(folder.store()));
    let host = host.audit(Arc::new(AuditFile::at(folder.path("audit.jsonl")))).build().unwrap();
    let wasm = std::fs::read(folder.path("files.wasm")).unwrap();
    let plugin = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(host.load_unsigned("files", &wasm, plugbay::PluginOptions::default()))
        .unwrap();
    let write = Request::File { path: "/x".to_owned(), write: true };
    assert!(plugin.granted().check(&write).is_err());
    assert_eq!(folder.run(&["grant", "files.wasm", "filesystem", "--max-files", "7"]).code, 0);
    let permit = plugin.granted().check(&write).unwrap();
    assert_eq!(permit.grant().filesystem.as_ref().unwrap().max_files, 7);
    assert_eq!(folder.run(&["revoke", "files"]).code, 0);
    assert!(plugin.granted().check(&write).is_err());
    let audit = folder.run(&["audit", "--json"]).stdout;
    let arguments: Vec<String> = audit
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["argument"].to_string()
        })
        .collect();
    assert_eq!(arguments, [r#""write \"/x\"""#, r#""write \"/x\"""#]);
}

#[test]
fn the_audit_log_is_read_by_plugin_capability_outcome_and_time() {
    let folder = Folder::with(&[]);
    let log = Arc::new(AuditFile::at(folder.path("audit.jsonl")));
    let grant: Grant =
        serde_json::from_str(r#"{"SystemControl": {"operations": ["volume"]}}"#).unwrap();
    for name in ["one", "two\u{1b}[31m"] {
        let granted = Granted::new(name, grant.clone()).audited_by(log.clone());
        let system = |operation: &str| Request::System {
            operation: operation.parse().unwrap(),
            argument: "\u{202e}5".to_owned(),
        };
        granted.check(&system("volume")).unwrap();
        granted.check(&system("keystroke")).unwrap_err();
        granted.check(&Request::MidiMessage { output: "Synth".to_owned() }).unwrap_err();
    }
    let lines = |arguments: &[&str]| -> Vec<String> {
        let ended = folder.run(&[&["audit"], arguments].concat());
        assert_eq!((ended.code, &*ended.stderr), (0, ""), "{arguments:?}");
        let line = |line: &str| line.split_once(' ').unwrap().1.to_owned();
        ended.stdout.lines().map(line).collect()
    };
    let volume = |name: &str| format!("granted {name} SystemControl volume \"\\u{{202e}}5\"");
    assert_eq!(lines(&[]).len(), 6);
    assert_eq!(lines(&["--plugin", "one"])[0], volume("one"));
    assert_eq!(lines(&[])[3], volume("two[31m"));
    assert_eq!(lines(&["--capability", "midi"]).len(), 2);
    assert_eq!(lines(&["--denied"]).len(), 4);
    assert_eq!(lines(&["--denied", "--plugin", "one", "--capability", "Midi"]).len(), 1);
    assert_eq!(lines(&["--since", "1h"]).len(), 6);
    assert_eq!(lines(&["--since", "2999-01-01"]).len(), 0);
    let ended = folder.run(&["audit", "--since", "soon"]);
    assert!(ended.code == 2 && ended.stderr.contains("how long ago"), "{}", ended.stderr);

    let mut follower = folder.command(&["audit", "--follow", "--capability", "Network"]);
    let mut follower = follower.stdout(Stdio::piped()).spawn().unwrap();
    let granted = Granted::new("late", Grant::none()).audited_by(log);
    granted.check(&Request::Http { host: "x.org".to_owned(), port: 1 }).unwrap_err();
    let mut line = String::new();
    BufReader::new(follower.stdout.take().unwrap()).read_line(&mut line).unwrap();
    follower.kill().unwrap();
    follower.wait().unwrap();
    assert!(line.contains("denied  late Network \"x.org:1\""), "{line}");
}

#[cfg(unix)]
mod terminal {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rexpect::session::{PtySession, spawn_command};

    use super::*;

    /// For what should not happen: a prompt that never comes.
    const PATIENCE: Option<u64> = Some(60_000);

    fn spawn(folder: &Folder, arguments: &[&str]) -> PtySession {
        spawn_command(folder.command(arguments), PATIENCE).unwrap()
    }

    fn ends(session: &mut PtySession, code: i32) -> String {
        let rest = session.exp_eof().unwrap();
        let status = format!("{:?}", session.process().wait().unwrap());
        assert!(status.ends_with(&format!(", {code})")), "{status}: {rest}");
        rest
    }

    const HIGH: [&str; 5] = ["grant", "p.wasm", "SystemControl", "--operation", "volume"];

    #[test]
    fn what_is_of_high_risk_needs_its_word() {
        let folder = Folder::with(&[("p.wasm", ASKING)]);
        for answer in ["", "y", "yes", "SystemControl", "systemcontrol!", "\u{4}"] {
            let mut session = spawn(&folder, &HIGH);
            session.exp_string("`p` would have: SystemControl for volume").unwrap();
            session.exp_string("Type `systemcontrol` to grant it:").unwrap();
            session.send_line(answer).unwrap();
            assert!(ends(&mut session, 1).contains("nothing was granted"), "{answer:?}");
            assert_eq!(folder.granted("p"), None, "{answer:?}");
        }
        let mut session = spawn(&folder, &HIGH);
        session.exp_string("Type `systemcontrol` to grant it:").unwrap();
        session.send_line("systemcontrol").unwrap();
        assert!(ends(&mut session, 0).contains("p has: SystemControl for volume"));
        assert!(folder.granted("p").unwrap().has(Capability::SystemControl));
    }

    #[test]
    fn a_program_needs_its_word_too() {
        let folder = Folder::with(&[("p.wasm", ASKING)]);
        let tool = ["grant", "p.wasm", "Subprocess", "--program", "tool", "--arg", "{text}"];
        for (answer, code) in [("", 1), ("y", 1), ("systemcontrol", 1), ("subprocess", 0)] {
            let mut session = spawn(&folder, &tool);
            session.exp_string("`p` would have: Subprocess running tool").unwrap();
            session.exp_string("Type `subprocess` to grant it:").unwrap();
            session.send_line(answer).unwrap();
            ends(&mut session, code);
            let has = folder.granted("p").is_some_and(|it| it.has(Capability::Subprocess));
            assert_eq!(has, code == 0, "{answer:?}");
        }
    }

    /// The module comes from a pipe, so that it is known that the program waits when the answers to questions
    /// that were not asked yet are typed. That they arrived is known by their echo.
    #[test]
    fn what_was_typed_before_the_question_is_no_answer() {
        let folder = Folder::with(&[]);
        let pipe = folder.path("p.wasm");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        for arguments in [&HIGH[..], &["grant", "p.wasm"]] {
            let mut session = spawn(&folder, arguments);
            let mut module =
                std::fs::File::options().write(true).custom_flags(0).open(&pipe).unwrap();
            let terminal = session.process().get_file_handle().unwrap();
            let mut settings = rustix::termios::tcgetattr(&terminal).unwrap();
            settings.local_modes |= rustix::termios::LocalModes::ECHO;
            let now = rustix::termios::OptionalActions::Now;
            rustix::termios::tcsetattr(&terminal, now, &settings).unwrap();
            for early in ["systemcontrol", "y", "volume", "early"] {
                session.send_line(early).unwrap();
            }
            session.exp_string("early").unwrap();
            let wasm = wat::parse_str(ASKING).unwrap();
            std::io::Write::write_all(&mut module, &wasm).unwrap();
            drop(module);
            if arguments.len() > 2 {
                session.exp_string("to grant it:").unwrap();
                session.send_line("no").unwrap();
            } else {
                session.exp_string("Grant it? [y/N]").unwrap();
                session.send_line("").unwrap();
                session.exp_string("or nothing:").unwrap();
                session.send_line("").unwrap();
            }
            ends(&mut session, 1);
            assert_eq!(folder.store().read().unwrap().grants, []);
        }
    }

    #[test]
    fn a_plugin_is_asked_what_it_wants_and_the_user_about_each() {
        let folder = Folder::with(&[("p.wasm", ASKING)]);
        let mut session = spawn(&folder, &["grant", "p.wasm"]);
        session.exp_string("p asks for: Midi, Filesystem, Subprocess, SystemControl").unwrap();
        session.exp_string("Midi, of low risk, is granted without asking").unwrap();
        session.exp_string("Filesystem, of medium risk").unwrap();
        session.exp_string("Grant it? [y/N]").unwrap();
        session.send_line("y").unwrap();
        session.exp_string("is granted program by program").unwrap();
        session.exp_string("SystemControl, of high risk: keystroke, volume, mode_change").unwrap();
        session.exp_string("or nothing:").unwrap();
        session.send_line("volume, mode_change").unwrap();
        ends(&mut session, 0);
        let has = folder.granted("p").unwrap();
        assert_eq!(
            has.to_string(),
            "Filesystem (its own folder, 67108864 bytes and 1024 files at most); SystemControl for volume, \
             mode_change"
        );
        // What it has, it is not asked about again.
        let mut session = spawn(&folder, &["grant", "p.wasm"]);
        session.exp_string("it has: Filesystem").unwrap();
        assert!(!ends(&mut session, 0).contains("[y/N]"));
        // A word that is no operation grants none.
        assert_eq!(folder.run(&["revoke", "p"]).code, 0);
        let mut session = spawn(&folder, &["grant", "p.wasm"]);
        session.exp_string("[y/N]").unwrap();
        session.send_line("n").unwrap();
        session.exp_string("or nothing:").unwrap();
        session.send_line("volume launch").unwrap();
        assert!(ends(&mut session, 1).contains("`launch` is none of them: not granted"));
        assert_eq!(folder.granted("p"), None);
    }

    #[test]
    fn a_new_version_that_nobody_signed_has_what_the_user_says() {
        let next = ASKING.replace("\\\"SystemControl\\\", ", "");
        let folder = Folder::with(&[("p.wasm", ASKING), ("q.wasm", &next)]);
        let args = ["grant", "p.wasm", "Subprocess", "--program", "tool", "--yes"];
        assert_eq!(folder.run(&args).code, 0);
        assert_eq!(folder.run(&["grant", "p.wasm", "Filesystem"]).code, 0);
        let new = || {
            folder.store().read().unwrap().standing(&Identity::new(
                "p",
                folder.identity("q").sha256.unwrap(),
                None,
            ))
        };
        for (word, code) in [("y", 1), ("same", 0)] {
            assert_eq!(new().granted, None);
            let mut session = spawn(&folder, &["grant", "q.wasm", "--name", "p"]);
            session.exp_string("another module of this name").unwrap();
            session.exp_string("Type `same` to grant it:").unwrap();
            session.send_line(word).unwrap();
            if code == 1 {
                session.exp_string("[y/N]").unwrap();
                session.send_line("").unwrap();
            }
            let rest = ends(&mut session, code);
            assert!(!rest.contains("[y/N]"), "{rest}");
        }
        assert_eq!(new().granted, folder.granted("p"));
    }

    #[test]
    fn nothing_that_a_name_says_reaches_the_terminal_as_a_command() {
        let name = "nice\u{1b}[2J\u{1b}]0;x\u{7}\r\n\u{9b}31m\u{202e}gnp\u{2066}\u{200b}.plugin";
        let folder = Folder::with(&[("p.wasm", ASKING)]);
        let commands: [&[&str]; 2] = [
            &["grant", "p.wasm", "--name", name],
            &[
                "grant",
                "p.wasm",
                "SystemControl",
                "--operation",
                "launch",
                "--application",
                name,
                "--name",
                name,
            ],
        ];
        for arguments in commands {
            let mut session = spawn(&folder, arguments);
            let mut shown = session
                .exp_string(if arguments.len() > 4 { "grant it:" } else { "[y/N]" })
                .unwrap();
            session.send_line("").unwrap();
            if arguments.len() == 4 {
                shown.push_str(&session.exp_string("or nothing:").unwrap());
                session.send_line("").unwrap();
            }
            shown.push_str(&ends(&mut session, 1));
            assert!(shown.contains("nice[2J]0;x31mgnp.plugin"), "{shown:?}");
            let odd = |c: &char| !matches!(c, '\r' | '\n') && !plugbay::is_printable(*c);
            assert_eq!(shown.chars().find(odd), None, "{shown:?}");
        }
    }
}

/// Named so that a reader of the tests finds it: the programs' folders are not the user's own here.
#[test]
fn without_options_the_files_are_the_users_own() {
    let folder = Folder::with(&[("files.wasm", FILES)]);
    std::fs::write(folder.path("params.json"), "{}").unwrap();
    let call = |arguments: &[&str]| {
        let mut command = folder.command(arguments);
        command.env_remove("PLUGBAY_GRANTS").env_remove("PLUGBAY_AUDIT_LOG");
        command
            .env("XDG_CONFIG_HOME", folder.path("config"))
            .env("XDG_STATE_HOME", folder.path("state"));
        command.env("APPDATA", folder.path("config")).env("LOCALAPPDATA", folder.path("state"));
        assert!(command.output().unwrap().status.success(), "{arguments:?}");
    };
    call(&["call", "files.wasm", "execute", "--input", "params.json"]);
    let at = |path: &str| Path::new(&folder.path(path)).is_file();
    assert!(at("config/conductor/grants.json") && at("state/conductor/audit.jsonl"));
    assert!(!at("grants.json") && !at("audit.jsonl"));
}
