//! What a plugin may do is asked before its `init` and at each call, what it was refused is recorded, and each call
//! into the host can be shown: on every engine.

#![cfg(all(feature = "wasmtime", feature = "wasmi"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test binary")]

use std::sync::{Arc, Mutex};

use plugbay::policy::{Capability, Grant, Request};
use plugbay::{
    AuditOutcome, AuditRecord, AuditSink, GrantStore, Host, HostCallTrace, HostTrace, Identity,
    Plugin, PluginOptions, backend, module_hash,
};
use serde_json::value::RawValue;

/// Asks for files and tries one in `init` and in `execute`; prints and asks for a seed as well.
const PLUGIN: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "env" "seed" (func $seed (result f64)))
    (memory (export "memory") 1)
    (data (i32.const 16) "[\"Filesystem\", \"Midi\"]\00")
    (data (i32.const 64) "hi\n")
    (data (i32.const 72) "\40\00\00\00\03\00\00\00")
    (func (export "capabilities") (result i32) (i32.const 16))
    (func $try (result i32)
      (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 2) (i32.const 0)
                  (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 128)))
    (func (export "init") (drop (call $try)))
    (func (export "execute") (param i32 i32) (result i32)
      (drop (call $write (i32.const 1) (i32.const 72) (i32.const 1) (i32.const 84)))
      (drop (call $seed))
      (if (i32.eq (local.get 1) (i32.const 4)) (then (call $exit (i32.const 9))))
      (drop (call $try))
      (i32.const 0)))"#;

#[derive(Default)]
struct Records(Mutex<Vec<AuditRecord>>);

impl AuditSink for Records {
    fn record(&self, record: &AuditRecord) {
        self.0.lock().unwrap().push(record.clone());
    }
}

#[derive(Default)]
struct Calls(Mutex<Vec<String>>);

impl HostTrace for Calls {
    fn call(&self, call: &HostCallTrace) {
        assert_eq!(call.plugin, "files");
        self.0.lock().unwrap().push(call.to_string());
    }
}

const ENGINES: [&str; 4] = ["wasmtime", "wasmi", "tiered", "shadow"];

fn wasm() -> Vec<u8> {
    wat::parse_str(PLUGIN).unwrap()
}

fn load(host: &Host, name: &str) -> Plugin {
    pollster::block_on(host.load_unsigned(name, &wasm(), PluginOptions::default())).unwrap()
}

#[test]
fn a_refused_file_is_recorded_in_init_and_in_each_call() {
    for engine in ENGINES {
        let records = Arc::new(Records::default());
        let host = Host::builder().backend(backend(engine).unwrap()).audit(records.clone());
        let host = host.build().unwrap();
        let plugin = load(&host, "files");
        assert_eq!(plugin.not_granted(), [Capability::Filesystem]);
        pollster::block_on(plugin.execute(RawValue::NULL, &Default::default())).ok();
        let taken = std::mem::take(&mut *records.0.lock().unwrap());
        assert_eq!(
            taken.len(),
            1,
            "{engine}: {taken:?}: `null` has four bytes, and the plugin exits"
        );
        let params = RawValue::from_string("{}".to_owned()).unwrap();
        pollster::block_on(plugin.execute(&params, &Default::default())).unwrap();
        let taken: Vec<_> =
            taken.into_iter().chain(std::mem::take(&mut *records.0.lock().unwrap())).collect();
        // The first instance's `init`, that of the one that came after the exit, and the call.
        assert_eq!(taken.len(), 3, "{engine}: {taken:?}");
        for record in taken {
            assert_eq!(record.plugin, "files");
            assert_eq!(record.sha256, Some(module_hash(&wasm())));
            assert_eq!(record.capability, Capability::Filesystem);
            assert_eq!(record.argument, "path_open");
            assert_eq!(record.outcome, AuditOutcome::Denied);
        }
        // Where it is granted there are no files yet, and that is no refusal of this kind.
        plugin.granted().replace(Grant::none().with(Capability::Filesystem));
        pollster::block_on(plugin.execute(&params, &Default::default())).unwrap();
        assert!(records.0.lock().unwrap().is_empty(), "{engine}");
    }
}

#[test]
fn what_a_store_grants_counts_and_what_is_lacking_waits_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grants.json");
    let store = Arc::new(GrantStore::at(&path));
    let host = Host::builder().grants(store.clone()).build().unwrap();
    let plugin = load(&host, "lamp");
    let requests = store.read().unwrap().requests;
    assert_eq!((requests.len(), &*requests[0].plugin), (1, "lamp"));
    assert_eq!(requests[0].asks, [Capability::Filesystem], "Midi is of low risk");
    let file = Request::File { path: "/x".to_owned(), write: true };
    assert!(plugin.granted().check(&file).is_err());
    let identity = Identity::new("lamp", module_hash(&wasm()), None);
    let files = Grant::none().with(Capability::Filesystem);
    GrantStore::at(&path).update(|store| store.grant(&identity, &files)).unwrap();
    assert!(plugin.granted().check(&file).is_ok(), "without being loaded again");
    assert_eq!(plugin.not_granted(), []);
    GrantStore::at(&path).update(|store| store.revoke(|_| true, None)).unwrap();
    assert!(plugin.granted().check(&file).is_err());
}

/// What it asks for is known before `init` runs: also of a plugin that does not survive it.
#[test]
fn what_a_plugin_asks_for_is_known_before_its_init() {
    let text = PLUGIN.replace("(func (export \"init\")", "(func (export \"init\") (unreachable)");
    let wasm = wat::parse_str(text).unwrap();
    for engine in ENGINES {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(GrantStore::at(folder.path().join("grants.json")));
        let host = Host::builder().backend(backend(engine).unwrap()).grants(store.clone());
        let host = host.build().unwrap();
        let loaded =
            pollster::block_on(host.load_unsigned("lamp", &wasm, PluginOptions::default()));
        assert!(loaded.err().unwrap().to_string().contains("`init` failed"), "{engine}");
        assert_eq!(store.read().unwrap().requests[0].asks, [Capability::Filesystem], "{engine}");
    }
}

#[test]
fn each_call_into_the_host_is_shown() {
    for engine in ENGINES {
        let calls = Arc::new(Calls::default());
        let host = Host::builder().backend(backend(engine).unwrap()).trace(calls.clone());
        let host = host.build().unwrap();
        let plugin = load(&host, "files");
        let shown = |calls: &Calls| std::mem::take(&mut *calls.0.lock().unwrap());
        let denied = "wasi_snapshot_preview1.path_open(3, 0, 64, 2, 0, 0, 0, 0, 128) -> 8 \
                      [denied: Filesystem is not granted]";
        assert_eq!(shown(&calls), [denied], "{engine}");
        let params = RawValue::from_string("{}".to_owned()).unwrap();
        pollster::block_on(plugin.execute(&params, &Default::default())).unwrap();
        let mut lines = shown(&calls);
        assert_eq!(lines[0], "wasi_snapshot_preview1.fd_write(1, 72, 1, 84) -> 0 [always allowed]");
        let seed = lines[1].strip_prefix("env.seed() -> ").unwrap();
        let seed = seed.strip_suffix(" [always allowed]").unwrap();
        assert!(seed.parse::<f64>().is_ok(), "{seed}");
        assert_eq!(lines.split_off(2), [denied], "{engine}");
        // Revoked and granted in between, it is shown as it is decided.
        plugin.granted().replace(Grant::none().with(Capability::Filesystem));
        pollster::block_on(plugin.execute(&params, &Default::default())).unwrap();
        assert!(shown(&calls)[2].ends_with("-> 8 [Filesystem granted]"), "{engine}");
        pollster::block_on(plugin.execute(RawValue::NULL, &Default::default())).unwrap_err();
        drop(plugin);
        assert_eq!(
            shown(&calls)[2],
            "wasi_snapshot_preview1.proc_exit(9) stopped the plugin: the plugin exited with code 9 [always allowed]",
            "{engine}"
        );
    }
}
