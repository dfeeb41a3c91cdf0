//! Signatures, rotations and keys that another implementation made: see `vectors/signing.py`.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test binary")]

use std::path::{Path, PathBuf};

use plugbay_signing::{
    Candidate, FormatVersion, KeyPaths, PublicKey, Rotation, SignatureFile, Standing, Status,
    StoredKey, VerifiedModule, VerifyError,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    public_key: PublicKeyText,
    other_public_key: PublicKeyText,
    passphrase: String,
    signatures: Vec<SignatureCase>,
    rotations: Vec<RotationCase>,
}

#[derive(Deserialize)]
struct PublicKeyText(String);

impl PublicKeyText {
    fn key(&self) -> PublicKey {
        self.0.parse().unwrap()
    }
}

#[derive(Deserialize)]
struct SignatureCase {
    name: String,
    module: String,
    outcome: String,
}

#[derive(Deserialize)]
struct RotationCase {
    name: String,
    good: bool,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn cases() -> Cases {
    serde_json::from_slice(&read("cases.json")).unwrap()
}

/// The module, or the class of what is wrong.
fn verified(module: &str, signature: &str) -> Result<VerifiedModule, &'static str> {
    let candidate = Candidate::read(&folder().join(module), 1_000_000).unwrap();
    let signature = SignatureFile::parse(&read(signature)).map_err(|_| "form")?;
    candidate.verify(signature).map_err(|error| match error {
        VerifyError::Size { .. } => "size",
        VerifyError::Hash { .. } => "hash",
        VerifyError::Signature { .. } => "signature",
        _ => "another error",
    })
}

#[test]
fn every_signature_comes_out_as_the_other_implementation_meant_it() {
    let cases = cases();
    assert_eq!(cases.signatures.len(), 51);
    let mut wrong = Vec::new();
    for SignatureCase { name, module, outcome } in &cases.signatures {
        let found = match verified(module, &format!("{name}.sig")) {
            Ok(module) => {
                assert_eq!(module.signer(), cases.public_key.key(), "{name}");
                "valid"
            }
            Err(problem) => problem,
        };
        if found != outcome {
            wrong.push(format!("{name}: found {found}, wanted {outcome}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn version_1_covers_no_developer_and_version_2_does() {
    let old = verified("module.wasm", "v1_other_developer.sig").unwrap();
    let file = old.signature().file().unwrap();
    assert_eq!(file.version(), FormatVersion::V1);
    assert_eq!(file.developer().name, "Mallory");
    assert!(!file.covers_developer());
    assert_eq!(old.signature().plugin(), None);

    let new = verified("module.wasm", "v2.sig").unwrap();
    let file = new.signature().file().unwrap();
    assert_eq!(file.version(), FormatVersion::V2);
    assert_eq!(file.developer().name, "Grace");
    assert!(file.covers_developer());
    assert_eq!(new.signature().plugin().unwrap().name, "pads");
    assert_eq!(new.bytes(), read("module.wasm"));
}

#[test]
fn whether_a_time_is_over_the_time_decides() {
    let module = verified("module.wasm", "v2_expired.sig").unwrap();
    let standing = |now: &str| module.standing_without_trust(now.parse().unwrap());
    assert_eq!(standing("2026-01-02T09:59:59Z"), Ok(Standing::Untrusted));
    let refusal = standing("2026-01-02T10:00:00Z").unwrap_err();
    assert_eq!(refusal.status(), Status::Expired);
}

#[test]
fn what_is_written_is_what_was_read() {
    for name in ["v2", "v2_unicode", "v2_expires"] {
        let json = read(&format!("{name}.sig"));
        let signature = SignatureFile::parse(&json).unwrap();
        let written = signature.to_json().unwrap();
        let value = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).unwrap();
        assert_eq!(value(written.as_bytes()), value(&json), "{name}");
    }
    let old = SignatureFile::parse(&read("v1.sig")).unwrap();
    assert_eq!(old.to_json(), None);
}

#[test]
fn rotations_are_the_old_keys_word() {
    let cases = cases();
    assert_eq!(cases.rotations.len(), 5);
    for RotationCase { name, good } in &cases.rotations {
        let rotation = Rotation::parse(&read(&format!("{name}.rotation")));
        assert_eq!(rotation.is_ok(), *good, "{name}: {rotation:?}");
        if let Ok(rotation) = rotation {
            assert_eq!(rotation.old_key(), cases.public_key.key());
            assert_eq!(rotation.new_key(), cases.other_public_key.key());
        }
    }
}

#[test]
fn the_other_implementations_keys_are_read() {
    let cases = cases();
    let wanted = cases.public_key.key();
    for name in ["plain", "raw"] {
        let StoredKey::Plain(key) = KeyPaths::named(&folder().join(name)).read_private().unwrap()
        else {
            panic!("{name} is encrypted");
        };
        assert_eq!(key.public_key(), wanted, "{name}");
    }
    let StoredKey::Encrypted(key) =
        KeyPaths::named(&folder().join("encrypted.private")).read_private().unwrap()
    else {
        panic!("it is not encrypted");
    };
    assert!(key.decrypt("incorrect horse").is_err());
    assert_eq!(key.decrypt(&cases.passphrase).unwrap().public_key(), wanted);
    for name in ["hex", "pem", "base64"] {
        assert_eq!(KeyPaths::named(&folder().join(name)).read_public().unwrap(), wanted, "{name}");
    }
}
