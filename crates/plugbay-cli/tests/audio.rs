//! Sounds through ALSA itself, which has a device that hears nothing and is on every machine.

#![cfg(all(feature = "audio", target_os = "linux"))]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test binary")]

use std::path::Path;
use std::process::{Command, Output};

/// An action that plays a sound and returns what it was answered.
const PLAYS: &str = r#"(module
    (import "plugbay" "audio_play" (func $play (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "bell")
    (func (export "init"))
    (func (export "execute") (param i32 i32) (result i32) (call $play (i32.const 0) (i32.const 4))))"#;

fn plugbay(folder: &Path, alsa: &str, arguments: &[&str]) -> (bool, String) {
    let config = folder.join("alsa.conf");
    std::fs::write(&config, alsa).unwrap();
    let Output { status, stderr, .. } = Command::new(env!("CARGO_BIN_EXE_plugbay"))
        .args(arguments)
        .current_dir(folder)
        .env("ALSA_CONFIG_PATH", config)
        .env("PLUGBAY_CACHE_DIR", folder.join("cache"))
        .env("PLUGBAY_GRANTS", folder.join("grants.json"))
        .env("PLUGBAY_AUDIT_LOG", folder.join("audit.jsonl"))
        .env("PLUGBAY_DATA_DIR", folder.join("data"))
        .env("XDG_CONFIG_HOME", folder.join("configuration"))
        .env("RUST_LOG", "off,plugbay::audio=debug")
        .output()
        .unwrap();
    (status.success(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_device_plays_and_without_one_a_sound_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("plays.wasm"), wat::parse_str(PLAYS).unwrap()).unwrap();
    std::fs::write(folder.join("params.json"), "{}").unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut sound = hound::WavWriter::create(folder.join("bell.wav"), spec).unwrap();
    (0..800).for_each(|at| sound.write_sample(at).unwrap());
    sound.finalize().unwrap();
    let granted = ["grant", "plays.wasm", "Audio", "--sound", "bell", "--yes"];
    assert_eq!(plugbay(folder, "", &granted), (true, String::new()));

    let call = ["call", "plays.wasm", "execute", "--input", "params.json", "--sounds", "."];
    for harden in [&[][..], &["--harden"]] {
        let call = [&call[..], harden].concat();
        let (fine, said) = plugbay(folder, "pcm.!default { type null }", &call);
        assert!(fine && said.contains("is played") && !said.contains("would be"), "{said}");
        let (fine, said) = plugbay(folder, "", &call);
        assert!(fine && said.contains("no audio output: sounds are logged"), "{said}");
        assert!(said.contains("would be played"), "{said}");
    }
    std::fs::write(folder.join("bell.wav"), "no sound").unwrap();
    let (fine, said) = plugbay(folder, "pcm.!default { type null }", &call);
    assert!(!fine && !said.contains("is played"), "{said}");
}
