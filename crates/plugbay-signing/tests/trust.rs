//! The trust store, key files, and what a module needs to be loaded.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test binary"
)]

use std::path::Path;

use expect_test::expect;
use plugbay_signing::{
    AddError, Candidate, CheckError, Checked, Developer, KeyFileError, KeyPaths, PluginInfo,
    Refusal, Release, Rotation, SecretKey, Standing, Status, StoredKey, Time, Trust,
    TrustDirectory, check_file, signature_path,
};

const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const LIMIT: u64 = 1_000;

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

fn now() -> Time {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn release(plugin: &str, version: Option<&str>) -> Release {
    let version = version.map(|version| version.parse().unwrap());
    Release {
        plugin: PluginInfo { version, ..PluginInfo::named(plugin) },
        developer: Developer { name: "Ada".to_owned(), email: "ada@example.org".to_owned() },
        signed_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        expires_at: None,
    }
}

/// A folder with a module and a trust store.
struct Desk {
    folder: tempfile::TempDir,
    trust: TrustDirectory,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let trust = TrustDirectory::new(folder.path().join("config/conductor"));
        Self { folder, trust }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Writes the module, signed.
    fn sign(&self, key: &SecretKey, release: &Release) {
        self.write("m.wasm", MODULE);
        let signature = Candidate::from_bytes(MODULE.to_vec()).sign(key, release).unwrap();
        self.write("m.wasm.sig", signature.to_json().unwrap());
    }

    fn trust(&self, key: &SecretKey, name: &str) {
        self.trust
            .edit_keys(|keys| keys.add(key.public_key(), name, Some("a@example.org"), now()))
            .unwrap();
    }

    fn check_at(&self, plugin: &str, now: Time) -> Result<Checked, CheckError> {
        check_file(&self.path("m.wasm"), LIMIT, plugin, Trust::User(&self.trust), now)
    }

    /// Loads the module as a host does: what passes is remembered.
    fn load(&self, plugin: &str) -> Result<Standing, Refusal> {
        match self.check_at(plugin, now()) {
            Ok(Checked::Verified { module, standing }) => {
                assert_eq!(module.bytes(), MODULE);
                self.trust.remember(&module, plugin, now()).unwrap().map(|()| standing)
            }
            Ok(Checked::Unsigned(module)) => {
                assert_eq!(module.bytes(), MODULE);
                Err(Refusal::NotSigned)
            }
            Ok(Checked::Unknown(_)) => panic!("there is nothing inside"),
            Err(CheckError::Refused { refusal, .. }) => Err(*refusal),
            Err(error) => panic!("{error}"),
        }
    }

    fn keys_text(&self) -> String {
        std::fs::read_to_string(self.trust.keys_path()).unwrap()
    }
}

fn trusted(name: &str) -> Result<Standing, Refusal> {
    Ok(Standing::Trusted { name: name.to_owned() })
}

#[test]
fn trust_comes_and_goes() {
    let desk = Desk::new();
    desk.write("m.wasm", MODULE);
    assert_eq!(desk.load("m"), Err(Refusal::NotSigned));
    desk.sign(&key(1), &release("m", None));
    assert_eq!(desk.load("m"), Ok(Standing::Untrusted));
    desk.trust(&key(1), "Ada");
    assert_eq!(desk.load("m"), trusted("Ada"));
    desk.trust.edit_keys(|keys| keys.revoke("Ada", now())).unwrap();
    let refusal = desk.load("m").unwrap_err();
    assert_eq!(refusal.status(), Status::Revoked);
    expect!["it is signed by the key sha256:34750f98bd59fcfc946da45aaabe933b of `Ada`, which was revoked at 2026-11-22T12:00:00Z"]
        .assert_eq(&refusal.to_string());
    // Once more is no other time, and adding it again takes more than that.
    let later = "2026-11-22T13:00:00Z".parse().unwrap();
    let entry = desk.trust.edit_keys(|keys| keys.revoke("Ada", later)).unwrap();
    assert_eq!(entry.revoked_at.as_deref(), Some("2026-11-22T12:00:00Z"));
    let again = desk.trust.edit_keys(|keys| keys.add(key(1).public_key(), "Eve", None, later));
    assert!(matches!(again, Err(AddError::Revoked { .. })));
    desk.trust.edit_keys(|keys| keys.remove("Ada")).unwrap();
    assert_eq!(desk.load("m"), Ok(Standing::Untrusted));
}

#[test]
fn a_signature_that_is_gone_is_missed() {
    let desk = Desk::new();
    desk.sign(&key(1), &release("m", None));
    assert_eq!(desk.load("pads"), Ok(Standing::Untrusted));
    std::fs::remove_file(signature_path(&desk.path("m.wasm"))).unwrap();
    for name in ["pads", "m"] {
        let refusal = desk.load(name).unwrap_err();
        assert!(matches!(refusal, Refusal::SignatureGone { .. }), "{name}: {refusal}");
        assert_eq!(refusal.status(), Status::Unsigned);
    }
    assert_eq!(desk.load("others"), Err(Refusal::NotSigned));
    assert!(
        desk.trust
            .edit_pins(|pins| Ok::<_, plugbay_signing::TrustError>(pins.forget("pads")))
            .unwrap()
    );
    assert_eq!(desk.load("pads"), Err(Refusal::NotSigned));
}

#[test]
fn a_name_stays_with_its_key() {
    let desk = Desk::new();
    desk.sign(&key(1), &release("m", None));
    desk.trust(&key(2), "somebody else");
    assert_eq!(desk.load("m"), Ok(Standing::Untrusted));
    // A trusted key is still not the one that this plugin had.
    desk.sign(&key(2), &release("m", None));
    let refusal = desk.load("m").unwrap_err();
    assert!(matches!(refusal, Refusal::OtherKey { .. }), "{refusal}");
    assert_eq!(refusal.status(), Status::Untrusted);
    // Nor under another file's name, as long as it calls itself the same.
    assert!(matches!(desk.load("renamed"), Err(Refusal::OtherKey { .. })));
    desk.trust.edit_pins(|pins| Ok::<_, plugbay_signing::TrustError>(pins.forget("m"))).unwrap();
    assert_eq!(desk.load("m"), trusted("somebody else"));
}

#[test]
fn there_is_no_way_back_to_an_older_version() {
    let desk = Desk::new();
    desk.sign(&key(1), &release("m", Some("1.2.0")));
    assert!(desk.load("m").is_ok());
    desk.sign(&key(1), &release("m", Some("1.10.0")));
    assert!(desk.load("m").is_ok());
    for older in [Some("1.2.0"), Some("1.10.0-rc.1"), None] {
        desk.sign(&key(1), &release("m", older));
        let refusal = desk.load("m").unwrap_err();
        assert!(matches!(refusal, Refusal::Rollback { .. }), "{older:?}: {refusal}");
    }
    desk.sign(&key(1), &release("m", Some("1.10.0")));
    assert!(desk.load("m").is_ok());
    let pins = desk.trust.pins().unwrap();
    assert_eq!(pins.get("m").unwrap().version, Some("1.10.0".parse().unwrap()));
}

/// Two signatures of one key, of which one states what the plugin is: whoever has the files can exchange them.
#[test]
fn there_is_no_way_back_to_a_signature_that_says_less() {
    let desk = Desk::new();
    let vector = |name: &str| {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name))
            .unwrap()
    };
    desk.write("m.wasm", vector("module.wasm"));
    let load = |signature: &str| {
        desk.write("m.wasm.sig", vector(signature));
        match check_file(&desk.path("m.wasm"), 1_000_000, "m", Trust::User(&desk.trust), now()) {
            Ok(Checked::Verified { module, standing }) => {
                desk.trust.remember(&module, "m", now()).unwrap().map(|()| standing)
            }
            Err(CheckError::Refused { refusal, .. }) => Err(*refusal),
            _ => panic!("{signature} is a signature"),
        }
    };
    // At first any will do, and one that says more is welcome.
    assert_eq!(load("v1.sig"), Ok(Standing::Untrusted));
    assert_eq!(load("v2.sig"), Ok(Standing::Untrusted));
    for _ in 0..2 {
        let refusal = load("v1.sig").unwrap_err();
        assert!(matches!(refusal, Refusal::SaysLess { .. }), "{refusal}");
        assert_eq!(refusal.status(), Status::Untrusted);
        assert!(refusal.to_string().contains("trust forget m"), "{refusal}");
        assert_eq!(load("v2.sig"), Ok(Standing::Untrusted));
    }
    desk.trust.edit_pins(|pins| Ok::<_, plugbay_signing::TrustError>(pins.forget("m"))).unwrap();
    let others = desk.trust.pins().unwrap();
    assert!(others.get("m").is_none());
}

#[test]
fn time_is_what_the_caller_says() {
    let desk = Desk::new();
    let at: Time = "2026-11-22T11:00:00Z".parse().unwrap();
    desk.sign(&key(1), &Release { expires_at: Some(at), ..release("m", None) });
    let before = Time::from_seconds(at.seconds() - 1).unwrap();
    assert!(desk.check_at("m", before).is_ok());
    for now in [at, now()] {
        let Err(CheckError::Refused { path, refusal }) = desk.check_at("m", now) else {
            panic!("it has expired");
        };
        assert_eq!((path, refusal.status()), (desk.path("m.wasm.sig"), Status::Expired));
    }
    // And without a trust store.
    let checked = check_file(&desk.path("m.wasm"), LIMIT, "m", Trust::Nobody, now());
    let Err(CheckError::Refused { refusal, .. }) = checked else { panic!("it has expired") };
    assert_eq!(refusal.status(), Status::Expired);
}

#[test]
fn a_rotation_carries_trust_and_pins_on() {
    let desk = Desk::new();
    desk.sign(&key(1), &release("m", None));
    desk.trust(&key(1), "Ada");
    assert_eq!(desk.load("m"), trusted("Ada"));
    let rotate = |old: u8, new: u8| {
        let rotation = Rotation::sign(&key(old), key(new).public_key(), now()).unwrap();
        let rotation = Rotation::parse(rotation.to_json().as_bytes()).unwrap();
        desk.trust.edit_keys(|keys| keys.rotate(&rotation, now()))
    };
    assert_eq!(rotate(1, 2).unwrap().name, "Ada");
    assert_eq!(rotate(2, 3).unwrap().email.as_deref(), Some("a@example.org"));
    assert!(matches!(rotate(1, 2), Err(AddError::Known { .. })));
    assert!(matches!(rotate(8, 9), Err(AddError::Unknown { .. })));
    // Over two steps at once; and never back.
    desk.sign(&key(3), &release("m", None));
    assert_eq!(desk.load("m"), trusted("Ada"));
    desk.sign(&key(1), &release("m", None));
    assert!(matches!(desk.load("m"), Err(Refusal::OtherKey { .. })));
    // What was not used with the new key yet is trusted with the old one.
    desk.sign(&key(1), &release("elsewhere", None));
    assert_eq!(desk.load("elsewhere"), trusted("Ada"));
    desk.trust.edit_keys(|keys| keys.revoke(&key(3).public_key().to_string(), now())).unwrap();
    assert!(matches!(rotate(3, 4), Err(AddError::Revoked { .. })));
}

#[test]
fn edits_leave_comments_names_and_strangers_alone() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.trust.keys_path().parent().unwrap()).unwrap();
    let (one, two) = (key(1).public_key(), key(2).public_key());
    let text = format!(
        "# whom I trust\nstyle = 'mine'\n\n[[keys]]\n# met at a conference\nname = 'Ada' # the one\npublic_key = \"{one}\"\n\
         added_at = 2026-01-01T00:00:00Z\nnote = 1\n\n[[keys]]\nname = \"Bob\"\nemail = \"bob@example.org\"\npublic_key = \"{two}\"\n"
    );
    std::fs::write(desk.trust.keys_path(), &text).unwrap();
    assert_eq!(
        desk.trust.keys().unwrap().all()[0].added_at.as_deref(),
        Some("2026-01-01T00:00:00Z")
    );
    desk.trust.edit_keys(|keys| keys.revoke("Ada", now())).unwrap();
    desk.trust(&key(3), "Cleo");
    let three = key(3).public_key();
    let wanted = text.replace("note = 1\n", "note = 1\nrevoked_at = \"2026-11-22T12:00:00Z\"\n");
    let wanted = format!(
        "{wanted}\n[[keys]]\nname = \"Cleo\"\nemail = \"a@example.org\"\npublic_key = \"{three}\"\nadded_at = \"2026-11-22T12:00:00Z\"\n"
    );
    assert_eq!(desk.keys_text(), wanted);
    // A failed edit writes nothing.
    assert!(desk.trust.edit_keys(|keys| keys.remove("nobody")).is_err());
    assert_eq!(desk.keys_text(), wanted);
    desk.trust.edit_keys(|keys| keys.remove(&two.to_string())).unwrap();
    assert_eq!(desk.trust.keys().unwrap().all().len(), 2);
    assert!(!desk.keys_text().contains("Bob") && desk.keys_text().contains("# whom I trust"));
}

#[test]
fn a_name_of_two_keys_means_neither() {
    let desk = Desk::new();
    desk.trust(&key(1), "Ada");
    desk.trust(&key(2), "Ada");
    let removed = desk.trust.edit_keys(|keys| keys.remove("Ada"));
    assert!(matches!(removed, Err(AddError::Ambiguous { count: 2, .. })));
    let fingerprint = key(2).public_key().fingerprint().to_string();
    let removed = desk.trust.edit_keys(|keys| keys.remove(&fingerprint)).unwrap();
    assert_eq!(removed.public_key, key(2).public_key());
}

#[test]
fn half_a_trust_store_is_none() {
    let desk = Desk::new();
    desk.sign(&key(1), &release("m", None));
    std::fs::create_dir_all(desk.trust.keys_path().parent().unwrap()).unwrap();
    for (text, wanted) in [
        ("[[keys]]\nname = 'a'\n", "entry 1 of `keys`: `public_key` is missing"),
        (
            "[[keys]]\nname = 'a'\npublic_key = 'x'\n",
            "entry 1 of `keys`: `public_key`: found 1 characters",
        ),
        ("[[keys]]\nname = 1\n", "entry 1 of `keys`: `name`: found integer, wanted a text"),
        ("keys = 1\n", "`keys`: found integer, wanted [[keys]]"),
        ("keys", "TOML parse error"),
    ] {
        std::fs::write(desk.trust.keys_path(), text).unwrap();
        let Err(error @ CheckError::Trust(_)) = desk.check_at("m", now()) else {
            panic!("{text}: it was used");
        };
        assert!(error.to_string().contains(wanted), "{text}: {error}");
        assert!(error.to_string().contains("trusted_keys.toml"), "{error}");
        assert!(
            desk.trust.edit_keys(|keys| keys.add(key(1).public_key(), "a", None, now())).is_err()
        );
    }
}

#[test]
fn edits_by_many_at_once_are_all_there() {
    let desk = Desk::new();
    std::thread::scope(|scope| {
        for number in 1..=16 {
            let desk = &desk;
            scope.spawn(move || desk.trust(&key(number), &format!("k{number}")));
        }
    });
    let keys = desk.trust.keys().unwrap();
    assert_eq!(keys.all().len(), 16);
}

#[test]
fn files_are_read_within_bounds() {
    let desk = Desk::new();
    desk.write("m.wasm", [0; 1_001]);
    let Err(error) = desk.check_at("m", now()) else { panic!("it is too large") };
    assert!(
        error.to_string().contains("at least 1001 bytes, more than the limit of 1000"),
        "{error}"
    );
    desk.write("m.wasm", [0; 1_000]);
    assert!(desk.check_at("m", now()).is_ok());
    desk.write("m.wasm.sig", vec![b' '; 300_000]);
    let Err(error) = desk.check_at("m", now()) else { panic!("it is too large") };
    assert!(error.to_string().contains("m.wasm.sig has at least"), "{error}");
    // A signature that is there and cannot be read is not "no signature".
    std::fs::remove_file(desk.path("m.wasm.sig")).unwrap();
    std::fs::create_dir(desk.path("m.wasm.sig")).unwrap();
    assert!(matches!(desk.check_at("m", now()), Err(CheckError::Read(_))));
}

#[test]
fn a_large_file_is_hashed_as_its_bytes_are() {
    let desk = Desk::new();
    let bytes: Vec<u8> =
        (0..700_001_u32).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect();
    desk.write("large", &bytes);
    let read = Candidate::read(&desk.path("large"), 1 << 20).unwrap();
    assert_eq!(read.bytes(), bytes);
    assert_eq!(read.hash(), Candidate::from_bytes(bytes).hash());
    let empty = Candidate::from_bytes(Vec::new());
    assert!(empty.hash().to_string().starts_with("e3b0c44298fc1c14"));
}

#[test]
fn a_key_pair_is_written_once_and_for_its_owner() {
    let desk = Desk::new();
    let paths = KeyPaths::named(&desk.path("deep/my-key"));
    assert_eq!(paths, KeyPaths::named(&desk.path("deep/my-key.private")));
    assert_eq!(paths, KeyPaths::named(&desk.path("deep/my-key.public")));
    assert!(KeyPaths::named(Path::new("v1.2")).private().ends_with("v1.2.private"));
    paths.write(&key(1), None).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(paths.private()), 0o600);
        assert_eq!(mode(paths.private().parent().unwrap()), 0o700);
    }
    let StoredKey::Plain(read) = paths.read_private().unwrap() else { panic!("encrypted") };
    assert_eq!(read.public_key(), key(1).public_key());
    assert_eq!(paths.read_public().unwrap(), key(1).public_key());
    assert!(matches!(paths.write(&key(2), None), Err(KeyFileError::Exists(_))));
    // Neither half is replaced, and none is left behind.
    std::fs::remove_file(paths.private()).unwrap();
    assert!(matches!(paths.write(&key(2), None), Err(KeyFileError::Exists(_))));
    assert!(!paths.private().exists());
    assert_eq!(paths.read_public().unwrap(), key(1).public_key());
}

#[test]
fn a_passphrase_opens_its_own_key_only() {
    let desk = Desk::new();
    let paths = KeyPaths::named(&desk.path("k"));
    paths.write(&key(1), Some("correct horse")).unwrap();
    let text = std::fs::read_to_string(paths.private()).unwrap();
    assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{text}");
    let StoredKey::Encrypted(stored) = paths.read_private().unwrap() else { panic!("plain") };
    let wrong = stored.decrypt("incorrect horse").unwrap_err();
    assert!(matches!(wrong, KeyFileError::WrongPassphrase(_)), "{wrong}");
    assert_eq!(stored.decrypt("correct horse").unwrap().public_key(), key(1).public_key());
}

/// Keys come and go, and whoever reads meanwhile has a whole store.
#[test]
fn a_reader_never_sees_half_a_trust_store() {
    let desk = Desk::new();
    desk.trust(&key(1), "Ada");
    let long = "x".repeat(100_000);
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut reads = 0;
            while !ended.load(std::sync::atomic::Ordering::Relaxed) || reads == 0 {
                let keys = desk.trust.keys().unwrap();
                assert!(keys.get(key(1).public_key()).is_some());
                reads += 1;
            }
        });
        for _ in 0..100 {
            desk.trust(&key(2), &long);
            desk.trust.edit_keys(|keys| keys.remove(&key(2).public_key().to_string())).unwrap();
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        reading.join().unwrap();
    });
}

/// Another process is killed by the system at the first byte too many, in the middle of what it writes.
#[cfg(unix)]
#[test]
fn a_writer_that_is_killed_leaves_the_trust_store_as_it_was() {
    use std::os::unix::process::ExitStatusExt as _;

    const FOLDER: &str = "PLUGBAY_TEST_TRUST";
    const FEW: u64 = 512;
    let add = |trust: &TrustDirectory| {
        let long = "x".repeat(10_000);
        trust.edit_keys(|keys| keys.add(key(2).public_key(), &long, None, now())).unwrap();
    };
    if let Some(folder) = std::env::var_os(FOLDER) {
        use rustix::process::{Resource, Rlimit, setrlimit};
        setrlimit(Resource::Fsize, Rlimit { current: Some(FEW), maximum: Some(FEW) }).unwrap();
        add(&TrustDirectory::new(folder));
        return;
    }
    let desk = Desk::new();
    desk.trust(&key(1), "Ada");
    let before = desk.keys_text();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_writer_that_is_killed_leaves_the_trust_store_as_it_was"])
        .env(FOLDER, desk.trust.keys_path().parent().unwrap())
        .output()
        .unwrap();
    let killed = rustix::process::Signal::XFSZ.as_raw();
    assert_eq!(output.status.signal(), Some(killed), "{output:?}");
    assert_eq!(desk.keys_text(), before);
    // It held the lock, and there was a beginning of the new file.
    add(&desk.trust);
    assert!(desk.keys_text().len() as u64 > FEW);
}
