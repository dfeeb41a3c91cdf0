//! Connections and the gateway's end.

use std::sync::Arc;

use plugbay::abi::interface::Hook;
use plugbay::runtime::BoxFuture;
use plugbay_gateway::{GatewayBuilder, ServerTimeouts};
use plugbay_hooks::Reply;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use crate::support::{Setup, plain, with};

/// A gateway whose plugin says that it was called, and then waits to be let go.
async fn with_gate(
    builder: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
) -> (Setup, mpsc::UnboundedReceiver<()>, Arc<Notify>) {
    let (called, calls) = mpsc::unbounded_channel();
    let gate = Arc::new(Notify::new());
    let let_go = Arc::clone(&gate);
    let script = move |_: Value| -> BoxFuture<'static, Reply> {
        let (called, gate) = (called.clone(), Arc::clone(&gate));
        Box::pin(async move {
            called.send(()).unwrap();
            gate.notified().await;
            Reply::Nothing
        })
    };
    let setup = with(|plugin| plugin.on_async(Hook::Pre, script), builder).await;
    (setup, calls, let_go)
}

fn timeouts(json: &str) -> impl FnOnce(GatewayBuilder) -> GatewayBuilder {
    let timeouts: ServerTimeouts = serde_json::from_str(json).unwrap();
    |builder| builder.timeouts(timeouts)
}

#[tokio::test]
async fn shutting_down_lets_requests_end_and_then_ends_the_plugins() {
    let (setup, mut called, gate) = with_gate(|builder| builder).await;
    let mut idle = setup.client().await;
    let mut client = setup.client().await;
    client.ask(&plain("hi")).await;
    called.recv().await.unwrap();

    let address = setup.gateway.local_addr();
    let journal = setup.journal.clone();
    let shutdown = tokio::spawn(setup.gateway.shutdown());
    // The idle connection is let go of at once, and nobody new is let in.
    assert!(idle.rest().await.is_empty());
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(journal.order(), ["tester.pre_hook"], "no cleanup while a request is under way");

    gate.notify_one();
    let response = client.response().await;
    assert_eq!(response.content(), "hi");
    assert_eq!(response.head.header("connection"), Some("close"));
    let report = shutdown.await.unwrap();
    assert_eq!((report.cut_off, report.failed_cleanups.len()), (0, 0));
    assert_eq!(journal.order(), ["tester.pre_hook", "tester.cleanup"]);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off() {
    let (setup, mut called, _gate) = with_gate(timeouts(r#"{"drain_ms": 20}"#)).await;
    let mut client = setup.client().await;
    client.ask(&plain("hi")).await;
    called.recv().await.unwrap();
    let journal = setup.journal.clone();
    let report = setup.gateway.shutdown().await;
    assert_eq!(report.cut_off, 1);
    assert!(client.rest().await.is_empty());
    assert_eq!(journal.order(), ["tester.pre_hook", "tester.cleanup"]);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_plugin_s_call() {
    struct Told(mpsc::UnboundedSender<()>);
    impl Drop for Told {
        fn drop(&mut self) {
            // Nobody may be waiting any more.
            let _ = self.0.send(());
        }
    }
    let (called, mut calls) = mpsc::unbounded_channel();
    let (dropped, mut drops) = mpsc::unbounded_channel();
    let script = move |_: Value| -> BoxFuture<'static, Reply> {
        let told = Told(dropped.clone());
        called.send(()).unwrap();
        Box::pin(async move {
            let _told = told;
            std::future::pending().await
        })
    };
    let setup = with(|plugin| plugin.on_async(Hook::Pre, script), |builder| builder).await;
    let mut client = setup.client().await;
    client.ask(&plain("hi")).await;
    calls.recv().await.unwrap();
    drop(client);
    drops.recv().await.unwrap();
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let setup = with(|plugin| plugin, timeouts(r#"{"header_ms": 20}"#)).await;
    for beginning in ["", "POST /v1/chat/comp", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let mut client = setup.client().await;
        client.send_raw(beginning).await;
        let rest = client.rest().await;
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{beginning}");
    }
    assert_eq!(setup.chat(&plain("next")).await.content(), "next");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_408() {
    let setup = with(|plugin| plugin, timeouts(r#"{"body_ms": 20}"#)).await;
    let mut client = setup.client().await;
    client
        .send_raw("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
        .await;
    let response = client.response().await;
    assert_eq!(response.status(), 408);
    assert_eq!(response.json()["error"]["code"], "request_timeout");
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let setup = with(|plugin| plugin, |builder| builder).await;
    let mut client = setup.client().await;
    let bomb = format!("GET /health HTTP/1.1\r\nhost: x\r\nx-bomb: {}", "x".repeat(100_000));
    client.send_raw(bomb).await;
    let rest = String::from_utf8(client.rest().await).unwrap();
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 431"), "{rest}");
    assert_eq!(setup.chat(&plain("next")).await.content(), "next");
}
