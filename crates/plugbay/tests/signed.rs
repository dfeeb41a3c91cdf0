//! What the host lets in: signed modules, unsigned ones, and what is remembered of them.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test binary")]
#![cfg(feature = "wasmi")]

use std::path::{Path, PathBuf};

use plugbay::signing::{
    Candidate, Developer, ModuleHash, PluginInfo, Refusal, Release, Rotation, SecretKey,
    SignatureFile, Status, TrustDirectory, signature_path,
};
use plugbay::{Host, LoadError, LoadErrorKind, Plugin, PluginOptions};
use pollster::block_on;

/// The least that is an action plugin.
const ACTION: &str = r#"(module (memory (export "memory") 1)
    (func (export "execute") (param i32 i32) (result i32) (i32.const 0)))"#;

struct Desk {
    folder: tempfile::TempDir,
    host: Host,
    trust: TrustDirectory,
}

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let trust = TrustDirectory::new(folder.path().join("trust"));
        let builder = Host::builder().backend(plugbay::backend("wasmi").unwrap());
        let host = builder.trust(trust.clone()).build().unwrap();
        Self { folder, host, trust }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("pads.wasm")
    }

    fn wasm() -> Vec<u8> {
        wat::parse_str(ACTION).unwrap()
    }

    fn signature(&self, key: &SecretKey, expires_at: Option<&str>) -> SignatureFile {
        self.release(key, expires_at, None)
    }

    /// Of one version.
    fn version(&self, key: &SecretKey, version: &str) -> SignatureFile {
        self.release(key, None, Some(version))
    }

    fn release(
        &self,
        key: &SecretKey,
        expires_at: Option<&str>,
        version: Option<&str>,
    ) -> SignatureFile {
        let version = version.map(|version| version.parse().unwrap());
        let release = Release {
            plugin: PluginInfo { version, ..PluginInfo::named("pads") },
            developer: Developer::default(),
            signed_at: "2001-01-01T00:00:00Z".parse().unwrap(),
            expires_at: expires_at.map(|time| time.parse().unwrap()),
        };
        Candidate::from_bytes(Self::wasm()).sign(key, &release).unwrap()
    }

    fn write(&self, signature: Option<&SignatureFile>) {
        std::fs::write(self.path(), Self::wasm()).unwrap();
        match signature {
            Some(signature) => signature.write(&signature_path(&self.path())).unwrap(),
            None => drop(std::fs::remove_file(signature_path(&self.path()))),
        }
    }

    fn load(&self, required: bool) -> Result<Plugin, LoadError> {
        let options = PluginOptions::default().with_required_signature(required);
        block_on(self.host.load_file(&self.path(), options))
    }

    /// The class of what keeps the plugin out, and the error's text.
    fn refused(&self, required: bool) -> (Status, String) {
        refused(self.load(required))
    }

    fn trust(&self, number: u8) {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        self.trust.edit_keys(|keys| keys.add(key(number).public_key(), "Ada", None, now)).unwrap();
    }
}

fn refused(loaded: Result<Plugin, LoadError>) -> (Status, String) {
    let Err(error) = loaded else { panic!("it was loaded") };
    let LoadErrorKind::Signature { refusal, .. } = &error.kind else { panic!("{error}") };
    (refusal.status(), error.to_string())
}

#[test]
fn a_signature_is_demanded_or_not() {
    let desk = Desk::new();
    desk.write(None);
    let plugin = desk.load(false).unwrap();
    assert_eq!(plugin.module_hash(), ModuleHash::of(&Desk::wasm()));
    assert_eq!(plugin.signer(), None);
    let (status, text) = desk.refused(true);
    assert_eq!(status, Status::Unsigned);
    assert!(text.starts_with("plugin `pads`: ") && text.contains("pads.wasm: it is not signed"));

    desk.write(Some(&desk.signature(&key(1), None)));
    let (status, text) = desk.refused(true);
    assert_eq!(status, Status::Untrusted);
    let fingerprint = key(1).public_key().fingerprint().to_string();
    assert!(text.contains("pads.wasm.sig: ") && text.contains(&fingerprint), "{text}");
    // What was refused is not remembered.
    assert!(desk.trust.pins().unwrap().all().is_empty());
    assert_eq!(desk.load(false).unwrap().signer(), Some(key(1).public_key()));
    desk.trust(1);
    assert_eq!(desk.load(true).unwrap().signer(), Some(key(1).public_key()));
}

#[test]
fn what_is_wrong_is_refused_though_nothing_is_demanded() {
    let desk = Desk::new();
    desk.write(Some(&desk.signature(&key(1), Some("2002-01-01T00:00:00Z"))));
    assert_eq!(desk.refused(false).0, Status::Expired);
    desk.write(Some(&desk.signature(&key(1), None)));
    let mut changed = Desk::wasm();
    changed.push(0);
    std::fs::write(desk.path(), changed).unwrap();
    assert_eq!(desk.refused(false).0, Status::Invalid);
    std::fs::write(signature_path(&desk.path()), "{").unwrap();
    assert_eq!(desk.refused(false).0, Status::Invalid);
    assert!(desk.trust.pins().unwrap().all().is_empty());

    // It ran once with a signature, so it does not run without.
    desk.write(Some(&desk.signature(&key(1), None)));
    desk.load(false).unwrap();
    desk.write(None);
    assert_eq!(desk.refused(false).0, Status::Unsigned);
    desk.write(Some(&desk.signature(&key(2), None)));
    desk.trust(2);
    assert_eq!(desk.refused(true).0, Status::Untrusted);
}

#[test]
fn a_revoked_key_fails_what_worked() {
    let desk = Desk::new();
    desk.write(Some(&desk.signature(&key(1), None)));
    desk.trust(1);
    desk.load(true).unwrap();
    let now = "2026-11-22T10:00:00Z".parse().unwrap();
    desk.trust.edit_keys(|keys| keys.revoke("Ada", now)).unwrap();
    for required in [true, false] {
        assert_eq!(desk.refused(required).0, Status::Revoked);
    }
}

#[test]
fn a_version_that_ran_is_the_least_that_runs() {
    let desk = Desk::new();
    desk.trust(1);
    for (version, older) in
        [("1.2.0", false), ("1.10.0", false), ("1.2.0", true), ("1.10.0", false)]
    {
        desk.write(Some(&desk.version(&key(1), version)));
        match older {
            false => drop(desk.load(true).unwrap()),
            true => {
                for required in [true, false] {
                    let (status, text) = desk.refused(required);
                    assert_eq!(status, Status::Untrusted);
                    assert!(text.contains("1.2.0") && text.contains("1.10.0"), "{text}");
                }
            }
        }
    }
    // A version that is not stated is lower than any.
    desk.write(Some(&desk.signature(&key(1), None)));
    assert_eq!(desk.refused(true).0, Status::Untrusted);
}

#[test]
fn a_rotated_key_takes_the_place_of_the_old_one_and_never_gives_it_back() {
    let desk = Desk::new();
    desk.trust(1);
    desk.write(Some(&desk.signature(&key(1), None)));
    desk.load(true).unwrap();
    desk.write(Some(&desk.signature(&key(2), None)));
    assert_eq!(desk.refused(true).0, Status::Untrusted);
    assert_eq!(desk.refused(false).0, Status::Untrusted, "the plugin had another key");
    let now = "2026-11-22T10:00:00Z".parse().unwrap();
    let rotation = Rotation::sign(&key(1), key(2).public_key(), now).unwrap();
    desk.trust.edit_keys(|keys| keys.rotate(&rotation, now)).unwrap();
    assert_eq!(desk.load(true).unwrap().signer(), Some(key(2).public_key()));
    desk.write(Some(&desk.signature(&key(1), None)));
    assert_eq!(desk.refused(true).0, Status::Untrusted);
}

/// What another implementation signed, once with a statement and once without. The module is no plugin, which comes
/// to light after its signature was looked at and taken down.
#[test]
fn a_signature_that_says_less_than_the_one_before_is_refused() {
    let desk = Desk::new();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugbay-signing/tests/vectors");
    let load = |signature: &str| {
        std::fs::copy(vectors.join("module.wasm"), desk.path()).unwrap();
        std::fs::copy(vectors.join(signature), signature_path(&desk.path())).unwrap();
        let Err(error) = desk.load(false) else { panic!("it is no plugin") };
        match error.kind {
            LoadErrorKind::Signature { refusal, .. } => Some(refusal.to_string()),
            _ => None,
        }
    };
    assert_eq!(load("v1.sig"), None);
    assert_eq!(load("v2.sig"), None);
    // What is no plugin was not used. A module that is one would have come to this.
    assert!(desk.trust.pins().unwrap().all().is_empty());
    let signature = SignatureFile::parse(&std::fs::read(vectors.join("v2.sig")).unwrap()).unwrap();
    let module = Candidate::from_bytes(std::fs::read(vectors.join("module.wasm")).unwrap());
    let now = "2026-11-22T10:00:00Z".parse().unwrap();
    desk.trust.remember(&module.verify(signature).unwrap(), "pads", now).unwrap().unwrap();
    let refusal = load("v1.sig").unwrap();
    assert!(refusal.contains("trust forget"), "{refusal}");
    assert_eq!(load("v2.sig"), None);
}

/// Where the module was there is another one as soon as it is open, and both are pipes, which tell when they are opened:
/// what is verified is what runs, and there is no second look.
#[cfg(unix)]
#[test]
fn a_path_is_opened_once_and_what_was_verified_is_what_runs() {
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    for engine in plugbay::backend_names() {
        let mut desk = Desk::new();
        let host = Host::builder().backend(plugbay::backend(engine).unwrap());
        desk.host = host.trust(desk.trust.clone()).build().unwrap();
        desk.trust(1);
        let (path, next) = (desk.path(), desk.folder.path().join("next"));
        desk.signature(&key(1), None).write(&signature_path(&path)).unwrap();
        for pipe in [&path, &next] {
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mkfifoat(rustix::fs::CWD, pipe, mode).unwrap();
        }
        let other = ACTION.replace("(i32.const 0)", "(i32.const 7)");
        let contents = [Desk::wasm(), wat::parse_str(other).unwrap()];
        let opened = AtomicUsize::new(0);
        let plugin = std::thread::scope(|scope| {
            scope.spawn(|| {
                // Waits until somebody reads.
                let open = || std::fs::File::options().write(true).open(&path).unwrap();
                let mut first = open();
                opened.fetch_add(1, Ordering::SeqCst);
                std::fs::rename(&next, &path).unwrap();
                std::io::Write::write_all(&mut first, &contents[0]).unwrap();
                drop(first);
                let mut second = open();
                opened.fetch_add(1, Ordering::SeqCst);
                // Whoever only looked is gone again.
                drop(std::io::Write::write_all(&mut second, &contents[1]));
            });
            let plugin = desk.load(true);
            let looks = opened.load(Ordering::SeqCst);
            // Lets the writer go that waits for a second reader, and is itself not kept waiting.
            let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
            let mut reader = std::fs::File::options();
            let reader = reader.read(true).custom_flags(nonblock).open(&path).unwrap();
            while opened.load(Ordering::SeqCst) < 2 {
                std::thread::yield_now();
            }
            drop(reader);
            assert_eq!(looks, 1, "{engine}: it was opened again");
            plugin.unwrap()
        });
        assert_eq!(plugin.module_hash(), ModuleHash::of(&contents[0]), "{engine}");
        let params = serde_json::value::RawValue::NULL;
        block_on(plugin.execute(params, &Default::default())).unwrap();
    }
}

#[test]
fn verified_modules_come_by_trust_and_bytes_on_nobodys_word() {
    let desk = Desk::new();
    let verified =
        Candidate::from_bytes(Desk::wasm()).verify(desk.signature(&key(1), None)).unwrap();
    let load = |required| {
        let options = PluginOptions::default().with_required_signature(required);
        block_on(desk.host.load_verified("drums", &verified, options))
    };
    let (status, text) = refused(load(true));
    assert_eq!(status, Status::Untrusted);
    assert!(text.starts_with("plugin `drums`: drums: it is signed by the key"), "{text}");
    desk.trust(1);
    assert_eq!(load(true).unwrap().signer(), Some(key(1).public_key()));
    // Both the name that it went by and the one that it states are its own now.
    let pins = desk.trust.pins().unwrap();
    assert!(pins.get("drums").is_some() && pins.get("pads").is_some());

    let options = PluginOptions::named("drums").with_required_signature(true);
    let plugin = block_on(desk.host.load_unsigned("drums", &Desk::wasm(), options)).unwrap();
    assert_eq!(plugin.signer(), None);
}

#[test]
fn a_trust_store_that_cannot_be_read_lets_nothing_in() {
    let desk = Desk::new();
    desk.write(Some(&desk.signature(&key(1), None)));
    desk.trust(1);
    std::fs::write(desk.trust.keys_path(), "[[keys]]\n").unwrap();
    let Err(error) = desk.load(false) else { panic!("it was loaded") };
    assert!(matches!(error.kind, LoadErrorKind::Trust(_)), "{error}");
    assert!(error.to_string().contains("trusted_keys.toml: entry 1 of `keys`"), "{error}");
}

#[test]
fn without_a_trust_store_nobody_is_trusted_and_nothing_remembered() {
    let desk = Desk::new();
    let host = Host::builder().backend(plugbay::backend("wasmi").unwrap()).build().unwrap();
    desk.write(Some(&desk.signature(&key(1), None)));
    let load = |required| {
        let options = PluginOptions::default().with_required_signature(required);
        block_on(host.load_file(&desk.path(), options))
    };
    assert!(load(false).is_ok());
    let Err(LoadError { kind: LoadErrorKind::Signature { refusal, .. }, .. }) = load(true) else {
        panic!("it was loaded");
    };
    assert!(matches!(*refusal, Refusal::Untrusted { .. }));
    assert!(!desk.trust.pins_path().exists());
}

/// What `wasmsign2` makes of an action plugin: see `tests/embedded.rs` of `plugbay-signing`.
fn embedded(name: &str) -> Vec<u8> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugbay-signing/tests/vectors");
    std::fs::read(vectors.join(name)).unwrap()
}

#[test]
fn a_signature_in_the_module_lets_it_in_on_every_engine() {
    let seed: [u8; 32] = std::array::from_fn(|at| at.to_le_bytes()[0]);
    let signer = SecretKey::from_seed(&seed).public_key();
    for engine in plugbay::backend_names() {
        let mut desk = Desk::new();
        let host = Host::builder().backend(plugbay::backend(engine).unwrap());
        desk.host = host.trust(desk.trust.clone()).build().unwrap();
        let module = embedded("embedded.wasm");
        std::fs::write(desk.path(), &module).unwrap();
        // Nobody knows whose it is.
        assert_eq!(desk.load(false).unwrap().signer(), None, "{engine}");
        let (status, text) = desk.refused(true);
        assert_eq!(status, Status::Untrusted, "{engine}");
        assert!(text.contains("pads.wasm: the signature in it is by none"), "{text}");
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        desk.trust.edit_keys(|keys| keys.add(signer, "Grace", None, now)).unwrap();
        let plugin = desk.load(true).unwrap();
        assert_eq!(plugin.signer(), Some(signer), "{engine}");
        assert_eq!(plugin.module_hash(), ModuleHash::of(&module), "{engine}");

        // It ran with a signature, so it does not run without; nor changed, whatever is demanded.
        std::fs::write(desk.path(), embedded("embedded_unsigned.wasm")).unwrap();
        assert_eq!(desk.refused(false).0, Status::Unsigned, "{engine}");
        let mut changed = module.clone();
        changed.extend_from_slice(&[0, 2, 1, b'x']);
        std::fs::write(desk.path(), &changed).unwrap();
        assert_eq!(desk.refused(false).0, Status::Invalid, "{engine}");
        std::fs::write(desk.path(), &module).unwrap();
        desk.trust.edit_keys(|keys| keys.revoke("Grace", now)).unwrap();
        assert_eq!(desk.refused(false).0, Status::Revoked, "{engine}");

        // By a caller who verified it.
        let verified = Candidate::from_bytes(module.clone()).verify_embedded(&[signer]).unwrap();
        let load =
            || block_on(desk.host.load_verified("pads", &verified, PluginOptions::default()));
        assert_eq!(refused(load()).0, Status::Revoked, "{engine}");
        desk.trust.edit_keys(|keys| keys.remove("Grace")).unwrap();
        assert_eq!(load().unwrap().signer(), Some(signer), "{engine}");
    }
}
