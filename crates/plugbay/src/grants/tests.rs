//! Grants as they are asked, kept, bound to modules, and taken back.

use std::fs;
use std::path::PathBuf;

use super::*;

const SIGNER: &str = "ed25519:alice";

fn hash(byte: u8) -> ModuleHash {
    ModuleHash([byte; 32])
}

fn identity(version: u8, signer: Option<&str>) -> Identity {
    Identity::new("lights", hash(version), signer.map(str::to_owned))
}

fn files() -> Grant {
    Grant::none().with(Capability::Filesystem)
}

fn write_file() -> Request {
    Request::File { path: "/log".to_owned(), write: true }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("conductor/grants.json")
    }

    fn store(&self) -> GrantStore {
        GrantStore::at(self.path())
    }
}

#[derive(Default)]
struct Records(Mutex<Vec<AuditRecord>>);

impl AuditSink for Records {
    fn record(&self, record: &AuditRecord) {
        lock(&self.0).push(record.clone());
    }
}

#[test]
fn what_is_taken_back_is_gone_with_the_next_call() {
    let granted = Granted::new("lights", files());
    let other = granted.clone();
    assert_eq!(granted.check(&write_file()).unwrap().grant(), &files().with_automatic());
    std::thread::spawn(move || other.replace(Grant::none())).join().unwrap();
    let denied = granted.check(&write_file()).unwrap_err();
    assert_eq!(
        denied.to_string(),
        "plugin `lights` was denied Filesystem: Filesystem is not granted"
    );
}

#[test]
fn another_handle_of_the_store_grants_and_revokes_at_once() {
    let folder = Folder::new();
    let granted = Granted::with(identity(1, None), Grant::none(), None, None)
        .backed_by(Arc::new(folder.store()));
    assert!(granted.check(&write_file()).is_err());
    // As another process would: it shares nothing with `granted` but the file. Again and again, so that numbers
    // of files and times are used twice.
    let other = folder.store();
    for _ in 0..50 {
        other.update(|file| file.grant(&identity(1, None), &files())).unwrap();
        assert!(granted.check(&write_file()).is_ok());
        let changed = other.update(|file| file.revoke(|entry| entry.plugin == "lights", None));
        assert_eq!(changed.unwrap(), 1);
        assert!(granted.check(&write_file()).is_err());
    }
    // What the configuration gives is not the store's to take.
    granted.replace(files());
    assert!(granted.check(&write_file()).is_ok());
}

#[test]
fn a_grant_belongs_to_a_name_a_module_and_a_signer() {
    let mut file = GrantFile::default();
    file.grant(&identity(1, Some(SIGNER)), &files());
    let has = |file: &GrantFile, identity: &Identity| file.standing(identity).granted.is_some();
    assert!(has(&file, &identity(1, Some(SIGNER))));
    assert!(!has(&file, &identity(1, None)), "its signature is gone");
    assert!(!has(&file, &identity(1, Some("mallory"))));
    assert!(!has(&file, &identity(2, None)));
    assert!(!has(&file, &Identity::named("lights")), "its module is not known");
    let renamed = Identity { plugin: "other".to_owned(), ..identity(1, Some(SIGNER)) };
    assert!(!has(&file, &renamed));
    // A new version by the same hand has what the one before had.
    let next = file.standing(&identity(2, Some(SIGNER)));
    assert_eq!((next.granted, next.carried), (Some(files()), true));
    // An unsigned one has not, but it is known what the one before had.
    assert_eq!(file.standing(&identity(2, None)).previous.unwrap().capabilities, files());
    // A signature that is added takes nothing away.
    let mut unsigned = GrantFile::default();
    unsigned.grant(&identity(1, None), &files());
    assert!(has(&unsigned, &identity(1, Some(SIGNER))));
    assert!(!has(&unsigned, &identity(2, Some(SIGNER))));
}

#[test]
fn a_new_version_asks_only_for_what_it_did_not_have() {
    let folder = Folder::new();
    let store = Arc::new(folder.store());
    store.update(|file| file.grant(&identity(1, Some(SIGNER)), &files())).unwrap();
    let next = identity(2, Some(SIGNER));
    let granted = Granted::with(next.clone(), Grant::none(), Some(Arc::clone(&store)), None);
    granted.asked(&[Capability::Midi, Capability::Filesystem]);
    assert_eq!(store.read().unwrap().requests, [], "it has the one, and the other is automatic");
    granted.asked(&[Capability::Filesystem, Capability::Subprocess]);
    let requests = store.read().unwrap().requests;
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].asks, [Capability::Subprocess]);
    assert_eq!((requests[0].sha256, requests[0].signer.as_deref()), (hash(2), Some(SIGNER)));
    // Where it runs before it is granted that, it goes without; then nothing waits any more.
    let run = Request::Run { program: "tool".to_owned(), args: Vec::new() };
    assert!(granted.check(&run).is_err() && granted.check(&write_file()).is_ok());
    let more: Grant =
        serde_json::from_str(r#"{"Subprocess": {"programs": [{"program": "tool"}]}}"#).unwrap();
    store.update(|file| file.grant(&next, &more)).unwrap();
    assert!(granted.check(&run).is_ok() && granted.check(&write_file()).is_ok());
    assert_eq!(store.read().unwrap().requests, []);
    // The version before is as it was.
    let before = store.read().unwrap().standing(&identity(1, Some(SIGNER)));
    assert_eq!(before.granted, Some(files()));
}

#[test]
fn an_unsigned_new_version_asks_for_all_and_names_the_one_before() {
    let folder = Folder::new();
    let store = Arc::new(folder.store());
    store.update(|file| file.grant(&identity(1, None), &files())).unwrap();
    let granted = Granted::with(identity(2, None), Grant::none(), Some(Arc::clone(&store)), None);
    granted.asked(&[Capability::Filesystem]);
    let requests = store.read().unwrap().requests;
    assert_eq!(requests[0].asks, [Capability::Filesystem]);
    assert_eq!(requests[0].previous, Some(hash(1)));
    // To ask the same again is no news, and writes nothing.
    let written = fs::metadata(folder.path()).unwrap().modified().unwrap();
    let again = Granted::with(identity(2, None), Grant::none(), Some(Arc::clone(&store)), None);
    again.asked(&[Capability::Filesystem]);
    assert_eq!(fs::metadata(folder.path()).unwrap().modified().unwrap(), written);
    assert_eq!(store.read().unwrap().requests, requests);
}

#[test]
fn one_capability_can_be_revoked() {
    let mut file = GrantFile::default();
    file.grant(&identity(1, None), &files().with(Capability::Midi));
    assert_eq!(file.revoke(|_| true, Some(Capability::Audio)), 0);
    assert_eq!(file.revoke(|_| true, Some(Capability::Filesystem)), 1);
    let left = Grant::none().with(Capability::Midi);
    assert_eq!(file.standing(&identity(1, None)).granted, Some(left));
    assert_eq!(file.revoke(|_| true, None), 1);
    assert_eq!(file, GrantFile::default());
}

#[test]
fn denials_and_what_is_of_high_risk_are_recorded() {
    let grant: Grant =
        serde_json::from_str(r#"{"Filesystem": {}, "SystemControl": {"operations": ["volume"]}}"#)
            .unwrap();
    let records = Arc::new(Records::default());
    let granted = Granted::with(identity(7, None), grant, None, None).audited_by(records.clone());
    let system = |operation| Request::System { operation, argument: "5".to_owned() };
    let http = Request::Http { host: "example.org".to_owned(), port: 443 };
    assert!(granted.check(&write_file()).is_ok(), "of medium risk, and not recorded");
    assert!(granted.check(&system(plugbay_policy::Operation::Volume)).is_ok());
    assert!(granted.check(&system(plugbay_policy::Operation::Keystroke)).is_err());
    assert!(granted.check(&http).is_err());
    let told: Vec<String> = lock(&records.0)
        .iter()
        .map(|r| {
            let reason = r.reason.as_deref().unwrap_or("-");
            format!("{} {} {} {:?} {reason}", r.plugin, r.capability, r.argument, r.outcome)
        })
        .collect();
    assert_eq!(
        told,
        [
            "lights SystemControl volume \"5\" Granted -",
            "lights SystemControl keystroke \"5\" Denied keystroke is not allowed; it would take \"keystroke\" in \
             `operations`",
            "lights Network \"example.org:443\" Denied port 443 of example.org is not allowed; it would take \
             \"example.org\" in `hosts`",
        ]
    );
    assert!(lock(&records.0).iter().all(|record| record.sha256 == Some(hash(7))));
}

#[test]
fn a_file_that_is_damaged_stays_as_it_is_and_grants_nothing() {
    let folder = Folder::new();
    let store = Arc::new(folder.store());
    store.update(|file| file.grant(&identity(1, None), &files())).unwrap();
    let whole = fs::read_to_string(folder.path()).unwrap();
    assert!(whole.contains("\"version\": 1"), "{whole}");
    let granted = Granted::with(identity(1, None), Grant::none(), Some(Arc::clone(&store)), None);
    assert!(granted.check(&write_file()).is_ok());
    let cut = &whole[..whole.len() / 2];
    for (text, words) in [
        ("", "damaged: EOF"),
        (cut, "damaged: EOF"),
        ("[]", "damaged"),
        ("{\"grants\": []}", "missing field `version`"),
        ("{\"version\": 0}", "found version 0, wanted 1"),
        ("{\"version\": 2, \"licences\": []}", "are of version 2, this program reads version 1"),
        ("{\"version\": 1, \"grantz\": []}", "unknown field `grantz`"),
        (&*whole.replace("Filesystem", "Filesistem"), "unknown capability \"Filesistem\""),
        (&*whole.replace(&hash(1).to_string(), "0101"), "wanted a SHA-256"),
        (&*whole.replace("Z\",", "\","), "wanted a time such as"),
    ] {
        fs::write(folder.path(), text).unwrap();
        let error = store.read().unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        assert!(error.contains("grants.json"), "{error}");
        assert!(granted.check(&write_file()).is_err(), "{words}");
        assert!(store.update(|file| file.grant(&identity(1, None), &files())).is_err());
        granted.asked(&[Capability::Filesystem]);
        assert_eq!(fs::read_to_string(folder.path()).unwrap(), text, "{words}");
    }
    fs::write(folder.path(), &whole).unwrap();
    assert!(granted.check(&write_file()).is_ok());
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let store = folder.store();
    store.update(|file| file.grant(&identity(1, None), &files())).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path()), 0o600);
    assert_eq!(mode(folder.path().parent().unwrap()), 0o700);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o622)).unwrap();
    let error = store.read().unwrap_err().to_string();
    assert!(error.contains("others than its owner may write to it"), "{error}");
}

#[test]
fn writers_wait_for_each_other() {
    let folder = Folder::new();
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let store = folder.store();
            std::thread::spawn(move || {
                for step in 0..10 {
                    let plugin = format!("{thread}/{step}");
                    let identity = Identity::new(plugin, hash(1), None);
                    store.update(|file| file.grant(&identity, &files())).unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(folder.store().read().unwrap().grants.len(), 80);
    let left: Vec<_> = fs::read_dir(folder.path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left.len(), 2, "the file and its lock: {left:?}");
}

/// Writers take turns at a long file and a short one, and whoever reads meanwhile has one of them whole.
#[test]
fn a_reader_never_sees_half_a_file() {
    let folder = Folder::new();
    let store = folder.store();
    store.update(|file| file.grant(&identity(1, None), &files())).unwrap();
    let long = "x".repeat(100_000);
    let ended = std::sync::atomic::AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut reads = 0;
            while !ended.load(std::sync::atomic::Ordering::Relaxed) || reads == 0 {
                let file = folder.store().read().unwrap();
                assert!(file.standing(&identity(1, None)).granted.is_some());
                reads += 1;
            }
            reads
        });
        for _ in 0..100 {
            let identity = Identity::new(long.as_str(), hash(1), None);
            store.update(|file| file.grant(&identity, &files())).unwrap();
            store.update(|file| file.revoke(|entry| entry.plugin == long, None)).unwrap();
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        reading.join().unwrap()
    });
    assert!(reads > 0);
}

/// Another process is killed by the system at the first byte too many, in the middle of what it writes.
#[cfg(unix)]
#[test]
fn a_writer_that_is_killed_leaves_the_file_as_it_was() {
    use std::os::unix::process::ExitStatusExt as _;

    const FILE: &str = "PLUGBAY_TEST_GRANTS";
    const FEW: u64 = 512;
    let long = Identity::new("x".repeat(10_000), hash(1), None);
    if let Some(path) = std::env::var_os(FILE) {
        use rustix::process::{Resource, Rlimit, setrlimit};
        setrlimit(Resource::Fsize, Rlimit { current: Some(FEW), maximum: Some(FEW) }).unwrap();
        GrantStore::at(path).update(|file| file.grant(&long, &files())).unwrap();
        return;
    }
    let folder = Folder::new();
    folder.store().update(|file| file.grant(&identity(1, None), &files())).unwrap();
    let before = fs::read(folder.path()).unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "grants::tests::a_writer_that_is_killed_leaves_the_file_as_it_was"])
        .env(FILE, folder.path())
        .output()
        .unwrap();
    let killed = rustix::process::Signal::XFSZ.as_raw();
    assert_eq!(output.status.signal(), Some(killed), "{output:?}");
    assert_eq!(fs::read(folder.path()).unwrap(), before);
    // It held the lock, and there was a beginning of the new file.
    folder.store().update(|file| file.grant(&long, &files())).unwrap();
    assert!(fs::metadata(folder.path()).unwrap().len() > FEW);
}

#[test]
fn requests_are_bounded() {
    let mut file = GrantFile::default();
    for number in 0..300 {
        let identity = Identity::new(format!("plugin{number}"), hash(1), None);
        assert!(file.ask(&identity, &[Capability::Filesystem]));
    }
    assert_eq!(file.requests.len(), 256);
    assert_eq!(file.requests.last().unwrap().plugin, "plugin299");
}
