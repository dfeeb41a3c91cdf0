//! What an instance's life costs: from call to call in a pool, on one thread and on two, or
//! anew for each call.
#![allow(clippy::expect_used, reason = "a bench that cannot run says why and stops")]

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

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
    block_on(host.load_unsigned("bench", wasm, options)).expect("it loads")
}

/// The time of a call on each of one thread and of two that call as fast as they can. Where none
/// waits for another, it is the same for both; what the machine itself shares between its
/// processors, `nothing_shared` shows.
fn threads(criterion: &mut Criterion) {
    let mut group = group(criterion, "pool_scaling");
    for threads in [1, 2] {
        let case = format!("nothing_shared_{threads}_threads");
        group.bench_function(id(&case, "host"), |bencher| {
            bencher.iter_custom(|calls| on_each(threads, calls, sum));
        });
    }
    let input = [b'x'; 64];
    for engine in backends() {
        let two = std::num::NonZeroUsize::new(2).expect("it is two");
        let echo = load(&engine, &echo(), Instances::pooled(two));
        let call = || drop(block_on(echo.hook_raw(Hook::Pre, &input)).expect("it echoes"));
        for threads in [1, 2] {
            let case = format!("echo_{threads}_threads");
            group.bench_function(id(&case, engine.name()), |bencher| {
                bencher.iter_custom(|calls| on_each(threads, calls, call));
            });
        }
    }
    group.finish();
}

/// Work that keeps a processor's units busy, in its nearest memory: nobody to wait for, nothing of
/// another thread's.
fn sum() {
    let mut numbers = [1_u64; 512];
    for round in 0..8 {
        for (place, number) in (0_u64..).zip(&mut numbers) {
            *number = number.wrapping_mul(31).wrapping_add(round ^ place);
        }
        std::hint::black_box(&mut numbers);
    }
}

/// The longest time that one of so many threads takes for so many calls.
fn on_each(threads: usize, calls: u64, call: impl Fn() + Sync) -> Duration {
    let begin = Barrier::new(threads);
    let run = || {
        begin.wait();
        let begun = Instant::now();
        (0..calls).for_each(|_| call());
        begun.elapsed()
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let own = run();
        let others = others.into_iter().map(|other| other.join());
        others.fold(own, |most, other| most.max(other.expect("it ends")))
    })
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
