//! Files of plugins: given by a grant, each plugin's its own, taken back at once.

#![cfg(all(feature = "wasmtime", feature = "wasmi"))]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test binary")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use plugbay::abi::interface::Hook;
use plugbay::policy::{Capability, Filesystem, Grant};
use plugbay::runtime::wasi::{Errno, FileLimits, Files};
use plugbay::{
    AuditRecord, AuditSink, DataRoot, Host, InstanceSource, Instances, LoadErrorKind, Plugin,
    PluginOptions, backend,
};

/// Appends five bytes to `note`, keeping the file that `init` opened out of it, and answers with
/// the errno of opening and of writing.
const PLUGIN: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "notekept")
    (data (i32.const 32) "hello")
    (data (i32.const 40) "\20\00\00\00\05\00\00\00")
    (global $kept (mut i32) (i32.const -1))
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "free") (param i32))
    (func (export "get_name") (result i64) (i64.const 0x10_00000004))
    ;; What `init` opens stays open.
    (func (export "init") (param i32 i32) (result i32)
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 20) (i32.const 4) (i32.const 1)
        (i64.const 64) (i64.const 0) (i32.const 1) (i32.const 128)))
      (global.set $kept (i32.load (i32.const 128)))
      (i32.const 0))
    (func (export "pre_hook") (param i32 i32) (result i64)
      (i32.store8 (i32.const 200)
        (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 1)
          (i64.const 64) (i64.const 0) (i32.const 1) (i32.const 128)))
      (i32.store8 (i32.const 201)
        (call $write (i32.load (i32.const 128)) (i32.const 40) (i32.const 1) (i32.const 132)))
      (drop (call $close (i32.load (i32.const 128))))
      (i64.const 0xc8_00000002))
    ;; Writes to what `init` opened.
    (func (export "post_hook") (param i32 i32) (result i64)
      (i32.store8 (i32.const 200) (i32.const 0))
      (i32.store8 (i32.const 201)
        (call $write (global.get $kept) (i32.const 40) (i32.const 1) (i32.const 132)))
      (i64.const 0xc8_00000002)))"#;

#[derive(Default)]
struct Records(Mutex<Vec<AuditRecord>>);

impl AuditSink for Records {
    fn record(&self, record: &AuditRecord) {
        self.0.lock().unwrap().push(record.clone());
    }
}

const ENGINES: [&str; 3] = ["wasmtime", "wasmi", "tiered"];

fn host(engine: &str, folder: &Path, audit: &Arc<Records>) -> Host {
    let host = Host::builder().backend(backend(engine).unwrap()).data(DataRoot::new(folder));
    host.audit(audit.clone()).build().unwrap()
}

fn options(name: &str) -> PluginOptions {
    PluginOptions::named(name).with_grant(Grant::none().with(Capability::Filesystem))
}

fn load(host: &Host, options: PluginOptions) -> Plugin {
    let wasm = wat::parse_str(PLUGIN).unwrap();
    pollster::block_on(host.load_unsigned("note", &wasm, options)).unwrap()
}

/// The errno of opening and of writing.
fn told(plugin: &Plugin, hook: Hook) -> (i32, i32) {
    let raw = pollster::block_on(plugin.hook_raw(hook, b"{}")).unwrap();
    let document = raw.document.unwrap();
    let [open, write]: [u8; 2] = document.try_into().unwrap();
    (i32::from(open), i32::from(write))
}

const DONE: (i32, i32) = (0, 0);

#[test]
fn each_plugin_has_files_of_its_own() {
    for engine in ENGINES {
        let folder = tempfile::tempdir().unwrap();
        let host = host(engine, folder.path(), &Arc::default());
        let (one, other) = (load(&host, options("one")), load(&host, options("other")));
        assert_eq!((told(&one, Hook::Pre), told(&one, Hook::Pre)), (DONE, DONE), "{engine}");
        assert_eq!(told(&other, Hook::Pre), DONE, "{engine}");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("one/note"), "hellohello", "{engine}");
        assert_eq!(read("other/note"), "hello", "{engine}");
    }
}

/// The name that a plugin gives itself is `note`: whoever could choose whose files it has would have all.
#[test]
fn the_name_that_a_plugin_gives_itself_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let host = host("wasmi", folder.path(), &Arc::default());
    let wasm = wat::parse_str(PLUGIN).unwrap();
    let mut options = options("");
    options.name = None;
    let plugin = pollster::block_on(host.load_unsigned("its-file", &wasm, options)).unwrap();
    assert_eq!(plugin.name(), "note");
    assert_eq!(told(&plugin, Hook::Pre), DONE);
    assert!(folder.path().join("its-file/note").is_file());
}

#[test]
fn without_the_grant_there_is_no_directory() {
    for engine in ENGINES {
        let folder = tempfile::tempdir().unwrap();
        let records = Arc::new(Records::default());
        let host = host(engine, folder.path(), &records);
        let plugin = load(&host, PluginOptions::named("one"));
        assert_eq!(told(&plugin, Hook::Pre).0, Errno::BadFile.code(), "{engine}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{engine}");
        let records = records.0.lock().unwrap();
        assert!(records.iter().all(|record| record.argument == "path_open"), "{records:?}");
        assert_eq!(records.len(), 2, "{engine}: in `init` and in the hook");
    }
}

#[test]
fn a_grant_that_is_taken_back_ends_at_once() {
    for engine in ENGINES {
        let folder = tempfile::tempdir().unwrap();
        let records = Arc::new(Records::default());
        let host = host(engine, folder.path(), &records);
        let plugin = load(&host, options("one"));
        assert_eq!((told(&plugin, Hook::Pre), told(&plugin, Hook::Post)), (DONE, DONE), "{engine}");
        assert!(records.0.lock().unwrap().is_empty(), "{engine}");

        plugin.granted().replace(Grant::none());
        let denied = Errno::NotPermitted.code();
        assert_eq!(told(&plugin, Hook::Pre).0, denied, "{engine}");
        assert_eq!(told(&plugin, Hook::Post).1, denied, "{engine}: what is open is closed to it");
        let kept = std::fs::read_to_string(folder.path().join("one/kept")).unwrap();
        assert_eq!(kept, "hello", "{engine}");
        let taken = std::mem::take(&mut *records.0.lock().unwrap());
        assert!(taken.iter().any(|record| record.argument.contains("\"note\"")), "{taken:?}");

        plugin.granted().replace(Grant::none().with(Capability::Filesystem));
        assert_eq!((told(&plugin, Hook::Pre), told(&plugin, Hook::Post)), (DONE, DONE), "{engine}");
    }
}

#[test]
fn a_grants_quota_holds() {
    let folder = tempfile::tempdir().unwrap();
    let host = host("wasmtime", folder.path(), &Arc::default());
    let mut filesystem = Filesystem::default();
    (filesystem.quota_bytes, filesystem.max_files) = (12, 2);
    let mut grant = Grant::none();
    grant.filesystem = Some(filesystem.clone());
    let plugin = load(&host, PluginOptions::named("small").with_grant(grant.clone()));
    assert_eq!((told(&plugin, Hook::Pre), told(&plugin, Hook::Pre)), (DONE, DONE));
    assert_eq!(told(&plugin, Hook::Pre), (0, Errno::Quota.code()));
    // The next one to run finds it as full.
    let again = load(&host, PluginOptions::named("small").with_grant(grant.clone()));
    assert_eq!(told(&again, Hook::Pre), (0, Errno::Quota.code()));
    filesystem.read_only = true;
    grant.filesystem = Some(filesystem);
    let reading = load(&host, PluginOptions::named("small").with_grant(grant));
    assert_ne!(told(&reading, Hook::Pre).0, 0);
}

/// A copy of a snapshot would have the number of a file that is open in no copy.
#[test]
fn fresh_instances_have_what_their_init_opened() {
    for engine in ENGINES {
        let folder = tempfile::tempdir().unwrap();
        let host = host(engine, folder.path(), &Arc::default());
        let plugin = load(&host, options("one").with_instances(Instances::PER_REQUEST));
        assert_ne!(plugin.instance_source(), InstanceSource::Snapshot, "{engine}");
        for _ in 0..3 {
            assert_eq!(told(&plugin, Hook::Post), DONE, "{engine}");
        }
        let kept = std::fs::read_to_string(folder.path().join("one/kept")).unwrap();
        assert_eq!(kept, "hellohellohello", "{engine}");
    }
}

#[test]
fn what_cannot_confine_files_is_given_none() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = wat::parse_str(PLUGIN).unwrap();
    let host = host("shadow", folder.path(), &Arc::default());
    let error =
        pollster::block_on(host.load_unsigned("note", &wasm, options("one"))).err().unwrap();
    assert!(matches!(error.kind, LoadErrorKind::FilesNotConfined { backend: "shadow" }), "{error}");
    let error = error.to_string();
    assert!(error.contains("`shadow`"), "{error}");
    // Files of the embedder's own are no other.
    let files = Files::open(folder.path(), FileLimits::new(1 << 20, 10)).unwrap();
    let options = PluginOptions::named("one").with_files(files.clone());
    assert!(pollster::block_on(host.load_unsigned("note", &wasm, options)).is_err());
    let host = Host::builder().backend(backend("wasmi").unwrap()).build().unwrap();
    let plugin = load(&host, PluginOptions::named("one").with_files(files.clone()));
    assert_eq!(told(&plugin, Hook::Pre), DONE);
    assert_eq!(files.usage().bytes, 5);
}

/// Reads `swap/note` into its answer, after the errno of opening it, and truncates and writes to `swap/note` when it
/// is asked by another hook.
#[cfg(unix)]
const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "swap/note")
    (data (i32.const 48) "\c9\00\00\00\40\00\00\00")
    (data (i32.const 64) "name")
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "free") (param i32))
    (func (export "get_name") (result i64) (i64.const 0x40_00000004))
    (func $note (param $flags i32) (param $rights i64) (result i32)
      (call $open (i32.const 3) (i32.const 1) (i32.const 16) (i32.const 9) (local.get $flags)
        (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 128)))
    (func (export "pre_hook") (param i32 i32) (result i64)
      (i32.store8 (i32.const 200) (call $note (i32.const 0) (i64.const 2)))
      (i32.store (i32.const 132) (i32.const 0))
      (if (i32.eqz (i32.load8_u (i32.const 200)))
        (then
          (drop (call $read (i32.load (i32.const 128)) (i32.const 48) (i32.const 1) (i32.const 132)))
          (drop (call $close (i32.load (i32.const 128))))))
      (i64.add (i64.const 0xc8_00000001) (i64.extend_i32_u (i32.load (i32.const 132)))))
    (func (export "post_hook") (param i32 i32) (result i64)
      (i32.store8 (i32.const 200) (call $note (i32.const 9) (i64.const 64)))
      (if (i32.eqz (i32.load8_u (i32.const 200)))
        (then
          (drop (call $write (i32.load (i32.const 128)) (i32.const 48) (i32.const 1) (i32.const 132)))
          (drop (call $close (i32.load (i32.const 128))))))
      (i64.const 0xc8_00000001)))"#;

/// Another process puts a hard link and a symbolic link to what is outside into the way of calls, as fast as it can and
/// for as long as they go on: what is outside is neither read nor changed.
#[cfg(unix)]
#[test]
fn links_that_another_process_swaps_during_calls_lead_nowhere() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::fs::symlink;
    use std::process::{Command, Stdio};

    const FOLDER: &str = "PLUGBAY_TEST_SWAPPED";
    const CALLS: usize = 1_500;
    const OWN: &[u8] = b"own";
    const SECRET: &[u8] = b"secret";
    let paths = |root: &Path| (root.join("data/reader/swap"), root.join("outside"));
    if let Some(root) = std::env::var_os(FOLDER) {
        let (swap, outside) = paths(Path::new(&root));
        // Its parent's word is the end of its stdin.
        let ended = std::thread::spawn(|| std::io::stdin().lines().count());
        println!("\nswapping");
        let (note, link, dir) =
            (swap.join("note"), swap.with_file_name("link"), swap.with_file_name("dir"));
        symlink(&outside, &link).unwrap();
        while !ended.is_finished() {
            // The directory gives way to a link to the outside, and comes back.
            std::fs::rename(&swap, &dir).unwrap();
            std::fs::rename(&link, &swap).unwrap();
            std::hint::spin_loop();
            std::fs::rename(&swap, &link).unwrap();
            std::fs::rename(&dir, &swap).unwrap();
            // The file in it becomes a second name of the secret, and again one of its own.
            let _ = std::fs::remove_file(&note);
            let _ = std::fs::hard_link(outside.join("note"), &note);
            std::hint::spin_loop();
            let _ = std::fs::remove_file(&note);
            std::fs::write(swap.join("new"), OWN).unwrap();
            std::fs::rename(swap.join("new"), &note).unwrap();
        }
        return;
    }
    for engine in ["wasmtime", "wasmi"] {
        let folder = tempfile::tempdir().unwrap();
        let (swap, outside) = paths(folder.path());
        std::fs::create_dir_all(&swap).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("note"), SECRET).unwrap();
        std::fs::write(swap.join("note"), OWN).unwrap();
        let host = host(engine, &folder.path().join("data"), &Arc::default());
        let wasm = wat::parse_str(READER).unwrap();
        let plugin =
            pollster::block_on(host.load_unsigned("reader", &wasm, options("reader"))).unwrap();
        let call =
            |hook| pollster::block_on(plugin.hook_raw(hook, b"{}")).unwrap().document.unwrap();
        assert_eq!(call(Hook::Pre), [&[0], OWN].concat(), "{engine}: undisturbed");

        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "links_that_another_process_swaps_during_calls_lead_nowhere"])
            .arg("--nocapture")
            .env(FOLDER, folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "swapping"));
        let drained = std::thread::spawn(move || lines.count());
        let mut refused = 0;
        for _ in 0..CALLS {
            let read = call(Hook::Pre);
            // Of a file that is being written there may be less, and of the guest's own writes other bytes.
            let found = &read[1..];
            assert!(!found.starts_with(&SECRET[..1]), "{engine}: {read:?}");
            refused += usize::from(read[0] != 0);
            call(Hook::Post);
        }
        child.stdin.take().unwrap().flush().unwrap();
        assert!(child.wait().unwrap().success(), "{engine}");
        drained.join().unwrap();
        assert!(refused > 0, "{engine}: the two never met");
        assert_eq!(std::fs::read(outside.join("note")).unwrap(), SECRET, "{engine}");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1, "{engine}");
    }
}
