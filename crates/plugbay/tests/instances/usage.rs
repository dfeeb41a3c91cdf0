//! What a plugin uses: how many instances there are, what they hold, and what a call took.

use std::num::NonZeroUsize;

use plugbay::abi::hook::{Context, LlmRequest, PreInput};
use plugbay::abi::json::RawObject;
use plugbay::policy::{Fuel, Limits};
use plugbay::{FuelMeter, Instances, Plugin, PluginError, PluginOptions, Streams};
use pollster::block_on;

use crate::guests::{COUNTS, COUNTS_CHUNKS, call, chunk, hook_plugin, host, load};

const PAGE: u64 = 65_536;

/// Takes a page more with each call, and traps when it has six.
const GROWS: &str = r#"
    (func (export "pre_hook") (param i32 i32) (result i64)
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const 5)) (then unreachable))
        (i64.const 0))"#;

/// Instances, idle ones, pages of all, pages of the largest.
fn usage(plugin: &Plugin) -> [u64; 4] {
    let usage = plugin.usage();
    let pages = [usage.memory_bytes, usage.peak_memory_bytes].map(|bytes| bytes / PAGE);
    [usage.instances as u64, usage.idle as u64, pages[0], pages[1]]
}

fn pool(size: usize) -> PluginOptions {
    PluginOptions::default().with_instances(NonZeroUsize::new(size).unwrap())
}

fn limited(limits: &Limits) -> PluginOptions {
    pool(1).with_limits(limits.clone())
}

fn pre(plugin: &Plugin) -> Result<Option<u64>, PluginError> {
    let messages = serde_json::from_str("[]").unwrap();
    let request = LlmRequest::new("p", "m", messages, RawObject::new()).unwrap();
    let context = Context::new("r-1");
    let meter = FuelMeter::new();
    let input = PreInput { context: &context, request: &request };
    let result = block_on(plugin.metered(&meter).pre(&input));
    let same = meter.used();
    result.map(|_| same)
}

pub(crate) fn memory_is_what_instances_hold_and_goes_with_them(backend: &str) {
    let (host, _) = host(backend);
    let plugin = load(&host, &hook_plugin(GROWS), pool(4));
    assert_eq!(usage(&plugin), [1, 1, 2, 2], "the one that was loaded");
    for pages in 3..=5 {
        call(&plugin).unwrap();
        assert_eq!(usage(&plugin), [1, 1, pages, pages]);
    }
    assert_eq!(call(&plugin).unwrap_err().class(), "unreachable");
    assert_eq!(usage(&plugin), [0, 0, 0, 6], "what trapped is gone");
    call(&plugin).unwrap();
    assert_eq!(usage(&plugin), [1, 1, 3, 6]);
    block_on(plugin.shutdown()).unwrap();
    assert_eq!(usage(&plugin), [0, 0, 0, 6]);
}

pub(crate) fn fresh_instances_are_counted_while_they_live(backend: &str) {
    let (host, _) = host(backend);
    let options = PluginOptions::default().with_instances(Instances::PER_REQUEST);
    let plugin = load(&host, &hook_plugin(GROWS), options);
    for _ in 0..3 {
        call(&plugin).unwrap();
        assert_eq!(usage(&plugin), [0, 0, 0, 3]);
    }
}

pub(crate) fn what_a_stream_holds_is_busy(backend: &str) {
    let (host, _) = host(backend);
    let options = pool(1).with_streams(Streams::Sticky);
    let plugin = load(&host, &hook_plugin(&format!("{COUNTS}{COUNTS_CHUNKS}")), options);
    let mut lease = plugin.lease();
    block_on(chunk(&mut lease, r#""other""#)).unwrap();
    assert_eq!(usage(&plugin), [1, 0, 2, 2]);
    call(&plugin).unwrap();
    assert_eq!(usage(&plugin), [2, 1, 4, 2]);
    drop(lease);
    assert_eq!(usage(&plugin), [1, 1, 2, 2], "the pool is full without it");
}

pub(crate) fn a_meter_is_told_what_a_call_used_failed_or_not(backend: &str) {
    let (host, _) = host(backend);
    let used = pre(&load(&host, &hook_plugin(GROWS), pool(1))).unwrap().unwrap();
    assert!((1..100_000).contains(&used), "{used}");

    let spins = r#"(func (export "pre_hook") (param i32 i32) (result i64) (loop $l (br $l)) (i64.const 0))"#;
    let mut limits = Limits::default();
    limits.fuel = 50_000.into();
    let plugin = load(&host, &hook_plugin(spins), limited(&limits));
    let (context, meter) = (Context::new("r-1"), FuelMeter::new());
    let messages = serde_json::from_str("[]").unwrap();
    let request = LlmRequest::new("p", "m", messages, RawObject::new()).unwrap();
    let input = PreInput { context: &context, request: &request };
    let error = block_on(plugin.metered(&meter).pre(&input)).unwrap_err();
    assert_eq!((error.class(), meter.used()), ("out_of_fuel", Some(50_000)));

    limits.fuel = Fuel::Unmetered;
    let plugin = load(&host, &hook_plugin(GROWS), limited(&limits));
    assert_eq!(pre(&plugin).unwrap(), None, "nothing is counted");
}
