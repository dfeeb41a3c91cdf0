//! What an instance's life costs: from call to call in a pool, on one thread and on two, or
//! anew for each call.
#![allow(clippy::expect_used, reason = "a bench that cannot run says why and stops")]

use std::sync::{Arc, Barrier};
use std::time::Instant;

use benches::documents::{context, llm_request, prose_with_address};
use benches::guests::{echo, sample};
use benches::{backends, block_on, group, id};
use criterion::Criterion;
use plugbay::abi::hook::PreInput;
use plugbay::abi::interface::Hook;
use plugbay::runtime::Backend;
use plugbay::{Host, InstanceSource, Instances, Plugin, PluginOptions};

fn main() {
    let mut criterion = benches::criterion();
    threads(&mut criterion);
    lives(&mut criterion);
    criterion.final_summary();
}

fn load(backend: &Arc<dyn Backend>, wasm: &[u8], instances: Instances) -> Plugin {
    let host = Host::builder().backend(Arc::clone(backend)).build().expect("an engine was given");
    let options = PluginOptions::named("bench").with_instances(instances);
    block_on(host.load("bench", wasm, options)).expect("it loads")
}

/// The time of a call on each of `threads` threads that call as fast as they can. Where none
/// waits for another, it is the same for any number up to that of the processors.
fn threads(criterion: &mut Criterion) {
    let mut group = group(criterion, "pool_scaling");
    let input = [b'x'; 64];
    for engine in backends() {
        let two = std::num::NonZeroUsize::new(2).expect("it is two");
        let echo = load(&engine, &echo(), Instances::pooled(two));
        for threads in [1_usize, 2] {
            let case = format!("echo_{threads}_threads");
            group.bench_function(id(&case, engine.name()), |bencher| {
                bencher.iter_custom(|calls| {
                    let begin = Barrier::new(threads);
                    let call = || {
                        begin.wait();
                        let begun = Instant::now();
                        for _ in 0..calls {
                            block_on(echo.hook_raw(Hook::Pre, &input)).expect("it echoes");
                        }
                        begun.elapsed()
                    };
                    std::thread::scope(|scope| {
                        let others: Vec<_> = (1..threads).map(|_| scope.spawn(call)).collect();
                        let own = call();
                        let others = others.into_iter().map(|other| other.join());
                        others.fold(own, |most, other| most.max(other.expect("it ends")))
                    })
                });
            });
        }
    }
    group.finish();
}

/// The same hook on an instance of a pool, on a single one, and on a fresh one for each call.
fn lives(criterion: &mut Criterion) {
    let mut group = group(criterion, "instance_life");
    let context = context();
    let request = llm_request(&prose_with_address(1 << 10));
    let input = PreInput { context: &context, request: &request };
    let lives = [
        ("redactor_pooled", Instances::POOLED),
        ("redactor_single", Instances::SINGLE),
        ("redactor_per_request", Instances::PER_REQUEST),
    ];
    let engines = backends();
    for (case, instances) in lives {
        for engine in &engines {
            let redactor = load(engine, &sample("redactor"), instances);
            let fresh = instances == Instances::PER_REQUEST;
            assert_eq!(fresh, redactor.instance_source() == InstanceSource::Snapshot, "{case}");
            group.bench_function(id(case, engine.name()), |bencher| {
                bencher.iter(|| block_on(redactor.pre(&input)).expect("it redacts"));
            });
        }
    }
    group.finish();
}
