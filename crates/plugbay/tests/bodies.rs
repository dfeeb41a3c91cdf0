//! Bodies beside the documents, on each engine of this build.

#![allow(missing_docs, reason = "a test binary")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail as the test does"
)]

use plugbay::abi::hook::{
    Body, ChunkInput, ChunkOutcome, Context, HttpPostInput, HttpPreInput, HttpPreOutcome,
    HttpRequest, HttpResponse, Pairs, Written,
};
use plugbay::abi::interface::{Abi, Hook};
use plugbay::abi::json::RawObject;
use plugbay::policy::Limits;
use plugbay::{Host, ImportUse, Instances, LoadError, Plugin, PluginError, PluginOptions};
use pollster::block_on;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

fn host(backend: &str) -> Host {
    Host::builder().backend(plugbay::backend(backend).unwrap()).build().unwrap()
}

fn load(backend: &str, wat: &str, options: PluginOptions) -> Result<Plugin, LoadError> {
    block_on(host(backend).load_unsigned("test", &wat::parse_str(wat).unwrap(), options))
}

fn plugin(backend: &str, wat: &str) -> Plugin {
    load(backend, wat, PluginOptions::default()).unwrap()
}

const IMPORTS: &str = r#"
    (import "plugbay" "body_len" (func $body_len (param i32) (result i64)))
    (import "plugbay" "body_read" (func $body_read (param i32 i64 i32 i32) (result i32)))
    (import "plugbay" "body_write" (func $body_write (param i32 i64 i32 i32) (result i32)))
    (import "plugbay" "body_truncate" (func $body_truncate (param i32 i64) (result i32)))"#;

/// A guest with an allocator and a name; `abi` is the module's text about that.
fn guest(imports: &str, abi: &str, body: &str) -> String {
    format!(
        r#"(module {imports}
            (memory (export "memory") 64)
            (global $heap (mut i32) (i32.const 65536))
            (data (i32.const 16) "guest")
            (func $packed (param i32 i32) (result i64)
                (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))
                        (i64.extend_i32_u (local.get 1))))
            (func (export "malloc") (param i32) (result i32)
                (local $at i32)
                (local.set $at (global.get $heap))
                (global.set $heap (i32.add (global.get $heap) (local.get 0)))
                (local.get $at))
            (func (export "get_name") (result i64) (call $packed (i32.const 16) (i32.const 5)))
            {abi} {body})"#
    )
}

fn abi(number: i32) -> String {
    format!(r#"(func (export "plugbay_abi") (result i32) (i32.const {number}))"#)
}

/// A guest of the second generation: `code` runs in each of its hooks, and decides the output.
fn second(code: &str) -> String {
    let hooks = ["http_pre_hook", "http_post_hook", "http_stream_chunk_hook", "pre_hook"];
    let hook = |name: &&str| {
        format!(
            r#"(func (export "{name}") (param $ptr i32) (param $len i32) (result i64)
                (local $n i64) {code})"#
        )
    };
    guest(IMPORTS, &abi(2), &hooks.iter().map(hook).collect::<String>())
}

fn data(at: usize, text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!(r#"(data (i32.const {at}) "{escaped}")"#)
}

/// What a guest does to a body before it answers.
#[derive(Clone, Copy, Debug)]
enum Step {
    Write(i32, i64, &'static str),
    Cut(i32, i64),
}
use Step::{Cut, Write};

/// A guest that does `steps` and answers with a constant, of either generation.
fn constant(second: bool, steps: &[Step], output: Option<&str>) -> String {
    let (mut segments, mut code, mut at) = (String::new(), String::new(), 1024);
    for step in steps {
        match step {
            Write(which, offset, text) => {
                segments += &data(at, text);
                let len = text.len();
                code += &format!(
                    "(if (i32.ne (i32.const {len}) (call $body_write (i32.const {which}) \
                     (i64.const {offset}) (i32.const {at}) (i32.const {len}))) (then unreachable))"
                );
                at += len;
            }
            Cut(which, len) => {
                code += &format!(
                    "(if (call $body_truncate (i32.const {which}) (i64.const {len})) \
                     (then unreachable))"
                );
            }
        }
    }
    let answer = match output {
        Some(text) => {
            segments += &data(at, text);
            format!("(call $packed (i32.const {at}) (i32.const {}))", text.len())
        }
        None => "(i64.const 0)".to_owned(),
    };
    let hook = |name: &str| {
        format!(r#"(func (export "{name}") (param i32 i32) (result i64) {code} {answer})"#)
    };
    let hooks = segments + &hook("http_pre_hook") + &hook("http_post_hook");
    match second {
        true => guest(IMPORTS, &abi(2), &hooks),
        false => guest("", "", &hooks),
    }
}

fn pairs(name: &str, value: &str) -> Pairs {
    [(name.to_owned(), value.to_owned())].into_iter().collect()
}

fn request_of(body: impl Into<Vec<u8>>) -> Written<HttpRequest> {
    Written::new(HttpRequest {
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        headers: pairs("accept", "text/plain"),
        query: Pairs::default(),
        body: Body::from_bytes(body),
        extra: RawObject::parse(br#"{"remote":1}"#).unwrap(),
    })
}

fn response_of(body: impl Into<Vec<u8>>) -> Written<HttpResponse> {
    Written::new(HttpResponse {
        status_code: 200,
        headers: pairs("content-type", "text/plain"),
        body: Body::from_bytes(body),
        extra: RawObject::new(),
    })
}

fn request() -> Written<HttpRequest> {
    request_of("ping pong")
}

fn response() -> Written<HttpResponse> {
    response_of("an answer")
}

/// What a call of `http_pre_hook` comes to.
fn pre(plugin: &Plugin, request: &Written<HttpRequest>) -> Result<HttpPreOutcome, PluginError> {
    let mut context = Context::new("r-1");
    let input = HttpPreInput { context: &context, request };
    let output = block_on(plugin.http_pre(&input))?;
    Ok(output.map_or(HttpPreOutcome::Unchanged, |output| output.apply(&mut context)))
}

/// What a call of `http_post_hook` comes to.
fn post(plugin: &Plugin) -> Result<Option<HttpResponse>, PluginError> {
    let mut context = Context::new("r-1");
    let (request, response) = (&request(), &response());
    let input = HttpPostInput { context: &context, request, response };
    let output = block_on(plugin.http_post(&input))?;
    Ok(output.and_then(|output| output.apply(&mut context)).map(Written::into_inner))
}

fn base64(text: &str) -> String {
    Body::from_bytes(text).base64().to_owned()
}

/// The fields of the request and response above, but their bodies.
const REQUEST: &str =
    r#""path":"/v1/chat/completions","headers":{"accept":"text/plain"},"remote":1"#;
const RESPONSE: &str = r#""headers":{"content-type":"text/plain"}"#;

/// One scenario: what a guest of the first generation returns, and what one of the second does and
/// returns to the same end.
struct Scenario {
    first: Option<String>,
    steps: &'static [Step],
    second: Option<String>,
}

fn scenario(first: &str, steps: &'static [Step], second: Option<&str>) -> Scenario {
    Scenario { first: Some(first.to_owned()), steps, second: second.map(str::to_owned) }
}

fn both_generations_say_the_same(backend: &str) {
    let with = |method: &str, body: &str| {
        format!(r#"{{"request":{{"method":"{method}",{REQUEST},"body":"{}"}}}}"#, base64(body))
    };
    let without = |method: &str| format!(r#"{{"request":{{"method":"{method}",{REQUEST}}}}}"#);
    let counted =
        format!(r#"{{"request":{{"method":"GET",{REQUEST},"body_bytes":1,"body":null}}}}"#);
    let answer = |fields: &str| {
        format!(r#"{{"has_response":true,"response":{{"status_code":418,{RESPONSE}{fields}}}}}"#)
    };
    let teapot = format!(r#","body":"{}""#, base64("teapot"));
    for Scenario { first, steps, second } in [
        Scenario { first: None, steps: &[], second: None },
        Scenario { first: None, steps: &[Write(0, 0, "")], second: None },
        Scenario { first: None, steps: &[Write(1, 0, "not asked for")], second: None },
        scenario("{}", &[], Some("{}")),
        scenario(r#"{"request":null}"#, &[], Some(r#"{"request":{}}"#)),
        // The body, and nothing else.
        scenario(&with("POST", "PONG pong"), &[Write(0, 0, "PONG")], None),
        scenario(&with("POST", "PONG pong"), &[Write(0, 0, "PONG")], Some("{}")),
        scenario(&with("POST", "ping pong"), &[Write(0, 0, "ping")], None),
        scenario(&with("POST", "ping"), &[Cut(0, 4)], None),
        scenario(&with("POST", ""), &[Cut(0, 0)], None),
        scenario(&with("POST", "all new"), &[Cut(0, 0), Write(0, 0, "all new")], None),
        scenario(&with("POST", "ping pong!!"), &[Write(0, 9, "!!")], None),
        scenario(
            &with("POST", "ping ping pong"),
            &[Write(0, 5, "ping"), Write(0, 9, " pong")],
            None,
        ),
        scenario(
            &with("POST", "abXYZ pong"),
            &[Write(0, 0, "abcde"), Write(0, 2, "XYZ pong")],
            None,
        ),
        // The rest, and the body too.
        scenario(&with("GET", "ping pong"), &[], Some(&without("GET"))),
        scenario(&with("GET", "ping pong"), &[], Some(&counted)),
        scenario(&with("GET", "PING pong"), &[Write(0, 0, "PING")], Some(&without("GET"))),
        // Its own answer.
        scenario(&answer(""), &[], Some(&answer(""))),
        scenario(&answer(&teapot), &[Write(1, 0, "teapot")], Some(&answer(r#","body_bytes":0"#))),
        scenario(&answer(&teapot), &[Write(1, 0, "tea"), Write(1, 3, "pot")], Some(&answer(""))),
        scenario(&answer(""), &[Write(0, 0, "gone")], Some(&answer(""))),
    ] {
        let outcome = |second, steps, output: &Option<String>| {
            pre(&plugin(backend, &constant(second, steps, output.as_deref())), &request()).unwrap()
        };
        let (one, two) = (outcome(false, &[], &first), outcome(true, steps, &second));
        assert_eq!(one, two, "{first:?} {steps:?} {second:?}");
    }

    let with = |status: u16, body: &str| {
        let body = base64(body);
        format!(r#"{{"response":{{"status_code":{status},{RESPONSE},"body":"{body}"}}}}"#)
    };
    let without = format!(r#"{{"response":{{"status_code":500,{RESPONSE}}}}}"#);
    for Scenario { first, steps, second } in [
        Scenario { first: None, steps: &[], second: None },
        scenario("{}", &[], Some("{}")),
        scenario(&with(200, "An answer"), &[Write(1, 0, "A")], None),
        scenario(&with(200, "an"), &[Cut(1, 2)], Some(r#"{"response":null}"#)),
        scenario(&with(500, "an answer"), &[], Some(&without)),
        scenario(&with(500, "an answer, late"), &[Write(1, 9, ", late")], Some(&without)),
    ] {
        let outcome = |second, steps, output: &Option<String>| {
            post(&plugin(backend, &constant(second, steps, output.as_deref()))).unwrap()
        };
        let (one, two) = (outcome(false, &[], &first), outcome(true, steps, &second));
        assert_eq!(one, two, "{first:?} {steps:?} {second:?}");
    }
}

/// Answers with a request whose path is what `code` left at 2048, in 8 bytes.
fn told(code: &str) -> String {
    let (head, tail) = (r#"{"request":{"path":"/"#, r#""}}"#);
    let head_at = 2048 - head.len();
    let wat = second(&format!(
        "{code} (i32.store (i32.const 2056) (i32.const 0x7d7d22)) \
         (call $packed (i32.const {head_at}) (i32.const {}))",
        head.len() + 8 + tail.len()
    ));
    with_data(&wat, head_at, head)
}

/// The same module with one more data segment.
fn with_data(wat: &str, at: usize, text: &str) -> String {
    let end = wat.rfind(')').unwrap();
    format!("{} {})", &wat[..end], data(at, text))
}

fn a_guest_reads_in_ranges(backend: &str) {
    for (offset, len, wanted) in [
        (0, 4, "ping...."),
        (5, 8, "pong...."),
        (8, 1, "g......."),
        (9, 1, "........"),
        (1_i64 << 40, 8, "........"),
        (0, 0, "........"),
    ] {
        let read = format!(
            "(i64.store (i32.const 2048) (i64.const 0x2e2e2e2e2e2e2e2e)) \
             (drop (call $body_read (i32.const 0) (i64.const {offset}) (i32.const 2048) (i32.const {len})))"
        );
        let outcome = pre(&plugin(backend, &told(&read)), &request()).unwrap();
        let HttpPreOutcome::Request(request) = outcome else { panic!("{outcome:?}") };
        assert_eq!(request.path, format!("/{wanted}"), "{offset} {len}");
        assert_eq!(request.body.bytes(), b"ping pong");
    }
}

const UNCHANGED: &str = "(i64.const 0)";

fn what_is_wrong_stops_the_guest_and_nothing_stays(backend: &str) {
    let write = |offset: i64, ptr: i64, len: i64| {
        format!(
            "(drop (call $body_write (i32.const 0) (i64.const {offset}) (i32.const {ptr}) (i32.const {len})))"
        )
    };
    let memory = 64 << 16;
    for (code, wanted) in [
        (write(0, memory, 1), "invalid memory access"),
        (write(0, memory - 1, 2), "invalid memory access"),
        (write(0, 0, -1), "invalid memory access"),
        (write(0, -1, -1), "invalid memory access"),
        (write(0, 0, 1 << 20), "more than the limit of 65536 (raise `output_bytes`)"),
        ("unreachable".to_owned(), "`unreachable`"),
    ] {
        // The first call writes and then fails; the second, on another instance, sees nothing of it.
        let wat = second(&format!(
            "{} (if (i64.eq (call $body_len (i32.const 0)) (i64.const 9)) (then {code})) {UNCHANGED}",
            write(0, 16, 4)
        ));
        let mut limits = Limits::default();
        limits.output_bytes = 1 << 16;
        let plugin = load(backend, &wat, PluginOptions::default().with_limits(limits)).unwrap();
        let sent = request();
        let error = pre(&plugin, &sent).unwrap_err().to_string();
        assert!(error.contains(wanted), "{code}: {error}");
        assert!(error.contains("`http_pre_hook`"), "{error}");
        assert_eq!(sent.body.bytes(), b"ping pong");
        let outcome = pre(&plugin, &request_of("0123456")).unwrap();
        let HttpPreOutcome::Request(changed) = outcome else { panic!("{outcome:?}") };
        assert_eq!(changed.body.bytes(), b"gues456");
    }
}

fn a_failure_that_the_guest_reports_drops_its_edits(backend: &str) {
    let plugin =
        plugin(backend, &constant(true, &[Write(0, 0, "PING")], Some(r#"{"error":"no"}"#)));
    let sent = request();
    let error = pre(&plugin, &sent).unwrap_err();
    assert_eq!(error.class(), "reported");
    assert_eq!(sent.body.bytes(), b"ping pong");
}

fn a_body_in_the_document_is_told(backend: &str) {
    let plugin = plugin(backend, &constant(true, &[], Some(r#"{"request":{"body":"cGluZw=="}}"#)));
    let error = pre(&plugin, &request()).unwrap_err().to_string();
    assert!(error.contains("request.body: a body in the document, wanted none"), "{error}");
}

fn each_hook_has_its_bodies(backend: &str) {
    // The lengths, as digits, plus one: `which` 0 and 1.
    let digit = |at: u32, which: i32| {
        format!(
            "(i64.store8 (i32.const {at}) (i64.add (i64.const 0x31) (call $body_len (i32.const {which}))))"
        )
    };
    let name = "(i64.store (i32.const 2048) (i64.const 0x2e2e2e2e2e2e2e2e))";
    let code = format!("{name} {} {}", digit(2048, 0), digit(2049, 1));
    let plugin = plugin(backend, &told(&code));
    let HttpPreOutcome::Request(told) = pre(&plugin, &request_of("123")).unwrap() else {
        panic!("unchanged")
    };
    assert_eq!(told.path, "/41......");
    for (hook, wanted) in [
        (Hook::HttpPre, "41"),
        (Hook::HttpPost, "42"),
        (Hook::HttpStreamChunk, "40"),
        (Hook::Pre, "00"),
    ] {
        let document = json!({
            "context": {}, "chunk": {},
            "request": {"body": base64("123")}, "response": {"body": base64("1")},
        });
        let raw = block_on(plugin.hook_raw(hook, document.to_string().as_bytes())).unwrap();
        let output: Value = serde_json::from_slice(&raw.document.unwrap()).unwrap();
        assert_eq!(output["request"]["path"], json!(format!("/{wanted}......")), "{hook}");
    }
}

fn chunks_see_the_request_and_cannot_change_it(backend: &str) {
    let wat = second(
        r#"(if (i32.ne (call $body_read (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 4)) (i32.const 4))
               (then unreachable))
           (if (i32.ne (i32.load (i32.const 0)) (i32.const 0x676e6970)) (then unreachable))
           (if (i32.ne (call $body_write (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 4)) (i32.const -1))
               (then unreachable))
           (if (i32.ne (call $body_truncate (i32.const 0) (i64.const 0)) (i32.const -1))
               (then unreachable))
           (call $packed (i32.const 512) (i32.const 13))"#,
    );
    let plugin = plugin(backend, &with_data(&wat, 512, r#"{"skip":true}"#));
    let chunk: Box<RawValue> = serde_json::from_str("{}").unwrap();
    let (mut context, request) = (Context::new("r-1"), request());
    let input = ChunkInput::new(&context, &request, &chunk);
    let output = block_on(plugin.chunk(&input)).unwrap().unwrap();
    assert!(matches!(output.apply(&mut context), ChunkOutcome::Skip));
}

/// The guest keeps its input as the chunk, in place of the one it was shown.
fn chunks_are_held_back_as_by_the_first_generation(backend: &str) {
    let wat = second(
        r#"(memory.copy (i32.const 544) (local.get $ptr) (local.get $len))
           (i32.store8 (i32.add (i32.const 544) (local.get $len)) (i32.const 0x7d))
           (call $packed (i32.const 506) (i32.add (i32.const 39) (local.get $len)))"#,
    );
    let plugin =
        plugin(backend, &with_data(&wat, 506, r#"{"hold":true,"has_chunk":true,"chunk":"#));
    let (chunk, request) = (to_raw_value(&json!({"n": 2})).unwrap(), request());
    let mut context = Context::new("r-1");
    let held = [to_raw_value(&json!({"n": 1})).unwrap()].into_iter().collect();
    let input = ChunkInput { held: &held, ..ChunkInput::new(&context, &request, &chunk) };
    let output = block_on(plugin.chunk(&input)).unwrap().unwrap();
    let ended = block_on(plugin.chunk(&ChunkInput { chunk: None, ..input })).unwrap_err();
    let ChunkOutcome::Hold(Some(kept)) = output.apply(&mut context) else { panic!("not held") };
    let kept: Value = serde_json::from_str(kept.get()).unwrap();
    assert_eq!((&kept["held"], &kept["chunk"]), (&json!([{"n": 1}]), &json!({"n": 2})));
    assert_eq!((&kept["request"]["body_bytes"], kept.get("flush")), (&json!(9), None));
    assert!(ended.to_string().contains("`hold` is true, though the stream has ended"), "{ended}");
}

fn there_are_no_bodies_while_loading(backend: &str) {
    let init = r#"(func (export "init") (param i32 i32) (result i32)
        (i32.add (i32.wrap_i64 (call $body_len (i32.const 0)))
                 (i32.mul (i32.const 100) (call $body_read (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 1)))))"#;
    let Err(error) = load(backend, &guest(IMPORTS, &abi(2), init), PluginOptions::default()) else {
        panic!("loaded")
    };
    assert!(error.to_string().contains("`init` returned -101"), "{error}");
}

fn a_document_that_comes_back_is_the_same_request(backend: &str) {
    let plugin = plugin(backend, &second("(call $packed (local.get $ptr) (local.get $len))"));
    for sent in [request(), request_of(""), request_of(vec![0xff; 1 << 20])] {
        let outcome = pre(&plugin, &sent).unwrap();
        let HttpPreOutcome::Request(back) = outcome else { panic!("{outcome:?}") };
        assert_eq!(back, sent);
        assert!(std::ptr::eq(back.body.bytes(), sent.body.bytes()), "it was not copied");
    }
}

/// Reads all of a body to 1 MiB, adds one to each byte, and writes it back in pieces.
const INCREMENT: &str = r#"
    (drop (call $body_read (i32.const 0) (i64.const 0) (i32.const 1048576) (i32.const 1048576)))
    (loop
        (i32.store8 offset=1048576 (i32.wrap_i64 (local.get $n))
            (i32.add (i32.const 1) (i32.load8_u offset=1048576 (i32.wrap_i64 (local.get $n)))))
        (local.set $n (i64.add (local.get $n) (i64.const 1)))
        (br_if 0 (i64.lt_u (local.get $n) (i64.const 1048576))))
    (local.set $n (i64.const 0))
    (loop
        (drop (call $body_write (i32.const 0) (local.get $n)
            (i32.add (i32.const 1048576) (i32.wrap_i64 (local.get $n))) (i32.const 65536)))
        (local.set $n (i64.add (local.get $n) (i64.const 65536)))
        (br_if 0 (i64.lt_u (local.get $n) (i64.const 1048576))))
    (i64.const 0)"#;

fn a_mebibyte_there_and_back(backend: &str) {
    let plugin = plugin(backend, &second(INCREMENT));
    let body: Vec<u8> = (0..1 << 20).map(|n: u32| (n % 251) as u8).collect();
    let outcome = pre(&plugin, &request_of(body.clone())).unwrap();
    let HttpPreOutcome::Request(changed) = outcome else { panic!("{outcome:?}") };
    let wanted: Vec<u8> = body.iter().map(|byte| byte + 1).collect();
    assert!(changed.body.bytes() == wanted);
}

fn bytes_are_paid_for(backend: &str) {
    for name in ["body_read", "body_write"] {
        let call = format!(
            "(drop (call ${name} (i32.const 0) (i64.const 0) (i32.const 1048576) (i32.const 1048576)))"
        );
        let plugin = plugin(backend, &second(&format!("{call} {UNCHANGED}")));
        let mut document = Vec::from(br#"{"request":{"body":""#);
        document.extend(Body::from_bytes(vec![1; 1 << 20]).base64().bytes());
        document.extend(br#""}}"#);
        let report = block_on(plugin.hook_raw(Hook::HttpPre, &document)).unwrap().report;
        let fuel = report.fuel_used.unwrap();
        assert!((65_536..67_000).contains(&fuel), "{name}: {fuel}");

        let endless = second(&format!("(loop {call} (br 0)) unreachable"));
        let plugin = self::plugin(backend, &endless);
        let error = pre(&plugin, &request_of(vec![1; 1 << 20])).unwrap_err();
        assert_eq!(error.class(), "out_of_fuel", "{error}");
    }
}

fn the_guides_document_does_for_either_generation(backend: &str) {
    let steps = &[Write(0, 0, "PING")];
    let plugin = plugin(backend, &constant(true, steps, Some(r#"{"context":{"a":1}}"#)));
    let document = json!({"context": {}, "request": {"path": "/", "body": base64("ping pong")}});
    let raw = block_on(plugin.hook_raw(Hook::HttpPre, document.to_string().as_bytes())).unwrap();
    let output: Value = serde_json::from_slice(&raw.document.unwrap()).unwrap();
    assert_eq!(
        output,
        json!({"context": {"a": 1}, "request": {"path": "/", "body": base64("PING pong")}})
    );
    let error = block_on(plugin.hook_raw(Hook::HttpPre, br#"{"request":{"body":"%"}}"#));
    let error = error.unwrap_err();
    assert_eq!(error.class(), "input");
    assert!(error.to_string().contains("request.body: not padded"), "{error}");
}

fn the_generation_is_told_by_an_export(backend: &str) {
    let hook = r#"(func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0))"#;
    for (text, wanted) in [(String::new(), Abi::V1), (abi(1), Abi::V1), (abi(2), Abi::V2)] {
        assert_eq!(plugin(backend, &guest("", &text, hook)).abi(), wanted, "{text}");
    }
    assert_eq!(plugin(backend, &guest(IMPORTS, &abi(2), hook)).abi(), Abi::V2);
    let long = r#"(func (export "plugbay_abi") (result i64) (i64.const 2))"#;
    let traps = r#"(func (export "plugbay_abi") (result i32) unreachable)"#;
    for (imports, text, wanted) in [
        ("", &*abi(3), "plugin `test`: `plugbay_abi` returned 3, wanted 1 or 2"),
        ("", &*abi(0), "`plugbay_abi` returned 0, wanted 1 or 2"),
        ("", long, "export `plugbay_abi` has signature () -> i64, wanted () -> i32"),
        ("", traps, "`plugbay_abi` failed: the plugin aborted (`unreachable`)"),
        (
            IMPORTS,
            "",
            "import `plugbay.body_len` is for plugins whose `plugbay_abi` returns 2: this one does not export it",
        ),
        (
            IMPORTS,
            &*abi(1),
            "import `plugbay.body_len` is for plugins whose `plugbay_abi` returns 2: this one returned 1",
        ),
        (
            r#"(import "plugbay" "body_len" (func (param i64) (result i64)))"#,
            &*abi(2),
            "import `plugbay.body_len` has signature (i64) -> i64, offered is (i32) -> i64",
        ),
        (
            r#"(import "plugbay" "body_clear" (func))"#,
            &*abi(2),
            "unknown import `plugbay.body_clear`",
        ),
    ] {
        let loaded = load(backend, &guest(imports, text, hook), PluginOptions::default());
        let Err(error) = loaded else { panic!("loaded with {imports} {text}") };
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

fn imports_are_told_without_running(backend: &str) {
    let hook = r#"(func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0))"#;
    let inspect = |wat: String| host(backend).inspect(&wat::parse_str(wat).unwrap()).unwrap();
    let inspection = inspect(guest(IMPORTS, &abi(2), hook));
    assert!(inspection.is_loadable());
    assert_eq!(inspection.imports.len(), 4);
    assert!(inspection.imports.iter().all(|import| import.usage == ImportUse::Always));
    assert!(inspection.interface.unwrap().abi.is_some());
    let inspection = inspect(guest(IMPORTS, "", hook));
    let unlinkable = inspection.unlinkable.unwrap().to_string();
    assert!(unlinkable.contains("this one does not export it"), "{unlinkable}");
}

fn instances_of_every_kind_have_them(backend: &str) {
    for instances in [Instances::POOLED, Instances::PER_REQUEST, Instances::SINGLE] {
        let wat = constant(true, &[Write(0, 0, "PING")], None);
        let plugin =
            load(backend, &wat, PluginOptions::default().with_instances(instances)).unwrap();
        assert_eq!(plugin.abi(), Abi::V2, "{instances:?}");
        for _ in 0..3 {
            let outcome = pre(&plugin, &request()).unwrap();
            let HttpPreOutcome::Request(changed) = outcome else { panic!("{outcome:?}") };
            assert_eq!(changed.body.bytes(), b"PING pong", "{instances:?}");
        }
    }
}

fn a_stream_that_keeps_its_instance_has_them(backend: &str) {
    let wat = second(
        "(if (i64.ne (call $body_len (i32.const 0)) (i64.const 9)) (then unreachable)) (i64.const 0)",
    );
    let plugin = plugin(backend, &wat);
    let chunk: Box<RawValue> = serde_json::from_str("{}").unwrap();
    let (context, request) = (Context::new("r-1"), request());
    let input = ChunkInput::new(&context, &request, &chunk);
    let mut lease = plugin.lease();
    for _ in 0..2 {
        assert!(block_on(lease.chunk(&input)).unwrap().is_none());
    }
}

/// Two engines as one have them too, and copy the same.
#[cfg(all(feature = "wasmtime", feature = "wasmi"))]
#[test]
fn a_shadow_sees_what_the_first_one_reads() {
    let [first, second_engine] = ["wasmtime", "wasmi"].map(|name| plugbay::backend(name).unwrap());
    let shadow = std::sync::Arc::new(plugbay::ShadowBackend::new(first, second_engine));
    let host = Host::builder().backend(shadow.clone()).build().unwrap();
    let wasm = wat::parse_str(second(INCREMENT)).unwrap();
    let plugin = block_on(host.load_unsigned("test", &wasm, PluginOptions::default())).unwrap();
    let before = shadow.report().compared;
    let outcome = pre(&plugin, &request_of(vec![1; 1 << 20])).unwrap();
    let HttpPreOutcome::Request(changed) = outcome else { panic!("{outcome:?}") };
    assert!(changed.body.bytes().iter().all(|byte| *byte == 2));
    let report = shadow.report();
    assert!(report.compared > before && report.differences == 0, "{report:?}");
}

/// One module of tests for each engine of the build, the engine in each test's name.
macro_rules! on_each_backend {
    ($($test:ident)*) => {
        #[cfg(feature = "wasmtime")]
        mod wasmtime {
            $(#[test] fn $test() { super::$test("wasmtime") })*
        }
        #[cfg(feature = "wasmi")]
        mod wasmi {
            $(#[test] fn $test() { super::$test("wasmi") })*
        }
    };
}

on_each_backend! {
    both_generations_say_the_same
    a_guest_reads_in_ranges
    what_is_wrong_stops_the_guest_and_nothing_stays
    a_failure_that_the_guest_reports_drops_its_edits
    a_body_in_the_document_is_told
    each_hook_has_its_bodies
    chunks_see_the_request_and_cannot_change_it
    chunks_are_held_back_as_by_the_first_generation
    there_are_no_bodies_while_loading
    a_document_that_comes_back_is_the_same_request
    a_mebibyte_there_and_back
    bytes_are_paid_for
    the_guides_document_does_for_either_generation
    the_generation_is_told_by_an_export
    imports_are_told_without_running
    instances_of_every_kind_have_them
    a_stream_that_keeps_its_instance_has_them
}
