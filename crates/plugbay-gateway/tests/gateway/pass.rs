//! Paths that the gateway knows nothing of, against an upstream that the test plays.

use std::sync::Arc;
use std::time::Duration;

use plugbay::abi::interface::Hook;
use plugbay_gateway::{Gateway, OpenAiProvider, Running, UpstreamTimeouts};
use plugbay_hooks::{Reply, Scripted};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::Client;
use crate::support::{with_upstream, with_upstream_and};
use crate::upstream::{Asked, Upstream};

/// A gateway without plugins, in front of an upstream.
async fn bare(upstream: &Upstream, path: &str, timeouts: &str) -> (Running, Client) {
    let timeouts: UpstreamTimeouts = serde_json::from_str(timeouts).unwrap();
    let base_url = upstream.base_url().replace("/v1/", path);
    let provider = OpenAiProvider::new("openai", &base_url, None, timeouts).unwrap();
    let gateway = Gateway::builder().provider(Arc::new(provider)).bind().await.unwrap();
    let client = Client::connect(gateway.local_addr()).await;
    (gateway, client)
}

fn lines(head: &str) -> Vec<String> {
    head.lines().map(str::to_ascii_lowercase).collect()
}

const RAW: &str = "PUT /v1/things/%2F?a=1&b=%20&a=2 HTTP/1.1\r\nhost: gateway\r\n\
    authorization: Bearer client\r\nx-two: 1\r\nx-two: 2\r\nconnection: keep-alive, X-Mine\r\n\
    x-mine: 1\r\nte: trailers\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\nabc";

/// Whatever hooks there are, as long as they change nothing.
#[tokio::test]
async fn a_request_passes_as_it_is_but_for_what_is_the_connection_s() {
    let plugins: [fn(Scripted) -> Scripted; 4] = [
        |plugin| plugin,
        |plugin| plugin.replying(Hook::HttpPre, "{}"),
        |plugin| plugin.replying(Hook::HttpPost, "{}"),
        |plugin| {
            plugin
                .on(Hook::HttpPre, |input| {
                    Reply::json(json!({"request": input["request"]}).to_string())
                })
                .on(Hook::HttpPost, |input| {
                    assert_eq!(input["request"]["body"], "YWJj");
                    Reply::json(json!({"response": input["response"]}).to_string())
                })
        },
    ];
    for (number, plugin) in plugins.into_iter().enumerate() {
        let (setup, upstream) = with_upstream(plugin).await;
        let mut client = setup.client().await;
        client.send_raw(RAW).await;
        let mut asked = upstream.asked().await;
        let head = lines(&asked.head);
        assert_eq!(head[0], "put /v1/things/%2f?a=1&b=%20&a=2 http/1.1", "{number}");
        let host = upstream.base_url();
        let host = host.strip_prefix("http://").unwrap().strip_suffix("/v1/").unwrap();
        for wanted in [
            &format!("host: {host}"),
            "authorization: bearer sk-test",
            "x-two: 1",
            "x-two: 2",
            "content-length: 3",
        ] {
            assert_eq!(
                head.iter().filter(|line| *line == wanted).count(),
                1,
                "{number}: {wanted} in {head:?}"
            );
        }
        assert!(head.iter().any(|line| line.starts_with("x-request-id: ")), "{head:?}");
        for gone in ["connection:", "x-mine:", "te:", "expect:"] {
            assert!(
                !head.iter().any(|line| line.starts_with(gone)),
                "{number}: {gone} in {head:?}"
            );
        }
        assert_eq!(asked.body, "abc");
        asked
            .answer(
                "418 I'm a teapot",
                "set-cookie: a=1, b\r\nset-cookie: c=2\r\nconnection: x-hop\r\nx-hop: 1\r\n\
                 keep-alive: timeout=9\r\nx-request-id: theirs\r\ncontent-type: text/plain\r\n",
                "short",
            )
            .await;
        let mut head = client.head().await;
        if head.status == 100 {
            head = client.head().await;
        }
        assert_eq!(head.status, 418, "{number}");
        assert_eq!(head.all("set-cookie").collect::<Vec<_>>(), ["a=1, b", "c=2"], "{number}");
        assert_eq!(head.header("content-length"), Some("5"));
        assert_eq!(head.header("content-type"), Some("text/plain"));
        assert_eq!(head.header("x-hop"), None);
        assert_eq!(head.header("keep-alive"), None);
        assert_eq!(head.header("x-request-id").unwrap().len(), 36);
        let mut body = [0; 5];
        client.read_exact(&mut body).await;
        assert_eq!(&body, b"short");
        // The connection lives on.
        client.send("GET /health", "", "").await;
        assert_eq!(client.response().await.status(), 200);
    }
}

#[tokio::test]
async fn the_client_s_own_key_passes_where_the_provider_has_none() {
    let upstream = Upstream::start().await;
    let (_gateway, mut client) = bare(&upstream, "/", "{}").await;
    client.send("HEAD /v1/files/1", "authorization: Bearer client\r\n", "").await;
    let mut asked = upstream.asked().await;
    let head = lines(&asked.head);
    assert_eq!(head[0], "head /files/1 http/1.1");
    assert!(head.contains(&"authorization: bearer client".to_owned()), "{head:?}");
    // What a HEAD would have been answered with.
    asked.write("HTTP/1.1 200 OK\r\ncontent-length: 77\r\n\r\n").await;
    let head = client.head().await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("77")));
}

#[tokio::test]
async fn paths_that_climb_stay_here() {
    let upstream = Upstream::start().await;
    let (_gateway, mut client) = bare(&upstream, "/v1/", "{}").await;
    for path in
        ["/v1/../admin", "/v1/a/%2e%2e/b", "/v1/x%2f..%2f..%2fadmin", "/v1", "/v2/files", "/"]
    {
        client.send(&format!("GET {path}"), "", "").await;
        let response = client.response().await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(response.json()["error"]["code"], "unknown_url");
    }
}

/// The request would come back as the answer, with the provider's key in it.
#[tokio::test]
async fn a_trace_stays_here() {
    let upstream = Upstream::start().await;
    let (_gateway, mut client) = bare(&upstream, "/v1/", "{}").await;
    client.send("TRACE /v1/files", "", "").await;
    assert_eq!(client.response().await.status(), 404);
}

/// A provider that says both is believed in its pieces, and its version is its own.
#[tokio::test]
async fn pieces_count_and_not_a_length_beside_them() {
    let upstream = Upstream::start().await;
    let (_gateway, mut client) = bare(&upstream, "/v1/", "{}").await;
    client.send("GET /v1/files", "", "").await;
    let mut asked = upstream.asked().await;
    asked
        .write("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        .await;
    let response = client.response().await;
    assert_eq!((response.head.header("content-length"), &*response.body), (None, "hello"));
    client.send_raw("GET /v1/files HTTP/1.0\r\nhost: x\r\n\r\n").await;
    let asked = upstream.asked().await;
    assert!(asked.head.starts_with("GET /v1/files HTTP/1.1\r\n"), "{}", asked.head);
}

#[tokio::test]
async fn bodies_pass_piece_by_piece() {
    let only_pre = |plugin: Scripted| plugin.replying(Hook::HttpPre, "{}");
    for collects in [false, true] {
        let (setup, upstream) = match collects {
            false => with_upstream(|plugin| plugin).await,
            true => with_upstream(only_pre).await,
        };
        let mut client = setup.client().await;
        client
            .send_raw("POST /v1/audio HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
            .await;
        let mut asked;
        if collects {
            client.send_raw("3\r\ntwo\r\n0\r\n\r\n").await;
            asked = upstream.asked().await;
            assert_eq!(asked.body, "onetwo");
        } else {
            // The first piece is there before the second is written.
            asked = upstream.asked().await;
            assert!(lines(&asked.head).contains(&"transfer-encoding: chunked".to_owned()));
            assert_eq!(read(&mut asked, "3\r\none\r\n".len()).await, "3\r\none\r\n");
            client.send_raw("3\r\ntwo\r\n0\r\n\r\n").await;
            assert_eq!(read(&mut asked, 13).await, "3\r\ntwo\r\n0\r\n\r\n");
        }
        asked.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfour\r\n").await;
        assert_eq!(client.head().await.status, 200);
        assert_eq!(client.piece().await.as_deref(), Some("four"));
        asked.write("4\r\nfive\r\n0\r\n\r\n").await;
        assert_eq!(client.piece().await.as_deref(), Some("five"));
        assert_eq!(client.piece().await, None);
    }
}

async fn read(asked: &mut Asked, length: usize) -> String {
    let mut bytes = vec![0; length];
    asked.stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn an_answer_without_end_is_not_collected_and_ends_with_its_client() {
    let (setup, upstream) = with_upstream(|plugin| plugin.replying(Hook::HttpPre, "{}")).await;
    let mut client = setup.client().await;
    client.send("GET /v1/endless", "", "").await;
    let mut asked = upstream.asked().await;
    asked.write("HTTP/1.1 200 OK\r\n\r\n").await;
    let endless = tokio::spawn(async move {
        let piece = vec![b'x'; 64 << 10];
        while asked.stream.write_all(&piece).await.is_ok() {}
    });
    client.head().await;
    for _ in 0..10 {
        client.piece().await.unwrap();
    }
    drop(client);
    endless.await.unwrap();
}

#[tokio::test]
async fn only_a_body_that_is_collected_has_a_limit() {
    for (hook, wanted) in [(Hook::Pre, 200), (Hook::HttpPre, 413), (Hook::HttpPost, 413)] {
        let (setup, upstream) = with_upstream_and(
            |plugin| plugin.replying(hook, "{}"),
            |builder| builder.max_body_bytes(2),
        )
        .await;
        let mut client = setup.client().await;
        client.send("POST /v1/files", "", "abc").await;
        if wanted == 200 {
            upstream.asked().await.answer("200 OK", "", "").await;
        }
        assert_eq!(client.response().await.status(), wanted, "{hook}");
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_a_408() {
    let timeouts = serde_json::from_str(r#"{"body_ms": 20}"#).unwrap();
    let (setup, upstream) =
        with_upstream_and(|plugin| plugin, |builder| builder.timeouts(timeouts)).await;
    let mut client = setup.client().await;
    client.send_raw("POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").await;
    let response = client.response().await;
    assert_eq!(response.status(), 408);
    assert_eq!(response.json()["error"]["code"], "request_timeout");
    assert!(client.rest().await.is_empty());
    drop(upstream);
}

#[tokio::test]
async fn bodies_that_drip_without_end_are_given_up() {
    // Each piece comes in time, the whole does not.
    let timeouts = serde_json::from_str(r#"{"passing_ms": 100}"#).unwrap();
    let (setup, upstream) =
        with_upstream_and(|plugin| plugin, |builder| builder.timeouts(timeouts)).await;
    let mut client = setup.client().await;
    client.send_raw("POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n").await;
    let response = loop {
        client.send_raw(" ").await;
        let answered = client.response();
        if let Ok(response) = tokio::time::timeout(Duration::from_millis(5), answered).await {
            break response;
        }
    };
    assert_eq!(response.status(), 408);
    assert_eq!(response.json()["error"]["code"], "request_timeout");
    drop(upstream);

    // Nor an answer, however it comes.
    let upstream = Upstream::start().await;
    let (_gateway, mut client) = bare(&upstream, "/v1", r#"{"total_ms": 100}"#).await;
    client.send("GET /v1/files", "", "").await;
    let mut asked = upstream.asked().await;
    asked.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
    assert_eq!(client.head().await.status, 200);
    while asked.try_write(" ").await {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(client.rest().await.len() < 1_000_000);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_or_not_in_time_is_told() {
    let upstream = Upstream::start().await;
    let (_gateway, mut client) = bare(&upstream, "/v1", r#"{"first_byte_ms": 20}"#).await;
    client.send("GET /v1/files", "", "").await;
    let response = client.response().await;
    assert_eq!(response.status(), 504);
    assert_eq!(response.json()["error"]["code"], "provider_timeout");

    let (_gateway, mut client) = bare(&upstream, "/v1", r#"{"idle_ms": 20}"#).await;
    let _late = upstream.asked().await;
    client.send("GET /v1/files", "", "").await;
    let mut asked = upstream.asked().await;
    asked.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    assert_eq!(client.head().await.status, 200);
    // Its end is no end of the body: the client can tell.
    assert_eq!(client.rest().await, b"half");
    asked.hung_up().await;

    let (_gateway, mut client) = bare(&upstream, "/v1", "{}").await;
    drop(upstream);
    client.send("POST /v1/files", "", "{}").await;
    let response = client.response().await;
    assert_eq!(response.status(), 502);
    assert_eq!(response.json()["error"]["message"], "provider `openai` cannot be reached");
}

#[tokio::test]
async fn hooks_may_change_both() {
    let (setup, upstream) = with_upstream(|plugin| {
        plugin
            .on(Hook::HttpPre, |input| {
                let mut request = input["request"].clone();
                assert_eq!(request["query"], json!({"a": "1", "b": "2"}));
                request["method"] = "PATCH".into();
                request["path"] = "/v1/other".into();
                request["query"] = json!({"b": "2", "c": "&"});
                request["headers"]["x-new"] = "1".into();
                request["headers"]["content-length"] = "99".into();
                request["headers"].as_object_mut().unwrap().remove("x-old");
                request["body"] = "bG9uZ2Vy".into();
                Reply::json(json!({"request": request}).to_string())
            })
            .on(Hook::HttpPost, |input| {
                assert_eq!(input["request"]["path"], "/v1/other");
                let mut response = input["response"].clone();
                assert_eq!(response["body"], "aGk=");
                assert_eq!(response["headers"]["x-kept"], "1, 2");
                response["status_code"] = 203.into();
                response["headers"]["x-more"] = "3".into();
                response["body"] = "bG9uZ2Vy".into();
                Reply::json(json!({"response": response}).to_string())
            })
    })
    .await;
    let mut client = setup.client().await;
    client.send("POST /v1/things?a=1&b=2", "x-old: 1\r\n", "short").await;
    let mut asked = upstream.asked().await;
    let head = lines(&asked.head);
    assert_eq!(head[0], "patch /v1/other?b=2&c=%26 http/1.1");
    assert!(
        head.contains(&"x-new: 1".to_owned()) && head.contains(&"content-length: 6".to_owned())
    );
    assert!(!head.contains(&"x-old: 1".to_owned()));
    assert_eq!(asked.body, "longer");
    asked.answer("200 OK", "x-kept: 1\r\nx-kept: 2\r\n", "hi").await;
    let response = client.response().await;
    assert_eq!((response.status(), response.body.as_str()), (203, "longer"));
    assert_eq!(response.head.all("x-kept").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(response.head.header("x-more"), Some("3"));
}

#[tokio::test]
async fn a_request_that_a_plugin_made_unusable_is_a_502() {
    for request in [json!({"method": "NO METHOD"}), json!({"path": "/v1/a b"})] {
        let output = json!({"request": request}).to_string();
        let (setup, _upstream) =
            with_upstream(|plugin| plugin.replying(Hook::HttpPre, &output)).await;
        let mut client = setup.client().await;
        client.send("POST /v1/things", "", "").await;
        let response = client.response().await;
        assert_eq!(response.status(), 502, "{output}");
        assert_eq!(response.json()["error"]["code"], "unusable_request");
    }
}

#[tokio::test]
async fn a_plugin_may_answer_in_the_provider_s_place() {
    let (setup, _upstream) = with_upstream(|plugin| {
        plugin.replying(
            Hook::HttpPre,
            r#"{"has_response": true, "response": {"status_code": 402, "body": "cGF5"}}"#,
        )
    })
    .await;
    let mut client = setup.client().await;
    client.send("GET /v1/files", "", "").await;
    let response = client.response().await;
    assert_eq!((response.status(), response.body.as_str()), (402, "pay"));
}

#[tokio::test]
async fn a_stream_of_events_is_shown_at_its_end() {
    for breaks in [false, true] {
        let (setup, upstream) = with_upstream(|plugin| {
            plugin.replying(Hook::HttpPost, r#"{"response": {"status_code": 500}}"#)
        })
        .await;
        let mut client = setup.client().await;
        client.send("POST /v1/things", "", "{}").await;
        let mut asked = upstream.asked().await;
        asked
            .write("HTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        asked.write("9\r\ndata: 1\n\n\r\n").await;
        assert_eq!(client.head().await.status, 200);
        assert_eq!(client.piece().await.as_deref(), Some("data: 1\n\n"));
        if breaks {
            drop(asked);
            assert!(client.piece().await.unwrap().starts_with("event: error\n"));
        } else {
            asked.write("9\r\ndata: 2\n\n\r\n0\r\n\r\n").await;
            assert_eq!(client.piece().await.as_deref(), Some("data: 2\n\n"));
        }
        assert_eq!(client.piece().await, None);
        let journal = setup.journal.clone();
        setup.gateway.shutdown().await;
        let seen = journal.inputs("tester", "http_post_hook");
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0]["context"]["streamed"], true);
        assert_eq!(seen[0]["response"]["status_code"], 200);
        let all = if breaks { "ZGF0YTogMQoK" } else { "ZGF0YTogMQoKZGF0YTogMgoK" };
        assert_eq!(seen[0]["response"]["body"], all);
    }
}
