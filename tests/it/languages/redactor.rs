//! The redactor: whole documents, and streams in which an address is split anywhere.

use std::collections::VecDeque;
use std::sync::Arc;

use plugbay::PluginOptions;
use plugbay::abi::hook::{Body, HttpRequest};
use plugbay::abi::interface::Hook;
use plugbay::abi::json::RawObject;
use plugbay::runtime::ManualClock;
use plugbay_hooks::{Exchange, Pipeline, PluginEntry};
use pollster::block_on;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::{call, check, check_refused, host, load, module, unread};
use crate::support::BACKENDS;

fn chat(content: Value) -> Value {
    json!({
        "provider": "mock", "model": "echo", "unknown": [1],
        "input": [{"role": "system", "content": null}, {"role": "user", "content": content, "name": "a"}],
        "params": {"temperature": 0.7, "big": 1234},
    })
}

pub(super) fn redactor(language: &str) {
    let module = module("redactor", language);
    let pre = |content: Value, wanted: Value, count: u64| {
        let input =
            json!({"context": {"request_id": "r", "redacted": 3}, "request": chat(content)});
        let wanted = json!({"context": {"redacted": 3 + count}, "request": chat(wanted)});
        (Hook::Pre, input.to_string(), wanted)
    };
    let answer = |text: &str| {
        json!({"chat_response": {"id": "1", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"total_tokens": 3}}})
    };
    let post = |response: Value| {
        json!({"context": {}, "response": response, "error": {}, "has_error": false}).to_string()
    };
    let chunk = |chunk: Value| {
        json!({"context": {}, "request": {"method": "POST"}, "chunk": chunk}).to_string()
    };
    let nothing = |hook: Hook, input: &str| (hook, input.to_owned(), Value::Null);
    let mut cases = vec![
        pre(json!("I am ada@example.org, née 😀"), json!("I am [redacted], née 😀"), 1),
        pre(
            json!([{"type": "text", "text": "or bob@example.org \"\\\u{1}"}, {"type": "image_url", "image_url": {"url": "https://x@y.example"}}]),
            json!([{"type": "text", "text": "or [redacted] \"\\\u{1}"}, {"type": "image_url", "image_url": {"url": "https://x@y.example"}}]),
            1,
        ),
        nothing(
            Hook::Pre,
            &json!({"context": {}, "request": chat(json!("nobody, not even a@b"))}).to_string(),
        ),
        nothing(Hook::Post, &post(answer("nobody"))),
        (
            Hook::Post,
            post(answer("ask bob@example.com")),
            json!({"context": {"redacted": 1}, "response": answer("ask [redacted]")}),
        ),
        nothing(
            Hook::Post,
            r#"{"context":{},"response":null,"error":{"error":{"message":"no a@b.cc"},"status_code":404},"has_error":true}"#,
        ),
        nothing(Hook::HttpPre, r#"{"context":{},"request":{"body":"YUBiLmNj"}}"#),
        nothing(Hook::HttpPost, r#"{"context":{},"response":{"body":"YUBiLmNj"}}"#),
        nothing(Hook::HttpStreamChunk, &chunk(json!({"id": "1", "choices": []}))),
        (
            Hook::HttpStreamChunk,
            chunk(delta("x@example.org ")),
            json!({"context": {"redacted": 1}, "has_chunk": true, "chunk": delta("[redacted] ")}),
        ),
        (Hook::HttpStreamChunk, chunk(delta("x@example")), json!({"hold": true})),
        (
            Hook::Pre,
            r#"{"request": {"input": "to a\u0040b.cc", "z": 0.70}}"#.to_owned(),
            json!({"context": {"redacted": 1}, "request": {"input": "to [redacted]", "z": 0.7}}),
        ),
        (Hook::Pre, "{\"request\": {\"input\": \"a@b.cc}".to_owned(), unread("error")),
        (Hook::Post, "1".to_owned(), unread("hook_error")),
        (Hook::HttpStreamChunk, "[1, \"a@b.cc\"]".to_owned(), unread("error")),
    ];
    for (text, wanted, count) in TEXTS {
        if *count > 0 {
            cases.push(pre(json!(text), json!(wanted), *count));
        } else {
            cases.push(nothing(Hook::Pre, &json!({"request": chat(json!(text))}).to_string()));
        }
    }
    let gone = (
        Hook::Pre,
        json!({"request": {"input": [{"content": "a@b.cc"}]}}).to_string(),
        json!({"context": {"redacted": 1}, "request": {"input": [{"content": "<gone> x@y.zz"}]}}),
    );
    for engine in BACKENDS {
        check(engine, &module, &json!({}), &cases);
        check(
            engine,
            &module,
            &json!({ "replacement": "<gone> x@y.zz", "other": 1 }),
            &[gone.clone()],
        );
        check(engine, &module, &json!({ "replacement": null }), &cases[..1]);
        let wrong =
            (json!({ "replacement": 1 }), "config.replacement: expected a string, found a number");
        check_refused(engine, &module, &[wrong]);
        // What nobody touches is not read as a number: nothing of it is lost.
        let host = host(engine, &Arc::default()).build().unwrap();
        let plugin = load(&host, &module, PluginOptions::named("redactor"));
        const KEPT: &str = r#"{"big":123456789012345678901234567890,"0.70":[0.70,1e400,-0.0]}"#;
        let input = format!(
            r#"{{"request":{{"input":[{{"content":"a@b.cc","n":{KEPT}}}],"params":{KEPT}}}}}"#
        );
        let output = call(&plugin, Hook::Pre, &input);
        assert_eq!(output.replace(' ', "").matches(KEPT).count(), 2, "{module}: {output}");
    }
}

/// Texts, what is left of each, and how many addresses were in it.
const TEXTS: &[(&str, &str, u64)] = &[
    ("Write to ada.l+tag@mail.example.org.", "Write to [redacted].", 1),
    ("<ada@example.org>, bob_9@example.co.uk; done", "<[redacted]>, [redacted]; done", 2),
    ("'ada@example.org' mailto:o'neil@x-y.example?a", "'[redacted]' mailto:[redacted]?a", 2),
    ("Grüße – ada@example.org@bob.example – 😀", "Grüße – [redacted]@bob.example – 😀", 1),
    (
        "a@b.cc@c@d.ee, 'x@y.zz'... and @z or q@r",
        "[redacted]@[redacted], '[redacted]'... and @z or q@r",
        3,
    ),
    ("ada@example.org.5 ada@example.org...", "[redacted].5 [redacted]...", 2),
    ("@ @@ a@ @b.cc a@b.c a@.cc a@b..cc 1@2.34 ä@ö.ü", "", 0),
];

fn delta(text: &str) -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
}

fn pipeline(engine: &str, module: &str) -> Arc<Pipeline> {
    let host = host(engine, &Arc::default()).build().unwrap();
    let plugin = load(&host, module, PluginOptions::named("redactor"));
    Arc::new(Pipeline::new(vec![PluginEntry::new(Arc::new(plugin))], Arc::new(ManualClock::new())))
}

/// What leaves of a stream, with the number of chunks after which it did, and how many addresses were counted.
fn stream(pipeline: &Arc<Pipeline>, chunks: &[Value]) -> (Vec<(usize, Value)>, u64) {
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
    let mut left = Vec::new();
    for shown in 1..=chunks.len() + 1 {
        match chunks.get(shown - 1) {
            Some(chunk) => block_on(exchange.chunk(to_raw_value(chunk).unwrap(), &mut leaving)),
            None => block_on(exchange.flush(&mut leaving)),
        }
        .unwrap();
        let chunks = leaving.drain(..).map(|chunk| serde_json::from_str(chunk.get()).unwrap());
        left.extend(chunks.map(|chunk| (shown, chunk)));
    }
    let count = exchange.context().raw("redacted").map_or("0", |count| count.get());
    (left, count.parse().unwrap())
}

fn text(left: &[(usize, Value)], index: u64) -> String {
    let choices = left.iter().flat_map(|(_, chunk)| chunk["choices"].as_array().unwrap());
    let choices = choices.filter(|choice| choice["index"] == index);
    choices.filter_map(|choice| choice["delta"]["content"].as_str()).collect()
}

pub(super) fn redactor_in_streams(language: &str) {
    let module = module("redactor", language);
    for engine in BACKENDS {
        let pipeline = pipeline(engine, &module);
        for (whole, redacted, count) in TEXTS.iter().take(4) {
            for at in (0..=whole.len()).filter(|at| whole.is_char_boundary(*at)) {
                let (left, counted) =
                    stream(&pipeline, &[delta(&whole[..at]), delta(&whole[at..])]);
                assert_eq!(
                    (&*text(&left, 0), counted),
                    (*redacted, *count),
                    "{module} on {engine}: {whole} at {at}"
                );
            }
            let letters: Vec<Value> =
                whole.chars().map(|letter| delta(&letter.to_string())).collect();
            let (left, counted) = stream(&pipeline, &letters);
            assert_eq!(
                (&*text(&left, 0), counted),
                (*redacted, *count),
                "{module} on {engine}: {whole}"
            );
        }
        for (what, chunks, wanted) in streams() {
            let (left, _) = stream(&pipeline, &chunks);
            assert_eq!(left, wanted, "{module} on {engine}: {what}");
        }
    }
}

/// Streams, and what leaves of each after how many chunks.
fn streams() -> Vec<(&'static str, Vec<Value>, Vec<(usize, Value)>)> {
    let role = json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]});
    let call = json!({"choices": [{"index": 0, "delta": {"content": null, "tool_calls": [
        {"index": 0, "id": "t", "function": {"name": "mail", "arguments": "{\"to\":\"ada@b.cc\"}"}},
    ]}}]});
    let finish = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": {"total_tokens": 7}});
    let refusal = |text: &str| json!({"choices": [{"index": 0, "delta": {"content": text, "refusal": null}}]});
    let of =
        |index: u64, text: &str| json!({"choices": [{"index": index, "delta": {"content": text}}]});
    let both = |first: &str, second: &str| {
        json!({"choices": [
        {"index": 0, "delta": {"content": first}}, {"index": 1, "delta": {"content": second}}]})
    };
    let parts = |first: &str, second: &str| {
        json!({"choices": [{"index": 0, "delta": {"content": [
        {"type": "text", "text": first}, {"type": "text", "text": second}, {"type": "image"}]}}]})
    };
    let at = |shown: usize, chunk: &Value| (shown, chunk.clone());
    vec![
        (
            "order is kept",
            vec![
                role.clone(),
                delta("ada"),
                refusal("@b."),
                usage.clone(),
                delta("cc"),
                finish.clone(),
                usage.clone(),
            ],
            vec![
                at(1, &role),
                (6, delta("[redacted]")),
                (6, refusal("")),
                at(6, &usage),
                (6, delta("")),
                at(6, &finish),
                at(7, &usage),
            ],
        ),
        (
            "a tool call ends a text",
            vec![delta("Mail a"), delta("da@b.cc"), call.clone(), finish.clone()],
            vec![
                (1, delta("Mail ")),
                (3, delta("[redacted]")),
                (3, delta("")),
                at(3, &call),
                at(4, &finish),
            ],
        ),
        (
            "the end lets go",
            vec![delta("one two ada@"), delta("b.cc")],
            vec![(1, delta("one two ")), (3, delta("[redacted]")), (3, delta(""))],
        ),
        (
            "each choice by itself",
            vec![
                of(0, "ada"),
                of(1, "dan"),
                both("@b.cc, c", "@e.ff, g"),
                of(1, "@h.ii "),
                of(0, "@j.kk "),
            ],
            vec![
                (3, of(0, "[redacted]")),
                (3, of(1, "[redacted]")),
                (5, both(", [redacted]", ", [redacted]")),
                (5, of(1, " ")),
                (5, of(0, " ")),
            ],
        ),
        (
            "parts are one text",
            vec![parts("I am ad", "a@"), parts("b.cc", " now ")],
            vec![(2, parts("I am [redacted]", "")), (2, parts("", " now "))],
        ),
        (
            "what has no text passes",
            vec![json!({"choices": "a@b.cc"}), json!({"choices": [1, null, "a@b.cc"]}), json!([1])],
            vec![
                (1, json!({"choices": "a@b.cc"})),
                (2, json!({"choices": [1, null, "a@b.cc"]})),
                (3, json!([1])),
            ],
        ),
        (
            "a hash does not wait for ever",
            vec![delta(&"f".repeat(100))],
            vec![(1, delta(&"f".repeat(36))), (2, delta(&"f".repeat(64)))],
        ),
    ]
}
