//! What a call costs: a bare one through the seam, the contract's steps through the seam, the
//! same steps through the host, with its pool, its reports and its poisoning, and by the engine's
//! own crate without any of ours.
#![allow(clippy::expect_used, reason = "a bench that cannot run says why and stops")]

use std::sync::Arc;

use benches::documents::{context, llm_request, prose_with_address};
use benches::guests::{Seam, echo, plugin, sample, unmetered_plugin};
use benches::{backends, block_on, group, host_alone, id, raw};
use criterion::Criterion;
use plugbay::abi::ExportId;
use plugbay::abi::hook::PreInput;
use plugbay::abi::interface::{Allocator, Hook, Interface};
use plugbay::abi::protocol::{PackedCall, Placement};
use plugbay::runtime::{Backend, Instance, exchange};

const SIZES: [(&str, usize); 2] = [("1k", 1 << 10), ("64k", 64 << 10)];

/// The hook that is called.
const PRE: &str = "pre_hook";

fn main() {
    let mut criterion = benches::criterion();
    call(&mut criterion);
    criterion.final_summary();
}

fn call(criterion: &mut Criterion) {
    let mut group = group(criterion, "call");
    let engines = backends();

    // In every row below but `reset`, once.
    host_alone(&mut group, "block_on", || block_on(std::future::ready(())));

    // Arms fuel and deadline for a call.
    for engine in &engines {
        let mut instance = Seam::new(engine, &echo()).instantiate();
        group.bench_function(id("reset", engine.name()), |bencher| {
            bencher.iter(|| instance.reset());
        });
    }
    // The same, and an export that does nothing.
    for engine in raw::engines(PRE) {
        let mut instance = raw::instance(&*engine, &echo());
        group.bench_function(id("reset_nop", engine.column()), |bencher| {
            bencher.iter(|| instance.nop());
        });
    }
    for engine in &engines {
        let seam = Seam::new(engine, &echo());
        let nop = seam.export("nop");
        let mut instance = seam.instantiate();
        group.bench_function(id("reset_nop", engine.name()), |bencher| {
            bencher.iter(|| {
                instance.reset();
                block_on(instance.call(nop, &[])).expect("it does nothing")
            });
        });
    }
    for (size, bytes) in SIZES {
        let input = vec![b'x'; bytes];
        for engine in &engines {
            let mut guest = EchoGuest::new(engine);
            group.bench_function(id(&format!("seam_echo_{size}"), engine.name()), |bencher| {
                bencher.iter(|| guest.call(&input));
            });
        }
        for engine in raw::engines(PRE) {
            let mut instance = raw::instance(&*engine, &echo());
            assert_eq!(instance.hook(&[&input]).as_ref(), Some(&input), "it echoes");
            group.bench_function(id(&format!("echo_{size}"), engine.column()), |bencher| {
                bencher.iter(|| instance.hook(&[&input]));
            });
        }
        for engine in &engines {
            let echo = plugin(engine, "echo", &echo());
            group.bench_function(id(&format!("echo_{size}"), engine.name()), |bencher| {
                bencher.iter(|| block_on(echo.hook_raw(Hook::Pre, &input)).expect("it echoes"));
            });
        }
    }
    // A guest that works: serde in Rust parses, changes and writes a document that is ready, and
    // nobody reads what it writes. What the limits cost is in how the raw engine does with and
    // without them.
    let request = llm_request(&prose_with_address(1 << 10));
    let document = PreInput { context: &context(), request: &request }.encode();
    let wasm = sample("redactor");
    for engine in raw::engines(PRE) {
        let mut instance = raw::instance(&*engine, &wasm);
        assert!(instance.hook(&[&document]).is_some(), "it redacts");
        group.bench_function(id("redactor_1k", engine.column()), |bencher| {
            bencher.iter(|| instance.hook(&[&document]));
        });
    }
    for engine in &engines {
        let redactor = plugin(engine, "redactor", &wasm);
        group.bench_function(id("redactor_1k", engine.name()), |bencher| {
            bencher.iter(|| block_on(redactor.hook_raw(Hook::Pre, &document)).expect("it redacts"));
        });
        // What a plugin gains whose fuel is not counted.
        let redactor = unmetered_plugin(engine, "redactor", &wasm);
        group.bench_function(id("redactor_1k_unmetered", engine.name()), |bencher| {
            bencher.iter(|| block_on(redactor.hook_raw(Hook::Pre, &document)).expect("it redacts"));
        });
    }
    group.finish();
}

/// The echo guest beneath the host: what a hook's call takes and nothing else.
struct EchoGuest {
    instance: Box<dyn Instance>,
    hook: ExportId,
    allocator: Allocator,
    placement: Placement,
}

impl EchoGuest {
    fn new(engine: &Arc<dyn Backend>) -> Self {
        let seam = Seam::new(engine, &echo());
        let interface = Interface::inspect(seam.module().exports(), seam.module().has_memory());
        let interface = interface.expect("the echo guest is a plugin");
        let allocator = interface.allocator.expect("it exports malloc");
        Self {
            instance: seam.instantiate(),
            hook: interface.hook(Hook::Pre).expect("it exports pre_hook"),
            allocator,
            placement: Placement::hook(allocator),
        }
    }

    /// `malloc`, write, `pre_hook`, read, `free`.
    fn call(&mut self, input: &[u8]) -> Option<Vec<u8>> {
        self.instance.reset();
        let call = PackedCall {
            export: self.hook,
            output_free: Some(self.allocator),
            output_limit: u64::MAX,
            input: &[input],
        };
        let read = <[u8]>::to_vec;
        block_on(exchange(&mut *self.instance, call, &mut self.placement, read)).expect("it echoes")
    }
}
