//! Streams that keep an instance.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use plugbay::runtime::{Clock as _, ManualClock};
use plugbay::{Host, InstanceMode, Instances, MOST_STREAMS, PluginError, PluginOptions, Streams};
use pollster::block_on;

use crate::guests::{COUNTS, COUNTS_CHUNKS, SAYS_INIT, call, chunk, hook_plugin, host, load};

fn sticky(instances: impl Into<Instances>) -> PluginOptions {
    PluginOptions::default().with_instances(instances).with_streams(Streams::Sticky)
}

fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

fn guest() -> String {
    hook_plugin(&format!("{COUNTS}{COUNTS_CHUNKS}{SAYS_INIT}"))
}

fn n(number: usize) -> String {
    format!(r#"{{"n":{number}}}"#)
}

pub(crate) fn a_stream_keeps_its_instance(backend: &str) {
    let (host, lines) = host(backend);
    let plugin = load(&host, &guest(), sticky(one()));
    assert_eq!(plugin.streams(), Streams::Sticky);
    let (mut one, mut two) = (plugin.lease(), plugin.lease());
    let mut untouched = plugin.lease();
    for number in 1..=5 {
        assert_eq!(block_on(chunk(&mut one, r#""other""#)).unwrap(), n(number));
        assert_eq!(block_on(chunk(&mut two, r#""other""#)).unwrap(), n(number));
    }
    assert_eq!(lines.take(), ["init", "init"], "a lease holds nothing before its first chunk");
    assert_eq!(block_on(chunk(&mut untouched, r#""other""#)).unwrap(), n(1));
}

pub(crate) fn a_lease_goes_back_to_the_pool(backend: &str) {
    let (host, lines) = host(backend);
    let plugin = load(&host, &guest(), sticky(one()));
    let mut lease = plugin.lease();
    assert_eq!(block_on(chunk(&mut lease, r#""other""#)).unwrap(), n(1));
    drop(lease);
    let mut next = plugin.lease();
    assert_eq!(block_on(chunk(&mut next, r#""other""#)).unwrap(), n(2), "the same instance");
    drop(next);
    assert_eq!(call(&plugin).unwrap(), "1");
    assert_eq!(lines.take(), ["init"]);
}

pub(crate) fn a_lease_that_fails_goes_on_with_another_instance(backend: &str) {
    let (host, lines) = host(backend);
    let plugin = load(&host, &guest(), sticky(one()));
    let mut lease = plugin.lease();
    for number in 1..=8 {
        assert_eq!(block_on(chunk(&mut lease, r#""other""#)).unwrap(), n(number));
    }
    assert_eq!(block_on(chunk(&mut lease, r#""other""#)).unwrap_err().class(), "unreachable");
    assert_eq!(block_on(chunk(&mut lease, r#""other""#)).unwrap(), n(1));
    assert_eq!(lines.take(), ["init", "init"]);
}

pub(crate) fn a_client_that_leaves_in_the_middle_of_a_chunk_takes_the_instance_along(
    backend: &str,
) {
    let (host, lines) = host(backend);
    let plugin = load(&host, &guest(), sticky(one()));
    let mut lease = plugin.lease();
    assert_eq!(block_on(chunk(&mut lease, r#""other""#)).unwrap(), n(1));
    {
        let mut endless = Box::pin(chunk(&mut lease, r#""loop""#));
        let mut context = Context::from_waker(Waker::noop());
        assert!(endless.as_mut().poll(&mut context).is_pending());
    }
    drop(lease);
    let mut next = plugin.lease();
    assert_eq!(block_on(chunk(&mut next, r#""other""#)).unwrap(), n(1), "another instance");
    assert_eq!(lines.take(), ["init", "init"]);
    drop(next);
    block_on(plugin.shutdown()).unwrap();
}

pub(crate) fn streams_leave_the_pool_to_the_calls(backend: &str) {
    let (host, _) = host(backend);
    let plugin = load(&host, &guest(), sticky(one()));
    let mut leases: Vec<_> = (0..10).map(|_| plugin.lease()).collect();
    for lease in &mut leases {
        assert_eq!(block_on(chunk(lease, r#""other""#)).unwrap(), n(1));
    }
    // A pool of one, ten streams, and nobody waits.
    assert_eq!([call(&plugin).unwrap(), call(&plugin).unwrap()], ["1", "2"]);
    drop(leases);
    assert_eq!(call(&plugin).unwrap(), "3", "the pool is full: theirs are gone");
}

pub(crate) fn a_fresh_instance_for_each_stream(backend: &str) {
    let (host, lines) = host(backend);
    let plugin = load(&host, &guest(), sticky(Instances::PER_REQUEST));
    for _ in 0..3 {
        let mut lease = plugin.lease();
        assert_eq!(block_on(chunk(&mut lease, r#""other""#)).unwrap(), n(1));
        assert_eq!(block_on(chunk(&mut lease, r#""other""#)).unwrap(), n(2));
    }
    assert_eq!(lines.take(), ["init"]);
}

pub(crate) fn a_single_instance_is_not_leased(backend: &str) {
    let (host, lines) = host(backend);
    let plugin = load(&host, &guest(), sticky(Instances::SINGLE));
    assert_eq!(plugin.instances().mode, InstanceMode::Single);
    let (mut one, mut two) = (plugin.lease(), plugin.lease());
    assert_eq!(block_on(chunk(&mut one, r#""other""#)).unwrap(), n(1));
    assert_eq!(block_on(chunk(&mut two, r#""other""#)).unwrap(), n(2));
    assert_eq!(call(&plugin).unwrap(), "1", "calls do not wait for streams");
    assert_eq!(lines.take(), ["init"]);
}

pub(crate) fn shutting_down_waits_for_streams(backend: &str) {
    let (host, lines) = host(backend);
    let bye = r#"(func (export "cleanup") (result i32) (call $say (i32.const 136)) (i32.const 0))"#;
    let wat = hook_plugin(&format!("{COUNTS}{COUNTS_CHUNKS}{bye}"));
    let plugin = load(&host, &wat, sticky(one()));
    let mut lease = plugin.lease();
    assert_eq!(block_on(chunk(&mut lease, r#""other""#)).unwrap(), n(1));
    let mut shutdown = Box::pin(plugin.shutdown());
    let mut context = Context::from_waker(Waker::noop());
    assert!(shutdown.as_mut().poll(&mut context).is_pending());
    assert_eq!(block_on(chunk(&mut lease, r#""other""#)).unwrap(), n(2), "it is under way");
    drop(lease);
    block_on(shutdown).unwrap();
    assert_eq!(lines.take(), ["bye!"], "its instance was ended like any other");
    let error = block_on(chunk(&mut plugin.lease(), r#""other""#)).unwrap_err();
    assert!(matches!(error, PluginError::ShutDown { .. }), "{error}");
}

pub(crate) fn a_stream_that_gets_no_instance_in_time_is_told(backend: &str) {
    // A look at it is a second.
    let clock = Arc::new(ManualClock::stepping(Duration::from_secs(1)));
    let backend = plugbay::backend(backend).unwrap();
    let host = Host::builder().backend(backend).clock(clock.clone()).build().unwrap();
    let mut options = sticky(one());
    options.limits.timeout_ms = 60_000;
    let plugin = load(&host, &guest(), options);
    let mut streams: Vec<_> = (0..MOST_STREAMS).map(|_| plugin.lease()).collect();
    for lease in &mut streams {
        block_on(chunk(lease, r#""other""#)).unwrap();
    }
    let mut late = plugin.lease();
    let begun = clock.now();
    let error = block_on(chunk(&mut late, r#""other""#)).unwrap_err();
    let PluginError::StreamsFull { streams: 256, waited, .. } = error else { panic!("{error}") };
    assert_eq!(waited, Duration::from_secs(60));
    assert!(clock.now() - begun >= waited);
    // Its other chunks do not wait again, and are taken when there is room.
    let begun = clock.now();
    let error = block_on(chunk(&mut late, r#""other""#)).unwrap_err();
    assert!(matches!(error, PluginError::StreamsFull { .. }), "{error}");
    assert!(clock.now() - begun < waited);
    streams.pop();
    assert_eq!(block_on(chunk(&mut late, r#""other""#)).unwrap(), n(2));
}
