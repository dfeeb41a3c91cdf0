//! How an upstream's stream ends, and whether that is the end of the answer.

use plugbay::abi::interface::Hook;
use plugbay_hooks::Reply;
use serde_json::{Value, json};

use crate::support::{user, with_upstream};

fn chunk(text: &str, reason: Value) -> String {
    let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": reason});
    format!("data: {}\n\n", json!({"object": "chat.completion.chunk", "choices": [choice]}))
}

fn event(kind: &str) -> String {
    format!("data: {}\n\n", json!({"type": kind}))
}

#[tokio::test]
async fn a_stream_is_complete_when_its_answer_is() {
    let chat = json!({"model": "m", "messages": user("a"), "stream": true});
    let completion = json!({"model": "m", "prompt": "a", "stream": true});
    let response = json!({"model": "m", "input": "a", "stream": true});
    let speech = json!({"model": "m", "input": "a", "stream_format": "sse"});
    let image = json!({"model": "m", "prompt": "a", "stream": true});
    for (path, body, sent, complete) in [
        ("chat/completions", &chat, chunk("a", Value::Null), false),
        ("chat/completions", &chat, chunk("a", "stop".into()), true),
        ("chat/completions", &chat, chunk("a", Value::Null) + "data: [DONE]\n\n", true),
        ("chat/completions", &chat, chunk("a", "stop".into()) + "data: {\"choices\":[]}\n\n", true),
        ("chat/completions", &chat, String::new(), false),
        ("completions", &completion, chunk("a", Value::Null), false),
        ("completions", &completion, chunk("a", "length".into()), true),
        ("responses", &response, event("response.output_text.delta"), false),
        ("responses", &response, event("response.completed"), true),
        ("responses", &response, event("response.incomplete"), true),
        ("audio/speech", &speech, event("speech.audio.delta"), false),
        ("audio/speech", &speech, event("speech.audio.done"), true),
        ("images/generations", &image, event("image_generation.partial_image"), false),
        ("images/generations", &image, event("image_generation.completed"), true),
    ] {
        let (setup, upstream) = with_upstream(|plugin| plugin.replying(Hook::Post, "{}")).await;
        let mut client = setup.client().await;
        client.send(&format!("POST /v1/{path}"), "", &body.to_string()).await;
        let mut asked = upstream.asked().await;
        asked.begin_stream().await;
        asked.write(&sent).await;
        drop(asked);
        let events = client.response().await.events();
        let last = events.last().unwrap();
        assert_eq!(!last.starts_with("event: error\n"), complete, "{path} {sent}");
        if !complete {
            assert!(last.contains("the stream ended before the answer was complete"), "{last}");
        } else if path.ends_with("completions") {
            assert_eq!(last, "data: [DONE]");
        }
        let journal = setup.journal.clone();
        setup.gateway.shutdown().await;
        assert_eq!(
            journal.inputs("tester", "post_hook")[0]["has_error"],
            !complete,
            "{path} {sent}"
        );
    }
}

#[tokio::test]
async fn what_is_held_back_leaves_before_the_error() {
    let (setup, upstream) = with_upstream(|plugin| {
        plugin.on(Hook::HttpStreamChunk, |input| match input["flush"] == true {
            true => Reply::Nothing,
            false => Reply::json(r#"{"hold": true}"#),
        })
    })
    .await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "m", "messages": user("a"), "stream": true})).await;
    let mut asked = upstream.asked().await;
    asked.begin_stream().await;
    asked.write(&chunk("held", Value::Null)).await;
    drop(asked);
    let events = client.response().await.events();
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events[0].contains("held") && events[1].starts_with("event: error\n"), "{events:?}");
}

#[tokio::test]
async fn an_event_that_never_ends_is_bounded() {
    let (setup, upstream) = with_upstream(|plugin| plugin).await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "m", "messages": user("a"), "stream": true})).await;
    let mut asked = upstream.asked().await;
    asked.begin_stream().await;
    asked.write("data: ").await;
    let piece = "x".repeat(1 << 20);
    // The gateway hangs up when it has had enough of it, and the rest cannot be written.
    let mut pieces = 0;
    while pieces < 64 && asked.try_write(&piece).await {
        pieces += 1;
    }
    assert!((8..64).contains(&pieces), "{pieces}");
    let events = client.response().await.events();
    assert!(events[0].contains("sent an unusable answer"), "{events:?}");
}
