//! Streams through a pipeline of real plugins that count their chunks, on both engines.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test, in helpers too")]

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

use plugbay::abi::hook::{Body, HttpRequest, HttpResponse};
use plugbay::abi::json::RawObject;
use plugbay::runtime::ManualClock;
use plugbay::{Host, PluginOptions, Streams};
use plugbay_hooks::{Exchange, OnError, Pipeline, PluginEntry};
use pollster::block_on;
use serde_json::value::RawValue;

/// Replaces a chunk by the number of chunks that its instance has seen, and traps on the fifth.
const COUNTS: &str = r#"(module
    (memory (export "memory") 2)
    (global $chunks (mut i32) (i32.const 0))
    (data (i32.const 16) "counts")
    (data (i32.const 64) "{\"has_chunk\":true,\"chunk\":{\"n\":0}}")
    (func (export "malloc") (param i32) (result i32) (i32.const 65536))
    (func (export "get_name") (result i64) (i64.const 0x1000000006))
    (func (export "http_stream_chunk_hook") (param i32 i32) (result i64)
        (global.set $chunks (i32.add (global.get $chunks) (i32.const 1)))
        (if (i32.eq (global.get $chunks) (i32.const 5)) (then unreachable))
        (i32.store8 (i32.const 95) (i32.add (i32.const 48) (global.get $chunks)))
        (i64.const 0x4000000022)))"#;

fn pipeline(backend: &str, streams: Streams, on_error: OnError) -> Arc<Pipeline> {
    let host = Host::builder().backend(plugbay::backend(backend).unwrap()).build().unwrap();
    let wasm = wat::parse_str(COUNTS).unwrap();
    let load = |name: &str| {
        let options =
            PluginOptions::named(name).with_streams(streams).with_instances(NonZeroUsize::MIN);
        let plugin = block_on(host.load_unsigned(name, &wasm, options)).unwrap();
        PluginEntry { on_error, ..PluginEntry::new(Arc::new(plugin)) }
    };
    // Two of them: each stream has an instance of each.
    Arc::new(Pipeline::new(vec![load("a"), load("b")], Arc::new(ManualClock::new())))
}

fn exchange(pipeline: &Arc<Pipeline>) -> Exchange {
    let request = HttpRequest {
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        headers: Default::default(),
        query: Default::default(),
        body: Body::from_bytes("hi"),
        extra: RawObject::new(),
    };
    Exchange::new(Arc::clone(pipeline), "req-1", request)
}

fn chunk(exchange: &mut Exchange) -> String {
    let chunk: Box<RawValue> = serde_json::from_str("{}").unwrap();
    let mut leaving = VecDeque::new();
    block_on(exchange.chunk(chunk, &mut leaving)).unwrap();
    leaving.pop_front().unwrap().get().to_owned()
}

fn n(number: usize) -> String {
    format!(r#"{{"n":{number}}}"#)
}

fn any_instance_takes_any_chunk(backend: &str) {
    let pipeline = pipeline(backend, Streams::Any, OnError::Closed);
    let (mut one, mut two) = (exchange(&pipeline), exchange(&pipeline));
    let seen = [chunk(&mut one), chunk(&mut two), chunk(&mut one)];
    assert_eq!(seen, [n(1), n(2), n(3)], "one instance counts the chunks of both");
}

fn a_sticky_stream_has_an_instance_of_its_own(backend: &str) {
    let pipeline = pipeline(backend, Streams::Sticky, OnError::Closed);
    let (mut one, mut two) = (exchange(&pipeline), exchange(&pipeline));
    for number in 1..=3 {
        assert_eq!(chunk(&mut one), n(number));
        assert_eq!(chunk(&mut two), n(number));
    }
}

fn a_stream_that_has_ended_holds_nothing(backend: &str) {
    let pipeline = pipeline(backend, Streams::Sticky, OnError::Closed);
    let mut first = exchange(&pipeline);
    assert_eq!(chunk(&mut first), n(1));
    // The hooks that are shown the whole run after it; the exchange is still there.
    let response = HttpResponse {
        status_code: 200,
        headers: Default::default(),
        body: Body::default(),
        extra: RawObject::new(),
    };
    block_on(first.streamed(None, &response));
    let mut second = exchange(&pipeline);
    assert_eq!(chunk(&mut second), n(2), "the first one's instance, from the pool");
    // A client that goes away.
    drop(second);
    assert_eq!(chunk(&mut exchange(&pipeline)), n(3));
    drop(first);
    assert!(block_on(pipeline.close()).is_empty());
}

fn a_sticky_instance_that_fails_is_replaced(backend: &str) {
    let pipeline = pipeline(backend, Streams::Sticky, OnError::Open);
    let mut exchange = exchange(&pipeline);
    for number in 1..=4 {
        assert_eq!(chunk(&mut exchange), n(number));
    }
    assert_eq!(chunk(&mut exchange), "{}", "both were passed over");
    assert_eq!(chunk(&mut exchange), n(1));
    assert_eq!(pipeline.status().iter().map(|plugin| plugin.failures).collect::<Vec<_>>(), [1, 1]);
}

macro_rules! on_each_backend {
    ($($test:ident)*) => {
        mod wasmtime {
            $(#[test] fn $test() { super::$test("wasmtime") })*
        }
        mod wasmi {
            $(#[test] fn $test() { super::$test("wasmi") })*
        }
    };
}

on_each_backend! {
    any_instance_takes_any_chunk
    a_sticky_stream_has_an_instance_of_its_own
    a_stream_that_has_ended_holds_nothing
    a_sticky_instance_that_fails_is_replaced
}
