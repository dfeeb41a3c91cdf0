//! What a whole hook costs: documents written, a turn in the pool, the guest's own work, its
//! answer read. The guests are the sample plugins.
//!
//! Where the engine's own crate does the work, the documents are written and read by the same code
//! as in the other columns: what differs is the host.
#![allow(clippy::expect_used, reason = "a bench that cannot run says why and stops")]

use std::sync::Arc;
use std::time::Duration;

use benches::documents::{chunk, context, http_request, llm_request, prose, prose_with_address};
use benches::guests::{plugin, sample};
use benches::{FEW, SIZES, backends, block_on, group, id, raw};
use criterion::Criterion;
use criterion::measurement::WallTime;
use plugbay::Plugin;
use plugbay::abi::hook::{
    ChunkInput, ChunkOutcome, ChunkOutput, HttpPreInput, PreInput, PreOutcome, PreOutput,
};
use plugbay::runtime::Backend;

type Group<'a> = criterion::BenchmarkGroup<'a, WallTime>;

fn main() {
    let mut criterion = benches::criterion();
    let engines: Vec<_> = backends().iter().map(Samples::load).collect();
    for (size, bytes) in SIZES {
        hook(&mut criterion, &engines, size, bytes);
    }
    long(&mut criterion, &engines);
    chunks(&mut criterion, &engines);
    criterion.final_summary();
}

/// The samples on one engine.
struct Samples {
    engine: &'static str,
    redactor: Plugin,
    hello: Plugin,
}

impl Samples {
    fn load(backend: &Arc<dyn Backend>) -> Self {
        let load = |name| plugin(backend, name, &sample(name));
        let (redactor, hello) = (load("redactor"), load("hello_typescript"));
        Self { engine: backend.name(), redactor, hello }
    }
}

/// One call of `pre_hook` or `http_pre_hook`, by the size of the prompt or the body.
fn hook(criterion: &mut Criterion, engines: &[Samples], size: &str, bytes: usize) {
    let mut group = group(criterion, &format!("hook_{size}"));
    let context = context();

    finds(&mut group, engines, bytes);
    // The guest looks for an @, finds none, and answers with "no output".
    let text = prose(bytes);
    let request = llm_request(&text);
    let input = PreInput { context: &context, request: &request };
    for samples in engines {
        let unchanged = block_on(samples.redactor.pre(&input)).expect("it looks");
        assert!(unchanged.is_none(), "{unchanged:?}");
        group.bench_function(id("pre_redactor_finds_none", samples.engine), |bencher| {
            bencher.iter(|| block_on(samples.redactor.pre(&input)).expect("it looks"));
        });
    }
    // AssemblyScript in the guest: the whole document is looked through, and one field of it is read.
    for samples in engines {
        group.bench_function(id("pre_hello_typescript", samples.engine), |bencher| {
            bencher.iter(|| block_on(samples.hello.pre(&input)).expect("it says hello"));
        });
    }
    let hello = |samples: &Samples| samples.hello.clone();
    let redactor = |samples: &Samples| samples.redactor.clone();
    unread(&mut group, engines, "http_pre_redactor", redactor, &text);
    // This one reads it all the same: it sets a header.
    unread(&mut group, engines, "http_pre_hello_typescript", hello, &text);
    group.finish();
}

/// The same at 1 MiB, for which a sample takes as long as one call does.
fn long(criterion: &mut Criterion, engines: &[Samples]) {
    const BYTES: usize = 1 << 20;
    let mut group = group(criterion, "hook_1m");
    group.sample_size(40).measurement_time(Duration::from_millis(1200));
    finds(&mut group, engines, BYTES);
    let redactor = |samples: &Samples| samples.redactor.clone();
    unread(&mut group, engines, "http_pre_redactor", redactor, &prose(BYTES));
    group.finish();
}

/// Serde in the guest: the document is parsed, changed and written anew.
fn finds(group: &mut Group<'_>, engines: &[Samples], bytes: usize) {
    const CASE: &str = "pre_redactor_finds";
    let context = context();
    let request = llm_request(&prose_with_address(bytes));
    let input = PreInput { context: &context, request: &request };
    let wasm = sample("redactor");
    for engine in raw::limited("pre_hook") {
        let mut instance = raw::instance(&*engine, &wasm);
        group.bench_function(id(CASE, engine.column()), |bencher| {
            bencher.iter(|| {
                let output = instance.hook(input.parts().as_slices()).expect("there is output");
                PreOutput::decode(&output, &input).expect("a valid output")
            });
        });
    }
    for samples in engines {
        let changed = block_on(samples.redactor.pre(&input)).expect("it redacts");
        let changed = changed.expect("there is output").outcome;
        assert!(matches!(changed, PreOutcome::Request(_)), "{changed:?}");
        group.bench_function(id(CASE, samples.engine), |bencher| {
            bencher.iter(|| block_on(samples.redactor.pre(&input)).expect("it redacts"));
        });
    }
}

/// A hook that does not read its input: a body's way in, base64 included, with nothing behind it.
fn unread(
    group: &mut Group<'_>,
    engines: &[Samples],
    case: &str,
    plugin: impl Fn(&Samples) -> Plugin,
    text: &str,
) {
    let context = context();
    for samples in engines {
        let plugin = plugin(samples);
        group.bench_function(id(case, samples.engine), |bencher| {
            bencher.iter_batched_ref(
                || http_request(text),
                |request| {
                    let input = HttpPreInput { context: &context, request };
                    block_on(plugin.http_pre(&input)).expect("it changes nothing")
                },
                FEW,
            );
        });
    }
}

/// One chunk of a few words, by the size of the request's body, which every chunk's document holds.
fn chunks(criterion: &mut Criterion, engines: &[Samples]) {
    let mut group = group(criterion, "chunk");
    let context = context();
    let (plain, address) = (chunk("a few words "), chunk("to ada@example.org "));
    let wasm = sample("redactor");
    for (size, bytes) in SIZES {
        let request = http_request(&prose(bytes));
        let input = |chunk| ChunkInput::new(&context, &request, chunk);
        let (plain, address) = (input(&plain), input(&address));
        for engine in raw::limited("http_stream_chunk_hook") {
            let mut instance = raw::instance(&*engine, &wasm);
            let case = format!("redactor_finds_{size}");
            group.bench_function(id(&case, engine.column()), |bencher| {
                bencher.iter(|| {
                    let output = instance.hook(address.parts().as_slices());
                    let output = output.expect("there is output");
                    ChunkOutput::decode(&output, &address).expect("a valid output")
                });
            });
        }
        for samples in engines {
            let changed = block_on(samples.redactor.chunk(&address)).expect("it redacts");
            let changed = changed.expect("there is output").outcome;
            assert!(matches!(changed, ChunkOutcome::Chunk(_)), "{changed:?}");
            let case = format!("redactor_finds_{size}");
            group.bench_function(id(&case, samples.engine), |bencher| {
                bencher.iter(|| block_on(samples.redactor.chunk(&address)).expect("it redacts"));
            });
        }
        for samples in engines {
            let case = format!("redactor_finds_none_{size}");
            group.bench_function(id(&case, samples.engine), |bencher| {
                bencher.iter(|| block_on(samples.redactor.chunk(&plain)).expect("it looks"));
            });
        }
        // It does not even read its input.
        for samples in engines {
            let case = format!("hello_typescript_{size}");
            group.bench_function(id(&case, samples.engine), |bencher| {
                bencher.iter(|| block_on(samples.hello.chunk(&plain)).expect("it does nothing"));
            });
        }
    }
    group.finish();
}
