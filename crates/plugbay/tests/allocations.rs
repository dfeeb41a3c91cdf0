//! What a guest merely announces is not allocated: lengths of four gigabytes cost the host next to nothing, on every
//! engine.

#![cfg(all(feature = "wasmtime", feature = "wasmi"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test binary")]

use plugbay::abi::interface::Hook;
use plugbay::policy::{Capability, Grant};
use plugbay::{Host, Plugin, PluginOptions, backend};
use pollster::block_on;

const ENGINES: [&str; 2] = ["wasmtime", "wasmi"];

/// Room for whatever a call keeps of itself, and far from what is announced.
const MOST: u64 = 1 << 20;

/// Returns `packed` from its hook.
fn answers(packed: u64) -> String {
    format!(
        r#"(module (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "free") (param i32))
            (func (export "get_name") (result i64) (i64.const 0))
            (func (export "pre_hook") (param i32 i32) (result i64) (i64.const {packed})))"#
    )
}

/// Calls a function of the host with `arguments` in its hook. At 64 is a buffer of four gigabytes, as WASI has them.
fn asks(module: &str, function: &str, parameters: &str, arguments: &str) -> String {
    format!(
        r#"(module
            (import "{module}" "{function}" (func $ask (param {parameters}) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 64) "\00\00\00\00\ff\ff\ff\ff")
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "free") (param i32))
            (func (export "get_name") (result i64) (i64.const 0))
            (func (export "pre_hook") (param i32 i32) (result i64)
                (drop (call $ask {arguments}))
                (i64.const 0)))"#
    )
}

fn load(engine: &str, wat: &str) -> Plugin {
    let host = Host::builder().backend(backend(engine).unwrap()).build().unwrap();
    // Every capability that is given without arguments: what is refused at once shows nothing.
    let grant = Capability::ALL.into_iter().filter(|capability| capability.alone().is_some());
    let grant = grant.fold(Grant::none(), Grant::with);
    let options = PluginOptions::named("greedy").with_grant(grant);
    block_on(host.load_unsigned("greedy", &wat::parse_str(wat).unwrap(), options)).unwrap()
}

/// The most bytes that a call of the hook held at one time, and how it ended.
fn held(plugin: &Plugin) -> (u64, Result<(), String>) {
    let mut ended = Ok(());
    let measured = allocation_counter::measure(|| {
        let called = block_on(plugin.hook_raw(Hook::Pre, b"{}"));
        ended = called.map(drop).map_err(|error| error.to_string());
    });
    (measured.bytes_max, ended)
}

#[test]
fn an_output_of_four_gigabytes_is_refused_before_it_is_allocated() {
    for engine in ENGINES {
        for packed in [u64::from(u32::MAX), u64::MAX, 1 << 32 | 0xffff_0000] {
            let (bytes, ended) = held(&load(engine, &answers(packed)));
            assert!(ended.unwrap_err().contains("do not lie in a memory of"), "{engine}");
            assert!(bytes < MOST, "{engine}: {bytes} bytes for {packed:#x}");
        }
    }
}

#[test]
fn a_name_of_four_gigabytes_is_refused_before_it_is_allocated() {
    let wat = answers(0).replace(
        r#""get_name") (result i64) (i64.const 0)"#,
        r#""get_name") (result i64) (i64.const 0xffffffff)"#,
    );
    let wasm = wat::parse_str(wat).unwrap();
    for engine in ENGINES {
        let host = Host::builder().backend(backend(engine).unwrap()).build().unwrap();
        let mut error = String::new();
        let measured = allocation_counter::measure(|| {
            let loaded = block_on(host.load_unsigned("n", &wasm, PluginOptions::default()));
            error = loaded.map(drop).unwrap_err().to_string();
        });
        assert!(error.contains("do not lie in a memory of"), "{engine}: {error}");
        // Compiling is in it.
        assert!(measured.bytes_max < 64 * MOST, "{engine}: {measured:?}");
    }
}

#[test]
fn what_a_host_function_is_given_is_not_allocated_before_it_is_looked_at() {
    let wasi = "wasi_snapshot_preview1";
    for (module, function, parameters, arguments) in [
        (
            wasi,
            "fd_write",
            "i32 i32 i32 i32",
            "(i32.const 1) (i32.const 64) (i32.const 1) (i32.const 0)",
        ),
        (
            wasi,
            "fd_read",
            "i32 i32 i32 i32",
            "(i32.const 0) (i32.const 64) (i32.const 1) (i32.const 0)",
        ),
        // As many buffers as there can be, and as many subscriptions.
        (
            wasi,
            "fd_write",
            "i32 i32 i32 i32",
            "(i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0)",
        ),
        (
            wasi,
            "poll_oneoff",
            "i32 i32 i32 i32",
            "(i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0)",
        ),
        (wasi, "random_get", "i32 i32", "(i32.const 0) (i32.const -1)"),
        ("plugbay", "random", "i32 i32", "(i32.const 0) (i32.const -1)"),
        ("plugbay", "log", "i32 i32 i32", "(i32.const 2) (i32.const 0) (i32.const -1)"),
        (
            "plugbay",
            "http_request",
            "i32 i32 i32 i32",
            "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)",
        ),
        (
            "plugbay",
            "kv_set",
            "i32 i32 i32 i32",
            "(i32.const 0) (i32.const 1) (i32.const 0) (i32.const -1)",
        ),
    ] {
        for engine in ENGINES {
            let plugin = load(engine, &asks(module, function, parameters, arguments));
            let (bytes, ended) = held(&plugin);
            assert!(bytes < MOST, "{engine}: {function}: {bytes} bytes, {ended:?}");
        }
    }
}
