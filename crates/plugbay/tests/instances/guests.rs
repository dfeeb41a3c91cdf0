//! Plugins in WebAssembly text, and hosts to load them into.

use std::sync::{Arc, Mutex};

use plugbay::abi::hook::{ChunkInput, ChunkOutcome, Context, HttpRequest, Written};
use plugbay::abi::interface::Hook;
use plugbay::runtime::{Backend, Stream};
use plugbay::{Host, Lease, LoadError, Plugin, PluginError, PluginOptions, PluginOutput};
use pollster::block_on;
use serde_json::value::RawValue;

#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<String>>);

impl PluginOutput for Lines {
    fn line(&self, _: &str, _: Stream, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

impl Lines {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

pub(crate) fn host(backend: &str) -> (Host, Arc<Lines>) {
    host_on(plugbay::backend(backend).unwrap())
}

pub(crate) fn host_on(backend: Arc<dyn Backend>) -> (Host, Arc<Lines>) {
    let lines = Arc::new(Lines::default());
    let host = Host::builder().backend(backend).output(lines.clone()).build().unwrap();
    (host, lines)
}

pub(crate) fn load(host: &Host, wat: &str, options: PluginOptions) -> Plugin {
    try_load(host, wat, options).unwrap()
}

pub(crate) fn try_load(
    host: &Host,
    wat: &str,
    options: PluginOptions,
) -> Result<Plugin, LoadError> {
    block_on(host.load_unsigned("test", &wat::parse_str(wat).unwrap(), options))
}

/// Calls `pre_hook` and gives its output as text.
pub(crate) fn call(plugin: &Plugin) -> Result<String, PluginError> {
    let raw = block_on(plugin.hook_raw(Hook::Pre, b"{}"))?;
    Ok(String::from_utf8(raw.document.unwrap_or_default()).unwrap())
}

/// A hook plugin: a bump allocator, a name, `$packed`, `$say` (prints the line at 128, 5 bytes),
/// and `body`.
pub(crate) fn hook_plugin(body: &str) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 2)
            (global $heap (mut i32) (i32.const 65536))
            (data (i32.const 16) "guest")
            (data (i32.const 128) "init\0a")
            (data (i32.const 136) "bye!\0a")
            (func $packed (param i32 i32) (result i64)
                (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))
                        (i64.extend_i32_u (local.get 1))))
            (func $say (param $at i32)
                (i32.store (i32.const 0) (local.get $at))
                (i32.store (i32.const 4) (i32.const 5))
                (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8))))
            (func $malloc (export "malloc") (param i32) (result i32)
                (local $at i32)
                (local.set $at (global.get $heap))
                (global.set $heap (i32.add (global.get $heap) (local.get 0)))
                (local.get $at))
            (func (export "get_name") (result i64) (call $packed (i32.const 16) (i32.const 5)))
            {body})"#
    )
}

/// Returns the number of calls that its instance has seen, as one digit.
pub(crate) const COUNTS: &str = r#"
    (global $calls (mut i32) (i32.const 0))
    (func (export "pre_hook") (param i32 i32) (result i64)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $calls)))
        (call $packed (i32.const 1024) (i32.const 1)))"#;

/// Says so when it is initialised.
pub(crate) const SAYS_INIT: &str = r#"
    (func (export "init") (param i32 i32) (result i32) (call $say (i32.const 128)) (i32.const 0))"#;

/// An action plugin that returns, as its status, how many calls its instance has seen.
pub(crate) const COUNTING_ACTION: &str = r#"(module
    (memory (export "memory") 1)
    (global $calls (mut i32) (i32.const 0))
    (func (export "init"))
    (func (export "execute") (param i32 i32) (result i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (global.get $calls)))"#;

/// Replaces each chunk with the number of chunks that its instance has seen, traps on the ninth,
/// and loops on chunks of exactly `"loop"`: those have one byte fewer than `"other"`.
pub(crate) const COUNTS_CHUNKS: &str = r#"
    (global $chunks (mut i32) (i32.const 0))
    (data (i32.const 2048) "{\"has_chunk\":true,\"chunk\":{\"n\":0}}")
    (func (export "http_stream_chunk_hook") (param $at i32) (param $len i32) (result i64)
        (global.set $chunks (i32.add (global.get $chunks) (i32.const 1)))
        (if (i32.eq (global.get $chunks) (i32.const 9)) (then unreachable))
        ;; The chunk is the last field: `"loop"}` ends in `p"}`.
        (if (i32.eq (i32.load8_u (i32.sub (i32.add (local.get $at) (local.get $len)) (i32.const 3)))
                    (i32.const 112))
            (then (loop $l (br $l))))
        (i32.store8 (i32.const 2079) (i32.add (i32.const 48) (global.get $chunks)))
        (call $packed (i32.const 2048) (i32.const 34)))"#;

pub(crate) fn request() -> Written<HttpRequest> {
    Written::new(HttpRequest {
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        headers: Default::default(),
        query: Default::default(),
        body: Default::default(),
        extra: Default::default(),
    })
}

/// Sends a chunk through a lease and gives what it was replaced with.
pub(crate) async fn chunk(lease: &mut Lease, chunk: &str) -> Result<String, PluginError> {
    let chunk: Box<RawValue> = serde_json::from_str(chunk).unwrap();
    let (mut context, request) = (Context::new("r-1"), Written::new(request()));
    let input = ChunkInput::new(&context, &request, &chunk);
    let output = lease.chunk(&input).await?.unwrap();
    match output.apply(&mut context) {
        ChunkOutcome::Chunk(chunk) => Ok(chunk.get().to_owned()),
        other => panic!("{other:?}"),
    }
}
