//! Extism's Rust SDK.

use std::time::Duration;

use extism::{Manifest, Plugin, PluginBuilder, Wasm};

use crate::{FUEL, MEMORY, Peer};

pub struct Extism(Plugin);

impl Extism {
    /// `modules` in the order in which they are linked, the plugin itself last.
    ///
    /// With fuel and a bound on memory. Its deadline is a timer's, in another thread: it is on only
    /// where `timeout` is given.
    pub fn new(modules: Vec<Wasm>, timeout: Option<Duration>) -> Self {
        let pages = u32::try_from(MEMORY >> 16).expect("a bound that a plugin can have");
        let mut manifest = Manifest::new(modules).with_memory_max(pages);
        if let Some(timeout) = timeout {
            manifest = manifest.with_timeout(timeout);
        }
        let plugin = PluginBuilder::new(manifest).with_wasi(false).with_fuel_limit(FUEL).build();
        Self(plugin.unwrap_or_else(|error| panic!("{error:?}")))
    }
}

impl Peer for Extism {
    fn call(&mut self, input: &[u8]) -> Vec<u8> {
        self.0.call("call", input).unwrap_or_else(|error| panic!("{error:?}"))
    }
}

/// Answers with its input where it lies, in the memory that Extism keeps for both sides. No
/// plugin development kit can do with less.
pub fn echo() -> Vec<Wasm> {
    vec![module(
        r#"
        (module
          (import "extism:host/env" "input_offset" (func $input_offset (result i64)))
          (import "extism:host/env" "input_length" (func $input_length (result i64)))
          (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
          (memory (export "memory") 1)
          (func (export "call") (result i32)
            (call $output_set (call $input_offset) (call $input_length))
            (i32.const 0)))
        "#,
    )]
}

/// The echo as a plugin development kit writes it: the input comes into the plugin's own memory
/// eight bytes at a time, and goes out of it the same way.
pub fn copying_echo() -> Vec<Wasm> {
    let hook = r#"
        (memory (export "memory") 4)
        (func $malloc (param i32) (result i32) (i32.const 1024))
        (func $free (param i32 i32))
        (func $hook (param $ptr i32) (param $len i32) (result i64)
          (i64.or
            (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
            (i64.extend_i32_u (local.get $len))))
    "#;
    vec![module(&plugin("", hook))]
}

/// A hook plugin of this project as a plugin of Extism's: the very same module, linked to one that
/// copies as a plugin development kit does.
pub fn hook_plugin(wasm: Vec<u8>) -> Vec<Wasm> {
    let imports = r#"
        (import "hook" "memory" (memory 1))
        (import "hook" "malloc" (func $malloc (param i32) (result i32)))
        (import "hook" "free" (func $free (param i32 i32)))
        (import "hook" "pre_hook" (func $hook (param i32 i32) (result i64)))
    "#;
    vec![Wasm::data(wasm).with_name("hook"), module(&plugin(imports, ""))]
}

fn plugin(imports: &str, rest: &str) -> String {
    let text = r#"
        (module
          (import "extism:host/env" "input_length" (func $input_length (result i64)))
          (import "extism:host/env" "input_load_u8" (func $input_load_u8 (param i64) (result i32)))
          (import "extism:host/env" "input_load_u64" (func $input_load_u64 (param i64) (result i64)))
          (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
          (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
          (import "extism:host/env" "store_u64" (func $store_u64 (param i64 i64)))
          (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
          IMPORTS
          REST

          (func $take (param $ptr i32) (param $len i32)
            (local $at i32)
            (block $words
              (loop $word
                (br_if $words
                  (i32.gt_u (i32.add (local.get $at) (i32.const 8)) (local.get $len)))
                (i64.store (i32.add (local.get $ptr) (local.get $at))
                  (call $input_load_u64 (i64.extend_i32_u (local.get $at))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br $word)))
            (block $bytes
              (loop $byte
                (br_if $bytes (i32.ge_u (local.get $at) (local.get $len)))
                (i32.store8 (i32.add (local.get $ptr) (local.get $at))
                  (call $input_load_u8 (i64.extend_i32_u (local.get $at))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br $byte))))

          (func $give (param $ptr i32) (param $len i32) (param $to i64)
            (local $at i32)
            (block $words
              (loop $word
                (br_if $words
                  (i32.gt_u (i32.add (local.get $at) (i32.const 8)) (local.get $len)))
                (call $store_u64
                  (i64.add (local.get $to) (i64.extend_i32_u (local.get $at)))
                  (i64.load (i32.add (local.get $ptr) (local.get $at))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br $word)))
            (block $bytes
              (loop $byte
                (br_if $bytes (i32.ge_u (local.get $at) (local.get $len)))
                (call $store_u8
                  (i64.add (local.get $to) (i64.extend_i32_u (local.get $at)))
                  (i32.load8_u (i32.add (local.get $ptr) (local.get $at))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br $byte))))

          (func (export "call") (result i32)
            (local $len i32) (local $ptr i32) (local $packed i64)
            (local $out i32) (local $out_len i32) (local $to i64)
            (local.set $len (i32.wrap_i64 (call $input_length)))
            (local.set $ptr (call $malloc (local.get $len)))
            (call $take (local.get $ptr) (local.get $len))
            (local.set $packed (call $hook (local.get $ptr) (local.get $len)))
            (local.set $out (i32.wrap_i64 (i64.shr_u (local.get $packed) (i64.const 32))))
            (local.set $out_len (i32.wrap_i64 (local.get $packed)))
            (local.set $to (call $alloc (i64.extend_i32_u (local.get $out_len))))
            (call $give (local.get $out) (local.get $out_len) (local.get $to))
            (call $output_set (local.get $to) (i64.extend_i32_u (local.get $out_len)))
            (if (i32.ne (local.get $out) (local.get $ptr))
              (then (call $free (local.get $out) (local.get $out_len))))
            (call $free (local.get $ptr) (local.get $len))
            (i32.const 0)))
    "#;
    text.replace("IMPORTS", imports).replace("REST", rest)
}

fn module(text: &str) -> Wasm {
    Wasm::data(wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))).with_name("main")
}
