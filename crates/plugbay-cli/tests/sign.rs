//! `conductor-sign` and `plugbay sign`: what they print and how they exit.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test binary")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};

/// A folder in which the programs run, with a trust store of its own and a key pair `key` that is always the same.
struct Folder(tempfile::TempDir);

/// What another implementation made: see `signing.py` there.
fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugbay-signing/tests/vectors").join(name)
}

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.copy("raw.private", "key.private");
        folder.copy("hex.public", "key.public");
        folder
    }

    /// With a module and one of the signatures of the other implementation beside it.
    fn with(module: &str, signature: &str) -> Self {
        let folder = Self::new();
        folder.copy(module, "m.wasm");
        folder.copy(signature, "m.wasm.sig");
        folder
    }

    fn copy(&self, from: &str, to: &str) {
        std::fs::copy(vector(from), self.path(to)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, program: &str, arguments: &[&str], passphrase: Option<&str>) -> Ended {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("XDG_CONFIG_HOME", self.path("configuration"));
        command.env_remove("CONDUCTOR_SIGN_PASSPHRASE").env_remove("CLICOLOR_FORCE");
        if let Some(passphrase) = passphrase {
            command.env("CONDUCTOR_SIGN_PASSPHRASE", passphrase);
        }
        let output = command.output().unwrap();
        let folder = self.0.path().display().to_string();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&folder, "FOLDER");
        Ended {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    fn sign(&self, arguments: &[&str]) -> Ended {
        self.run(env!("CARGO_BIN_EXE_conductor-sign"), arguments, None)
    }

    fn sign_with(&self, passphrase: &str, arguments: &[&str]) -> Ended {
        self.run(env!("CARGO_BIN_EXE_conductor-sign"), arguments, Some(passphrase))
    }
}

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    #[track_caller]
    fn check(&self, code: i32, stdout: Expect, stderr: Expect) {
        stdout.assert_eq(&self.stdout);
        stderr.assert_eq(&self.stderr);
        assert_eq!(self.code, code);
    }

    /// The same with what is another in each run under a name.
    fn hiding(mut self, values: &[(&str, &str)]) -> Self {
        for (value, name) in values {
            self.stdout = self.stdout.replace(value, name);
            self.stderr = self.stderr.replace(value, name);
        }
        self
    }

    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

const ADA: [&str; 4] = ["--name", "Ada", "--email", "ada@example.org"];

/// The one line that begins so, without its beginning.
#[track_caller]
fn line_of(text: &str, beginning: &str) -> String {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(beginning));
    lines.next().unwrap_or_else(|| panic!("no line begins with `{beginning}`: {text}")).to_owned()
}

/// What the guide's commands print, in order, and how they exit: everything but what is another in each run.
fn guide(program: &str, before: &[&str]) -> String {
    let folder = Folder::new();
    std::fs::write(folder.path("my_plugin.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let mut hidden: Vec<(String, &str)> = Vec::new();
    let mut transcript = String::new();
    for line in [
        "generate-key home/.conductor/my-key",
        "sign my_plugin.wasm home/.conductor/my-key --name Ada --email ada@example.org",
        "verify my_plugin.wasm",
        "verify my_plugin.wasm --json",
        "trust add home/.conductor/my-key Me",
        "verify my_plugin.wasm",
        "verify my_plugin.wasm --json",
        "inspect my_plugin.wasm",
    ] {
        let arguments: Vec<&str> = before.iter().copied().chain(line.split(' ')).collect();
        let ended = folder.run(program, &arguments, None);
        match line.split_once(' ') {
            Some(("generate-key", name)) => {
                let key = folder.read(&format!("{name}.public")).trim().to_owned();
                hidden.push((key, "KEY"));
                hidden.push((line_of(&ended.stdout, "fingerprint  "), "FINGERPRINT"));
                let private = folder.read(&format!("{name}.private"));
                assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{private}");
            }
            Some(("sign", _)) => {
                let signature = folder.read("my_plugin.wasm.sig");
                let signature: serde_json::Value = serde_json::from_str(&signature).unwrap();
                let time = signature.get("signed_at").and_then(serde_json::Value::as_str);
                hidden.push((time.unwrap().to_owned(), "TIME"));
            }
            _ => {}
        }
        let values: Vec<_> = hidden.iter().map(|(value, name)| (&**value, *name)).collect();
        let Ended { code, stdout, stderr } = ended.hiding(&values);
        transcript.push_str(&format!("> {line}\n{stderr}{stdout}exits with {code}\n"));
    }
    transcript
}

#[test]
fn the_guides_commands_from_key_to_verdict() {
    let guided = guide(env!("CARGO_BIN_EXE_conductor-sign"), &[]);
    expect![[r#"
        > generate-key home/.conductor/my-key
        warning: there is no terminal to ask for a passphrase and CONDUCTOR_SIGN_PASSPHRASE is not set: the private key is written unencrypted
        private key  home/.conductor/my-key.private
        public key   home/.conductor/my-key.public
        public key   KEY
        fingerprint  FINGERPRINT
        exits with 0
        > sign my_plugin.wasm home/.conductor/my-key --name Ada --email ada@example.org
        signed: my_plugin.wasm.sig
        key FINGERPRINT
        exits with 0
        > verify my_plugin.wasm
        my_plugin.wasm: untrusted: the key FINGERPRINT is not trusted
          key        FINGERPRINT
          plugin     my_plugin
          developer  Ada <ada@example.org>
          signed at  TIME
        exits with 4
        > verify my_plugin.wasm --json
        {
          "file": "my_plugin.wasm",
          "status": "untrusted",
          "exit_code": 4,
          "trusted_as": null,
          "reason": "the key FINGERPRINT is not trusted",
          "signature": {
            "place": "file",
            "version": 2,
            "public_key": "KEY",
            "fingerprint": "FINGERPRINT",
            "key_id": null,
            "sha256": "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476",
            "size": 8,
            "plugin": {
              "name": "my_plugin",
              "version": null,
              "abi": null,
              "capabilities": []
            },
            "developer": {
              "name": "Ada",
              "email": "ada@example.org",
              "covered": true
            },
            "signed_at": "TIME",
            "expires_at": null
          }
        }
        exits with 4
        > trust add home/.conductor/my-key Me
        trusted: Me FINGERPRINT
        exits with 0
        > verify my_plugin.wasm
        my_plugin.wasm: valid, by the trusted key of Me
          key        FINGERPRINT
          plugin     my_plugin
          developer  Ada <ada@example.org>
          signed at  TIME
        exits with 0
        > verify my_plugin.wasm --json
        {
          "file": "my_plugin.wasm",
          "status": "trusted",
          "exit_code": 0,
          "trusted_as": "Me",
          "reason": null,
          "signature": {
            "place": "file",
            "version": 2,
            "public_key": "KEY",
            "fingerprint": "FINGERPRINT",
            "key_id": null,
            "sha256": "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476",
            "size": 8,
            "plugin": {
              "name": "my_plugin",
              "version": null,
              "abi": null,
              "capabilities": []
            },
            "developer": {
              "name": "Ada",
              "email": "ada@example.org",
              "covered": true
            },
            "signed_at": "TIME",
            "expires_at": null
          }
        }
        exits with 0
        > inspect my_plugin.wasm
        my_plugin.wasm: verified
          key        FINGERPRINT
          plugin     my_plugin
          developer  Ada <ada@example.org>
          signed at  TIME
        exits with 0
    "#]].assert_eq(&guided);
    assert_eq!(guide(env!("CARGO_BIN_EXE_plugbay"), &["sign"]), guided);
}

#[test]
fn every_verdict_has_its_code_in_text_and_json() {
    let trusted = |module, signature| {
        let folder = Folder::with(module, signature);
        folder.sign(&["trust", "add", "key", "Grace Hopper"]).exits(0);
        folder
    };
    let folder = trusted("module.wasm", "v2.sig");
    folder.sign(&["verify", "m.wasm"]).check(
        0,
        expect![[r#"
        m.wasm: valid, by the trusted key of Grace Hopper
          key        sha256:56475aa75463474c0285df5dbf2bcab7
          plugin     pads 1.2.3
          abi        action
          asks for   Midi, Network
          developer  Grace <grace@example.org>
          signed at  2026-11-22T10:00:00Z
    "#]],
        expect![[""]],
    );
    folder.sign(&["verify", "m.wasm", "--json"]).check(
        0,
        expect![[r#"
            {
              "file": "m.wasm",
              "status": "trusted",
              "exit_code": 0,
              "trusted_as": "Grace Hopper",
              "reason": null,
              "signature": {
                "place": "file",
                "version": 2,
                "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
                "fingerprint": "sha256:56475aa75463474c0285df5dbf2bcab7",
                "key_id": null,
                "sha256": "040771482d4326c9c6e747c9cf0ef979e65dfc6cd22cd75dfb47420b688bc160",
                "size": 25,
                "plugin": {
                  "name": "pads",
                  "version": "1.2.3",
                  "abi": "action",
                  "capabilities": [
                    "Midi",
                    "Network"
                  ]
                },
                "developer": {
                  "name": "Grace",
                  "email": "grace@example.org",
                  "covered": true
                },
                "signed_at": "2026-11-22T10:00:00Z",
                "expires_at": null
              }
            }
        "#]],
        expect![[""]],
    );
    trusted("module.wasm", "v1_other_developer.sig").sign(&["verify", "m.wasm"]).check(
        0,
        expect![[r#"
            m.wasm: valid, by the trusted key of Grace Hopper
              key        sha256:56475aa75463474c0285df5dbf2bcab7
              developer  Mallory <grace@example.org>
              signed at  2025-11-19T08:59:12.123456789+00:00
              version 1  developer fields not covered by the signature, nor when it was made
        "#]],
        expect![[""]],
    );

    std::fs::remove_file(folder.path("m.wasm.sig")).unwrap();
    folder.sign(&["verify", "m.wasm"]).check(
        2,
        expect![[r#"
            m.wasm: unsigned: there is no m.wasm.sig, and no signature in the module
        "#]],
        expect![[""]],
    );
    folder.sign(&["verify", "m.wasm", "--json"]).check(
        2,
        expect![[r#"
            {
              "file": "m.wasm",
              "status": "unsigned",
              "exit_code": 2,
              "trusted_as": null,
              "reason": "there is no m.wasm.sig, and no signature in the module",
              "signature": null
            }
        "#]],
        expect![[""]],
    );

    let folder = trusted("changed.wasm", "v2.sig");
    folder.sign(&["verify", "m.wasm"]).check(3, expect![[r#"
        m.wasm: invalid: the module was modified: its SHA-256 is 783db0fe334ff12837604b7905b9e92d68280b7a3e7fc21adcc336a7d929f594, and 040771482d4326c9c6e747c9cf0ef979e65dfc6cd22cd75dfb47420b688bc160 was signed
    "#]], expect![[""]]);
    folder.sign(&["verify", "m.wasm", "--json"]).check(3, expect![[r#"
        {
          "file": "m.wasm",
          "status": "invalid",
          "exit_code": 3,
          "trusted_as": null,
          "reason": "the module was modified: its SHA-256 is 783db0fe334ff12837604b7905b9e92d68280b7a3e7fc21adcc336a7d929f594, and 040771482d4326c9c6e747c9cf0ef979e65dfc6cd22cd75dfb47420b688bc160 was signed",
          "signature": null
        }
    "#]], expect![[""]]);
    trusted("module.wasm", "v2_small_order_key.sig").sign(&["verify", "m.wasm"]).check(
        3,
        expect![[r#"
            m.wasm: invalid: the signature cannot be read: public_key: found a key of small order, for which anybody can make signatures
        "#]],
        expect![[""]],
    );
    trusted("module.wasm", "v2_other_developer.sig").sign(&["verify", "m.wasm"]).check(
        3,
        expect![[r#"
            m.wasm: invalid: the signature is not one of the key sha256:56475aa75463474c0285df5dbf2bcab7 over what its file says
        "#]],
        expect![[""]],
    );

    let folder = Folder::with("module.wasm", "v1.sig");
    folder.sign(&["verify", "m.wasm"]).check(
        4,
        expect![[r#"
        m.wasm: untrusted: the key sha256:56475aa75463474c0285df5dbf2bcab7 is not trusted
          key        sha256:56475aa75463474c0285df5dbf2bcab7
          developer  Grace <grace@example.org>
          signed at  2025-11-19T08:59:12.123456789+00:00
          version 1  developer fields not covered by the signature, nor when it was made
    "#]],
        expect![[""]],
    );
    folder.sign(&["verify", "m.wasm", "--json"]).check(
        4,
        expect![[r#"
        {
          "file": "m.wasm",
          "status": "untrusted",
          "exit_code": 4,
          "trusted_as": null,
          "reason": "the key sha256:56475aa75463474c0285df5dbf2bcab7 is not trusted",
          "signature": {
            "place": "file",
            "version": 1,
            "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
            "fingerprint": "sha256:56475aa75463474c0285df5dbf2bcab7",
            "key_id": null,
            "sha256": "040771482d4326c9c6e747c9cf0ef979e65dfc6cd22cd75dfb47420b688bc160",
            "size": 25,
            "plugin": null,
            "developer": {
              "name": "Grace",
              "email": "grace@example.org",
              "covered": false
            },
            "signed_at": "2025-11-19T08:59:12.123456789+00:00",
            "expires_at": null
          }
        }
    "#]],
        expect![[""]],
    );

    let folder = trusted("module.wasm", "v2.sig");
    folder.sign(&["trust", "revoke", "Grace Hopper"]).exits(0);
    let listed = folder.sign(&["trust", "list", "--json"]).exits(0).json();
    let hidden = [(listed["keys"][0]["revoked_at"].as_str().unwrap(), "TIME")];
    let revoked = folder.sign(&["verify", "m.wasm"]).hiding(&hidden);
    revoked.check(5, expect![[r#"
        m.wasm: revoked: it is signed by the key sha256:56475aa75463474c0285df5dbf2bcab7 of `Grace Hopper`, which was revoked at TIME
          key        sha256:56475aa75463474c0285df5dbf2bcab7
          plugin     pads 1.2.3
          abi        action
          asks for   Midi, Network
          developer  Grace <grace@example.org>
          signed at  2026-11-22T10:00:00Z
    "#]], expect![[""]]);
    let revoked = folder.sign(&["verify", "m.wasm", "--json"]).hiding(&hidden);
    revoked.check(5, expect![[r#"
        {
          "file": "m.wasm",
          "status": "revoked",
          "exit_code": 5,
          "trusted_as": null,
          "reason": "it is signed by the key sha256:56475aa75463474c0285df5dbf2bcab7 of `Grace Hopper`, which was revoked at TIME",
          "signature": {
            "place": "file",
            "version": 2,
            "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
            "fingerprint": "sha256:56475aa75463474c0285df5dbf2bcab7",
            "key_id": null,
            "sha256": "040771482d4326c9c6e747c9cf0ef979e65dfc6cd22cd75dfb47420b688bc160",
            "size": 25,
            "plugin": {
              "name": "pads",
              "version": "1.2.3",
              "abi": "action",
              "capabilities": [
                "Midi",
                "Network"
              ]
            },
            "developer": {
              "name": "Grace",
              "email": "grace@example.org",
              "covered": true
            },
            "signed_at": "2026-11-22T10:00:00Z",
            "expires_at": null
          }
        }
    "#]], expect![[""]]);

    let expired = trusted("module.wasm", "v2_expired.sig");
    expired.sign(&["verify", "m.wasm"]).check(5, expect![[r#"
        m.wasm: expired: its signature by the key sha256:56475aa75463474c0285df5dbf2bcab7 expired at 2026-01-02T10:00:00Z
          key        sha256:56475aa75463474c0285df5dbf2bcab7
          plugin     pads 1.2.3
          abi        action
          asks for   Midi, Network
          developer  Grace <grace@example.org>
          signed at  2026-01-01T10:00:00Z
          expires at 2026-01-02T10:00:00Z
    "#]], expect![[""]]);
    expired.sign(&["verify", "m.wasm", "--json"]).check(5, expect![[r#"
        {
          "file": "m.wasm",
          "status": "expired",
          "exit_code": 5,
          "trusted_as": null,
          "reason": "its signature by the key sha256:56475aa75463474c0285df5dbf2bcab7 expired at 2026-01-02T10:00:00Z",
          "signature": {
            "place": "file",
            "version": 2,
            "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
            "fingerprint": "sha256:56475aa75463474c0285df5dbf2bcab7",
            "key_id": null,
            "sha256": "040771482d4326c9c6e747c9cf0ef979e65dfc6cd22cd75dfb47420b688bc160",
            "size": 25,
            "plugin": {
              "name": "pads",
              "version": "1.2.3",
              "abi": "action",
              "capabilities": [
                "Midi",
                "Network"
              ]
            },
            "developer": {
              "name": "Grace",
              "email": "grace@example.org",
              "covered": true
            },
            "signed_at": "2026-01-01T10:00:00Z",
            "expires_at": "2026-01-02T10:00:00Z"
          }
        }
    "#]], expect![[""]]);

    folder.sign(&["verify", "nothing.wasm"]).check(
        1,
        expect![[""]],
        expect![[r#"
        conductor-sign: error: cannot read nothing.wasm: No such file or directory (os error 2)
    "#]],
    );
    folder.sign(&["verify", "nothing.wasm", "--json"]).check(
        1,
        expect![[r#"
        {
          "file": "nothing.wasm",
          "status": "error",
          "exit_code": 1,
          "trusted_as": null,
          "reason": "cannot read nothing.wasm: No such file or directory (os error 2)",
          "signature": null
        }
    "#]],
        expect![[""]],
    );
}

/// `wasmsign2` signed it with the key `key`, and the signature names the key by what that tool derives from it.
#[test]
fn a_signature_in_the_module_has_the_same_verdicts() {
    let folder = Folder::new();
    folder.copy("embedded.wasm", "m.wasm");
    folder.sign(&["verify", "m.wasm"]).check(
        4,
        expect![[r#"
        m.wasm: untrusted: the signature in it names no key, and is by none that is known here
          key        unknown
          embedded   the signature is in the module, and states no developer, no version and no time
    "#]],
        expect![[""]],
    );
    folder.sign(&["verify", "m.wasm", "--json"]).check(
        4,
        expect![[r#"
        {
          "file": "m.wasm",
          "status": "untrusted",
          "exit_code": 4,
          "trusted_as": null,
          "reason": "the signature in it names no key, and is by none that is known here",
          "signature": {
            "place": "module",
            "version": null,
            "public_key": null,
            "fingerprint": null,
            "key_id": null,
            "sha256": "7a84c8811dac18624a8a5bc5fb6f38e146b32b3fbbfe80e4ed550131e6782fc7",
            "size": 209,
            "plugin": null,
            "developer": null,
            "signed_at": null,
            "expires_at": null
          }
        }
    "#]],
        expect![[""]],
    );
    folder.sign(&["inspect", "m.wasm"]).check(
        0,
        expect![[r#"
        m.wasm: read
          key        unknown
          embedded   the signature is in the module, and states no developer, no version and no time
    "#]],
        expect![[""]],
    );
    folder.sign(&["verify", "m.wasm", "--key", "key"]).check(
        0,
        expect![[r#"
        m.wasm: valid, by the key that was named
          key        sha256:56475aa75463474c0285df5dbf2bcab7
          embedded   the signature is in the module, and states no developer, no version and no time
    "#]],
        expect![[""]],
    );
    folder.sign(&["generate-key", "other", "--no-passphrase"]).exits(0);
    let other = folder.read("other.public");
    let other = other.trim().parse::<plugbay::signing::PublicKey>().unwrap().fingerprint();
    let hidden = [(&*other.to_string(), "OTHER")];
    let ended = folder.sign(&["verify", "m.wasm", "--key", "other"]).hiding(&hidden);
    ended.check(
        4,
        expect![[r#"
        m.wasm: untrusted: the signature in it names no key, and is not by the key OTHER
          key        unknown
          embedded   the signature is in the module, and states no developer, no version and no time
    "#]],
        expect![[""]],
    );

    folder.sign(&["trust", "add", "key", "Grace Hopper"]).exits(0);
    folder.sign(&["verify", "m.wasm"]).check(
        0,
        expect![[r#"
        m.wasm: valid, by the trusted key of Grace Hopper
          key        sha256:56475aa75463474c0285df5dbf2bcab7
          embedded   the signature is in the module, and states no developer, no version and no time
    "#]],
        expect![[""]],
    );
    folder.sign(&["verify", "m.wasm", "--json"]).check(
        0,
        expect![[r#"
        {
          "file": "m.wasm",
          "status": "trusted",
          "exit_code": 0,
          "trusted_as": "Grace Hopper",
          "reason": null,
          "signature": {
            "place": "module",
            "version": null,
            "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
            "fingerprint": "sha256:56475aa75463474c0285df5dbf2bcab7",
            "key_id": "a87b10d4934d3a04633a3faf",
            "sha256": "7a84c8811dac18624a8a5bc5fb6f38e146b32b3fbbfe80e4ed550131e6782fc7",
            "size": 209,
            "plugin": null,
            "developer": null,
            "signed_at": null,
            "expires_at": null
          }
        }
    "#]],
        expect![[""]],
    );
    folder.sign(&["inspect", "m.wasm"]).check(
        0,
        expect![[r#"
        m.wasm: verified
          key        sha256:56475aa75463474c0285df5dbf2bcab7
          embedded   the signature is in the module, and states no developer, no version and no time
    "#]],
        expect![[""]],
    );
    folder.sign(&["inspect", "m.wasm", "--json"]).check(
        0,
        expect![[r#"
        {
          "file": "m.wasm",
          "status": "verified",
          "exit_code": 0,
          "reason": null,
          "signature": {
            "place": "module",
            "version": null,
            "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
            "fingerprint": "sha256:56475aa75463474c0285df5dbf2bcab7",
            "key_id": "a87b10d4934d3a04633a3faf",
            "sha256": "7a84c8811dac18624a8a5bc5fb6f38e146b32b3fbbfe80e4ed550131e6782fc7",
            "size": 209,
            "plugin": null,
            "developer": null,
            "signed_at": null,
            "expires_at": null
          }
        }
    "#]],
        expect![[""]],
    );

    // One byte of its code.
    let signed = std::fs::read(folder.path("m.wasm")).unwrap();
    let mut changed = signed.clone();
    let code = changed.windows(4).position(|bytes| bytes == [0x41, 0, 0x0b, 0]).unwrap();
    *changed.get_mut(code + 1).unwrap() = 1;
    std::fs::write(folder.path("m.wasm"), changed).unwrap();
    folder.sign(&["verify", "m.wasm"]).check(3, expect![[r#"
        m.wasm: invalid: the module was modified: the SHA-256 of its sections is 45e5f224350ac9b1f8156e2b6de606e987dcec5e457f0247b947013d69cbdb59, and b70d672115ded4cfc6b9a0c15e2895886f37cce33dfa7c35a5ca0e43c2f5864d was signed
    "#]], expect![[""]]);
    folder.sign(&["verify", "m.wasm", "--json"]).check(3, expect![[r#"
        {
          "file": "m.wasm",
          "status": "invalid",
          "exit_code": 3,
          "trusted_as": null,
          "reason": "the module was modified: the SHA-256 of its sections is 45e5f224350ac9b1f8156e2b6de606e987dcec5e457f0247b947013d69cbdb59, and b70d672115ded4cfc6b9a0c15e2895886f37cce33dfa7c35a5ca0e43c2f5864d was signed",
          "signature": null
        }
    "#]], expect![[""]]);
    folder.sign(&["inspect", "m.wasm"]).exits(3);
    // A file beside it makes it no better.
    folder.sign(&[&["sign", "m.wasm", "key"][..], &ADA].concat()).exits(0);
    folder.sign(&["verify", "m.wasm"]).check(3, expect![[r#"
        m.wasm: invalid: the module was modified: the SHA-256 of its sections is 45e5f224350ac9b1f8156e2b6de606e987dcec5e457f0247b947013d69cbdb59, and b70d672115ded4cfc6b9a0c15e2895886f37cce33dfa7c35a5ca0e43c2f5864d was signed
    "#]], expect![[""]]);

    // Where both are good, the file is what is shown.
    std::fs::write(folder.path("m.wasm"), signed).unwrap();
    folder.sign(&[&["sign", "m.wasm", "key"][..], &ADA].concat()).exits(0);
    let report = folder.sign(&["verify", "m.wasm", "--json"]).exits(0).json();
    assert_eq!(
        (&report["signature"]["place"], &report["signature"]["version"]),
        (&"file".into(), &2.into())
    );

    std::fs::remove_file(folder.path("m.wasm.sig")).unwrap();
    folder.sign(&["trust", "revoke", "Grace Hopper"]).exits(0);
    let listed = folder.sign(&["trust", "list", "--json"]).exits(0).json();
    let hidden = [(listed["keys"][0]["revoked_at"].as_str().unwrap(), "TIME")];
    let revoked = folder.sign(&["verify", "m.wasm"]).hiding(&hidden);
    revoked.check(5, expect![[r#"
        m.wasm: revoked: it is signed by the key sha256:56475aa75463474c0285df5dbf2bcab7 of `Grace Hopper`, which was revoked at TIME
    "#]], expect![[""]]);
    folder.copy("embedded_unsigned.wasm", "m.wasm");
    folder.sign(&["verify", "m.wasm"]).check(
        2,
        expect![[r#"
        m.wasm: unsigned: there is no m.wasm.sig, and no signature in the module
    "#]],
        expect![[""]],
    );
}

#[test]
fn a_signature_that_expired_is_told_from_one_that_is_wrong() {
    let folder = Folder::with("module.wasm", "v2.sig");
    let sign = ["sign", "m.wasm", "key", "--expires-at", "2199-01-01T00:00:00Z"];
    folder.sign(&[&sign[..], &ADA].concat()).exits(0);
    folder.sign(&["verify", "m.wasm", "--key", "key"]).exits(0);
    // In the past, it cannot be made.
    let sign = ["sign", "m.wasm", "key", "--expires-at", "2001-01-01T00:00:00Z"];
    let ended = folder.sign(&[&sign[..], &ADA].concat()).exits(1);
    assert!(
        ended.stderr.contains("expires_at: found 2001-01-01T00:00:00Z, wanted a time after"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_key_that_is_named_is_the_only_one() {
    let folder = Folder::with("module.wasm", "v2.sig");
    folder.sign(&["generate-key", "other"]).exits(0);
    folder.sign(&["trust", "add", "key", "Grace"]).exits(0);
    folder.sign(&["verify", "m.wasm", "--key", "other"]).exits(4);
    folder.sign(&["verify", "m.wasm", "--key", "other.private"]).exits(4);
    let key = folder.read("key.public");
    for key in ["key", "key.public", key.trim()] {
        folder.sign(&["verify", "m.wasm", "--key", key]).exits(0);
    }
    folder.sign(&["verify", "m.wasm", "--key", "nobody"]).check(1, expect![[""]], expect![[r#"
        conductor-sign: error: `nobody` is no public key (found 6 characters, wanted 32 bytes: 64 hexadecimal digits, or 44 characters of base64), and there is no file nobody.public
    "#]]);
}

#[test]
fn inspect_shows_what_a_signature_says() {
    let folder = Folder::with("module.wasm", "v2_expires.sig");
    folder.sign(&["inspect", "m.wasm"]).check(
        0,
        expect![[r#"
        m.wasm: verified
          key        sha256:56475aa75463474c0285df5dbf2bcab7
          plugin     pads 1.2.3
          abi        action
          asks for   Midi, Network
          developer  Grace <grace@example.org>
          signed at  2026-11-22T10:00:00Z
          expires at 2026-11-23T10:00:00Z
    "#]],
        expect![[""]],
    );
    folder.sign(&["inspect", "m.wasm.sig", "--json"]).check(
        0,
        expect![[r#"
            {
              "file": "m.wasm.sig",
              "status": "read",
              "exit_code": 0,
              "reason": null,
              "signature": {
                "place": "file",
                "version": 2,
                "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
                "fingerprint": "sha256:56475aa75463474c0285df5dbf2bcab7",
                "key_id": null,
                "sha256": "040771482d4326c9c6e747c9cf0ef979e65dfc6cd22cd75dfb47420b688bc160",
                "size": 25,
                "plugin": {
                  "name": "pads",
                  "version": "1.2.3",
                  "abi": "action",
                  "capabilities": [
                    "Midi",
                    "Network"
                  ]
                },
                "developer": {
                  "name": "Grace",
                  "email": "grace@example.org",
                  "covered": true
                },
                "signed_at": "2026-11-22T10:00:00Z",
                "expires_at": "2026-11-23T10:00:00Z"
              }
            }
        "#]],
        expect![[""]],
    );
    folder.copy("changed.wasm", "m.wasm");
    folder.sign(&["inspect", "m.wasm"]).exits(3);
    folder.sign(&["inspect", "m.wasm.sig"]).exits(0);
    std::fs::remove_file(folder.path("m.wasm.sig")).unwrap();
    folder.sign(&["inspect", "m.wasm"]).exits(2);
    folder.sign(&["inspect", "nothing.wasm"]).exits(1);
    folder.sign(&["inspect", "nothing.wasm.sig"]).exits(1);
}

#[test]
fn trust_is_listed_and_changed_by_name_key_and_fingerprint() {
    let folder = Folder::new();
    folder.sign(&["trust", "list"]).check(
        0,
        expect![[r#"
        keys: 0, plugins used: 0; FOLDER/configuration/conductor/trusted_keys.toml
    "#]],
        expect![[""]],
    );
    folder.sign(&["trust", "add", "key", "Grace", "--email", "grace@example.org"]).check(
        0,
        expect![[r#"
            trusted: Grace sha256:56475aa75463474c0285df5dbf2bcab7
        "#]],
        expect![[""]],
    );
    folder.sign(&["trust", "add", "key", "Eve"]).check(1, expect![[""]], expect![[r#"
        conductor-sign: error: the key sha256:56475aa75463474c0285df5dbf2bcab7 is there already, as `Grace`
    "#]]);
    folder.sign(&["trust", "list"]).check(0, expect![[r#"
        trusted  Grace <grace@example.org>
                 03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8 sha256:56475aa75463474c0285df5dbf2bcab7
        keys: 1, plugins used: 0; FOLDER/configuration/conductor/trusted_keys.toml
    "#]], expect![[""]]);
    let listed = folder.sign(&["trust", "list", "--json"]).exits(0).json();
    assert_eq!(listed["keys"][0]["name"], "Grace");
    assert_eq!(listed["keys"][0]["revoked_at"], serde_json::Value::Null);
    let fingerprint = listed["keys"][0]["fingerprint"].as_str().unwrap().to_owned();
    folder.sign(&["trust", "revoke", &fingerprint]).exits(0);
    let listed = folder.sign(&["trust", "list", "--json"]).exits(0).json();
    assert!(listed["keys"][0]["revoked_at"].is_string(), "{listed}");
    folder.sign(&["trust", "remove", "Grace"]).exits(0);
    folder.sign(&["trust", "remove", "Grace"]).check(1, expect![[""]], expect![[r#"
        conductor-sign: error: no key `Grace` in the trust store; wanted a key, a fingerprint or a name that only one key has
    "#]]);
    folder.sign(&["trust", "forget", "pads"]).check(
        1,
        expect![[""]],
        expect![[r#"
        conductor-sign: error: no plugin `pads` was used with a signature
    "#]],
    );
}

#[test]
fn trust_goes_from_an_old_key_to_a_new_one() {
    let author = Folder::new();
    author.sign(&["generate-key", "new"]).exits(0);
    let signed = author.sign(&["trust", "rotate", "key", "new"]).exits(0);
    assert_eq!(signed.stdout, "signed: new.rotation\n");

    let user = Folder::with("module.wasm", "v2.sig");
    let rotation = author.path("new.rotation");
    let rotation = rotation.to_str().unwrap();
    // Of a key that nobody trusts, nothing is taken.
    user.sign(&["trust", "rotate", rotation]).exits(1);
    user.sign(&["trust", "add", "key", "Grace"]).exits(0);
    user.sign(&["trust", "rotate", rotation]).exits(0);
    std::fs::copy(user.path("m.wasm"), author.path("m.wasm")).unwrap();
    author.sign(&[&["sign", "m.wasm", "new"][..], &ADA].concat()).exits(0);
    std::fs::copy(author.path("m.wasm.sig"), user.path("m.wasm.sig")).unwrap();
    let report = user.sign(&["verify", "m.wasm", "--json"]).exits(0).json();
    assert_eq!(report["trusted_as"], "Grace");
    // One that the old key did not sign is refused.
    let text = std::fs::read_to_string(rotation).unwrap();
    std::fs::write(user.path("bad.rotation"), text.replace("2026-", "2027-")).unwrap();
    let ended = user.sign(&["trust", "rotate", "bad.rotation"]).exits(1);
    assert!(ended.stderr.contains("not one of the old key"), "{}", ended.stderr);
}

#[test]
fn a_passphrase_comes_from_the_environment_where_there_is_no_terminal() {
    let folder = Folder::new();
    folder.copy("module.wasm", "m.wasm");
    let made = folder.sign_with("correct horse", &["generate-key", "locked"]).exits(0);
    assert_eq!(made.stderr, "");
    assert!(folder.read("locked.private").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let sign = [&["sign", "m.wasm", "locked"][..], &ADA].concat();
    folder.sign_with("correct horse", &sign).exits(0);
    folder.sign_with("another", &sign).check(1, expect![[""]], expect![[r#"
        conductor-sign: error: locked.private: the passphrase is not the one of this key, or the file is damaged
    "#]]);
    folder.sign(&sign).check(1, expect![[""]], expect![[r#"
        conductor-sign: error: locked.private is encrypted, there is no terminal to ask for its passphrase, and CONDUCTOR_SIGN_PASSPHRASE is not set
    "#]]);
    let made = folder.sign_with("ignored", &["generate-key", "open", "--no-passphrase"]).exits(0);
    assert_eq!(made.stderr, "");
    assert!(folder.read("open.private").starts_with("-----BEGIN PRIVATE KEY-----"));
    folder.sign(&["generate-key", "open"]).check(1, expect![[""]], expect![[r#"
        conductor-sign: error: open.private is there already, and keys are not overwritten: choose another name
    "#]]);
}

#[cfg(unix)]
#[test]
fn a_private_key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::with("module.wasm", "v2.sig");
    let sign = [&["sign", "m.wasm", "key"][..], &ADA].concat();
    for (mode, warning) in [
        (0o640, "warning: key.private has mode 0640: others can read it, wanted 0600\n"),
        (0o600, ""),
    ] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.path("key.private"), permissions).unwrap();
        assert_eq!(folder.sign(&sign).exits(0).stderr, warning);
    }
}

#[test]
fn wrong_usage_exits_with_1_and_help_with_0() {
    let folder = Folder::new();
    for arguments in [&["verify"][..], &["sign", "m.wasm", "key"], &["frobnicate"], &[]] {
        let ended = folder.sign(arguments).exits(1);
        assert!(ended.stderr.contains("Usage"), "{}", ended.stderr);
    }
    let bad = ["sign", "m.wasm", "key", "--plugin-version", "1"];
    let ended = folder.sign(&[&bad[..], &ADA].concat()).exits(1);
    assert!(ended.stderr.contains("wanted a version such as 1.2.0"), "{}", ended.stderr);
    let bad = ["sign", "m.wasm", "key", "--capability", "Everything"];
    let ended = folder.sign(&[&bad[..], &ADA].concat()).exits(1);
    assert!(ended.stderr.contains("wanted one of"), "{}", ended.stderr);
    for arguments in [&["--help"][..], &["sign", "--help"], &["trust", "rotate", "--help"]] {
        let ended = folder.sign(arguments).exits(0);
        assert!(ended.stdout.contains("Usage"), "{}", ended.stdout);
    }
    let plugbay = env!("CARGO_BIN_EXE_plugbay");
    folder.run(plugbay, &["sign", "verify"], None).exits(1);
    folder.run(plugbay, &["check"], None).exits(2);
    folder.run(plugbay, &["sign", "--help"], None).exits(0);
    folder.copy("module.wasm", "m.wasm");
    folder.run(plugbay, &["sign", "verify", "m.wasm"], None).exits(2);
}

#[test]
fn what_a_file_says_cannot_move_the_cursor() {
    let folder = Folder::with("module.wasm", "v1.sig");
    let text = folder.read("m.wasm.sig").replace("Grace", "Gr\\u001b[2Jace");
    std::fs::write(folder.path("m.wasm.sig"), text).unwrap();
    let ended = folder.sign(&["inspect", "m.wasm"]).exits(0);
    assert!(ended.stdout.contains("Gr\u{fffd}[2Jace"), "{}", ended.stdout);
}
