//! What it costs a plugin to have a body of 1 MiB: beside the document, in one piece, against
//! copying as many bytes and against base64 in the document.
#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot run says why and stops")]

use std::hint::black_box;
use std::sync::Arc;

use benches::documents::{context, http_request, prose};
use benches::guests::plugin;
use benches::{FEW, backends, block_on, group, host_alone, id};
use criterion::Criterion;
use plugbay::abi::hook::{Body, HttpPreInput, HttpPreOutcome, HttpRequest, Written};
use plugbay::runtime::Backend;

const BYTES: usize = 1 << 20;

fn main() {
    let mut criterion = benches::criterion();
    hook_1m(&mut criterion, &backends());
    criterion.final_summary();
}

/// A guest whose hook is `code`, of the second generation if it has `imports`.
fn guest(imports: &str, abi: &str, code: &str) -> Vec<u8> {
    let text = format!(
        r#"(module {imports}
            (memory (export "memory") 64)
            (data (i32.const 8) "bodies")
            (data (i32.const 16) "{{\"request\":{{\"method\":\"POST\",\"path\":\"/\",\"body\":\"")
            {abi}
            (func (export "malloc") (param i32) (result i32) (i32.const 65536))
            (func (export "free") (param i32 i32))
            (func (export "get_name") (result i64) (i64.const 0x8_00000006))
            (func (export "http_pre_hook") (param $ptr i32) (param $len i32) (result i64) {code}))"#
    );
    wat::parse_str(text).expect("the guest is valid")
}

const READ: &str =
    r#"(import "plugbay" "body_read" (func $read (param i32 i64 i32 i32) (result i32)))"#;
const WRITE: &str =
    r#"(import "plugbay" "body_write" (func $write (param i32 i64 i32 i32) (result i32)))"#;
const SECOND: &str = r#"(func (export "plugbay_abi") (result i32) (i32.const 2))"#;

fn request(body: &Body) -> Written<HttpRequest> {
    let mut request = http_request("");
    request.edit().body = body.clone();
    request
}

/// A body read whole, and a body replaced whole. `nothing` is a call that does neither.
fn hook_1m(criterion: &mut Criterion, engines: &[Arc<dyn Backend>]) {
    let mut group = group(criterion, "hook_1m");
    let text = prose(BYTES);
    let bytes = text.as_bytes();
    let context = context();

    let mut memory = vec![0_u8; BYTES];
    host_alone(&mut group, "memcpy_into_a_buffer", || {
        memory.copy_from_slice(black_box(bytes));
        black_box(&mut memory);
    });
    host_alone(&mut group, "memcpy_into_a_new_buffer", || black_box(bytes).to_vec());

    let body = Body::from_bytes(bytes);
    let sent = request(&body);
    let input = HttpPreInput { context: &context, request: &sent };
    let whole = |function: &str| {
        format!(
            "(if (i32.ne (i32.const {BYTES}) (call {function} (i32.const 0) (i64.const 0) \
             (i32.const 1048576) (i32.const {BYTES}))) (then unreachable)) (i64.const 0)"
        )
    };
    for (case, wasm) in [
        ("nothing", guest("", SECOND, "(i64.const 0)")),
        ("read_1m", guest(READ, SECOND, &whole("$read"))),
        ("write_1m", guest(WRITE, SECOND, &whole("$write"))),
    ] {
        for backend in engines {
            let plugin = plugin(backend, case, &wasm);
            let changed = block_on(plugin.http_pre(&input)).expect("the hook works").is_some();
            assert_eq!(changed, case == "write_1m");
            group.bench_function(id(case, backend.name()), |bencher| {
                bencher.iter(|| block_on(plugin.http_pre(&input)).expect("the hook works"));
            });
        }
    }

    // The document alone, which is written and copied in: the guest has not decoded it yet.
    let wasm = guest("", "", "(i64.const 0)");
    for backend in engines {
        let plugin = plugin(backend, "base64_in", &wasm);
        group.bench_function(id("base64_in_1m", backend.name()), |bencher| {
            bencher.iter_batched_ref(
                || request(&Body::from_bytes(bytes)),
                |request| {
                    let input = HttpPreInput { context: &context, request };
                    block_on(plugin.http_pre(&input)).expect("the hook works")
                },
                FEW,
            );
        });
    }
    // A document that the guest has in its memory, base64 and all.
    let (start, letters) = (16 + 47, BYTES / 3 * 4);
    let answer = format!(
        r#"(memory.fill (i32.const {start}) (i32.const 65) (i32.const {letters}))
           (i32.store (i32.const {}) (i32.const 0x007d7d22))
           (i64.const {})"#,
        start + letters,
        (16_u64 << 32) | (47 + letters as u64 + 3),
    );
    let wasm = guest("", "", &answer);
    let empty = request(&Body::default());
    let input = HttpPreInput { context: &context, request: &empty };
    for backend in engines {
        let plugin = plugin(backend, "base64_out", &wasm);
        let output = block_on(plugin.http_pre(&input)).expect("the hook works");
        let outcome = output.expect("there is output").outcome;
        let HttpPreOutcome::Request(changed) = outcome else { panic!("unchanged") };
        assert_eq!(changed.body.bytes().len(), BYTES / 3 * 3);
        group.bench_function(id("base64_out_1m", backend.name()), |bencher| {
            bencher.iter(|| block_on(plugin.http_pre(&input)).expect("the hook works"));
        });
    }
    group.finish();
}
