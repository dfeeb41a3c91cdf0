//! This project's host, with the limits that a plugin has by default.

use plugbay::abi::interface::Hook;
use plugbay::{Host, Plugin, PluginOptions};

use crate::Peer;

pub struct Plugbay(Plugin);

impl Plugbay {
    pub fn new(wasm: &[u8]) -> Self {
        let host = Host::builder().build().expect("wasmtime works here");
        let plugin =
            pollster::block_on(host.load_unsigned("guest", wasm, PluginOptions::named("guest")));
        Self(plugin.unwrap_or_else(|error| panic!("{error}")))
    }
}

impl Peer for Plugbay {
    fn call(&mut self, input: &[u8]) -> Vec<u8> {
        let output = pollster::block_on(self.0.hook_raw(Hook::Pre, input)).expect("it answers");
        output.document.expect("there is output")
    }
}

/// The contract with nothing behind it: an allocator that always gives the same place, a hook
/// that answers with its input where it lies. As in `benches/guests.rs`.
pub fn echo() -> Vec<u8> {
    let text = r#"
        (module
          (memory (export "memory") 4)
          (data (i32.const 8) "echo")
          (func (export "malloc") (param i32) (result i32) i32.const 1024)
          (func (export "free") (param i32 i32))
          (func (export "get_name") (result i64) i64.const 0x8_00000004)
          (func (export "pre_hook") (param $ptr i32) (param $len i32) (result i64)
            local.get $ptr
            i64.extend_i32_u
            i64.const 32
            i64.shl
            local.get $len
            i64.extend_i32_u
            i64.or))
    "#;
    wat::parse_str(text).expect("the echo guest is valid")
}
