//! From a module's bytes to a module that can be instantiated, and what becomes of that at the second
//! start, when the code is on disk.
#![allow(clippy::expect_used, reason = "a bench that cannot run says why and stops")]

use std::sync::Arc;
use std::time::Instant;

use benches::guests::{echo, sample};
use benches::{backends, group, id};
use criterion::Criterion;
use plugbay::CodeCache;
use plugbay::runtime::{Backend, Metering};

const COMPILATIONS: u32 = 20;

fn main() {
    let mut criterion = benches::criterion();
    let directory = tempfile::tempdir().expect("there is room for a cache");
    let cache = CodeCache::open(directory.path()).expect("the directory is this process's own");
    let cached = plugbay::cached_backend("wasmtime", cache.clone()).expect("it is in this build");
    for (name, wasm) in [
        ("echo", echo()),
        ("hello_typescript", sample("hello_typescript")),
        ("midi_hello", sample("midi_hello")),
        ("redactor", sample("redactor")),
    ] {
        compiled(&mut criterion, name, &wasm);
        loaded(&mut criterion, name, &wasm, &cached, &cache);
    }
    criterion.final_summary();
}

/// The first start: validated, compiled or translated, linked.
fn compiled(criterion: &mut Criterion, name: &str, wasm: &[u8]) {
    let mut group = group(criterion, "cold_start");
    group.sample_size(COMPILATIONS as usize);
    for engine in backends() {
        let start = Instant::now();
        assert!(engine.compile(wasm, Metering::Fuel).is_ok(), "{name} does not compile");
        group.measurement_time(start.elapsed() * COMPILATIONS);
        group.bench_function(id(&format!("{name}_compiled"), engine.name()), |bencher| {
            bencher.iter(|| engine.compile(wasm, Metering::Fuel).is_ok());
        });
    }
    group.finish();
}

/// Every later one: hashed, found, verified, mapped, linked.
fn loaded(
    criterion: &mut Criterion,
    name: &str,
    wasm: &[u8],
    engine: &Arc<dyn Backend>,
    cache: &CodeCache,
) {
    assert!(engine.compile(wasm, Metering::Fuel).is_ok(), "{name} does not compile");
    let before = cache.entries().expect("the cache can be read");
    let mut group = group(criterion, "cold_start");
    group.bench_function(id(&format!("{name}_cached"), engine.name()), |bencher| {
        bencher.iter(|| engine.compile(wasm, Metering::Fuel).is_ok());
    });
    group.finish();
    let after = cache.entries().expect("the cache can be read");
    assert!(!before.is_empty() && before == after, "{name} was compiled, not loaded");
}
