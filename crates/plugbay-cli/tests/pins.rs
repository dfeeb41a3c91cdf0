//! What was loaded before decides what is loaded next, as the commands show it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test binary"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};
use plugbay::signing::{Candidate, SignatureFile, TrustDirectory};

/// The least that is an action plugin.
const ACTION: &str = r#"(module (memory (export "memory") 1)
    (func (export "execute") (param i32 i32) (result i32) (i32.const 0)))"#;

/// A folder with a module, two trusted key pairs `one` and `two`, and a trust store of its own.
struct Folder {
    folder: tempfile::TempDir,
    /// Fingerprints, with what they are shown as.
    keys: Vec<(String, String)>,
}

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Folder {
    fn new() -> Self {
        let mut folder = Self { folder: tempfile::tempdir().unwrap(), keys: Vec::new() };
        std::fs::write(folder.path("m.wasm"), wat::parse_str(ACTION).unwrap()).unwrap();
        std::fs::write(folder.path("params.json"), "{}").unwrap();
        for key in ["one", "two"] {
            let made = folder.sign(&["generate-key", key, "--no-passphrase"]).exits(0);
            let line = made.stdout.lines().find_map(|line| line.strip_prefix("fingerprint  "));
            folder.keys.push((line.unwrap().to_owned(), key.to_uppercase()));
            folder.sign(&["trust", "add", key, key]).exits(0);
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Ended {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_CONFIG_HOME", self.path("configuration"))
            .env("PLUGBAY_GRANTS", self.path("grants.json"))
            .env("PLUGBAY_AUDIT_LOG", self.path("audit.jsonl"))
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| {
            let text = String::from_utf8(bytes).unwrap();
            self.keys.iter().fold(text, |text, (key, name)| text.replace(key, name))
        };
        Ended {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    fn sign(&self, arguments: &[&str]) -> Ended {
        self.run(env!("CARGO_BIN_EXE_conductor-sign"), arguments)
    }

    fn signs(&self, key: &str, version: &str) {
        let developer = ["--name", "Ada", "--email", "ada@example.org"];
        let sign = ["sign", "m.wasm", key, "--plugin-version", version];
        self.sign(&[&sign[..], &developer].concat()).exits(0);
    }

    /// Loads it, as a gateway or conductor would.
    fn load(&self) -> Ended {
        let call = ["call", "m.wasm", "execute", "--input", "params.json", "--backend", "wasmi"];
        self.run(env!("CARGO_BIN_EXE_plugbay"), &call)
    }

    /// The only line of `verify` that says why, and the code, which `--json` says too.
    fn verdict(&self) -> (i32, String) {
        let ended = self.sign(&["verify", "m.wasm"]);
        let json = self.sign(&["verify", "m.wasm", "--json"]).exits(ended.code);
        let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(json["exit_code"], ended.code);
        (ended.code, ended.stdout.lines().next().unwrap().to_owned())
    }
}

impl Ended {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn check(&self, code: i32, stdout: Expect, stderr: Expect) {
        stdout.assert_eq(&self.stdout);
        stderr.assert_eq(&self.stderr);
        assert_eq!(self.code, code);
    }
}

#[track_caller]
fn refused((code, line): (i32, String), wanted: Expect) {
    wanted.assert_eq(&line);
    assert_eq!(code, 4);
}

#[test]
fn an_older_version_and_another_key_exit_with_4_until_the_plugin_is_forgotten() {
    let folder = Folder::new();
    folder.signs("one", "1.2.0");
    assert_eq!(folder.verdict().0, 0);
    folder.load().exits(0);

    folder.signs("one", "1.1.0");
    refused(
        folder.verdict(),
        expect![
            "m.wasm: untrusted: its signature by ONE says version 1.1.0, and plugin `m` was at version 1.2.0 before: if going back is meant, `conductor-sign trust forget m`"
        ],
    );
    folder.load().check(1, expect![[""]], expect![[r#"
        error: plugin `m`: m.wasm.sig: its signature by ONE says version 1.1.0, and plugin `m` was at version 1.2.0 before: if going back is meant, `conductor-sign trust forget m`
    "#]]);
    // Trusted, and still not the one that the plugin had.
    folder.signs("two", "1.3.0");
    refused(
        folder.verdict(),
        expect![
            "m.wasm: untrusted: it is signed by the key TWO, and plugin `m` was signed by ONE when it was first used: if the change is meant, `conductor-sign trust forget m`"
        ],
    );
    folder.load().check(1, expect![[""]], expect![[r#"
        error: plugin `m`: m.wasm.sig: it is signed by the key TWO, and plugin `m` was signed by ONE when it was first used: if the change is meant, `conductor-sign trust forget m`
    "#]]);

    folder.sign(&["trust", "forget", "m"]).check(
        0,
        expect![[r#"
        forgotten: plugin m
    "#]],
        expect![[""]],
    );
    assert_eq!(folder.verdict().0, 0);
    folder.load().exits(0);
    // From now on it is the other's.
    folder.signs("one", "2.0.0");
    assert_eq!(folder.verdict().0, 4);
    folder.load().exits(1);
    folder.sign(&["trust", "forget", "nobody"]).check(
        1,
        expect![[""]],
        expect![[r#"
        conductor-sign: error: no plugin `nobody` was used with a signature
    "#]],
    );
}

#[test]
fn a_signature_that_says_less_than_the_one_before_exits_with_4() {
    let folder = Folder::new();
    let vector = |from: &str, to: &str| {
        let vectors =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugbay-signing/tests/vectors");
        std::fs::copy(vectors.join(from), folder.path(to)).unwrap();
    };
    vector("module.wasm", "m.wasm");
    vector("hex.public", "key.public");
    folder.sign(&["trust", "add", "key", "Grace"]).exits(0);
    vector("v1.sig", "m.wasm.sig");
    assert_eq!(folder.verdict().0, 0, "at first any will do");
    vector("v2.sig", "m.wasm.sig");
    // It is no plugin, and so it is not taken down as used. A module that is one would have come to this.
    assert!(folder.load().exits(1).stderr.contains("not a plugin"));
    let read = |name: &str| std::fs::read(folder.path(name)).unwrap();
    let signature = SignatureFile::parse(&read("m.wasm.sig")).unwrap();
    let module = Candidate::from_bytes(read("m.wasm")).verify(signature).unwrap();
    let trust = TrustDirectory::new(folder.path("configuration/conductor"));
    trust.remember(&module, "m", "2026-11-22T10:00:00Z".parse().unwrap()).unwrap().unwrap();
    vector("v1.sig", "m.wasm.sig");
    refused(
        folder.verdict(),
        expect![
            "m.wasm: untrusted: its signature by sha256:56475aa75463474c0285df5dbf2bcab7 says nothing of what it may ask for and how long it counts, and plugin `m` came with one that does before: restore that, or let it go with `conductor-sign trust forget m`"
        ],
    );
    folder.load().check(1, expect![[""]], expect![[r#"
        error: plugin `m`: m.wasm.sig: its signature by sha256:56475aa75463474c0285df5dbf2bcab7 says nothing of what it may ask for and how long it counts, and plugin `m` came with one that does before: restore that, or let it go with `conductor-sign trust forget m`
    "#]]);
    folder.sign(&["trust", "forget", "m"]).exits(0);
    assert_eq!(folder.verdict().0, 0);
}

#[test]
fn a_rotated_key_loads_what_the_old_one_loaded() {
    let folder = Folder::new();
    folder.sign(&["trust", "remove", "two"]).exits(0);
    folder.signs("one", "1.0.0");
    folder.load().exits(0);
    folder.signs("two", "1.1.0");
    assert_eq!(folder.verdict().0, 4);
    folder.sign(&["trust", "rotate", "one", "two"]).exits(0);
    assert_eq!(folder.verdict().0, 0);
    folder.load().exits(0);
    // And never back.
    folder.signs("one", "1.2.0");
    assert_eq!(folder.verdict().0, 4);
    folder.load().exits(1);
}
