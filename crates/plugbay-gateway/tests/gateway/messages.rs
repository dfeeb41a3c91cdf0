//! `/v1/messages`: Anthropic's own requests, whoever answers them.

use std::sync::Arc;

use plugbay::abi::interface::Hook;
use plugbay_gateway::{AnthropicProvider, UpstreamSettings};
use plugbay_hooks::{Reply, Scripted};
use serde_json::{Value, json};

use crate::client::{Client, Response};
use crate::support::{Setup, with, with_plugin};
use crate::upstream::Upstream;

async fn asked(client: &mut Client, body: &Value) -> Response {
    client.send("POST /v1/messages", "x-request-id: r1\r\n", &body.to_string()).await;
    client.response().await
}

fn asking(model: &str, text: &str) -> Value {
    json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": text}]})
}

/// A gateway whose plugin looks at everything.
async fn watched(change: impl FnOnce(Scripted) -> Scripted) -> Setup {
    let watch = |plugin: Scripted| {
        Hook::ALL.into_iter().fold(plugin, |plugin, hook| plugin.replying(hook, "{}"))
    };
    with_plugin(|plugin| change(watch(plugin))).await
}

#[tokio::test]
async fn a_message_is_a_chat_to_the_hooks_and_the_provider() {
    let setup = watched(|plugin| plugin).await;
    let mut client = setup.client().await;
    let response = asked(&mut client, &asking("mock/echo", "two words")).await;
    assert_eq!(response.status(), 200, "{}", response.body);
    let mut answer = response.json();
    assert!(answer["id"].take().as_str().unwrap().starts_with("chatcmpl-mock-"));
    assert_eq!(
        answer,
        json!({"id": null, "type": "message", "role": "assistant", "model": "mock/echo",
               "content": [{"type": "text", "text": "two words"}],
               "stop_reason": "end_turn", "stop_sequence": null,
               "usage": {"input_tokens": 2, "output_tokens": 2,
                         "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}})
    );
    let saw = setup.provider_saw();
    assert_eq!((&saw["model"], &saw["max_tokens"]), (&json!("echo"), &json!(9)));
    let pre = &setup.journal.inputs("tester", "pre_hook")[0]["request"];
    assert_eq!(pre["input"], json!([{"role": "user", "content": "two words"}]));
    let post = &setup.journal.inputs("tester", "post_hook")[0]["response"];
    assert!(post["chat_response"]["choices"].is_array(), "{post}");
    assert_eq!(setup.journal.inputs("tester", "http_post_hook").len(), 1);
}

#[tokio::test]
async fn a_stream_is_one_of_events_and_its_chunks_pass_the_hooks() {
    let shout = |plugin: Scripted| {
        plugin.on(Hook::HttpStreamChunk, |input| {
            let mut chunk = input["chunk"].clone();
            if let Some(text) = chunk["choices"][0]["delta"]["content"].as_str() {
                chunk["choices"][0]["delta"]["content"] = text.to_uppercase().into();
            }
            Reply::json(json!({"has_chunk": true, "chunk": chunk}).to_string())
        })
    };
    let setup = watched(shout).await;
    let mut client = setup.client().await;
    let mut body = asking("mock/echo", "two words");
    body["stream"] = true.into();
    let response = asked(&mut client, &body).await;
    assert_eq!(response.head.header("content-type"), Some("text/event-stream"));
    let events: Vec<Value> = response
        .events()
        .iter()
        .map(|event| {
            let (name, data) = event.split_once('\n').unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(name.strip_prefix("event: ").unwrap(), data["type"]);
            data
        })
        .collect();
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert_eq!(events[0]["message"]["model"], "mock/echo");
    assert_eq!(events[2]["delta"], json!({"type": "text_delta", "text": "TWO "}));
    assert_eq!(events[5]["delta"]["stop_reason"], "end_turn");
    assert_eq!(events[5]["usage"]["output_tokens"], 2);
    assert_eq!(asked(&mut client, &asking("mock/echo", "next")).await.status(), 200);
}

#[tokio::test]
async fn errors_have_anthropic_s_form() {
    let trap = |plugin: Scripted| {
        plugin.on(Hook::HttpPre, |input| {
            match input["request"]["headers"]["x-request-id"] == "r2" {
                true => Reply::trap(),
                false => Reply::Nothing,
            }
        })
    };
    let setup = with(trap, |builder| builder.max_body_bytes(1_000)).await;
    let mut client = setup.client().await;
    let large = asking("mock/echo", &"x".repeat(1_000)).to_string();
    let ok = asking("mock/echo", "hi").to_string();
    for (id, body, status, kind, message) in [
        ("r1", "{", 400, "invalid_request_error", "line 1 column 1"),
        (
            "r1",
            r#"{"model": "mock/echo", "messages": []}"#,
            400,
            "invalid_request_error",
            "max_tokens: missing",
        ),
        (
            "r1",
            r#"{"model": "mock/echo", "max_tokens": 1, "messages": [{"role": "x", "content": ""}]}"#,
            400,
            "invalid_request_error",
            "messages[0].role: found `x`",
        ),
        ("r1", &*asking("mock/none", "hi").to_string(), 404, "not_found_error", "no model `none`"),
        ("r1", &*large, 413, "request_too_large", "1000 bytes"),
        ("r2", &*ok, 502, "api_error", "plugin `tester` failed"),
    ] {
        let headers = format!("x-request-id: {id}\r\n");
        client.send("POST /v1/messages", &headers, body).await;
        let response = client.response().await;
        assert_eq!(response.status(), status, "{body}");
        let error = response.json();
        assert_eq!((&error["type"], &error["request_id"]), (&json!("error"), &json!(id)));
        assert_eq!(error["error"]["type"], kind, "{body}");
        assert!(error["error"]["message"].as_str().unwrap().contains(message), "{error}");
        assert_eq!(asked(&mut client, &asking("mock/echo", "next")).await.status(), 200);
    }
    client.send("GET /v1/messages", "", "").await;
    assert_eq!(client.response().await.status(), 405);
}

/// What Anthropic's clients send reaches Anthropic as it was, and so does what comes back.
#[tokio::test]
async fn there_and_back() {
    let upstream = Upstream::start().await;
    let settings = UpstreamSettings::new(upstream.base_url());
    let provider = Arc::new(AnthropicProvider::new("claude", settings).unwrap());
    let setup = with(|plugin| plugin, |it| it.provider(provider).default_provider("claude")).await;
    let thought = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
    let text = |text: &str| json!({"type": "text", "text": text});
    let used = json!({"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}});
    let body = json!({
        "model": "claude-x", "max_tokens": 9, "system": "brief",
        "messages": [
            {"role": "user", "content": [text("go"),
                {"type": "text", "text": "kept", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": [thought, text("well"), used]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [text("one")]}]}],
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "stop_sequences": ["end"], "temperature": 0.5, "top_k": 3,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "metadata": {"user_id": "u"},
    });
    let mut client = setup.client().await;
    client.send("POST /v1/messages", "", &body.to_string()).await;
    let mut up = upstream.asked().await;
    let sent: Value = serde_json::from_str(&up.body).unwrap();
    assert_eq!(sent, body);
    let answer = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
        "content": [thought, text("well"), used],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 3,
                  "cache_read_input_tokens": 4},
    });
    up.answer("200 OK", "", &answer.to_string()).await;
    assert_eq!(client.response().await.json(), answer);
}
