//! Six calls, a fixed number of times each, whose instructions `cargo xtask instructions` counts.
//!
//! Each is called some times before it is counted, so that what is made once is there. What is
//! counted lies between two calls of [`mark`], on which callgrind writes down what it has; the lines
//! that are printed name what lies between. No clock, seed or processor decides what runs in between,
//! apart from the looks at the clock that a call consists of.
#![forbid(unsafe_code)]
#![allow(clippy::expect_used, reason = "a program that cannot run says why and stops")]

use std::hint::black_box;
use std::time::Duration;

use benches::documents::{chunk, context, http_request, llm_request, prose, prose_with_address};
use benches::guests::{echo, plugin, sample};
use benches::{backends, block_on};
use plugbay::abi::hook::{Body, ChunkInput, HttpPreInput, HttpPreOutput, PreInput};
use plugbay::abi::interface::Hook;
use serde_json::json;

const BYTES: usize = 1 << 10;
const BEFORE: usize = 20;
const COUNTED: usize = 200;

fn main() {
    encode();
    decode();
    for engine in backends() {
        let name = format!("echo_1k_{}", engine.name());
        let echo = plugin(&engine, "echo", &echo());
        let input = prose(BYTES);
        count(&name, || block_on(echo.hook_raw(Hook::Pre, input.as_bytes())).expect("it echoes"));
    }
    redactor();
}

fn encode() {
    let context = context();
    let text = prose(BYTES);
    // As it is put into the guest's memory.
    let mut memory = Vec::new();
    count("http_pre_encode_1k", || {
        let request = http_request(black_box(&text));
        let input = HttpPreInput { context: &context, request: &request };
        memory.clear();
        for part in input.parts().as_slices() {
            memory.extend_from_slice(part);
        }
        memory.len()
    });
}

fn decode() {
    let text = prose(BYTES);
    let request = http_request(&text);
    let mut other = request.clone();
    other.edit().body = Body::from_bytes(text.to_uppercase());
    let output =
        json!({"context": {"seen": 1}, "request": other, "has_response": false, "error": ""});
    let output = output.to_string().into_bytes();
    let context = context();
    let input = HttpPreInput { context: &context, request: &request };
    count("http_pre_decode_1k", || {
        HttpPreOutput::decode(black_box(&output), &input).expect("a valid output")
    });
}

/// The sample plugin on the engine that compiles, in which its threads have come to rest.
fn redactor() {
    let engine = plugbay::backend("wasmtime").expect("this build has wasmtime");
    let redactor = plugin(&engine, "redactor", &sample("redactor"));
    std::thread::sleep(Duration::from_millis(200));
    let context = context();

    let request = llm_request(&prose_with_address(BYTES));
    let input = PreInput { context: &context, request: &request };
    count("redactor_pre_1k_wasmtime", || {
        block_on(redactor.pre(&input)).expect("it redacts").expect("there is output")
    });

    let request = http_request(&prose(BYTES));
    let chunk = chunk("to ada@example.org ");
    let input = ChunkInput::new(&context, &request, &chunk);
    count("redactor_chunk_1k_wasmtime", || {
        block_on(redactor.chunk(&input)).expect("it redacts").expect("there is output")
    });
}

fn count<R>(name: &str, mut call: impl FnMut() -> R) {
    for _ in 0..BEFORE {
        black_box(call());
    }
    println!("{name} {COUNTED}");
    mark();
    for _ in 0..COUNTED {
        black_box(call());
    }
    mark();
}

/// Where callgrind is told to write down what it has counted.
#[inline(never)]
fn mark() {
    black_box(());
}
