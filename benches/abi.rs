//! What the documents cost the host: every envelope written and read, bodies in base64, contexts
//! merged. No guest runs here.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench that cannot run says why and stops"
)]

use std::hint::black_box;

use benches::documents::{
    chunk, context, http_request, http_response, llm_request, llm_response, prose,
};
use benches::plain::{self, Plain};
use benches::{FEW, HOST, SIZES, group, host_alone, id};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use plugbay::abi::hook::{
    Body, ChunkInput, ChunkOutput, Context, HttpPostInput, HttpPostOutput, HttpPreInput,
    HttpPreOutcome, HttpPreOutput, Parts, PostInput, PostOutput, PreInput, PreOutput,
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
        against_serde_json(&mut group, size, &text);
        again(&mut group, size, &text);
        bodies(&mut group, size, &text);
        http_post(&mut group, size, &text);
        llm(&mut group, size, &text);
    }
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
        bencher.iter_batched(|| encoded.clone(), |text| Body::from_base64(&text), FEW);
    });
}

/// What a call of `http_pre_hook` costs the host, beside what the same work costs with
/// `serde_json` and `base64` alone: the document of a request that nobody was shown before is put
/// into the guest's memory, and the document that came back, with another body, is read.
fn against_serde_json(group: &mut BenchmarkGroup<'_, WallTime>, size: &str, text: &str) {
    let mut memory = vec![0; 1 << 20];
    let changed = text.to_uppercase();
    for (case, output) in [
        ("http_pre", plain::output(&http_request(&changed))),
        ("http_pre_sorted", output(&json!({"request": http_request(&changed), "error": ""}))),
    ] {
        let case = format!("{case}_{size}");
        group.bench_function(id(&case, OURS), |bencher| {
            let fresh = || (context(), http_request(text));
            bencher.iter_batched(
                fresh,
                |(context, request)| {
                    let input = HttpPreInput { context: &context, request: &request };
                    let written = place(&mut memory, &input.parts());
                    let output = HttpPreOutput::decode(black_box(&output), &input);
                    let HttpPreOutcome::Request(request) = output.expect("an output").outcome
                    else {
                        panic!("the request was to change")
                    };
                    assert_eq!(request.body.bytes().len(), text.len());
                    (black_box(&request), written).1
                },
                FEW,
            );
        });
        group.bench_function(id(&case, SERDE_JSON_BASE64), |bencher| {
            let fresh = || (Plain::new(&http_request(text)), plain::context(&context()));
            bencher.iter_batched(
                fresh,
                |(request, context)| {
                    let input = request.encode(&context);
                    let written = copy(&mut memory, &input);
                    let request = Plain::decode(black_box(&output));
                    assert_eq!(request.body.len(), text.len());
                    (black_box(&request), written).1
                },
                FEW,
            );
        });
    }
}

/// What the plugins after the first one cost, and the chunks of a stream: nothing changed, so
/// that nothing is written anew.
fn again(group: &mut BenchmarkGroup<'_, WallTime>, size: &str, text: &str) {
    let mut memory = vec![0; 1 << 20];
    let (context, request) = (context(), http_request(text));
    let echo = plain::output(&request);
    let input = HttpPreInput { context: &context, request: &request };
    group.bench_function(id(&format!("http_pre_again_{size}"), OURS), |bencher| {
        bencher.iter(|| {
            let written = place(&mut memory, &input.parts());
            let output = HttpPreOutput::decode(black_box(&echo), &input).expect("an output");
            assert!(matches!(output.outcome, HttpPreOutcome::Request(_)));
            written
        });
    });
    let (plain, plain_context) = (Plain::new(&request), plain::context(&context));
    group.bench_function(id(&format!("http_pre_again_{size}"), SERDE_JSON_BASE64), |bencher| {
        bencher.iter(|| {
            let written = copy(&mut memory, &plain.encode(&plain_context));
            let request = Plain::decode(black_box(&echo));
            assert_eq!(request.body.len(), text.len());
            written
        });
    });

    let (sent, other) = (chunk("a few words "), chunk("other words "));
    let changed = output(&json!({"chunk": other, "has_chunk": true, "skip": false, "error": ""}));
    let input = ChunkInput::new(&context, &request, &sent);
    group.bench_function(id(&format!("chunk_{size}"), OURS), |bencher| {
        bencher.iter(|| {
            let written = place(&mut memory, &input.parts());
            black_box(ChunkOutput::decode(black_box(&changed), &input).expect("an output"));
            written
        });
    });
    group.bench_function(id(&format!("chunk_{size}"), SERDE_JSON_BASE64), |bencher| {
        bencher.iter(|| {
            let written = copy(&mut memory, &plain.encode_chunk(&plain_context, &sent));
            black_box(plain::decode_chunk(black_box(&changed)));
            written
        });
    });
}

const OURS: &str = "ours";
const SERDE_JSON_BASE64: &str = "serde_json_base64";

/// What a call does with a document's parts, into memory that stands for the guest's.
fn place(memory: &mut [u8], parts: &Parts<'_>) -> usize {
    let mut rest = memory;
    let mut written = 0;
    for part in parts.as_slices() {
        let (here, after) = rest.split_at_mut(part.len());
        here.copy_from_slice(part);
        rest = after;
        written += part.len();
    }
    written
}

fn copy(memory: &mut [u8], document: &[u8]) -> usize {
    memory[..document.len()].copy_from_slice(document);
    document.len()
}

fn http_post(group: &mut BenchmarkGroup<'_, WallTime>, size: &str, text: &str) {
    let context = context();
    let (request, response) = (http_request(text), http_response(text));
    let input = HttpPostInput { context: &context, request: &request, response: &response };
    let mut other = response.clone();
    other.edit().body = Body::from_bytes(text.to_uppercase());
    let changed = output(&json!({"response": other, "error": ""}));
    host_alone(group, &format!("http_post_decode_{size}"), || {
        HttpPostOutput::decode(black_box(&changed), &input).expect("a valid output")
    });
}

fn llm(group: &mut BenchmarkGroup<'_, WallTime>, size: &str, text: &str) {
    let context = context();
    let (request, response) = (llm_request(text), llm_response(text));

    group.bench_function(id(&format!("pre_encode_{size}"), HOST), |bencher| {
        let fresh = || llm_request(text);
        bencher.iter_batched_ref(
            fresh,
            |request| PreInput { context: &context, request }.encode(),
            FEW,
        );
    });
    let input = PreInput { context: &context, request: &request };
    let kept = output(&json!({"request": request, "has_short_circuit": false, "error": ""}));
    host_alone(group, &format!("pre_decode_kept_{size}"), || {
        PreOutput::decode(black_box(&kept), &input).expect("a valid output")
    });
    let other = llm_request(&text.to_uppercase());
    let changed = output(&json!({"request": other, "has_short_circuit": false, "error": ""}));
    host_alone(group, &format!("pre_decode_{size}"), || {
        PreOutput::decode(black_box(&changed), &input).expect("a valid output")
    });
    group.bench_function(id(&format!("post_encode_{size}"), HOST), |bencher| {
        let fresh = || llm_response(text);
        bencher.iter_batched_ref(
            fresh,
            |response| PostInput { context: &context, result: Ok(response) }.encode(),
            FEW,
        );
    });
    let input = PostInput { context: &context, result: Ok(&response) };
    let other = llm_response(&text.to_uppercase());
    let changed = output(&json!({"response": other, "has_error": false, "hook_error": ""}));
    host_alone(group, &format!("post_decode_{size}"), || {
        PostOutput::decode(black_box(&changed), &input).expect("a valid output")
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
