//! The engine and its settings.

use std::sync::Arc;

use plugbay_runtime::{Backend, CompileError, Module};
use wasmtime::{Config, Engine};

use crate::costs;
use crate::module::WasmtimeModule;

/// Compiles plugins to machine code with wasmtime and Cranelift.
///
/// Cheap to clone: clones share one engine.
#[derive(Clone)]
pub struct WasmtimeBackend {
    engine: Engine,
}

/// An engine that could not be made on this machine.
#[derive(Debug, Clone, thiserror::Error)]
#[error("wasmtime cannot be used here: {message}")]
pub struct EngineError {
    /// The engine's own words.
    pub message: String,
}

impl WasmtimeBackend {
    /// An engine with this project's settings.
    ///
    /// # Errors
    ///
    /// When the processor or the operating system lacks something that Cranelift needs.
    pub fn new() -> Result<Self, EngineError> {
        let engine = Engine::new(&config())
            .map_err(|error| EngineError { message: format!("{error:#}") })?;
        Ok(Self { engine })
    }
}

impl Backend for WasmtimeBackend {
    fn name(&self) -> &'static str {
        "wasmtime"
    }

    fn compile(&self, wasm: &[u8]) -> Result<Arc<dyn Module>, CompileError> {
        Ok(Arc::new(WasmtimeModule::compile(&self.engine, wasm)?))
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config.consume_fuel(true);
    config.operator_cost(costs::operators());
    // A deadline that is looked at between slices of fuel needs no epochs, whose one
    // counter per engine would let one plugin's deadline shorten another's.
    config.epoch_interruption(false);
    // Nobody reads a backtrace of a plugin: its own message goes to its log.
    config.wasm_backtrace_max_frames(None);
    // The component model's tasks, which nothing here uses.
    config.concurrency_support(false);

    // The same language as the other backend's, whatever the engine's defaults become.
    config.wasm_bulk_memory(true);
    config.wasm_multi_value(true);
    config.wasm_simd(true);
    config.wasm_tail_call(true);
    config.wasm_extended_const(true);
    // Its results may differ from processor to processor.
    config.wasm_relaxed_simd(false);
    // One memory of at most 4 GiB is what the limits are written for.
    config.wasm_multi_memory(false);
    config.wasm_memory64(false);
    config.wasm_custom_page_sizes(false);
    config.wasm_wide_arithmetic(false);
    config.wasm_gc(false);
    config
}
