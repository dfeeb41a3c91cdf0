//! The redactor in streams, on both engines: an address is redacted wherever chunks split it.

use std::collections::VecDeque;
use std::sync::Arc;

use plugbay::abi::hook::{Body, HttpRequest};
use plugbay::abi::json::RawObject;
use plugbay::runtime::ManualClock;
use plugbay::{Host, PluginOptions};
use plugbay_hooks::{Exchange, Pipeline, PluginEntry};
use pollster::block_on;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::support::sample;

const TEXT: &str = "Grüße an ada.l@mail.example.org, danke";
const REDACTED: &str = "Grüße an [redacted], danke";

fn redactor(backend: &str) -> Arc<Pipeline> {
    let host = Host::builder().backend(plugbay::backend(backend).unwrap()).build().unwrap();
    let wasm = std::fs::read(sample("redactor")).unwrap();
    let options = PluginOptions::named("redactor");
    let plugin = block_on(host.load_unsigned("redactor", &wasm, options)).unwrap();
    Arc::new(Pipeline::new(vec![PluginEntry::new(Arc::new(plugin))], Arc::new(ManualClock::new())))
}

/// What leaves of a stream: the chunks, and how many addresses were counted.
fn stream(pipeline: &Arc<Pipeline>, chunks: Vec<Value>) -> (Vec<Value>, u64) {
    let request = HttpRequest {
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        headers: Default::default(),
        query: Default::default(),
        body: Body::from_bytes("hi"),
        extra: RawObject::new(),
    };
    let mut exchange = Exchange::new(Arc::clone(pipeline), "req-1", request);
    let mut leaving: VecDeque<Box<RawValue>> = VecDeque::new();
    for chunk in chunks {
        block_on(exchange.chunk(to_raw_value(&chunk).unwrap(), &mut leaving)).unwrap();
    }
    block_on(exchange.flush(&mut leaving)).unwrap();
    let chunks = leaving.iter().map(|chunk| serde_json::from_str(chunk.get()).unwrap());
    let count = exchange.context().raw("redacted").map_or("0", |count| count.get());
    (chunks.collect(), count.parse().unwrap())
}

fn delta(text: &str) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
           "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
}

fn text(chunks: &[Value]) -> String {
    let content =
        |chunk: &Value| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned);
    chunks.iter().filter_map(content).collect()
}

fn an_address_may_be_split_anywhere(backend: &str) {
    let pipeline = redactor(backend);
    let places: Vec<usize> = (0..=TEXT.len()).filter(|at| TEXT.is_char_boundary(*at)).collect();
    for &first in &places {
        // In two, and in three with a short, a longer and a long piece in the middle.
        for more in [0, 1, 4, 11] {
            let Some(second) = TEXT.get(first + more..).map(|rest| TEXT.len() - rest.len()) else {
                continue;
            };
            let pieces = [&TEXT[..first], &TEXT[first..second], &TEXT[second..]];
            let pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
            let (chunks, count) = stream(&pipeline, pieces.map(delta).collect());
            assert_eq!((text(&chunks).as_str(), count), (REDACTED, 1), "{first} {second}");
        }
    }
    let letters = TEXT.chars().map(|letter| delta(&letter.to_string())).collect();
    assert_eq!(text(&stream(&pipeline, letters).0), REDACTED);
}

fn what_is_no_text_keeps_its_place(backend: &str) {
    let role = json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]});
    let call = json!({"choices": [{"index": 0, "delta": {"tool_calls": [
        {"index": 0, "id": "t", "function": {"name": "mail", "arguments": "{\"to\":\"ada@b.cc\"}"}},
    ]}}]});
    let finish = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    let usage = json!({"choices": [], "usage": {"total_tokens": 7}});
    let chunks = vec![
        role.clone(),
        delta("Mail a"),
        delta("da@b.cc"),
        call.clone(),
        finish.clone(),
        usage.clone(),
    ];
    let (left, count) = stream(&redactor(backend), chunks);
    let wanted = [role, delta("Mail "), delta("[redacted]"), delta(""), call, finish, usage];
    assert_eq!((left.as_slice(), count), (&wanted[..], 1));
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
    an_address_may_be_split_anywhere
    what_is_no_text_keeps_its_place
}
