//! Plugins that no sane author would write, and one that tells what it is shown. All are WebAssembly text,
//! so that each test says exactly what runs.

use std::path::{Path, PathBuf};

use crate::support;

/// A hook plugin whose `pre_hook` has this body; `$input` and `$length` are its parameters, and the memory
/// has two pages, of which the upper one is where `malloc` always points.
pub(crate) fn hook(name: &str, body: &str) -> String {
    hook_with(name, body, "")
}

/// The same with more definitions.
pub(crate) fn hook_with(name: &str, body: &str, more: &str) -> String {
    format!(
        r#"(module
             (memory (export "memory") 2)
             (data (i32.const 16) "{name}")
             (func (export "malloc") (param i32) (result i32) (i32.const 65536))
             (func (export "get_name") (result i64) (i64.const {packed}))
             (func (export "pre_hook") (param $input i32) (param $length i32) (result i64) {body})
             {more})"#,
        packed = packed(16, name.len()),
    )
}

/// A hook plugin whose `pre_hook` returns this text, whatever it is given.
pub(crate) fn answering(name: &str, output: &str) -> String {
    let quoted: String = output.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let body = format!("(i64.const {})", packed(1024, output.len()));
    hook_with(name, &body, &format!(r#"(data (i32.const 1024) "{quoted}")"#))
}

/// A hook plugin that changes nothing and prints, for each hook, its name and what it was given, and
/// `cleanup` when it is cleaned up.
pub(crate) fn spy() -> String {
    let hooks =
        ["http_pre_hook", "pre_hook", "post_hook", "http_stream_chunk_hook", "http_post_hook"];
    let mut text = String::from(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write"
               (func $fd_write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 16)
             (data (i32.const 64) "spy\n cleanup\n")
             (func (export "malloc") (param i32) (result i32) (i32.const 65536))
             (func (export "get_name") (result i64) (i64.const 0x4000000003))
             (func $two (param $start i32) (param $length i32)
               (param $second i32) (param $second_length i32)
               (i32.store (i32.const 0) (local.get $start))
               (i32.store (i32.const 4) (local.get $length))
               (i32.store (i32.const 8) (local.get $second))
               (i32.store (i32.const 12) (local.get $second_length))
               (i32.store (i32.const 16) (i32.const 67))
               (i32.store (i32.const 20) (i32.const 1))
               (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 3) (i32.const 24))))
             (func (export "cleanup") (result i32)
               (call $two (i32.const 69) (i32.const 7) (i32.const 0) (i32.const 0))
               (i32.const 0))"#,
    );
    for (index, hook) in hooks.into_iter().enumerate() {
        let (at, length) = (128 + 64 * index, hook.len() + 1);
        text.push_str(&format!(
            r#"(data (i32.const {at}) "{hook} ")
               (func (export "{hook}") (param i32 i32) (result i64)
                 (call $two (i32.const {at}) (i32.const {length}) (local.get 0) (local.get 1))
                 (i64.const 0))"#
        ));
    }
    text.push(')');
    text
}

/// An action plugin with this body of `execute`.
pub(crate) fn action(body: &str, more: &str) -> String {
    format!(
        r#"(module
             (memory (export "memory") 1)
             (func (export "execute") (param $params i32) (param $length i32) (result i32) {body})
             {more})"#
    )
}

/// Writes a module in text form into a folder, as binary.
#[track_caller]
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let wasm = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    support::write(folder, &format!("{name}.wasm"), wasm)
}

fn packed(start: u64, length: usize) -> u64 {
    start << 32 | length as u64
}
