//! The suite again, with code that was not compiled but loaded from disk.

#![allow(clippy::unwrap_used, reason = "without an engine or a cache, every case fails")]

use std::sync::Arc;

use plugbay_conformance::runtime::{Backend, CompileError, Metering, Module};
use plugbay_wasmtime::{CodeCache, WasmtimeBackend};

/// Compiles what it is given with one engine, and then gives what another loads.
struct FromCache {
    compiling: WasmtimeBackend,
    loading: WasmtimeBackend,
    cache: CodeCache,
    _directory: tempfile::TempDir,
}

impl FromCache {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = || {
            let cache = CodeCache::open(directory.path()).unwrap();
            WasmtimeBackend::with_cache(cache).unwrap()
        };
        let cache = CodeCache::open(directory.path()).unwrap();
        Self { compiling: engine(), loading: engine(), cache, _directory: directory }
    }
}

impl Backend for FromCache {
    fn name(&self) -> &'static str {
        self.loading.name()
    }

    fn confines_files(&self) -> bool {
        self.loading.confines_files()
    }

    fn compile(&self, wasm: &[u8], metering: Metering) -> Result<Arc<dyn Module>, CompileError> {
        self.cache.clear().unwrap();
        let compiled = self.compiling.compile(wasm, metering);
        let left = self.cache.entries().unwrap();
        assert_eq!(left.len(), usize::from(compiled.is_ok()));
        let loaded = self.loading.compile(wasm, metering);
        // It was there and was taken: compiled again, it would have been written again.
        assert_eq!(self.cache.entries().unwrap(), left);
        loaded
    }
}

plugbay_conformance::suite!(wasmtime_from_cache = FromCache::new);
