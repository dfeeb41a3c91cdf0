//! Clients that leave a stream before its end.

use std::sync::Arc;
use std::time::Duration;

use plugbay::abi::interface::Hook;
use plugbay_hooks::{Reply, Scripted};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{streamed, user, with_plugin, with_upstream};

fn chunk(text: &str) -> String {
    let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
    format!("data: {}\n\n", json!({"object": "chat.completion.chunk", "choices": [choice]}))
}

/// A plugin that tells when its post hooks are called.
fn telling(plugin: Scripted) -> (Scripted, mpsc::UnboundedReceiver<Value>) {
    let (tell, told) = mpsc::unbounded_channel();
    let also = tell.clone();
    let plugin = plugin
        .on(Hook::Post, move |input| {
            tell.send(input).unwrap();
            Reply::Nothing
        })
        .on(Hook::HttpPost, move |input| {
            also.send(input).unwrap();
            Reply::Nothing
        });
    (plugin, told)
}

#[tokio::test]
async fn the_post_hooks_see_what_was_sent() {
    let mut told = None;
    let (setup, upstream) = with_upstream(|plugin| {
        let (plugin, receiver) = telling(plugin);
        told = Some(receiver);
        plugin
    })
    .await;
    let mut told = told.unwrap();
    let mut client = setup.client().await;
    client.ask(&json!({"model": "m", "messages": user("a"), "stream": true})).await;
    let mut asked = upstream.asked().await;
    asked.begin_stream().await;
    asked.write(&chunk("so far")).await;
    client.head().await;
    client.piece().await.unwrap();
    drop(client);
    // Nothing more comes from upstream: the connection's end is what tells.
    asked.hung_up().await;
    let post = told.recv().await.unwrap();
    assert_eq!(post["context"]["streamed"], true);
    assert_eq!(post["context"]["cancelled"], true);
    assert_eq!(post["has_error"], false);
    let message = &post["response"]["chat_response"]["choices"][0]["message"];
    assert_eq!(message["content"], "so far");
    let http_post = told.recv().await.unwrap();
    assert_eq!(http_post["context"]["cancelled"], true);
    assert_eq!(http_post["response"]["status_code"], 200);
}

#[tokio::test]
async fn a_client_that_leaves_while_a_chunk_hook_runs_is_shown_too() {
    let mut told = None;
    let (running, mut runs) = mpsc::unbounded_channel();
    let never = Arc::new(Semaphore::new(0));
    let setup = with_plugin(|plugin| {
        let (plugin, receiver) = telling(plugin);
        told = Some(receiver);
        plugin.on_async(Hook::HttpStreamChunk, move |input| {
            let (running, never) = (running.clone(), Arc::clone(&never));
            Box::pin(async move {
                if input["chunk"].to_string().contains("two") {
                    running.send(()).unwrap();
                    drop(never.acquire().await);
                }
                Reply::Nothing
            })
        })
    })
    .await;
    let mut client = setup.client().await;
    client.ask(&streamed("one two three")).await;
    runs.recv().await.unwrap();
    drop(client);
    let post = told.unwrap().recv().await.unwrap();
    assert_eq!(post["context"]["cancelled"], true);
    let message = &post["response"]["chat_response"]["choices"][0]["message"];
    assert_eq!(message["content"], "one ");
}

#[tokio::test]
async fn what_passes_is_shown_as_far_as_it_went() {
    let mut told = None;
    let (setup, upstream) = with_upstream(|plugin| {
        let (plugin, receiver) = telling(plugin);
        told = Some(receiver);
        plugin
    })
    .await;
    let mut client = setup.client().await;
    client.send("GET /v1/things/events", "", "").await;
    let mut asked = upstream.asked().await;
    asked.begin_stream().await;
    asked.write("data: 1\n\n").await;
    client.head().await;
    client.piece().await.unwrap();
    drop(client);
    asked.hung_up().await;
    let http_post = told.unwrap().recv().await.unwrap();
    assert_eq!(http_post["context"]["cancelled"], true);
    assert_eq!(http_post["response"]["body"], "ZGF0YTogMQoK");
}

#[tokio::test]
async fn the_upstream_is_hung_up_on_at_every_endpoint() {
    for (path, body) in [
        ("chat/completions", json!({"model": "m", "messages": [], "stream": true})),
        ("completions", json!({"model": "m", "prompt": "a", "stream": true})),
        ("responses", json!({"model": "m", "input": "a", "stream": true})),
        ("audio/speech", json!({"model": "m", "input": "a", "stream_format": "sse"})),
        ("images/generations", json!({"model": "m", "prompt": "a", "stream": true})),
    ] {
        let (setup, upstream) = with_upstream(|plugin| plugin).await;
        let mut client = setup.client().await;
        client.send(&format!("POST /v1/{path}"), "", &body.to_string()).await;
        let mut asked = upstream.asked().await;
        asked.begin_stream().await;
        asked.write("data: {\"type\":\"a\"}\n\n").await;
        client.head().await;
        client.piece().await.unwrap();
        drop(client);
        // It takes a few hundred microseconds; the bound is for a machine that is busy.
        let hung_up = tokio::time::timeout(Duration::from_secs(10), asked.hung_up()).await;
        assert!(hung_up.is_ok(), "{path}");
    }
}
