//! What a plugin costs before its first call: compiling it once, and making an instance of it.

use std::time::Instant;

use benches::guests::{Seam, echo, sample};
use benches::{backends, group, id, raw};
use criterion::Criterion;
use plugbay::runtime::Metering;

fn main() {
    let mut criterion = benches::criterion();
    instantiate(&mut criterion);
    compile(&mut criterion);
    criterion.final_summary();
}

fn guests() -> [(&'static str, Vec<u8>); 4] {
    [
        ("echo", echo()),
        ("hello_typescript", sample("hello_typescript")),
        ("midi_hello", sample("midi_hello")),
        ("redactor", sample("redactor")),
    ]
}

/// A store, an instance in it, its start function if it has one, and both dropped. `init` and
/// what else a plugin is asked while it is loaded is not in it. Where the engine's own crate does
/// the work, its exports are found by name too, as ours are.
fn instantiate(criterion: &mut Criterion) {
    let mut group = group(criterion, "instantiate");
    for (name, wasm) in guests() {
        for engine in raw::engines("") {
            let module = engine.compile(&wasm);
            group.bench_function(id(name, engine.column()), |bencher| {
                bencher.iter(|| module.instantiate());
            });
        }
        for engine in backends() {
            let seam = Seam::new(&engine, &wasm);
            group.bench_function(id(name, engine.name()), |bencher| {
                bencher.iter(|| seam.instantiate());
            });
        }
    }
    group.finish();
}

/// As few as criterion takes: one of them is up to half a second.
const COMPILATIONS: u32 = 10;

/// From bytes to a module: validated, compiled or translated, linked.
fn compile(criterion: &mut Criterion) {
    let mut group = group(criterion, "compile");
    group.sample_size(COMPILATIONS as usize);
    for (name, wasm) in guests() {
        for engine in raw::limited("") {
            let start = Instant::now();
            drop(engine.compile(&wasm));
            group.measurement_time(start.elapsed() * COMPILATIONS);
            group.bench_function(id(name, engine.column()), |bencher| {
                bencher.iter(|| engine.compile(&wasm));
            });
        }
        for engine in backends() {
            // From a hundredth of a millisecond to a tenth of a second: about one to a sample.
            let start = Instant::now();
            let compiled = engine.compile(&wasm, Metering::Fuel);
            assert!(compiled.is_ok(), "{name} does not compile");
            group.measurement_time(start.elapsed() * COMPILATIONS);
            group.bench_function(id(name, engine.name()), |bencher| {
                bencher.iter(|| engine.compile(&wasm, Metering::Fuel).is_ok());
            });
        }
    }
    group.finish();
}
