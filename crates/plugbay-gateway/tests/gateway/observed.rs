//! What is seen of requests from outside: metrics, the access log, the trace that goes on.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use plugbay::abi::interface::Hook;
use plugbay::{MetricKind, MetricSink as _, Metrics};
use plugbay_gateway::{AccessLogTarget, GatewayBuilder};
use plugbay_hooks::Reply;
use serde_json::{Value, json};

use crate::client::Client;
use crate::support::{Setup, plain, streamed, with, with_upstream_and};

fn measured(builder: GatewayBuilder) -> GatewayBuilder {
    builder.metrics(SocketAddr::from(([127, 0, 0, 1], 0)))
}

async fn metrics(setup: &Setup) -> String {
    let mut client = Client::connect(setup.gateway.metrics_addr().unwrap()).await;
    client.send("GET /metrics", "", "").await;
    let response = client.response().await;
    assert_eq!(response.status(), 200);
    let kind = response.head.header("content-type").unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    response.body
}

/// The value of one sample.
fn sample(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn requests_and_what_they_came_to_are_counted() {
    let own = Arc::new(Metrics::default());
    own.record("tester", "hits", MetricKind::Counter, 3.0);
    own.record("tester", "load\"\n", MetricKind::Gauge, 0.5);
    own.record("tester", "took", MetricKind::Histogram, 2.0);
    let sink = Arc::clone(&own);
    let setup = with(
        |plugin| {
            plugin.replying(Hook::Post, "{}").on(Hook::Pre, |input| {
                match input.to_string().contains("break") {
                    true => Reply::trap(),
                    false => Reply::Nothing,
                }
            })
        },
        |builder| measured(builder).plugin_metrics(sink),
    )
    .await;
    let mut client = setup.client().await;
    client.chat(&plain("one two")).await;
    client.chat(&streamed("three four")).await;
    assert_eq!(client.chat(&plain("break")).await.status(), 502);
    client.send("GET /v1/secret-path?key=sk-secret", "", "").await;
    assert_eq!(client.response().await.status(), 404);
    // The last of a response may be read before its end was counted; the next request comes after it.
    client.send("GET /health", "", "").await;
    client.response().await;
    client.send("GET /health", "", "").await;
    client.response().await;

    let page = metrics(&setup).await;
    for (series, wanted) in [
        (r#"plugbay_requests_total{route="/v1/chat/completions",method="POST",status="200"}"#, 2.0),
        (r#"plugbay_requests_total{route="/v1/chat/completions",method="POST",status="502"}"#, 1.0),
        (r#"plugbay_requests_total{route="passed",method="GET",status="404"}"#, 1.0),
        (r#"plugbay_request_duration_seconds_count{route="/v1/chat/completions"}"#, 3.0),
        (r#"plugbay_upstream_requests_total{provider="mock",outcome="ok"}"#, 2.0),
        (r#"plugbay_upstream_duration_seconds_count{provider="mock"}"#, 2.0),
        (r#"plugbay_first_token_seconds_count{provider="mock",model="echo"}"#, 1.0),
        (r#"plugbay_tokens_total{provider="mock",model="echo",kind="prompt"}"#, 2.0),
        (r#"plugbay_tokens_total{provider="mock",model="echo",kind="completion"}"#, 2.0),
        (r#"plugbay_hook_calls_total{plugin="tester",hook="pre_hook",outcome="ok"}"#, 2.0),
        (r#"plugbay_hook_duration_seconds_count{plugin="tester",hook="pre_hook"}"#, 3.0),
        (r#"plugbay_plugin_tripped{plugin="tester"}"#, 0.0),
        (r#"plugbay_plugin_counter_total{plugin="tester",name="hits"}"#, 3.0),
        (r#"plugbay_plugin_gauge{plugin="tester",name="load\"\n"}"#, 0.5),
        (r#"plugbay_plugin_samples_sum{plugin="tester",name="took"}"#, 2.0),
    ] {
        assert_eq!(sample(&page, series), Some(wanted), "{series} in {page}");
    }
    let between = r#"plugbay_inter_token_seconds_count{provider="mock",model="echo"}"#;
    assert!(sample(&page, between).unwrap() >= 1.0);
    assert!(!page.contains("secret"), "{page}");
}

#[tokio::test]
async fn what_is_not_the_page_is_not_there_and_clients_have_none_of_it() {
    let setup = with(|plugin| plugin, measured).await;
    let mut client = Client::connect(setup.gateway.metrics_addr().unwrap()).await;
    for line in ["GET /", "POST /metrics", "GET /metrics/x"] {
        client.send(line, "", "").await;
        assert_eq!(client.response().await.status(), 404, "{line}");
    }
    let mut client = setup.client().await;
    client.send("GET /metrics", "", "").await;
    assert_eq!(client.response().await.status(), 404);
    let bare = with(|plugin| plugin, |builder| builder).await;
    assert!(bare.gateway.metrics_addr().is_none());
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn each_request_has_a_line_in_the_access_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.jsonl");
    let target = AccessLogTarget::File(file.clone());
    let setup = with(|plugin| plugin, |builder| builder.access_log(target)).await;
    let mut client = setup.client().await;
    let send = "POST /v1/chat/completions?key=sk-secret";
    let headers = "x-request-id: mine-1\r\nauthorization: Bearer sk-secret\r\n";
    client.send(send, headers, &plain("one two").to_string()).await;
    let length = client.response().await.body.len();
    client.chat(&streamed("three")).await;
    client.send("GET /v1/nothing", "", "").await;
    client.response().await;
    drop(client);
    // What waits is written before the gateway has ended.
    setup.gateway.shutdown().await;
    let lines = lines(&file);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(!format!("{lines:?}").contains("secret"));
    let mut first = lines[0].clone();
    let object = first.as_object_mut().unwrap();
    assert!(object.remove("time").unwrap().as_str().unwrap().ends_with('Z'));
    assert!(object.remove("ms").unwrap().as_f64().unwrap() >= 0.0);
    assert_eq!(
        first,
        json!({"id": "mine-1", "method": "POST", "path": "/v1/chat/completions", "status": 200,
               "bytes": length, "provider": "mock", "model": "echo", "streamed": false,
               "attempts": 1, "fallbacks": 0, "prompt_tokens": 2, "completion_tokens": 2})
    );
    assert_eq!((&lines[1]["streamed"], &lines[1]["status"]), (&json!(true), &json!(200)));
    assert!(lines[1]["bytes"].as_u64().unwrap() > 0);
    assert_eq!((&lines[2]["status"], lines[2].get("provider")), (&json!(404), None));
}

#[tokio::test]
async fn the_trace_of_a_request_goes_on_to_the_provider() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for observed in [false, true] {
        let (setup, upstream) = with_upstream_and(
            |plugin| plugin,
            |builder| if observed { measured(builder) } else { builder },
        )
        .await;
        for line in ["POST /v1/chat/completions", "POST /v1/things"] {
            let mut client = setup.client().await;
            let headers = format!("traceparent: {parent}\r\ntracestate: a=1\r\n");
            let body = json!({"model": "openai/x", "messages": []}).to_string();
            client.send(line, &headers, &body).await;
            let mut asked = upstream.asked().await;
            let head = asked.head.to_ascii_lowercase();
            assert!(head.contains(&format!("traceparent: {parent}\r\n")), "{line}: {head}");
            assert!(head.contains("tracestate: a=1\r\n"), "{line}: {head}");
            asked.answer("200 OK", "", "{}").await;
            client.response().await;
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_counted_as_one() {
    let (setup, upstream) = with_upstream_and(|plugin| plugin, measured).await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "openai/x", "messages": []})).await;
    let mut asked = upstream.asked().await;
    drop(client);
    asked.hung_up().await;
    let series =
        r#"plugbay_requests_total{route="/v1/chat/completions",method="POST",status="none"}"#;
    assert_eq!(sample(&metrics(&setup).await, series), Some(1.0));
}
