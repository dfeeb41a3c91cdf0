//! docs/hooks.schema.json, held against the code: what the host writes fits it, what it calls right the host reads, and
//! what it calls wrong the host refuses.

use plugbay::abi::action::TriggerContext;
use plugbay::abi::hook::{
    Body, ChunkInput, ChunkOutput, Context, Held, HookError, HttpPostInput, HttpPostOutput,
    HttpPreInput, HttpPreOutput, HttpRequest, HttpResponse, LlmRequest, LlmResponse, PostInput,
    PostOutput, PreInput, PreOutput, Written,
};
use plugbay::abi::json::RawObject;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::support::{python, root, run_with, script, tool};

/// One of everything that documents are made of.
struct Parts {
    context: Context,
    request: Written<HttpRequest>,
    response: Written<HttpResponse>,
    llm: LlmRequest,
    answer: LlmResponse,
    error: Written<HookError>,
    chunk: Box<RawValue>,
    held: Held,
}

impl Parts {
    fn new() -> Self {
        let mut context = Context::new("req-1");
        context.set("seen", &[1, 2]).unwrap();
        let headers = || [("accept".to_owned(), "*/*".to_owned())].into();
        let request = HttpRequest {
            method: "POST".into(),
            path: "/v1/chat/completions".into(),
            headers: headers(),
            query: [("a".to_owned(), "b".to_owned())].into(),
            body: Body::from_bytes("{}"),
            extra: RawObject::new(),
        };
        let response = HttpResponse {
            status_code: 200,
            headers: headers(),
            body: Body::from_bytes("hi"),
            extra: RawObject::new(),
        };
        let messages = to_raw_value(&json!([{"role": "user", "content": "hi"}])).unwrap();
        let chunk = to_raw_value(&json!({"choices": []})).unwrap();
        let mut held = Held::default();
        held.push(chunk.clone());
        let answer = LlmResponse::new("chat_response", to_raw_value(&json!({})).unwrap());
        let error = HookError::new("no", "invalid_request_error").with_status(400).with_code("x");
        Self {
            context,
            request: request.into(),
            response: response.into(),
            llm: LlmRequest::new("mock", "echo", messages, RawObject::new()).unwrap(),
            answer,
            error: error.into(),
            chunk,
            held,
        }
    }

    fn http_pre(&self) -> HttpPreInput<'_> {
        HttpPreInput { context: &self.context, request: &self.request }
    }

    fn pre(&self) -> PreInput<'_> {
        PreInput { context: &self.context, request: &self.llm }
    }

    fn post(&self) -> PostInput<'_> {
        PostInput { context: &self.context, result: Ok(&self.answer) }
    }

    fn chunk(&self) -> ChunkInput<'_> {
        ChunkInput {
            context: &self.context,
            request: &self.request,
            held: &self.held,
            chunk: Some(&self.chunk),
        }
    }

    fn http_post(&self) -> HttpPostInput<'_> {
        HttpPostInput { context: &self.context, request: &self.request, response: &self.response }
    }

    /// Whether the host takes this as the output of a hook. What a plugin reports of itself is taken, too.
    fn takes(&self, definition: &str, document: &Value) -> bool {
        let json = document.to_string();
        let json = json.as_bytes();
        match definition {
            "http_pre_hook_output" => HttpPreOutput::decode(json, &self.http_pre()).is_ok(),
            "pre_hook_output" => PreOutput::decode(json, &self.pre()).is_ok(),
            "post_hook_output" => PostOutput::decode(json, &self.post()).is_ok(),
            "http_stream_chunk_hook_output" => ChunkOutput::decode(json, &self.chunk()).is_ok(),
            "http_post_hook_output" => HttpPostOutput::decode(json, &self.http_post()).is_ok(),
            other => panic!("no such output: {other}"),
        }
    }
}

/// What the schema says of each document: `ok`, or what is wrong.
fn held<'a>(documents: impl IntoIterator<Item = (&'a str, Value)>) -> Vec<String> {
    let lines = documents.into_iter().map(|document| format!("{}\n", json!(document)));
    let mut command = tool(python());
    command.arg(script("documents.py")).arg(root().join("docs/hooks.schema.json"));
    let said = run_with(&mut command, lines.collect::<String>().as_bytes()).exits(0).stdout;
    said.lines().map(str::to_owned).collect()
}

#[test]
fn what_the_host_writes_fits() {
    let parts = Parts::new();
    let failed = PostInput { context: &parts.context, result: Err(&parts.error) };
    let end = ChunkInput { chunk: None, ..parts.chunk() };
    let apart = |parts: plugbay::abi::hook::Parts<'_>| parts.join();
    let fired = TriggerContext { note: Some(60), velocity: Some(1), ..TriggerContext::default() };
    let written = [
        ("http_pre_hook_input", parts.http_pre().encode()),
        ("http_pre_hook_input", apart(parts.http_pre().parts_apart())),
        ("pre_hook_input", parts.pre().encode()),
        ("post_hook_input", parts.post().encode()),
        ("post_hook_input", failed.encode()),
        ("http_stream_chunk_hook_input", parts.chunk().encode()),
        ("http_stream_chunk_hook_input", end.encode()),
        ("http_post_hook_input", parts.http_post().encode()),
        ("action_context", serde_json::to_vec(&TriggerContext::default()).unwrap()),
        ("action_context", serde_json::to_vec(&fired).unwrap()),
    ];
    let read = written.map(|(name, json)| (name, serde_json::from_slice(&json).unwrap()));
    let said = held(read);
    assert_eq!(said, vec!["ok"; 10]);
}

#[test]
fn the_schema_and_the_host_agree_on_what_plugins_return() {
    let parts = Parts::new();
    let answer = json!({"status_code": 200, "headers": {}, "body": ""});
    let response = json!({"chat_response": {"choices": []}});
    let documents = [
        ("http_pre_hook_output", json!({}), true),
        ("http_pre_hook_output", json!({"context": {"a": 1}, "request": {}}), true),
        ("http_pre_hook_output", json!({"request": {"headers": {"accept": 1}}}), false),
        ("http_pre_hook_output", json!({"has_response": true, "response": answer}), true),
        ("http_pre_hook_output", json!({"has_response": true}), false),
        (
            "http_pre_hook_output",
            json!({"has_response": true, "response": {"status_code": "x"}}),
            false,
        ),
        ("http_pre_hook_output", json!({"has_response": "yes"}), false),
        ("http_pre_hook_output", json!({"context": []}), false),
        ("pre_hook_output", json!({"request": null, "has_short_circuit": false}), true),
        (
            "pre_hook_output",
            json!({"has_short_circuit": true, "short_circuit": {"response": response}}),
            true,
        ),
        (
            "pre_hook_output",
            json!({"has_short_circuit": true, "short_circuit": {"stream": [{}]}}),
            true,
        ),
        ("pre_hook_output", json!({"has_short_circuit": true}), false),
        ("pre_hook_output", json!({"request": {"params": "none"}}), false),
        ("pre_hook_output", json!({"request": []}), false),
        ("post_hook_output", json!({"response": response, "has_error": false}), true),
        ("post_hook_output", json!({"has_error": 1}), false),
        ("http_stream_chunk_hook_output", json!({"has_chunk": true, "chunk": {"a": 1}}), true),
        ("http_stream_chunk_hook_output", json!({"skip": true, "chunk": null}), true),
        ("http_stream_chunk_hook_output", json!({"chunks": [{"a": 1}], "hold": true}), true),
        ("http_stream_chunk_hook_output", json!({"chunks": "none"}), false),
        ("http_post_hook_output", json!({"response": answer}), true),
        ("http_post_hook_output", json!({"response": {"status_code": "x"}}), false),
    ];
    let said = held(documents.iter().map(|(name, document, _)| (*name, document.clone())));
    for ((name, document, right), said) in documents.iter().zip(said) {
        assert_eq!(said == "ok", *right, "{name}: the schema of {document}: {said}");
        assert_eq!(parts.takes(name, document), *right, "{name}: the host of {document}");
    }
}
