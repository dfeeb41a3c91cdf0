//! The engine and its settings.

use std::sync::Arc;

use plugbay_runtime::{Backend, CompileError, Metering, Module};
use wasmi::{CompilationMode, Config, Engine};

use crate::costs;
use crate::module::WasmiModule;

/// Interprets plugins with wasmi.
///
/// For machines where code may not be generated, and for plugins that are called seldom:
/// loading is many times faster than compiling, running several times slower.
///
/// Cheap to clone: clones share their engines, one that counts fuel and one that does not.
#[derive(Clone)]
pub struct WasmiBackend {
    metered: Engine,
    unmetered: Engine,
}

impl WasmiBackend {
    /// An engine with this project's settings.
    pub fn new() -> Self {
        Self::with(CompilationMode::Eager)
    }

    /// The same, but a function is translated when it is first called: less is done before
    /// the first call and a little more in it, which costs no fuel.
    ///
    /// A function that is valid and too large for the engine is found out only by its call.
    pub fn lazy() -> Self {
        Self::with(CompilationMode::LazyTranslation)
    }

    fn with(mode: CompilationMode) -> Self {
        Self {
            metered: Engine::new(&config(Metering::Fuel, mode)),
            unmetered: Engine::new(&config(Metering::Off, mode)),
        }
    }
}

impl Default for WasmiBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for WasmiBackend {
    fn name(&self) -> &'static str {
        "wasmi"
    }

    fn confines_files(&self) -> bool {
        true
    }

    fn compile(&self, wasm: &[u8], metering: Metering) -> Result<Arc<dyn Module>, CompileError> {
        let engine = match metering {
            Metering::Fuel => &self.metered,
            Metering::Off => &self.unmetered,
        };
        Ok(Arc::new(WasmiModule::compile(engine, wasm)?))
    }
}

/// Calls within calls. The compiled backend's stack of 512 KiB ends after some 10,000 to
/// 30,000 of them, depending on the function.
const CALL_DEPTH: usize = 10_000;

/// Bytes of locals and intermediate values, over all calls within calls.
const STACK_BYTES: usize = 4 << 20;

fn config(metering: Metering, mode: CompilationMode) -> Config {
    let mut config = Config::default();
    config.consume_fuel(metering == Metering::Fuel);
    config.operator_cost(costs::operators());
    config.fuel_cost(costs::bulk());
    // Translating costs time of whichever call comes first; that it costs no fuel is in
    // `costs::bulk`.
    config.compilation_mode(mode);
    config.ignore_custom_sections(true);
    config.set_max_recursion_depth(CALL_DEPTH);
    config.set_max_stack_height(STACK_BYTES);

    // The same language as the other backend's, whatever the engine's defaults become.
    config.wasm_mutable_global(true);
    config.wasm_sign_extension(true);
    config.wasm_saturating_float_to_int(true);
    config.wasm_bulk_memory(true);
    config.wasm_reference_types(true);
    config.wasm_multi_value(true);
    config.wasm_simd(true);
    config.wasm_tail_call(true);
    config.wasm_extended_const(true);
    // Its results may differ from processor to processor.
    config.wasm_relaxed_simd(false);
    // One memory of at most 4 GiB is what the limits are written for.
    config.wasm_multi_memory(false);
    config.wasm_custom_page_sizes(false);
    config.wasm_wide_arithmetic(false);
    config
}
