//! The provider `anthropic` against an upstream that the test plays.

use std::sync::Arc;

use plugbay_gateway::{AnthropicProvider, UpstreamSettings};
use serde_json::{Value, json};

use crate::support::{Setup, user, with};
use crate::upstream::Upstream;

async fn set_up() -> (Setup, Upstream) {
    let upstream = Upstream::start().await;
    let settings = UpstreamSettings::new(upstream.base_url()).with_key("sk-ant");
    let provider = Arc::new(AnthropicProvider::new("claude", settings).unwrap());
    let setup = with(|plugin| plugin, |it| it.provider(provider).default_provider("claude")).await;
    (setup, upstream)
}

#[tokio::test]
async fn a_chat_is_a_message_and_its_answer_a_completion() {
    let (setup, upstream) = set_up().await;
    let mut client = setup.client().await;
    let messages =
        json!([{"role": "system", "content": "brief"}, {"role": "user", "content": "hi"}]);
    client
        .send(
            "POST /v1/chat/completions",
            "authorization: Bearer client\r\n",
            &json!({"model": "claude/claude-x", "messages": messages, "max_tokens": 9}).to_string(),
        )
        .await;
    let mut asked = upstream.asked().await;
    assert!(asked.head.starts_with("POST /v1/messages HTTP/1.1\r\n"), "{}", asked.head);
    for header in ["x-api-key: sk-ant\r\n", "anthropic-version: 2023-06-01\r\n"] {
        assert!(asked.head.contains(header), "{}", asked.head);
    }
    assert!(!asked.head.contains("Bearer"), "{}", asked.head);
    assert_eq!(
        serde_json::from_str::<Value>(&asked.body).unwrap(),
        json!({"model": "claude-x", "max_tokens": 9, "system": "brief",
               "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]})
    );
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
        "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 4}});
    asked.answer("200 OK", "", &answer.to_string()).await;
    let response = client.response().await;
    assert_eq!(response.content(), "hello");
    assert_eq!(response.json()["usage"]["total_tokens"], 7);
}

const EVENTS: &str = "event: message_start\n\
data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"content\":[],\"model\":\"claude-x\",\"usage\":{\"input_tokens\":3}}}\n\n\
event: content_block_start\n\
data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
event: content_block_delta\n\
data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n";

const END: &str = "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":4}}\n\n\
data: {\"type\":\"message_stop\"}\n\n";

#[tokio::test]
async fn a_stream_of_events_is_one_of_chunks() {
    let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    for (end, wanted) in [
        (END, "data: [DONE]"),
        (overloaded, "\"message\":\"Overloaded\""),
        ("", "ended before the answer was complete"),
    ] {
        let (setup, upstream) = set_up().await;
        let mut client = setup.client().await;
        let options = json!({"include_usage": true});
        let body = json!({"model": "claude-x", "messages": user("hi"), "stream": true,
                          "stream_options": options});
        client.ask(&body).await;
        let mut asked = upstream.asked().await;
        let sent: Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!((&sent["stream"], &sent["stream_options"]), (&json!(true), &Value::Null));
        asked.begin_stream().await;
        asked.write(EVENTS).await;
        client.head().await;
        assert!(client.piece().await.unwrap().contains("\"role\":\"assistant\""));
        // It is there before the next event comes.
        assert!(client.piece().await.unwrap().contains("\"content\":\"hello\""));
        asked.write(end).await;
        drop(asked);
        let mut last = String::new();
        while let Some(piece) = client.piece().await {
            last = piece;
        }
        assert!(last.contains(wanted), "{last}");
    }
}

#[tokio::test]
async fn errors_and_models_come_in_openai_s_form() {
    let (setup, upstream) = set_up().await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "claude-x", "messages": user("hi")})).await;
    let own = r#"{"type":"error","error":{"type":"invalid_request_error","message":"too hot"}}"#;
    upstream.asked().await.answer("400 Bad Request", "connection: close\r\n", own).await;
    let response = client.response().await;
    assert_eq!(response.status(), 400);
    assert_eq!(
        response.json(),
        json!({"error": {"message": "too hot", "type": "invalid_request_error", "param": null,
                         "code": "invalid_request_error"}})
    );
    let response = client.chat(&json!({"model": "x", "messages": [{"role": "who"}]})).await;
    assert_eq!(response.status(), 400);
    assert!(response.body.contains("messages[0].role: found `who`"), "{}", response.body);

    client.send("GET /v1/models", "", "").await;
    let mut asked = upstream.asked().await;
    assert!(asked.head.starts_with("GET /v1/models?limit=1000 "), "{}", asked.head);
    asked.answer("200 OK", "connection: close\r\n", r#"{"data": [{"id": "claude-x"}]}"#).await;
    let list = client.response().await.json();
    assert_eq!(list["data"][2]["id"], "claude/claude-x");
}
