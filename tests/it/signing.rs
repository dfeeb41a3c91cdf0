//! Signatures between this project and another implementation of the formats, and from the command line to both
//! front ends.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{
    Finished, Server, conductor, conductor_sign, folder, plugbay, python, root, run, sample,
    script, tool, write,
};

/// The other implementation.
fn other(folder: &Path) -> Command {
    let mut command = tool(python());
    command.arg(root().join("crates/plugbay-signing/tests/vectors/signing.py")).current_dir(folder);
    command
}

/// `conductor-sign` with a trust store in this folder.
fn sign(folder: &Path, arguments: &[&str]) -> Finished {
    run(at(folder, &mut conductor_sign()).args(arguments))
}

fn at<'a>(folder: &Path, command: &'a mut Command) -> &'a mut Command {
    command.current_dir(folder).env("XDG_CONFIG_HOME", folder.join("configuration"))
}

const ADA: [&str; 4] = ["--name", "Ada Ωmega", "--email", "ada@example.org"];

#[test]
fn the_other_implementation_verifies_what_this_one_signs() {
    let folder = folder();
    let folder = folder.path();
    write(folder, "m.wasm", b"\0asm\x01\0\0\0");
    sign(folder, &["generate-key", "key"]).exits(0);
    let key = std::fs::read_to_string(folder.join("key.public")).unwrap();
    let signing = ["sign", "m.wasm", "key", "--plugin-version", "1.2.0", "--abi", "action"];
    let more = ["--capability", "network", "--capability", "Midi", "--expires-in-days", "30"];
    sign(folder, &[&signing[..], &more, &ADA].concat()).exits(0);
    let signature = run(other(folder).args(["verify", "m.wasm", key.trim()])).exits(0).json();
    assert_eq!(
        signature["plugin"],
        json!({ "name": "m", "version": "1.2.0", "abi": "action", "capabilities": ["Midi", "Network"] })
    );
    assert_eq!(signature["developer"], json!({ "name": "Ada Ωmega", "email": "ada@example.org" }));

    // It notices what is changed, so that the above says something.
    let mut changed: Value = signature.clone();
    changed["developer"]["name"] = json!("Mallory");
    write(folder, "m.wasm.sig", changed.to_string());
    assert_ne!(run(other(folder).args(["verify", "m.wasm"])).code(), 0);

    sign(folder, &["generate-key", "new", "--no-passphrase"]).exits(0);
    sign(folder, &["trust", "rotate", "key", "new"]).exits(0);
    let rotation = run(other(folder).args(["rotation", "new.rotation"])).exits(0).json();
    assert_eq!(rotation["old_key"], key.trim());
}

#[test]
fn keys_go_from_one_implementation_to_the_other() {
    let folder = folder();
    let folder = folder.path();
    let mut generate = conductor_sign();
    at(folder, &mut generate).env("CONDUCTOR_SIGN_PASSPHRASE", "correct horse");
    run(generate.args(["generate-key", "locked"])).exits(0);
    sign(folder, &["generate-key", "open", "--no-passphrase"]).exits(0);
    for arguments in [&["key", "locked.private", "correct horse"][..], &["key", "open.private"]] {
        let name = arguments[1].replace(".private", ".public");
        let public = std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(run(other(folder).args(arguments)).exits(0).stdout, public);
    }
    assert_ne!(run(other(folder).args(["key", "locked.private", "another"])).code(), 0);

    // And a signature that it makes with one of them.
    write(folder, "m.wasm", b"\0asm\x01\0\0\0");
    run(other(folder).args(["sign", "m.wasm", "open.private", "pads"])).exits(0);
    let verified = sign(folder, &["verify", "m.wasm", "--key", "open", "--json"]).exits(0).json();
    assert_eq!(verified["signature"]["plugin"]["version"], "2.0.0");
}

#[test]
fn a_passphrase_is_asked_for_twice_on_a_terminal() {
    let folder = folder();
    let folder = folder.path();
    let on_terminal = |answers: &[&str], arguments: &[&str]| {
        let mut terminal = tool(python());
        let program = conductor_sign();
        terminal.arg(script("terminal.py")).args(answers).arg("--").arg(program.get_program());
        run(at(folder, terminal.args(arguments)).env_remove("CONDUCTOR_SIGN_PASSPHRASE"))
    };
    let made = on_terminal(&["correct horse", "correct horse"], &["generate-key", "key"]).exits(0);
    assert!(made.stdout.contains("once more"), "{made}");
    assert!(!made.stdout.contains("correct horse"), "what is typed is not shown: {made}");
    run(other(folder).args(["key", "key.private", "correct horse"])).exits(0);

    let refused = on_terminal(&["correct horse", "correct house"], &["generate-key", "b"]).exits(1);
    assert!(refused.stdout.contains("the passphrases differ"), "{refused}");
    let refused = on_terminal(&[""], &["generate-key", "b"]).exits(1);
    assert!(refused.stdout.contains("--no-passphrase"), "{refused}");
    // That it is there is said before anything is asked.
    on_terminal(&[], &["generate-key", "key"]).exits(1);
    assert!(!folder.join("b.private").exists() && !folder.join("b.public").exists());

    write(folder, "m.wasm", b"\0asm\x01\0\0\0");
    let sign = [&["sign", "m.wasm", "key"][..], &ADA].concat();
    on_terminal(&["correct horse"], &sign).exits(0);
    let refused = on_terminal(&["another"], &sign).exits(1);
    assert!(refused.stdout.contains("is not the one of this key"), "{refused}");
}

/// Copies a sample into a folder and signs it with a new key.
fn signed(folder: &Path, name: &str) {
    std::fs::copy(sample(name), folder.join("plugin.wasm")).unwrap();
    if !folder.join("key.public").exists() {
        sign(folder, &["generate-key", "key", "--no-passphrase"]).exits(0);
    }
    sign(folder, &[&["sign", "plugin.wasm", "key"][..], &ADA].concat()).exits(0);
}

#[test]
fn conductor_plays_signed_plugins_and_no_others_where_that_is_demanded() {
    let folder = folder();
    let folder = folder.path();
    let config = "[[modes]]\nname = \"Default\"\n[[modes.mappings]]\ntrigger = { Note = { note = 60 } }\n\
                  action = { WasmPlugin = { path = \"plugin.wasm\", params = { message = \"hello\" } } }\n";
    let demanded = format!("{config}[plugins.\"plugin.wasm\"]\nrequire_signature = true\n");
    let song = root().join("examples/midi/hello.mid");
    let play = |config: &str| {
        let config = write(folder, "pads.toml", config);
        let mut conductor = conductor();
        at(folder, &mut conductor).arg("--config").arg(config).arg("--midi-file").arg(&song);
        run(conductor.arg("--fast"))
    };
    std::fs::copy(sample("midi_hello"), folder.join("plugin.wasm")).unwrap();
    let played = play(config).exits(0);
    assert_eq!(played.stderr.matches("not signed").count(), 1, "{played}");
    let refused = play(&demanded).exits(2);
    assert!(
        refused.stderr.contains("plugin.wasm: it is not signed, and `require_signature`"),
        "{refused}"
    );

    signed(folder, "midi_hello");
    let played = play(config).exits(0);
    assert_eq!(played.stderr.matches("signed by a key that is not trusted").count(), 1, "{played}");
    let refused = play(&demanded).exits(2);
    assert!(
        refused.stderr.contains("plugin.wasm.sig: it is signed by the key sha256:"),
        "{refused}"
    );
    sign(folder, &["trust", "add", "key", "me"]).exits(0);
    let played = play(&demanded).exits(0);
    assert!(
        !played.stderr.contains("WARN") && played.stderr.contains("1 action fired"),
        "{played}"
    );

    // Deleted, damaged, revoked: each of which worked a moment ago, and none of which is demanded.
    let signature = std::fs::read(folder.join("plugin.wasm.sig")).unwrap();
    std::fs::remove_file(folder.join("plugin.wasm.sig")).unwrap();
    let refused = play(config).exits(2);
    assert!(refused.stderr.contains("was signed by the key sha256:"), "{refused}");
    std::fs::write(folder.join("plugin.wasm.sig"), signature).unwrap();
    play(config).exits(0);
    let mut module = std::fs::read(folder.join("plugin.wasm")).unwrap();
    module.push(0);
    std::fs::write(folder.join("plugin.wasm"), module).unwrap();
    let refused = play(config).exits(2);
    assert!(refused.stderr.contains("the module was modified"), "{refused}");
    signed(folder, "midi_hello");
    play(config).exits(0);
    sign(folder, &["trust", "revoke", "me"]).exits(0);
    let refused = play(config).exits(2);
    assert!(refused.stderr.contains("of `me`, which was revoked at"), "{refused}");
}

#[test]
fn the_gateway_starts_with_signed_plugins_and_no_others_where_that_is_demanded() {
    let folder = folder();
    let folder = folder.path();
    std::fs::copy(sample("redactor"), folder.join("plugin.wasm")).unwrap();
    let config = json!({ "plugins": [{ "path": "plugin.wasm", "name": "redactor", "required": true, "require_signature": true }] });
    let config = write(folder, "config.json", config.to_string());
    let start = || {
        let mut gateway = plugbay();
        at(folder, &mut gateway).args(["gateway", "--listen", "127.0.0.1:0", "--config"]);
        gateway.arg(&config);
        gateway
    };
    let refused = run(&mut start()).exits(2);
    assert!(refused.stderr.contains("plugin.wasm: it is not signed"), "{refused}");
    signed(folder, "redactor");
    let refused = run(&mut start()).exits(2);
    assert!(refused.stderr.contains("which is not trusted"), "{refused}");
    sign(folder, &["trust", "add", "key", "me"]).exits(0);
    let gateway = Server::start(&mut start());
    let stopped = gateway.stop().exits(0);
    assert!(!stopped.stderr.contains("WARN"), "{stopped}");
}
