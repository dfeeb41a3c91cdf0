//! What the documents cost the host: every envelope written and read, bodies in base64, contexts
//! merged. No guest runs here.
#![allow(clippy::expect_used, reason = "a bench that cannot run says why and stops")]

use std::hint::black_box;

use benches::documents::{
    chunk, context, http_request, http_response, llm_request, llm_response, prose,
};
use benches::{FEW, HOST, SIZES, group, host_alone, id};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use plugbay::abi::hook::{
    Body, ChunkInput, ChunkOutput, Context, HttpPostInput, HttpPostOutput, HttpPreInput,
    HttpPreOutput, PostInput, PostOutput, PreInput, PreOutput,
};
use plugbay::abi::json::RawObject;
use serde_json::{Value, json};

fn main() {
    let mut criterion = benches::criterion();
    codec(&mut criterion);
    criterion.final_summary();
}

fn codec(criterion: &mut Criterion) {
    let mut group = group(criterion, "codec");
    for (size, bytes) in SIZES {
        let text = prose(bytes);
        bodies(&mut group, size, &text);
        http(&mut group, size, &text);
        llm(&mut group, size, &text);
        chunk_encode(&mut group, size, &text);
    }
    chunk_decode(&mut group);
    merge(&mut group);
    group.finish();
}

/// The conversions that are inside the HTTP rows below, by themselves.
fn bodies(group: &mut BenchmarkGroup<'_, WallTime>, size: &str, text: &str) {
    group.bench_function(id(&format!("body_to_base64_{size}"), HOST), |bencher| {
        let fresh = || Body::from_bytes(text);
        bencher.iter_batched_ref(fresh, |body| body.base64().len(), FEW);
    });
    let encoded = Body::from_bytes(text).base64().to_owned();
    group.bench_function(id(&format!("body_from_base64_{size}"), HOST), |bencher| {
        bencher.iter_batched(|| encoded.clone(), Body::from_base64, FEW);
    });
}

fn http(group: &mut BenchmarkGroup<'_, WallTime>, size: &str, text: &str) {
    let context = context();
    let (request, response) = (http_request(text), http_response(text));

    // The first plugin that is shown a body pays for its base64, the next one does not.
    group.bench_function(id(&format!("http_pre_encode_{size}"), HOST), |bencher| {
        let fresh = || http_request(text);
        let encode = |request: &mut _| HttpPreInput { context: &context, request }.encode();
        bencher.iter_batched_ref(fresh, encode, FEW);
    });
    host_alone(group, &format!("http_pre_encode_again_{size}"), || {
        HttpPreInput { context: &context, request: black_box(&request) }.encode()
    });
    group.bench_function(id(&format!("http_post_encode_{size}"), HOST), |bencher| {
        let fresh = || http_response(text);
        let encode = |response: &mut _| {
            HttpPostInput { context: &context, request: &request, response }.encode()
        };
        bencher.iter_batched_ref(fresh, encode, FEW);
    });

    let kept = output(&json!({"request": request, "has_response": false, "error": ""}));
    host_alone(group, &format!("http_pre_decode_kept_{size}"), || {
        HttpPreOutput::decode(black_box(&kept), &request).expect("a valid output")
    });
    let mut other = request.clone();
    other.body = Body::from_bytes(text.to_uppercase());
    let changed = output(&json!({"request": other, "has_response": false, "error": ""}));
    host_alone(group, &format!("http_pre_decode_{size}"), || {
        HttpPreOutput::decode(black_box(&changed), &request).expect("a valid output")
    });
    let mut other = response.clone();
    other.body = Body::from_bytes(text.to_uppercase());
    let changed = output(&json!({"response": other, "error": ""}));
    host_alone(group, &format!("http_post_decode_{size}"), || {
        HttpPostOutput::decode(black_box(&changed), &response).expect("a valid output")
    });
}

fn llm(group: &mut BenchmarkGroup<'_, WallTime>, size: &str, text: &str) {
    let context = context();
    let (request, response) = (llm_request(text), llm_response(text));

    host_alone(group, &format!("pre_encode_{size}"), || {
        PreInput { context: &context, request: black_box(&request) }.encode()
    });
    let changed = output(&json!({"request": request, "has_short_circuit": false, "error": ""}));
    host_alone(group, &format!("pre_decode_{size}"), || {
        PreOutput::decode(black_box(&changed), &request).expect("a valid output")
    });
    host_alone(group, &format!("post_encode_{size}"), || {
        PostInput { context: &context, result: Ok(black_box(&response)) }.encode()
    });
    let changed = output(&json!({"response": response, "has_error": false, "hook_error": ""}));
    host_alone(group, &format!("post_decode_{size}"), || {
        PostOutput::decode(black_box(&changed), false).expect("a valid output")
    });
}

fn chunk_encode(group: &mut BenchmarkGroup<'_, WallTime>, size: &str, text: &str) {
    let context = context();
    let request = http_request(text);
    let chunk = chunk("a few words ");
    // By the time that chunks come, http_pre_hook has long had the body encoded.
    request.body.base64();
    host_alone(group, &format!("chunk_encode_{size}"), || {
        ChunkInput { context: &context, request: black_box(&request), chunk: &chunk }.encode()
    });
}

/// The request does not come back, so that its size does not matter.
fn chunk_decode(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (sent, other) = (chunk("a few words "), chunk("other words "));
    let changed = output(&json!({"chunk": other, "has_chunk": true, "skip": false, "error": ""}));
    host_alone(group, "chunk_decode", || {
        ChunkOutput::decode(black_box(&changed), &sent).expect("a valid output")
    });
}

/// What a plugin adds to a context, and what it writes over.
fn merge(group: &mut BenchmarkGroup<'_, WallTime>) {
    let changes = br#"{"request_id":"x","attempt":2,"redacted":3,"note":{"by":"a plugin"}}"#;
    let changes = RawObject::parse(changes).expect("an object");
    group.bench_function(id("context_merge", HOST), |bencher| {
        let fresh = || (context(), changes.clone());
        let merge = |(mut context, changes): (Context, RawObject)| {
            context.merge(changes);
            context
        };
        bencher.iter_batched(fresh, merge, FEW);
    });
}

/// An output as a plugin writes it: a change to the context, and `fields`.
fn output(fields: &Value) -> Vec<u8> {
    let mut output = json!({"context": {"seen": 1}});
    if let (Some(output), Some(fields)) = (output.as_object_mut(), fields.as_object()) {
        output.extend(fields.clone());
    }
    output.to_string().into_bytes()
}
