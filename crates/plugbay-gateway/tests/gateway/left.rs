//! Clients that leave a stream before its end, or do not read it.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use plugbay::abi::interface::Hook;
use plugbay::abi::json::RawObject;
use plugbay::runtime::BoxFuture;
use plugbay_gateway::{Answer, Chunk, ChunkStream, LlmCall, Provider, ProviderError};
use plugbay_hooks::{Reply, Scripted};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{plain, streamed, user, with, with_plugin, with_upstream};

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
async fn what_is_held_is_asked_for_by_nobody_once_the_client_has_left() {
    let mut told = None;
    let (holding, mut holds) = mpsc::unbounded_channel();
    let (setup, upstream) = with_upstream(|plugin| {
        let (plugin, receiver) = telling(plugin);
        told = Some(receiver);
        plugin.on(Hook::HttpStreamChunk, move |input| {
            holding.send(input).unwrap();
            Reply::json(r#"{"hold": true}"#)
        })
    })
    .await;
    let mut told = told.unwrap();
    let mut client = setup.client().await;
    client.ask(&json!({"model": "m", "messages": user("a"), "stream": true})).await;
    let mut asked = upstream.asked().await;
    asked.begin_stream().await;
    asked.write(&chunk("held")).await;
    client.head().await;
    assert_eq!(holds.recv().await.unwrap()["flush"], Value::Null);
    drop(client);
    asked.hung_up().await;
    // The hooks that are shown what was sent come last.
    for _ in ["post_hook", "http_post_hook"] {
        assert_eq!(told.recv().await.unwrap()["context"]["cancelled"], true);
    }
    assert!(holds.try_recv().is_err(), "it was called with `flush`");
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

/// A provider whose stream never ends, and is always ready: it counts what was asked for.
struct Endless {
    asked_for: Arc<AtomicUsize>,
}

const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// A chunk of 16 KiB and something.
const LARGE: usize = 16 << 10;

impl Provider for Endless {
    fn name(&self) -> &str {
        "endless"
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<RawObject>, ProviderError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn complete(&self, _: LlmCall) -> BoxFuture<'_, Result<Answer, ProviderError>> {
        Box::pin(async { panic!("nothing here is whole") })
    }

    fn stream(&self, _: LlmCall) -> BoxFuture<'_, Result<ChunkStream, ProviderError>> {
        let asked_for = Arc::clone(&self.asked_for);
        Box::pin(async move {
            let text = json!({"choices": [{"delta": {"content": "x".repeat(LARGE)}}]}).to_string();
            let chunk = RawValue::from_string(text).unwrap();
            let chunks = futures_util::stream::repeat_with(move || {
                asked_for.fetch_add(1, Ordering::Relaxed);
                Ok(Chunk::from(chunk.clone()))
            });
            let chunks: ChunkStream = Box::pin(chunks);
            Ok(chunks)
        })
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_the_upstream() {
    let asked_for = Arc::new(AtomicUsize::new(0));
    let endless = Arc::new(Endless { asked_for: Arc::clone(&asked_for) });
    let setup = with(|plugin| plugin, |builder| builder.provider(endless).threads(ONE)).await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "endless/a", "messages": [], "stream": true})).await;
    client.head().await;
    // Until two requests on the gateway's only thread have come and gone and nothing more was asked for.
    let mut before = usize::MAX;
    let mut still = 0;
    while still < 2 {
        for _ in 0..16 {
            assert_eq!(setup.chat(&plain("hi")).await.status(), 200);
        }
        let now = asked_for.load(Ordering::Relaxed);
        assert!(now * LARGE < 256 << 20, "{now} chunks were read ahead");
        still = if now == before { still + 1 } else { 0 };
        before = now;
    }
    // Whoever reads on gets more.
    while asked_for.load(Ordering::Relaxed) == before {
        client.piece().await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_is_shown_too() {
    let mut told = None;
    let (setup, upstream) = with_upstream(|plugin| {
        let (plugin, receiver) = telling(plugin);
        told = Some(receiver);
        plugin.replying(Hook::Pre, "{}")
    })
    .await;
    let mut told = told.unwrap();
    for stream in [false, true] {
        let mut client = setup.client().await;
        client.ask(&json!({"model": "m", "messages": user("a"), "stream": stream})).await;
        let mut asked = upstream.asked().await;
        drop(client);
        asked.hung_up().await;
        let post = told.recv().await.unwrap();
        assert_eq!(post["context"]["cancelled"], true);
        assert_eq!(post["context"]["streamed"], Value::Null);
        assert_eq!(post["has_error"], true);
        assert_eq!(post["error"]["status_code"], 499);
        assert_eq!(post["error"]["error"]["code"], "client_closed_request");
        let http_post = told.recv().await.unwrap();
        assert_eq!(http_post["context"]["cancelled"], true);
        assert_eq!(http_post["response"]["status_code"], 499);
    }
    // One that is answered is shown once.
    let mut client = setup.client().await;
    client.ask(&json!({"model": "m", "messages": user("a")})).await;
    upstream.asked().await.answer("200 OK", "", r#"{"choices": []}"#).await;
    assert_eq!(client.response().await.status(), 200);
    drop((client, upstream));
    setup.gateway.shutdown().await;
    let last: Vec<Value> = std::iter::from_fn(|| told.try_recv().ok()).collect();
    assert_eq!(last.len(), 2, "{last:?}");
    assert!(last.iter().all(|input| input["context"]["cancelled"].is_null()), "{last:?}");
}

#[tokio::test]
async fn a_client_that_leaves_while_a_pre_hook_runs_is_shown_to_those_before_it() {
    let mut told = None;
    let (running, mut runs) = mpsc::unbounded_channel();
    let never = Arc::new(Semaphore::new(0));
    let setup = with_plugin(|plugin| {
        let (plugin, receiver) = telling(plugin);
        told = Some(receiver);
        plugin.on_async(Hook::Pre, move |_| {
            let (running, never) = (running.clone(), Arc::clone(&never));
            Box::pin(async move {
                running.send(()).unwrap();
                drop(never.acquire().await);
                Reply::Nothing
            })
        })
    })
    .await;
    let mut client = setup.client().await;
    client.ask(&plain("hi")).await;
    runs.recv().await.unwrap();
    drop(client);
    // Its `pre_hook` has not come to an end, so only the HTTP hooks have anything to see the end of.
    let mut told = told.unwrap();
    let first = told.recv().await.unwrap();
    assert_eq!(first["response"]["status_code"], 499);
    setup.gateway.shutdown().await;
    assert!(told.try_recv().is_err());
}
