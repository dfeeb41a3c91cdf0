//! Chunks that a plugin holds back, from a scripted upstream to the client.

use plugbay::abi::interface::Hook;
use plugbay_hooks::{Reply, Scripted};
use serde_json::{Value, json};

use crate::client::Client;
use crate::support::{Setup, user, with_upstream};
use crate::upstream::Asked;

/// Holds back until a chunk ends in `.`, and lets go of one chunk then; `fail` fails.
fn by_sentence(plugin: Scripted) -> Scripted {
    plugin.replying(Hook::Post, "{}").replying(Hook::HttpPost, "{}").on(
        Hook::HttpStreamChunk,
        |input| {
            let held = input["held"].as_array().cloned().unwrap_or_default();
            let chunk = Some(input["chunk"].clone()).filter(|chunk| !chunk.is_null());
            let all = held.iter().chain(&chunk);
            let text: String =
                all.filter_map(|it| it["choices"][0]["delta"]["content"].as_str()).collect();
            if text.contains("fail") {
                Reply::json(r#"{"error": "inside"}"#)
            } else if input["flush"] == true || text.ends_with('.') {
                Reply::json(json!({"chunks": [chunk_of(&text), chunk_of("|")]}).to_string())
            } else {
                Reply::json(r#"{"hold": true}"#)
            }
        },
    )
}

fn chunk_of(text: &str) -> Value {
    json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]})
}

async fn asked() -> (Setup, Client, Asked) {
    let (setup, upstream) = with_upstream(by_sentence).await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "m", "messages": user("hi"), "stream": true})).await;
    let mut asked = upstream.asked().await;
    asked.begin_stream().await;
    client.head().await;
    (setup, client, asked)
}

async fn send(asked: &mut Asked, texts: &[&str]) {
    for text in texts {
        asked.write(&format!("data: {}\n\n", chunk_of(text))).await;
    }
}

fn event(text: &str) -> String {
    format!("data: {}\n\n", chunk_of(text))
}

async fn rest(client: &mut Client) -> String {
    let mut rest = String::new();
    while let Some(piece) = client.piece().await {
        rest += &piece;
    }
    rest
}

/// What `post_hook` was shown at the end: the text, and whether there was an error.
async fn shown(setup: Setup) -> (String, Value) {
    let journal = setup.journal.clone();
    setup.gateway.shutdown().await;
    let [post] = &journal.inputs("tester", "post_hook")[..] else {
        panic!("{:?}", journal.order())
    };
    assert_eq!(journal.inputs("tester", "http_post_hook").len(), 1);
    let message = &post["response"]["chat_response"]["choices"][0]["message"]["content"];
    (message.as_str().unwrap_or_default().to_owned(), post["has_error"].clone())
}

#[tokio::test]
async fn what_is_held_leaves_with_a_later_chunk_and_before_the_end() {
    let (setup, mut client, mut asked) = asked().await;
    send(&mut asked, &["One", " two."]).await;
    assert_eq!(client.piece().await.unwrap(), event("One two."));
    assert_eq!(client.piece().await.unwrap(), event("|"));
    send(&mut asked, &[" Three", " four"]).await;
    asked.write("data: [DONE]\n\n").await;
    let rest = rest(&mut client).await;
    assert_eq!(rest, event(" Three four") + &event("|") + "data: [DONE]\n\n");
    assert_eq!(shown(setup).await, ("One two.| Three four|".to_owned(), json!(false)));
}

#[tokio::test]
async fn what_is_held_leaves_before_the_error_of_a_stream_that_breaks_off() {
    let (setup, mut client, mut asked) = asked().await;
    send(&mut asked, &["One", " two"]).await;
    asked.write("data: {{{\n\n").await;
    drop(asked);
    let rest = rest(&mut client).await;
    let error =
        rest.strip_prefix(&(event("One two") + &event("|"))).unwrap_or_else(|| panic!("{rest}"));
    assert!(error.starts_with("event: error\ndata: {") && !error.contains("[DONE]"), "{rest}");
    assert_eq!(shown(setup).await.1, true);
}

#[tokio::test]
async fn a_failure_ends_the_stream_and_what_is_held_stays_here() {
    for too_much in [false, true] {
        let (setup, mut client, mut asked) = asked().await;
        send(&mut asked, &["One.", "secret "]).await;
        match too_much {
            false => send(&mut asked, &["fail"]).await,
            // The plugin may hold this much, and no more.
            true => send(&mut asked, &[&"x".repeat(40_000), &"y".repeat(40_000)]).await,
        }
        let rest = rest(&mut client).await;
        let beginning = event("One.") + &event("|") + "event: error\ndata: {";
        assert!(rest.starts_with(&beginning), "{rest}");
        assert!(!rest.contains("secret") && !rest.contains("[DONE]"), "{rest}");
        let class = match too_much {
            false => "it reported an error",
            true => "it holds back too much of a stream",
        };
        assert!(rest.contains(&format!("failed in `http_stream_chunk_hook`: {class}")), "{rest}");
        assert_eq!(shown(setup).await.1, true);
    }
}
