//! The host over each engine of this build: loading, calling, replacing, shutting down.

#![allow(missing_docs, reason = "a test binary")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail as the test does"
)]

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use plugbay::abi::action::TriggerContext;
use plugbay::abi::hook::{Context, HttpPreInput, HttpPreOutcome, HttpRequest, Written};
use plugbay::abi::interface::{Hook, World};
use plugbay::policy::{Capability, Grant, Limits};
use plugbay::runtime::Stream;
use plugbay::{Host, InputPlacement, LoadError, Plugin, PluginError, PluginOptions, PluginOutput};
use pollster::block_on;
use serde_json::value::RawValue;

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl PluginOutput for Lines {
    fn line(&self, plugin: &str, _: Stream, line: &str) {
        self.0.lock().unwrap().push(format!("{plugin}: {line}"));
    }
}

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn host(backend: &str) -> (Host, Arc<Lines>) {
    let lines = Arc::new(Lines::default());
    let host = Host::builder()
        .backend(plugbay::backend(backend).unwrap())
        .output(lines.clone())
        .build()
        .unwrap();
    (host, lines)
}

fn load(host: &Host, wat: &str, options: PluginOptions) -> Result<Plugin, LoadError> {
    block_on(host.load_unsigned("test", &wat::parse_str(wat).unwrap(), options))
}

fn json(text: &str) -> Box<RawValue> {
    serde_json::from_str(text).unwrap()
}

/// A hook plugin in WAT: a bump allocator, a name, and `body` for the rest. Constants for
/// results are `(data (i32.const P) "text")` and `(call $packed P LEN)`.
fn hook_plugin(body: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") 2)
            (global $heap (mut i32) (i32.const 65536))
            (data (i32.const 16) "guest")
            (func $packed (param i32 i32) (result i64)
                (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))
                        (i64.extend_i32_u (local.get 1))))
            (func (export "malloc") (param i32) (result i32)
                (local $at i32)
                (local.set $at (global.get $heap))
                (global.set $heap (i32.add (global.get $heap) (local.get 0)))
                (local.get $at))
            (func (export "get_name") (result i64) (call $packed (i32.const 16) (i32.const 5)))
            {body})"#
    )
}

/// A data segment at `at` and a `pre`-like function that returns it.
fn returns(export: &str, at: u32, text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        r#"(data (i32.const {at}) "{escaped}")
           (func (export "{export}") (param i32 i32) (result i64)
               (call $packed (i32.const {at}) (i32.const {})))"#,
        text.len()
    )
}

fn request() -> Written<HttpRequest> {
    Written::new(HttpRequest {
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        headers: Default::default(),
        query: Default::default(),
        body: Default::default(),
        extra: Default::default(),
    })
}

fn names_and_exports(backend: &str) {
    let (host, _) = host(backend);
    assert_eq!(host.backend_name(), backend);
    let plugin =
        load(&host, &hook_plugin(&returns("pre_hook", 1024, "{}")), PluginOptions::default())
            .unwrap();
    assert_eq!(plugin.name(), "guest");
    assert_eq!(plugin.interface().world, World::Hook);
    let named = PluginOptions::named("configured");
    let plugin = load(&host, &hook_plugin(&returns("pre_hook", 1024, "{}")), named).unwrap();
    assert_eq!((plugin.name(), plugin.guest_name()), ("configured", Some("guest")));
}

fn a_typed_call_applies_what_came_back(backend: &str) {
    let (host, _) = host(backend);
    let output =
        r#"{"context":{"seen":true},"request":{"path":"/other"},"has_response":false,"error":""}"#;
    let plugin = load(
        &host,
        &hook_plugin(&returns("http_pre_hook", 1024, output)),
        PluginOptions::default(),
    )
    .unwrap();
    let (mut context, request) = (Context::new("r-1"), request());
    let input = HttpPreInput { context: &context, request: &request };
    let returned = block_on(plugin.http_pre(&input)).unwrap().unwrap();
    let HttpPreOutcome::Request(changed) = returned.apply(&mut context) else {
        panic!("the request was to change")
    };
    assert_eq!((changed.method.as_str(), changed.path.as_str()), ("POST", "/other"));
    assert_eq!(context.raw("seen").unwrap().get(), "true");
}

fn a_hook_that_is_not_exported_is_not_called(backend: &str) {
    let (host, _) = host(backend);
    let plugin =
        load(&host, &hook_plugin(&returns("pre_hook", 1024, "{}")), PluginOptions::default())
            .unwrap();
    let (context, request) = (Context::new("r-1"), request());
    let input = HttpPreInput { context: &context, request: &request };
    assert!(block_on(plugin.http_pre(&input)).unwrap().is_none());
    let error = block_on(plugin.hook_raw(Hook::Post, b"{}")).unwrap_err();
    assert!(matches!(error, PluginError::NotExported { export: "post_hook", .. }), "{error}");
}

fn a_bad_document_names_plugin_hook_and_field(backend: &str) {
    let (host, _) = host(backend);
    let output = r#"{"request":{"headers":{"accept":7}}}"#;
    let plugin = load(
        &host,
        &hook_plugin(&returns("http_pre_hook", 1024, output)),
        PluginOptions::default(),
    )
    .unwrap();
    let (context, request) = (Context::new("r-1"), request());
    let input = HttpPreInput { context: &context, request: &request };
    let error = block_on(plugin.http_pre(&input)).unwrap_err().to_string();
    for part in ["`guest`", "`http_pre_hook`", "request.headers.accept", "expected a string"] {
        assert!(error.contains(part), "{error}");
    }
}

fn what_is_no_document_names_plugin_and_hook(backend: &str) {
    let (host, _) = host(backend);
    for (bytes, wanted) in [("{\\ff\\fe", "not UTF-8"), ("{{{", "invalid output JSON")] {
        let wat = hook_plugin(&format!(
            r#"(data (i32.const 1024) "{bytes}")
               (func (export "http_pre_hook") (param i32 i32) (result i64)
                   (call $packed (i32.const 1024) (i32.const 3)))"#
        ));
        let plugin = load(&host, &wat, PluginOptions::default()).unwrap();
        let (context, request) = (Context::new("r-1"), request());
        let input = HttpPreInput { context: &context, request: &request };
        let error = block_on(plugin.http_pre(&input)).unwrap_err().to_string();
        for part in ["`guest`", "`http_pre_hook`", wanted] {
            assert!(error.contains(part), "{error}");
        }
    }
}

/// Counts its calls in memory; traps on the third.
const COUNTER: &str = r#"
    (global $calls (mut i32) (i32.const 0))
    (func (export "pre_hook") (param i32 i32) (result i64)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.eq (global.get $calls) (i32.const 3)) (then unreachable))
        (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $calls)))
        (call $packed (i32.const 1024) (i32.const 1)))"#;

fn a_trap_costs_the_instance_and_not_the_next_call(backend: &str) {
    let (host, _) = host(backend);
    let options = PluginOptions::default().with_instances(NonZeroUsize::MIN);
    let plugin = load(&host, &hook_plugin(COUNTER), options).unwrap();
    let call = || block_on(plugin.hook_raw(Hook::Pre, b"{}")).map(|raw| raw.document.unwrap());
    assert_eq!(call().unwrap(), b"1");
    assert_eq!(call().unwrap(), b"2");
    let error = call().unwrap_err();
    assert_eq!(error.class(), "unreachable");
    assert_eq!(call().unwrap(), b"1", "a fresh instance has counted nothing");
}

fn a_call_that_is_dropped_takes_its_instance_along(backend: &str) {
    let (host, _) = host(backend);
    let endless = hook_plugin(
        r#"(global $calls (mut i32) (i32.const 0))
           (func (export "pre_hook") (param i32 i32) (result i64)
               (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
               (if (i32.eq (global.get $calls) (i32.const 1)) (then (loop $l (br $l))))
               (i64.const 0))
           (func (export "post_hook") (param i32 i32) (result i64)
               (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $calls)))
               (call $packed (i32.const 1024) (i32.const 1)))"#,
    );
    let options = PluginOptions::default().with_instances(NonZeroUsize::MIN);
    let plugin = load(&host, &endless, options).unwrap();
    {
        // One look at the future runs a slice of the loop; then it is dropped.
        let mut call = Box::pin(plugin.hook_raw(Hook::Pre, b"{}"));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
    }
    let raw = block_on(plugin.hook_raw(Hook::Post, b"{}")).unwrap();
    assert_eq!(raw.document.unwrap(), b"0", "the next call has an instance of its own");
}

fn each_limit_says_what_to_raise(backend: &str) {
    let (host, _) = host(backend);
    let cases = [
        ("(loop $l (br $l)) (i64.const 0)", "Out of fuel", "raise `fuel`"),
        (
            "(if (i32.eq (memory.grow (i32.const 9000)) (i32.const -1)) (then unreachable)) (i64.const 0)",
            "Memory limit exceeded: out of memory",
            "raise `memory_bytes`",
        ),
        ("(call $packed (i32.const 0) (i32.const 4096))", "4096 bytes", "raise `output_bytes`"),
    ];
    let mut limits = Limits::default();
    limits.fuel = 3_000_000.into();
    limits.output_bytes = 100;
    for (body, wanted, cure) in cases {
        let wat = hook_plugin(&format!(
            r#"(func (export "pre_hook") (param i32 i32) (result i64) {body})"#
        ));
        let plugin =
            load(&host, &wat, PluginOptions::default().with_limits(limits.clone())).unwrap();
        let error = block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains(cure), "{error}");
    }
}

fn a_guest_that_never_frees_is_replaced_before_it_starves(backend: &str) {
    let (host, _) = host(backend);
    // Every call keeps a page more; the limit is 16 pages.
    let wat = hook_plugin(
        r#"(func (export "pre_hook") (param i32 i32) (result i64)
               (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
               (i64.const 0))"#,
    );
    let mut limits = Limits::default();
    limits.memory_bytes = 16 * 65_536;
    let options = PluginOptions::default().with_limits(limits).with_instances(NonZeroUsize::MIN);
    let plugin = load(&host, &wat, options).unwrap();
    let mut largest = 0;
    for _ in 0..100 {
        let raw = block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap();
        largest = largest.max(raw.report.memory_bytes);
    }
    assert!(largest < 16 * 65_536, "{largest}");
}

fn host_pages_leave_a_bad_allocator_alone(backend: &str) {
    let (host, _) = host(backend);
    // Its malloc always answers 16, where its own name lies.
    let wat = r#"(module
        (memory (export "memory") 1)
        (data (i32.const 16) "guest")
        (func (export "malloc") (param i32) (result i32) (i32.const 16))
        (func (export "get_name") (result i64) (i64.const 0x1000000005))
        (func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0x1000000005)))"#;
    let load = |input| load(&host, wat, PluginOptions::default().with_input(input)).unwrap();
    let call = |plugin: &Plugin| {
        block_on(plugin.hook_raw(Hook::Pre, b"overwritten")).unwrap().document.unwrap()
    };
    assert_eq!(call(&load(InputPlacement::Malloc)), b"overw");
    assert_eq!(call(&load(InputPlacement::HostPages)), b"guest");
}

fn assembly_scripts_abort_is_told_in_its_own_words(backend: &str) {
    let (host, _) = host(backend);
    let wat = r#"(module
        (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 60) "\0a\00\00\00n\00o\00p\00e\00!\00")
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "get_name") (result i64) (i64.const 0))
        (func (export "pre_hook") (param i32 i32) (result i64)
            (call $abort (i32.const 64) (i32.const 0) (i32.const 3) (i32.const 4))
            (i64.const 0)))"#;
    let plugin = load(&host, wat, PluginOptions::default()).unwrap();
    let error = block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap_err();
    assert_eq!(error.class(), "abort");
    assert!(error.to_string().contains("nope!"), "{error}");
}

/// An action plugin without an allocator: keeps a count, prints, and answers with the first
/// digit of its params as its status.
const ACTION: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global $calls (mut i32) (i32.const 0))
    (data (i32.const 128) "call 0\n")
    (data (i32.const 256) "[\"Midi\",\"filesystem\"]\00")
    (func (export "init"))
    (func (export "capabilities") (result i32) (i32.const 256))
    (func (export "execute") (param $ptr i32) (param $len i32) (result i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i32.store8 (i32.const 133) (i32.add (i32.const 48) (global.get $calls)))
        (i32.store (i32.const 0) (i32.const 128))
        (i32.store (i32.const 4) (i32.const 7))
        (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16)))
        (i32.sub (i32.load8_u (local.get $ptr)) (i32.const 48)))
    (func (export "shutdown")
        (i32.store8 (i32.const 133) (i32.const 33))
        (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;

fn an_action_keeps_its_state_and_reports_its_status(backend: &str) {
    let (host, lines) = host(backend);
    let plugin = load(&host, ACTION, PluginOptions::named("pads")).unwrap();
    assert_eq!(plugin.interface().world, World::Action);
    let execute =
        |params: &str| block_on(plugin.execute(&json(params), &TriggerContext::default()));
    execute("0").unwrap();
    execute("0").unwrap();
    let error = execute("7").unwrap_err();
    assert!(matches!(error, PluginError::Status { status: 7, .. }), "{error}");
    assert!(error.to_string().contains("it printed: call 3"), "{error}");
    execute("0").unwrap();
    block_on(plugin.shutdown()).unwrap();
    assert_eq!(
        lines.take(),
        ["pads: call 1", "pads: call 2", "pads: call 3", "pads: call 4", "pads: call !"]
    );
    let error = execute("0").unwrap_err();
    assert!(matches!(error, PluginError::ShutDown { .. }), "{error}");
    block_on(plugin.shutdown()).unwrap();
}

fn what_is_asked_for_and_not_granted_is_told(backend: &str) {
    let (host, _) = host(backend);
    let plugin = load(&host, ACTION, PluginOptions::default()).unwrap();
    assert_eq!(plugin.capabilities(), [Capability::Midi, Capability::Filesystem]);
    assert_eq!(plugin.not_granted(), [Capability::Filesystem], "Midi is of low risk");
    let options = PluginOptions::default().with_grant(Grant::none().with(Capability::Filesystem));
    assert_eq!(load(&host, ACTION, options).unwrap().not_granted(), []);
}

fn metadata_plugins_take_one_document(backend: &str) {
    let (host, lines) = host(backend);
    // Prints its input.
    let metadata = r#"{"name":"lights","version":"2","capabilities":["Midi"]}"#;
    let wat = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 256) "{}")
            (func (export "init") (result i64)
                (i64.or (i64.shl (i64.const 256) (i64.const 32)) (i64.const {})))
            (func (export "execute") (param $ptr i32) (param $len i32) (result i32)
                (i32.store (i32.const 0) (local.get $ptr))
                (i32.store (i32.const 4) (local.get $len))
                (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))"#,
        metadata.replace('"', "\\\""),
        metadata.len()
    );
    let plugin = load(&host, &wat, PluginOptions::default()).unwrap();
    assert_eq!(plugin.name(), "lights");
    assert_eq!(plugin.capabilities(), [Capability::Midi]);
    let context = TriggerContext { note: Some(60), ..Default::default() };
    block_on(plugin.execute(&json(r#"{"action":"blink"}"#), &context)).unwrap();
    let line = lines.take().remove(0);
    let document: serde_json::Value =
        serde_json::from_str(line.split_once(": ").unwrap().1).unwrap();
    assert_eq!(document["action"], "blink");
    assert_eq!(document["context"]["note"], 60);
    assert_eq!(document["parameters"], serde_json::json!([]));
    assert_eq!(document["params"]["action"], "blink");
}

fn a_plugin_that_cannot_be_loaded_says_why(backend: &str) {
    let (host, _) = host(backend);
    let mut small = Limits::default();
    small.module_bytes = 10;
    let plain = PluginOptions::default;
    let init = |body: &str| {
        hook_plugin(&format!(
            r#"(func (export "init") (param i32 i32) (result i32) {body})
        (func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0))"#
        ))
    };
    for (wat, options, wanted) in [
        ("(module)".to_owned(), plain(), "failed to instantiate WASM module: not a plugin"),
        (hook_plugin(""), plain().with_limits(small), "raise `module_bytes`"),
        (
            r#"(module (import "env" "system" (func)) (memory (export "memory") 1)
                (func (export "execute") (param i32 i32) (result i32) (i32.const 0)))"#
                .to_owned(),
            plain(),
            "failed to instantiate WASM module: unknown import `env.system`",
        ),
        (init("(i32.const 4)"), plain(), "`init` returned 4, wanted 0"),
        (init("unreachable"), plain(), "`init` failed: the plugin aborted"),
        (
            r#"(module (memory (export "memory") 1) (func $s unreachable) (start $s)
                (func (export "execute") (param i32 i32) (result i32) (i32.const 0)))"#
                .to_owned(),
            plain(),
            "failed to instantiate WASM module: the plugin aborted",
        ),
        (
            r#"(module (memory (export "memory") 1) (data (i32.const 8) "[\"Telepathy\"]\00")
                (func (export "capabilities") (result i32) (i32.const 8))
                (func (export "execute") (param i32 i32) (result i32) (i32.const 0)))"#
                .to_owned(),
            plain(),
            "unknown capability \"Telepathy\"",
        ),
    ] {
        let Err(error) = load(&host, &wat, options) else { panic!("loaded, wanted {wanted}") };
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(error.to_string().starts_with("plugin `test`: "), "{error}");
    }
    for (wasm, wanted) in [
        (&b"not wasm"[..], "found a file of 8 bytes that begins with \"not \""),
        (b"", "found a file of 0 bytes"),
        (b"\0asm\x0d\0\x01\0", "found a component, wanted a core module"),
        (b"\0asm\x02\0\0\0", "another version"),
        (b"\0asm\x01\0\0\0\x01", "not a valid WebAssembly module"),
    ] {
        let Err(error) = block_on(host.load_unsigned("junk", wasm, plain())) else {
            panic!("loaded")
        };
        let text = error.to_string();
        assert!(text.contains(wanted) && text.contains("not a valid WebAssembly module"), "{text}");
    }
}

fn what_cannot_be_linked_is_told_without_running(backend: &str) {
    let (host, _) = host(backend);
    for (import, wanted) in [
        (r#"(import "env" "t" (table 1 funcref))"#, Some("unknown import `env.t`")),
        (r#"(import "env" "m" (global i32))"#, Some("unknown import `env.m`")),
        (r#"(import "env" "seed" (func (result f64)))"#, None),
    ] {
        let wat = format!(
            r#"(module {import} (memory (export "memory") 1)
                (func (export "execute") (param i32 i32) (result i32) (i32.const 0)))"#
        );
        let inspection = host.inspect(&wat::parse_str(&wat).unwrap()).unwrap();
        assert_eq!(inspection.is_loadable(), wanted.is_none(), "{import}");
        let told = inspection.unlinkable.map(|error| error.to_string());
        assert_eq!(told.as_deref(), wanted, "{import}");
    }
}

fn a_guests_name_cannot_forge_a_line(backend: &str) {
    let (host, _) = host(backend);
    let wat = hook_plugin(r#"(data (i32.const 16) "a\1b\0ab")"#);
    let plugin = load(&host, &wat, PluginOptions::default()).unwrap();
    assert_eq!(plugin.name(), "a\u{fffd}\u{fffd}bt");
}

fn init_is_given_its_configuration(backend: &str) {
    let (host, _) = host(backend);
    // `init` keeps where its configuration lies; the hook returns it.
    let wat = hook_plugin(
        r#"(global $config (mut i64) (i64.const 0))
           (func (export "init") (param i32 i32) (result i32)
               (global.set $config (call $packed (local.get 0) (local.get 1)))
               (i32.const 0))
           (func (export "pre_hook") (param i32 i32) (result i64) (global.get $config))"#,
    );
    for (options, wanted) in [
        (PluginOptions::default().with_config(json(r#"{"a": [1.50]}"#)), r#"{"a": [1.50]}"#),
        (PluginOptions::default(), "{}"),
    ] {
        let plugin = load(&host, &wat, options).unwrap();
        let raw = block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap();
        assert_eq!(String::from_utf8(raw.document.unwrap()).unwrap(), wanted);
    }
}

fn a_file_is_read_no_further_than_its_limit(backend: &str) {
    let (host, _) = host(backend);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.wasm");
    std::fs::write(&path, vec![0; 4096]).unwrap();
    let mut limits = Limits::default();
    limits.module_bytes = 100;
    let options = PluginOptions::default().with_limits(limits);
    let Err(error) = block_on(host.load_file(&path, options)) else { panic!("loaded") };
    assert_eq!(
        error.to_string(),
        "plugin `big`: the module has 101 bytes, more than the limit of 100 (raise `module_bytes`)"
    );
    let missing = folder.path().join("missing.wasm");
    let Err(error) = block_on(host.load_file(&missing, PluginOptions::default())) else {
        panic!("loaded")
    };
    assert!(error.to_string().contains("missing.wasm"), "{error}");
}

fn a_command_that_exits_with_zero_is_started(backend: &str) {
    let (host, _) = host(backend);
    let start = |code: u32| {
        format!(
            r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (global $started (mut i32) (i32.const 5))
            (func (export "_start") (global.set $started (i32.const 0)) (call $exit (i32.const {code})))
            (func (export "execute") (param i32 i32) (result i32) (global.get $started)))"#
        )
    };
    let plugin = load(&host, &start(0), PluginOptions::default()).unwrap();
    block_on(plugin.execute(&json("{}"), &TriggerContext::default())).unwrap();
    let Err(error) = load(&host, &start(2), PluginOptions::default()) else { panic!("loaded") };
    assert!(
        error.to_string().contains("`_start` failed: the plugin exited with code 2"),
        "{error}"
    );
}

/// One module of tests for each engine of the build, the engine in each test's name.
macro_rules! on_each_backend {
    ($($test:ident)*) => {
        #[cfg(feature = "wasmtime")]
        mod wasmtime {
            $(#[test] fn $test() { super::$test("wasmtime") })*
        }
        #[cfg(feature = "wasmi")]
        mod wasmi {
            $(#[test] fn $test() { super::$test("wasmi") })*
        }
    };
}

on_each_backend! {
    names_and_exports
    a_typed_call_applies_what_came_back
    a_hook_that_is_not_exported_is_not_called
    a_bad_document_names_plugin_hook_and_field
    what_is_no_document_names_plugin_and_hook
    a_trap_costs_the_instance_and_not_the_next_call
    a_call_that_is_dropped_takes_its_instance_along
    each_limit_says_what_to_raise
    a_guest_that_never_frees_is_replaced_before_it_starves
    host_pages_leave_a_bad_allocator_alone
    assembly_scripts_abort_is_told_in_its_own_words
    an_action_keeps_its_state_and_reports_its_status
    what_is_asked_for_and_not_granted_is_told
    metadata_plugins_take_one_document
    a_plugin_that_cannot_be_loaded_says_why
    what_cannot_be_linked_is_told_without_running
    a_guests_name_cannot_forge_a_line
    init_is_given_its_configuration
    a_file_is_read_no_further_than_its_limit
    a_command_that_exits_with_zero_is_started
}
