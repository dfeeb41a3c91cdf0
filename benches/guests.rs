//! The guests that are called: one in text that does nothing, and the sample plugins.

use std::path::Path;
use std::sync::Arc;

use plugbay::abi::{ExportId, GuestMemory, Value};
use plugbay::policy::{Fuel, Limits};
use plugbay::runtime::{
    Backend, Environment, HostCall, HostReply, Import, Instance, Metering, Module, OutputSink,
    Stream, SystemClock, TrapKind,
};
use plugbay::{Host, Plugin, PluginOptions};

use crate::block_on;

/// The contract with nothing behind it: an allocator that always gives the same place, a
/// hook that answers with its input where it lies. What is left is what the border costs.
pub fn echo() -> Vec<u8> {
    let text = r#"
        (module
          (memory (export "memory") 4)
          (data (i32.const 8) "echo")
          (func (export "nop") (result i32) i32.const 0)
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

/// A sample plugin, built.
pub fn sample(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join("target").join("plugins").join(name).with_extension("wasm");
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("cannot read {}: {error}; `cargo xtask plugins` makes it", path.display())
    })
}

/// A plugin in the host, with the limits that it has by default.
pub fn plugin(backend: &Arc<dyn Backend>, name: &str, wasm: &[u8]) -> Plugin {
    plugin_with(backend, name, wasm, Limits::default())
}

/// A plugin in the host whose fuel is not counted.
pub fn unmetered_plugin(backend: &Arc<dyn Backend>, name: &str, wasm: &[u8]) -> Plugin {
    let mut limits = Limits::default();
    limits.fuel = Fuel::Unmetered;
    plugin_with(backend, name, wasm, limits)
}

fn plugin_with(backend: &Arc<dyn Backend>, name: &str, wasm: &[u8], limits: Limits) -> Plugin {
    let host = Host::builder().backend(Arc::clone(backend)).build().expect("an engine was given");
    block_on(host.load_unsigned(name, wasm, PluginOptions::named(name).with_limits(limits)))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// What is beneath the host: a module and instances of it, with the same limits.
pub struct Seam {
    module: Arc<dyn Module>,
    environment: Environment,
}

impl Seam {
    pub fn new(backend: &Arc<dyn Backend>, wasm: &[u8]) -> Self {
        let module =
            backend.compile(wasm, Metering::Fuel).unwrap_or_else(|error| panic!("{error}"));
        let environment = Environment {
            limits: Limits::default(),
            clock: Arc::new(SystemClock::new()),
            host: Arc::new(Nobody),
            output: Arc::new(Nobody),
            variables: Vec::new(),
            files: None,
        };
        Self { module, environment }
    }

    pub fn module(&self) -> &dyn Module {
        &*self.module
    }

    pub fn instantiate(&self) -> Box<dyn Instance> {
        block_on(self.module.instantiate(self.environment.clone()))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn export(&self, name: &str) -> ExportId {
        let place = self.module.exports().iter().position(|export| export.name == name);
        ExportId(place.unwrap_or_else(|| panic!("the guest does not export `{name}`")))
    }
}

/// Answers no import and reads no output: no guest here asks for either.
struct Nobody;

impl HostCall for Nobody {
    fn call(&self, import: &Import, _: &mut dyn GuestMemory, _: &[Value]) -> HostReply {
        let message = format!("`{}` was called in a bench", import.field);
        HostReply::Now(Err(TrapKind::Host { message }))
    }
}

impl OutputSink for Nobody {
    fn write(&self, _: Stream, _: &[u8]) {}
}
