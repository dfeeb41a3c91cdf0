//! Spans, as a collector gets them.

#[path = "traces/collector.rs"]
mod collector;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use plugbay::abi::interface::Hook;
use plugbay_gateway::{GatewayBuilder, OpenAiProvider, OtlpConfig, UpstreamSettings};
use plugbay_hooks::{Reply, Sample, Scripted};
use serde_json::json;

use crate::modules::{Folder, content, module, until};
use crate::support::{Setup, plain, user, with, with_upstream_and};
use crate::upstream::{Asked, Upstream};

use collector::{Collector, Found, Trace};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn traced(collector: &Collector) -> impl FnOnce(GatewayBuilder) -> GatewayBuilder {
    let otlp = OtlpConfig::new(collector.url());
    |builder| builder.telemetry(otlp).unwrap()
}

/// A plugin with all hooks, which change nothing.
fn all_hooks(plugin: Scripted) -> Scripted {
    Hook::ALL.into_iter().fold(plugin, |plugin, hook| plugin.replying(hook, "{}"))
}

/// What a request said of its trace: trace, span, flags.
fn told(asked: &Asked) -> [String; 3] {
    let head = asked.head.to_ascii_lowercase();
    let parents: Vec<&str> =
        head.lines().filter_map(|line| line.strip_prefix("traceparent: 00-")).collect();
    assert_eq!(parents.len(), 1, "{head}");
    let parts: Vec<String> = parents[0].split('-').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

async fn send(setup: &Setup, line: &str, headers: &str, body: &str) -> crate::client::Client {
    let mut client = setup.client().await;
    client.send(line, headers, body).await;
    client
}

const CHAT: &str = "POST /v1/chat/completions?key=sk-secret-query";

#[tokio::test]
async fn a_request_its_hooks_and_its_provider_are_one_tree() {
    let collector = Collector::start().await;
    let (setup, upstream) = with_upstream_and(all_hooks, traced(&collector)).await;
    let headers = format!(
        "traceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: a=1\r\ntracestate: b=2\r\n\
         authorization: Bearer sk-secret-key\r\nx-secret: header\r\nx-request-id: mine-1\r\n"
    );
    let body = json!({"model": "openai/gpt", "messages": user("secret-body")}).to_string();
    let mut client = send(&setup, CHAT, &headers, &body).await;
    let mut asked = upstream.asked().await;
    let [trace, span, flags] = told(&asked);
    assert_eq!((trace.as_str(), flags.as_str()), (TRACE, "01"));
    assert!(asked.head.to_ascii_lowercase().contains("tracestate: a=1,b=2\r\n"), "{}", asked.head);
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 4});
    let answer = json!({"choices": [], "usage": usage, "secret-answer": 1}).to_string();
    asked.answer("200 OK", "", &answer).await;
    assert_eq!(client.response().await.status(), 200);
    setup.gateway.shutdown().await;

    let found = collector.found();
    assert!(!format!("{found:?}").contains("secret"), "{found:?}");
    assert_eq!(found.service, "plugbay");
    let server = found.one("POST /v1/chat/completions");
    assert_eq!((server.trace(), server.parent()), (TRACE.to_owned(), PARENT.to_owned()));
    assert_eq!(server.kind(), SpanKind::Server);
    assert_eq!(server.number("http.response.status_code"), Some(200));
    assert_eq!(server.text("plugbay.request.id").unwrap(), "mine-1");
    assert_eq!(server.number("plugbay.attempts"), Some(1));

    let client = found.one("chat gpt");
    assert_eq!((client.trace(), client.parent()), (TRACE.to_owned(), server.id()));
    assert_eq!((client.kind(), client.id()), (SpanKind::Client, span));
    assert_eq!(client.text("gen_ai.provider.name").unwrap(), "openai");
    assert_eq!(client.text("server.address").unwrap(), "127.0.0.1");
    assert_eq!(client.number("gen_ai.usage.input_tokens"), Some(3));
    assert_eq!(client.number("gen_ai.usage.output_tokens"), Some(4));
    assert_eq!(client.number("http.response.status_code"), Some(200));

    for hook in ["http_pre_hook", "pre_hook", "post_hook", "http_post_hook"] {
        let span = found.one(&format!("{hook} tester"));
        assert_eq!((span.trace(), span.parent()), (TRACE.to_owned(), server.id()), "{hook}");
        assert_eq!(span.kind(), SpanKind::Internal);
        assert_eq!(span.text("plugbay.plugin.name").unwrap(), "tester");
        assert_eq!(span.text("plugbay.outcome").unwrap(), "ok");
        assert!(span.within(server), "{hook}");
    }
    assert!(client.within(server));
    assert_eq!(found.spans.len(), 6, "{found:?}");
}

#[tokio::test]
async fn a_stream_has_one_span_for_all_chunks_of_a_plugin() {
    let collector = Collector::start().await;
    let fails = |plugin: Scripted| {
        all_hooks(plugin).on(Hook::HttpStreamChunk, |input| {
            match input["chunk"].to_string().contains("break") {
                true => Reply::trap(),
                false => Reply::Nothing,
            }
        })
    };
    let (setup, upstream) = with_upstream_and(fails, traced(&collector)).await;
    let body = json!({"model": "gpt", "stream": true, "messages": user("hi")}).to_string();
    let mut client = send(&setup, CHAT, "", &body).await;
    let mut asked = upstream.asked().await;
    asked.begin_stream().await;
    let [trace, span, _] = told(&asked);
    client.head().await;
    for text in ["a", "b", "break"] {
        let chunk = json!({"choices": [{"index": 0, "delta": {"content": text}}]});
        asked.write(&format!("data: {chunk}\n\n")).await;
        client.piece().await.unwrap();
    }
    drop((client, asked));
    setup.gateway.shutdown().await;

    let found = collector.found();
    let server = found.one("POST /v1/chat/completions");
    let asked = found.one("chat gpt");
    assert_eq!((asked.trace(), asked.id(), asked.parent()), (trace, span, server.id()));
    let chunks = found.one("http_stream_chunk_hook tester");
    assert_eq!((chunks.parent(), chunks.number("plugbay.calls")), (server.id(), Some(3)));
    // The mistake is not hidden by those that went well.
    assert_eq!(chunks.text("plugbay.outcome").unwrap(), "other");
    assert_eq!(chunks.text("error.type").unwrap(), "other");
    // What was streamed is shown to the hooks after the response's end.
    for hook in ["post_hook tester", "http_post_hook tester"] {
        assert_eq!(found.one(hook).parent(), server.id());
    }
}

#[tokio::test]
async fn each_time_that_somebody_is_asked_is_a_span_of_its_own() {
    let collector = Collector::start().await;
    let upstream = Upstream::start().await;
    let mut settings = UpstreamSettings::new(upstream.base_url());
    settings.retry.attempts = NonZeroU32::new(2).unwrap();
    settings.retry.base_ms = 1;
    let up = Arc::new(OpenAiProvider::with("up", settings).unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    let log = plugbay_gateway::AccessLogTarget::File(file.path().to_owned());
    let builder = traced(&collector);
    let setup =
        with(|plugin| plugin, |it| builder(it.provider(up).default_provider("up").access_log(log)))
            .await;
    let body = json!({"model": "m", "messages": user("hi"), "fallbacks": ["mock/echo"]});
    let mut client = send(&setup, CHAT, "", &body.to_string()).await;
    let mut left = Vec::new();
    for status in ["503 Down", "500 Oops"] {
        let mut asked = upstream.asked().await;
        left.push(told(&asked));
        asked.answer(status, "connection: close\r\n", "{}").await;
    }
    assert_eq!(client.response().await.status(), 200);
    setup.gateway.shutdown().await;

    let found = collector.found();
    let server = found.one("POST /v1/chat/completions");
    let asked = found.all("chat m");
    let ids: Vec<[String; 2]> = asked.iter().map(|span| [span.trace(), span.id()]).collect();
    let told: Vec<[String; 2]> = left.into_iter().map(|[trace, span, _]| [trace, span]).collect();
    assert_eq!(ids, told);
    for (span, status, again) in [(&asked[0], 503, None), (&asked[1], 500, Some(1))] {
        assert_eq!(span.parent(), server.id());
        assert_eq!(span.number("http.response.status_code"), Some(status));
        assert_eq!(span.number("http.request.resend_count"), again);
        assert_eq!(span.text("error.type").unwrap(), "server_error");
        assert!(span.is_error());
    }
    let mock = found.one("chat echo");
    assert_eq!((mock.parent(), mock.text("error.type")), (server.id(), None));
    assert_eq!(server.number("plugbay.attempts"), Some(3));
    assert_eq!(server.number("plugbay.fallbacks"), Some(1));

    // The access log tells the same.
    let line = std::fs::read_to_string(file.path()).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["provider"], &line["model"]), (&json!("mock"), &json!("echo")), "{line}");
    assert_eq!((&line["attempts"], &line["fallbacks"]), (&json!(3), &json!(1)), "{line}");
}

#[tokio::test]
async fn what_passes_and_lists_of_models_are_traced_too() {
    let collector = Collector::start().await;
    let (setup, upstream) = with_upstream_and(|plugin| plugin, traced(&collector)).await;
    for (line, name) in [("GET /v1/things/secret?a=b", "GET"), ("GET /v1/models", "GET models")] {
        let headers = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: a=1\r\n");
        let mut client = send(&setup, line, &headers, "").await;
        let mut asked = upstream.asked().await;
        let [trace, span, flags] = told(&asked);
        assert_eq!((trace.as_str(), flags.as_str()), (TRACE, "01"), "{name}");
        assert_ne!(span, PARENT);
        assert_eq!(asked.head.matches("tracestate").count(), 1, "{}", asked.head);
        asked.answer("200 OK", "connection: close\r\n", r#"{"data": []}"#).await;
        assert_eq!(client.response().await.status(), 200);
    }
    setup.gateway.shutdown().await;
    let found = collector.found();
    assert!(!format!("{found:?}").contains("secret"), "{found:?}");
    let passed = found.all("GET");
    assert_eq!(passed.len(), 2, "the request and its attempt: {found:?}");
    let models = found.all("GET models");
    let server = found.one("GET /v1/models");
    assert!(models.iter().all(|span| span.parent() == server.id()));
}

#[tokio::test]
async fn who_is_sampled_is_the_client_s_to_say_and_else_a_part() {
    let none = Sample::try_from(0.0).unwrap();
    let parent = |flags| format!("traceparent: 00-{TRACE}-{PARENT}-{flags}\r\n");
    for (sample, headers, flags, spans) in [
        (none, String::new(), "00", 0),
        (Sample::default(), String::new(), "01", 2),
        (none, parent("01"), "01", 2),
        (Sample::default(), parent("00"), "00", 0),
    ] {
        let collector = Collector::start().await;
        let mut otlp = OtlpConfig::new(collector.url());
        otlp.sample = Some(sample);
        let (setup, upstream) =
            with_upstream_and(|plugin| plugin, |it| it.telemetry(otlp).unwrap()).await;
        let body = json!({"model": "gpt", "messages": []}).to_string();
        let mut client = send(&setup, CHAT, &headers, &body).await;
        let mut asked = upstream.asked().await;
        let [trace, span, its] = told(&asked);
        assert_eq!(its, flags, "{headers}");
        assert_ne!(span, PARENT);
        if !headers.is_empty() {
            assert_eq!(trace, TRACE);
        }
        asked.answer("200 OK", "", "{}").await;
        client.response().await;
        setup.gateway.shutdown().await;
        assert_eq!(collector.found().spans.len(), spans, "{headers}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_in_both_spans() {
    let collector = Collector::start().await;
    let (setup, upstream) = with_upstream_and(|plugin| plugin, traced(&collector)).await;
    let body = json!({"model": "gpt", "messages": []}).to_string();
    let client = send(&setup, CHAT, "", &body).await;
    let mut asked = upstream.asked().await;
    drop(client);
    asked.hung_up().await;
    setup.gateway.shutdown().await;
    let found = collector.found();
    let server = found.one("POST /v1/chat/completions");
    assert_eq!(server.text("error.type").unwrap(), "client_left");
    assert_eq!(found.one("chat gpt").text("error.type").unwrap(), "cancelled");
}

#[tokio::test]
async fn a_real_plugin_tells_its_fuel_and_a_configuration_where_spans_go() {
    let collector = Collector::start().await;
    let folder = Folder::new();
    folder.put("one.wasm", module("one"));
    let otlp = json!({
        "endpoint": collector.url(),
        "protocol": "http/protobuf",
        "headers": {"api-key": "for-the-collector"},
        "service_name": "here",
    });
    let more = json!({"telemetry": {"otlp": otlp}, "reload": {"watch": false}});
    let plugins = json!([{"path": "one.wasm", "name": "one"}]);
    let running = folder.start_with(plugins, more).await.unwrap();
    assert_eq!(content(&running).await, "one");
    running.shutdown().await;
    let found = collector.found();
    assert_eq!(found.service, "here");
    assert!(found.head.contains("api-key: for-the-collector"), "{}", found.head);
    assert!(found.head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", found.head);
    assert!(found.head.contains("content-type: application/x-protobuf"), "{}", found.head);
    let hook = found.one("pre_hook one");
    assert!(hook.number("plugbay.fuel").unwrap() > 0);
    // A plugin answered, and nobody else was asked.
    let server = found.one("POST /v1/chat/completions");
    assert_eq!(server.number("plugbay.attempts"), None);
}

#[tokio::test]
async fn a_collector_that_is_down_or_hangs_holds_up_nothing() {
    for hangs in [false, true] {
        let collector = Collector::silent().await;
        let url = collector.url();
        let collector = hangs.then_some(collector);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let otlp = OtlpConfig::new(url);
        let setup = with(|plugin| plugin, |it| it.metrics(listen).telemetry(otlp).unwrap()).await;
        for _ in 0..3 {
            assert_eq!(setup.chat(&plain("hi")).await.content(), "hi");
        }
        let spans = async || {
            let address = setup.gateway.metrics_addr().unwrap();
            let mut client = crate::client::Client::connect(address).await;
            client.send("GET /metrics", "", "").await;
            let page = client.response().await.body;
            let line = page.lines().find(|line| line.starts_with("plugbay_spans_total{"));
            assert_eq!(line, Some("plugbay_spans_total{outcome=\"sent\"} 0"), "{page}");
            page
        };
        let page = spans().await;
        assert!(page.contains("plugbay_spans_total{outcome=\"dropped\"} 0\n"), "{page}");
        match collector {
            // A batch is under way to it, and requests are answered all the same.
            Some(collector) => {
                until("a batch", async || collector.was_asked()).await;
                assert_eq!(setup.chat(&plain("hi")).await.content(), "hi");
                spans().await;
            }
            // Nobody is waited for who is not there.
            None => assert_eq!(setup.gateway.shutdown().await.cut_off, 0),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_a_collector_is_told_at_the_start() {
    for (otlp, wanted) in [
        (json!({"endpoint": "localhost:4317"}), "telemetry: endpoint: found `localhost:4317`"),
        (json!({"endpoint": "http://a", "headers": {"a b": "c"}}), "telemetry: headers: `a b`"),
        (json!({"endpoint": "https://a", "ca_file": "none.pem"}), "telemetry: ca_file: "),
    ] {
        let more = json!({"telemetry": {"otlp": otlp}, "reload": {"watch": false}});
        let error = Folder::new().start_with(json!([]), more).await.err().unwrap().to_string();
        assert!(error.starts_with(wanted), "{error}");
    }
}

/// A trace is one tree, whoever looks: each span's parent is in it, or was told by the client.
#[tokio::test]
async fn nobody_s_parent_is_missing() {
    let collector = Collector::start().await;
    let setup = with(all_hooks, traced(&collector)).await;
    for stream in [false, true] {
        let mut body = plain("one two");
        body["stream"] = stream.into();
        setup.chat(&body).await;
    }
    setup.gateway.shutdown().await;
    let Found { spans, .. } = collector.found();
    let ids: Vec<String> = spans.iter().map(Trace::id).collect();
    let roots = spans.iter().filter(|span| span.parent().is_empty()).count();
    assert_eq!(roots, 2, "{spans:?}");
    let known = |span: &&Trace| span.parent().is_empty() || ids.contains(&span.parent());
    assert_eq!(spans.iter().filter(known).count(), spans.len(), "{spans:?}");
}
