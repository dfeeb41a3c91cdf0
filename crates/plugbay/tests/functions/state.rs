//! `kv_*`: what a plugin keeps.

use plugbay::abi::interface::Hook;
use plugbay::{DataRoot, Host, PluginOptions, backend};

use super::script::{Arg, ENGINES, Script, grant, load, run};

fn host(engine: &str, folder: &std::path::Path) -> Host {
    let host = Host::builder().backend(backend(engine).unwrap()).data(DataRoot::new(folder));
    host.build().unwrap()
}

#[test]
fn what_is_set_is_there_until_it_is_deleted() {
    let script = Script::new()
        .call("kv_get", ["a".into()])
        .call("kv_set", ["a".into(), vec![1, 0, 2].into()])
        .call("kv_get", ["a".into()])
        .call("kv_swap", ["a".into(), vec![9].into(), vec![3].into()])
        .call("kv_swap", ["a".into(), vec![1, 0, 2].into(), vec![3].into()])
        .call("kv_swap", ["b".into(), Arg::Absent, "new".into()])
        .call("kv_swap", ["b".into(), Arg::Absent, "newer".into()])
        .call("kv_swap", ["b".into(), "new".into(), Arg::Absent])
        .call("kv_get", ["b".into()])
        .call("kv_delete", ["a".into()])
        .call("kv_delete", ["a".into()])
        .call("kv_set", ["empty".into(), "".into()])
        .call("kv_get", ["empty".into()])
        .call("kv_get", ["".into()])
        .call("kv_get", [vec![b'k'; 1_025].into()])
        .call("kv_set", ["a".into(), vec![0; (1 << 20) + 1].into()])
        .call("kv_delete", ["empty".into()]);
    for engine in ENGINES {
        let folder = tempfile::tempdir().unwrap();
        let plugin = load(&host(engine, folder.path()), &script, grant(r#"["Filesystem"]"#));
        let told = run(&plugin);
        let results: Vec<i64> = told.iter().map(|told| told.result).collect();
        assert_eq!(results, [0, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1, -2, -2, -3, 1], "{engine}");
        assert_eq!(told[2].parts, [None, Some(vec![1, 0, 2]), None]);
        assert_eq!(told[3].parts[1], Some(vec![1, 0, 2]), "what is there instead");
        assert_eq!(told[6].text(), "new");
        assert_eq!(told[12].parts[1], Some(Vec::new()));
    }
}

#[test]
fn it_is_kept_over_restarts_and_is_each_plugins_own() {
    for engine in ENGINES {
        let folder = tempfile::tempdir().unwrap();
        let set = Script::new().call("kv_set", ["a".into(), "kept".into()]);
        let get = Script::new().call("kv_get", ["a".into()]);
        run(&load(&host(engine, folder.path()), &set, grant(r#"["Filesystem"]"#)));
        let host = host(engine, folder.path());
        assert_eq!(run(&load(&host, &get, grant(r#"["Filesystem"]"#)))[0].text(), "kept");
        let options =
            PluginOptions::named("another").with_grant(grant(r#"["Filesystem"]"#));
        let module = get.module(false);
        let load = host.load_unsigned("another", &module, options);
        let another = pollster::block_on(load).unwrap();
        assert_eq!(run(&another)[0].result, 0, "{engine}");
    }
}

#[test]
fn a_quota_and_a_right_to_write() {
    let script = Script::new()
        .call("kv_set", ["a".into(), vec![0; 60].into()])
        .call("kv_set", ["b".into(), vec![0; 60].into()])
        .call("kv_set", ["a".into(), vec![0; 10].into()])
        .call("kv_set", ["b".into(), vec![0; 60].into()])
        .call("kv_set", ["c".into(), "".into()]);
    for engine in ENGINES {
        let folder = tempfile::tempdir().unwrap();
        let host = host(engine, folder.path());
        let few = grant(r#"{"Filesystem": {"quota_bytes": 100, "max_files": 2}}"#);
        let told = run(&load(&host, &script, few));
        let results: Vec<i64> = told.iter().map(|told| told.result).collect();
        assert_eq!(results, [0, -3, 0, 0, -3], "{engine}: {told:?}");

        let script = Script::new()
            .call("kv_get", ["a".into()])
            .call("kv_set", ["a".into(), "".into()])
            .call("kv_delete", ["a".into()]);
        let told = run(&load(&host, &script, grant(r#"{"Filesystem": {"read_only": true}}"#)));
        let results: Vec<i64> = told.iter().map(|told| told.result).collect();
        assert_eq!(results, [1, -1, -1], "{engine}");
        assert!(told[1].failure("denied").contains("may only be read"));
    }
}

/// Instances of one plugin count together: each adds one, as often as another was quicker.
#[test]
fn instances_count_together() {
    // Reads the number under `n`, swaps it for the next one, and tries again when it was another.
    let wat = r#"(module
        (import "plugbay" "kv_get" (func $get (param i32 i32) (result i32)))
        (import "plugbay" "kv_swap" (func $swap (param i32 i32 i32 i32 i32 i32) (result i32)))
        (import "plugbay" "answer_read" (func $read (param i32 i64 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "n")
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "get_name") (result i64) (i64.const 0))
        (func (export "pre_hook") (param i32 i32) (result i64) (local $old i32)
          (loop $again
            (local.set $old (i32.const -1))
            (i64.store (i32.const 16) (i64.const 0))
            (if (i32.eq (call $get (i32.const 0) (i32.const 1)) (i32.const 1)) (then
              (local.set $old (call $read (i32.const 1) (i64.const 0) (i32.const 16) (i32.const 8)))))
            (i64.store (i32.const 24) (i64.add (i64.load (i32.const 16)) (i64.const 1)))
            (br_if $again (i32.ne (i32.const 1) (call $swap (i32.const 0) (i32.const 1)
              (i32.const 16) (local.get $old) (i32.const 24) (i32.const 8)))))
          (i64.const 0x18_00000008)))"#;
    let wasm = wat::parse_str(wat).unwrap();
    for engine in ["wasmtime", "wasmi"] {
        let folder = tempfile::tempdir().unwrap();
        let host = host(engine, folder.path());
        let options = PluginOptions::named("count")
            .with_grant(grant(r#"["Filesystem"]"#))
            .with_instances(std::num::NonZeroUsize::new(4).unwrap());
        let plugin = pollster::block_on(host.load_unsigned("count", &wasm, options)).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        pollster::block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap();
                    }
                });
            }
        });
        let last = pollster::block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap();
        assert_eq!(last.document.unwrap(), 41_u64.to_le_bytes(), "{engine}");
    }
}
