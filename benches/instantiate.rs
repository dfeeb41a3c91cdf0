//! What a plugin costs before its first call: compiling it once, and making an instance of it.

use benches::guests::{Seam, echo, sample};
use benches::{backends, id};
use criterion::{Criterion, SamplingMode};

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
/// what else a plugin is asked while it is loaded is not in it.
fn instantiate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("instantiate");
    for (name, wasm) in guests() {
        for engine in backends() {
            let seam = Seam::new(&engine, &wasm);
            group.bench_function(id(name, engine.name()), |bencher| {
                bencher.iter(|| seam.instantiate());
            });
        }
    }
    group.finish();
}

/// From bytes to a module: validated, compiled or translated, linked.
fn compile(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    // Some are a tenth of a second each: as often as there is time for.
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (name, wasm) in guests() {
        for engine in backends() {
            group.bench_function(id(name, engine.name()), |bencher| {
                bencher.iter(|| engine.compile(&wasm).is_ok());
            });
        }
    }
    group.finish();
}
