//! The engine and its settings.

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

use plugbay_runtime::{Backend, CompileError, MOST_FRAMES, Metering, Module};
use wasmparser::{Parser, Payload};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::CodeCache;
use crate::costs;
use crate::module::{Linkers, WasmtimeModule};
use crate::passage::Passages;

/// Compiles plugins to machine code with wasmtime and Cranelift.
///
/// Cheap to clone: clones share their engines.
#[derive(Clone)]
pub struct WasmtimeBackend {
    metered: Setup,
    /// Made when they are first asked for: nearly nobody does.
    others: Arc<[OnceLock<Result<Setup, EngineError>>; 3]>,
}

/// What engines are made for apart from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Purpose {
    metering: Metering,
    /// Code tells which instruction of the module each of its own comes from: what a backtrace needs for
    /// lines, and half as much again to keep and to read.
    located: bool,
}

/// An engine and what belongs to it.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) engine: Engine,
    pub(crate) cache: Option<CodeCache>,
    pub(crate) linkers: Arc<Linkers>,
    pub(crate) passages: Arc<Passages>,
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
        Self::with(None, false)
    }

    /// The same, taking compiled code from `cache` where it is there and leaving it there where it is
    /// not. Without a cache, nothing is read from disk or written to it.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_cache(cache: CodeCache) -> Result<Self, EngineError> {
        Self::with(Some(cache), false)
    }

    /// The same as [`new`](Self::new), where a call is made in one piece from an instance's first
    /// one on. For tests of that: an instance that is called once loses by it.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[doc(hidden)]
    pub fn joined_at_once() -> Result<Self, EngineError> {
        Self::with(None, true)
    }

    fn with(cache: Option<CodeCache>, at_once: bool) -> Result<Self, EngineError> {
        let purpose = Purpose { metering: Metering::Fuel, located: false };
        let metered = Setup::new(purpose, cache, at_once)?;
        Ok(Self { metered, others: Arc::default() })
    }

    fn setup(&self, purpose: Purpose) -> Result<&Setup, CompileError> {
        let [unmetered, located, located_unmetered] = &*self.others;
        let place = match (purpose.metering, purpose.located) {
            (Metering::Fuel, false) => return Ok(&self.metered),
            (Metering::Off, false) => unmetered,
            (Metering::Fuel, true) => located,
            (Metering::Off, true) => located_unmetered,
        };
        place
            .get_or_init(|| {
                let Setup { cache, passages, .. } = &self.metered;
                Setup::new(purpose, cache.clone(), passages.at_once)
            })
            .as_ref()
            .map_err(|error| CompileError::new(&error.message))
    }
}

/// Whether a module has tables of lines.
fn has_lines(wasm: &[u8]) -> bool {
    let sections = Parser::new(0).parse_all(wasm).map_while(Result::ok);
    let mut names = sections.filter_map(|section| match section {
        Payload::CustomSection(section) => Some(section.name()),
        _ => None,
    });
    names.any(|name| name == ".debug_line")
}

impl Setup {
    fn new(purpose: Purpose, cache: Option<CodeCache>, at_once: bool) -> Result<Self, EngineError> {
        let mut config = config(purpose);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
        let engine = Engine::new(&config).or_else(|_| {
            // The pool's addresses are reserved at once. Where there are too few of them, as under
            // a limit on virtual memory, each instance gets its own when it is made.
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Engine::new(&config)
        });
        let engine = engine.map_err(|error| EngineError { message: format!("{error:#}") })?;
        let passages = Arc::new(Passages::new(&engine, cache.clone(), at_once));
        Ok(Self { engine, cache, linkers: Arc::default(), passages })
    }
}

impl Backend for WasmtimeBackend {
    fn name(&self) -> &'static str {
        "wasmtime"
    }

    fn confines_files(&self) -> bool {
        true
    }

    fn compile(&self, wasm: &[u8], metering: Metering) -> Result<Arc<dyn Module>, CompileError> {
        let purpose = Purpose { metering, located: has_lines(wasm) };
        Ok(Arc::new(WasmtimeModule::compile(self.setup(purpose)?, wasm)?))
    }
}

/// Instances that may live at once, in all stores of an engine together. Each reserves 4 GiB of
/// addresses, of which a process has a hundred thousand GiB, and no memory before it is used.
const INSTANCES: u32 = 2_048;

/// Bytes of a memory that are cleared for its next user rather than given back to the kernel. With
/// the kernel's help only pages that were written to are, without it all of them.
const KEPT_BYTES: usize = 1 << 20;

/// Where instances get their memory from: slots that are used again and again.
///
/// An instance costs 3 µs from the pool and 10 µs without it, and 4.5 and 22 µs with one call of
/// 16 KiB, where the kernel can tell which pages were written to (Linux 6.7).
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_memories(INSTANCES);
    pool.total_tables(2 * INSTANCES);
    pool.total_stacks(INSTANCES);
    // A plugin takes one, and one for each of its hooks that calls it in one piece.
    pool.total_core_instances(6 * INSTANCES);
    // The format's own bounds: what a plugin may have of them, its limits say. None of it is used
    // before it is asked for.
    pool.max_memory_size(1 << 32);
    pool.table_elements(10_000_000);
    pool.max_tables_per_module(100);
    pool.max_core_instance_size(16 << 20);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes);
        pool.linear_memory_keep_resident(KEPT_BYTES);
        pool.table_keep_resident(64 << 10);
    }
    pool
}

/// Frames of what calls a plugin in one piece.
const OWN_FRAMES: usize = 1;

fn config(purpose: Purpose) -> Config {
    let mut config = Config::new();
    config.consume_fuel(purpose.metering == Metering::Fuel);
    config.operator_cost(costs::operators());
    // A deadline that is looked at between slices of fuel needs no epochs, whose one
    // counter per engine would let one plugin's deadline shorten another's.
    config.epoch_interruption(false);
    // Where a guest was when it trapped: looked at then, by frame pointers that are there anyway. Names and lines
    // are read from the module by whoever shows them; the engine's own ways to them are not in this build.
    config.wasm_backtrace_max_frames(NonZeroUsize::new(MOST_FRAMES + OWN_FRAMES));
    // What every load would have to read and register. Only lines need it.
    config.generate_address_map(purpose.located);
    // What only other unwinders need.
    // Windows cannot do without.
    config.native_unwind_info(cfg!(windows));
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
