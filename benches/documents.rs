//! The documents of one chat request, with a text of any size in them.

use plugbay::abi::hook::{
    Body, Context, HttpRequest, HttpResponse, LlmRequest, LlmResponse, Written,
};
use plugbay::abi::json::RawObject;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

/// Prose of exactly `bytes` bytes, without anything that JSON escapes.
pub fn prose(bytes: usize) -> String {
    let words = "the sandboxed plugin reads a few more words before it answers and ";
    words.chars().cycle().take(bytes).collect()
}

/// The same with one e-mail address in the middle.
pub fn prose_with_address(bytes: usize) -> String {
    let address = " ada@example.org ";
    let mut text = prose(bytes);
    let middle = bytes / 2;
    text.replace_range(middle..middle + address.len(), address);
    text
}

pub fn context() -> Context {
    let mut context = Context::new("3f2c9a52-6b0e-4c8e-9d4f-7a1f5c0b2e11");
    context.set("tenant", "blue").expect("text is JSON");
    context.set("attempt", &1).expect("a number is JSON");
    context
}

pub fn llm_request(text: &str) -> LlmRequest {
    let input = raw(&json!([
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": text},
    ]));
    let params = RawObject::parse(br#"{"temperature":0.7,"max_tokens":256}"#);
    let params = params.expect("an object");
    LlmRequest::new("mock", "echo", input, params).expect("text is JSON")
}

pub fn llm_response(text: &str) -> LlmResponse {
    let response = raw(&json!({
        "id": "chatcmpl-7",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "echo",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
    }));
    LlmResponse::new(LlmResponse::CHAT, response)
}

/// One event of a stream. It carries a few words, whatever the size of the request.
pub fn chunk(text: &str) -> Box<RawValue> {
    raw(&json!({
        "id": "chatcmpl-7",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "echo",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}],
    }))
}

/// A request whose body was not encoded before.
pub fn http_request(body: &str) -> Written<HttpRequest> {
    Written::new(HttpRequest {
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        headers: [
            ("host", "127.0.0.1:8080"),
            ("accept", "*/*"),
            ("content-type", "application/json"),
            ("authorization", "Bearer sk-0123456789abcdef"),
            ("user-agent", "OpenAI/Python 2.8.0"),
            ("x-request-id", "3f2c9a52-6b0e-4c8e-9d4f-7a1f5c0b2e11"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        query: [].into(),
        body: Body::from_bytes(body),
        extra: RawObject::new(),
    })
}

/// A response whose body was not encoded before.
pub fn http_response(body: &str) -> Written<HttpResponse> {
    Written::new(HttpResponse {
        status_code: 200,
        headers: [("content-type", "application/json"), ("x-served-by", "mock")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        body: Body::from_bytes(body),
        extra: RawObject::new(),
    })
}

fn raw(value: &serde_json::Value) -> Box<RawValue> {
    to_raw_value(value).expect("a value is JSON")
}
