//! What an instance that waits in the pool keeps in memory, and what it had while it was at work.
//!
//! Not a time, so no bench of criterion's: `cargo xtask bench` runs it and shows what it prints.
#![allow(clippy::expect_used, reason = "a bench that cannot run says why and stops")]
#![allow(clippy::print_stdout, reason = "it is what this program is for")]

use std::sync::Arc;

use benches::documents::{chunk, context, http_request, prose};
use benches::guests::sample;
use benches::{backends, block_on};
use plugbay::abi::hook::ChunkInput;
use plugbay::runtime::Backend;
use plugbay::{Host, Instances, Plugin, PluginOptions, Streams};

/// Instances that are alive at once: streams that each have one of their own.
const STREAMS: usize = 200;

/// A sample with hooks for streams, and what is sent through it.
const PLUGIN: &str = "redactor";

fn main() {
    println!("| engine | an idle instance of `{PLUGIN}` keeps |");
    println!("|--------|------------------------------------:|");
    for engine in backends() {
        let kept = kept(&engine) / STREAMS as u64;
        println!("| {} | {} KiB |", engine.name(), kept >> 10);
    }
}

/// Bytes that all instances together add to what one of them needs.
fn kept(engine: &Arc<dyn Backend>) -> u64 {
    let host = Host::builder().backend(Arc::clone(engine)).build().expect("an engine was given");
    let size = std::num::NonZeroUsize::new(STREAMS).expect("it is no zero");
    let options = PluginOptions::named(PLUGIN)
        .with_streams(Streams::Sticky)
        .with_instances(Instances::pooled(size));
    let plugin = block_on(host.load_unsigned(PLUGIN, &sample(PLUGIN), options)).expect("it loads");
    // What is made once: code, tables of the allocator, the first instance.
    streams(&plugin, 1);
    let before = resident();
    streams(&plugin, STREAMS);
    let after = resident();
    block_on(plugin.shutdown()).expect("it shuts down");
    after.saturating_sub(before)
}

/// Sends a chunk through each of `count` streams at the same time, and ends them.
fn streams(plugin: &Plugin, count: usize) {
    let (context, request) = (context(), http_request(&prose(1 << 10)));
    let chunk = chunk("to ada@example.org ");
    let input = ChunkInput::new(&context, &request, &chunk);
    let mut leases: Vec<_> = (0..count).map(|_| plugin.lease()).collect();
    for lease in &mut leases {
        let changed = block_on(lease.chunk(&input)).expect("it redacts");
        assert!(changed.is_some(), "it redacts");
    }
}

/// What the kernel says of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("this is Linux");
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).expect("it is in there");
    let number = line.trim().trim_end_matches(" kB").parse::<u64>();
    number.expect("a number of KiB") << 10
}
