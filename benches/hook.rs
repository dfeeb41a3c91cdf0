//! What a whole hook costs: documents written, a turn in the pool, the guest's own work, its
//! answer read. The guests are the sample plugins.
#![allow(clippy::expect_used, reason = "a bench that cannot run says why and stops")]

use std::sync::Arc;

use benches::documents::{chunk, context, http_request, llm_request, prose, prose_with_address};
use benches::guests::{plugin, sample};
use benches::{FEW, SIZES, backends, block_on, group, id};
use criterion::Criterion;
use plugbay::Plugin;
use plugbay::abi::hook::{ChunkInput, ChunkOutcome, HttpPreInput, PreInput, PreOutcome};
use plugbay::runtime::Backend;

fn main() {
    let mut criterion = benches::criterion();
    let engines: Vec<_> = backends().iter().map(Samples::load).collect();
    for (size, bytes) in SIZES {
        hook(&mut criterion, &engines, size, bytes);
    }
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

    // Serde in the guest: the document is parsed, changed and written anew.
    let request = llm_request(&prose_with_address(bytes));
    let input = PreInput { context: &context, request: &request };
    for samples in engines {
        let changed = block_on(samples.redactor.pre(&input)).expect("it redacts");
        let changed = changed.expect("there is output").outcome;
        assert!(matches!(changed, PreOutcome::Request(_)), "{changed:?}");
        group.bench_function(id("pre_redactor_finds", samples.engine), |bencher| {
            bencher.iter(|| block_on(samples.redactor.pre(&input)).expect("it redacts"));
        });
    }
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
    // json-as in the guest: the whole document becomes UTF-16 and is parsed for one field.
    for samples in engines {
        group.bench_function(id("pre_hello_typescript", samples.engine), |bencher| {
            bencher.iter(|| block_on(samples.hello.pre(&input)).expect("it says hello"));
        });
    }
    // Neither guest reads this input: a body's way in, base64 included, with nothing behind it.
    for samples in engines {
        let plugins = [
            ("http_pre_redactor", &samples.redactor),
            ("http_pre_hello_typescript", &samples.hello),
        ];
        for (case, plugin) in plugins {
            group.bench_function(id(case, samples.engine), |bencher| {
                bencher.iter_batched_ref(
                    || http_request(&text),
                    |request| {
                        let input = HttpPreInput { context: &context, request };
                        block_on(plugin.http_pre(&input)).expect("it changes nothing")
                    },
                    FEW,
                );
            });
        }
    }
    group.finish();
}

/// One chunk of a few words, by the size of the request's body, which every chunk's document holds.
fn chunks(criterion: &mut Criterion, engines: &[Samples]) {
    let mut group = group(criterion, "chunk");
    let context = context();
    let (plain, address) = (chunk("a few words "), chunk("to ada@example.org "));
    for (size, bytes) in SIZES {
        let request = http_request(&prose(bytes));
        let input = |chunk| ChunkInput { context: &context, request: &request, chunk };
        let (plain, address) = (input(&plain), input(&address));
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
