//! The provider `openai` against an upstream that the test plays.

use std::net::SocketAddr;

use plugbay_gateway::{Gateway, OpenAiProvider, UpstreamTimeouts};
use plugbay_hooks::Reply;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use plugbay::abi::interface::Hook;

use crate::client::Client;
use crate::support::{user, with_upstream};

/// A listening upstream.
pub(crate) struct Upstream {
    listener: TcpListener,
    address: SocketAddr,
}

/// A request that an upstream was sent, and the connection to answer it on.
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) stream: BufReader<TcpStream>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1/", self.address)
    }

    pub(crate) async fn asked(&self) -> Asked {
        let (asked, body) = self.asked_bytes().await;
        Asked { body: String::from_utf8(body).unwrap(), ..asked }
    }

    /// A request whose body need not be text, and that body.
    pub(crate) async fn asked_bytes(&self) -> (Asked, Vec<u8>) {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).await.unwrap(), 0, "{head}");
        }
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
        });
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.unwrap();
        (Asked { head, body: String::new(), stream }, body)
    }
}

impl Asked {
    pub(crate) async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Writes as well, where the gateway may have hung up. Whether it had not.
    pub(crate) async fn try_write(&mut self, text: &str) -> bool {
        self.stream.write_all(text.as_bytes()).await.is_ok()
    }

    pub(crate) async fn answer(&mut self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        self.write(&format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ))
        .await;
    }

    pub(crate) async fn begin_stream(&mut self) {
        self.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await;
    }

    /// Waits until the gateway has hung up.
    pub(crate) async fn hung_up(&mut self) {
        let mut rest = Vec::new();
        drop(self.stream.read_to_end(&mut rest).await);
        assert!(rest.is_empty(), "{rest:?}");
    }
}

fn chunk(text: &str) -> String {
    json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]})
        .to_string()
}

const MODEL: &str = "gpt-x/large";

#[tokio::test]
async fn a_request_goes_up_and_its_answer_comes_down_as_they_were_written() {
    let (setup, upstream) = with_upstream(|plugin| plugin).await;
    let mut client = setup.client().await;
    let body = r#"{"model": "openai/gpt-x", "seed": 12345678901234567890123, "temperature": 0.70,
        "messages": [ {"role":"user", "content": "hi"} ], "made_up": {"a" : [1.0]}}"#;
    client
        .send(
            "POST /v1/chat/completions",
            "X-Request-Id: mine-1\r\nAuthorization: Bearer client\r\n",
            body,
        )
        .await;

    let mut asked = upstream.asked().await;
    assert!(asked.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{}", asked.head);
    let head = asked.head.to_ascii_lowercase();
    assert!(head.contains("x-request-id: mine-1\r\n"), "{head}");
    assert!(head.contains("authorization: bearer sk-test\r\n"), "{head}");
    assert!(!head.contains("bearer client"), "{head}");
    assert_eq!(
        asked.body,
        r#"{"model":"gpt-x","messages":[ {"role":"user", "content": "hi"} ],"seed":12345678901234567890123,"temperature":0.70,"made_up":{"a" : [1.0]}}"#
    );
    let answer = r#"{ "id":"x", "choices": [{"index":0}], "n": 1.00 }"#;
    asked.answer("200 OK", "", answer).await;

    let response = client.response().await;
    assert_eq!((response.status(), response.body.as_str()), (200, answer));
    assert_eq!(response.head.header("x-request-id"), Some("mine-1"));
}

#[tokio::test]
async fn a_chunk_leaves_before_the_next_one_comes() {
    let (setup, upstream) = with_upstream(|plugin| {
        plugin.on(Hook::HttpStreamChunk, |input| {
            let text = input["chunk"]["choices"][0]["delta"]["content"].as_str().unwrap();
            let changed: Value = serde_json::from_str(&chunk(&text.to_uppercase())).unwrap();
            // Pretty JSON has line breaks, which must not break the framing.
            Reply::json(
                serde_json::to_string_pretty(&json!({"has_chunk": true, "chunk": changed}))
                    .unwrap(),
            )
        })
    })
    .await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": MODEL, "messages": user("hi"), "stream": true})).await;
    let mut asked = upstream.asked().await;
    let sent: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!((&sent["model"], &sent["stream"]), (&json!(MODEL), &json!(true)));

    asked.begin_stream().await;
    let head = client.head().await;
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    let first = chunk("grün");
    let cut = first.find('ü').unwrap() + 1;
    // Cut inside a character, with a comment, CRLF, and two `data:` lines for one event.
    asked.stream.write_all(b": hello\r\ndata: ").await.unwrap();
    asked.stream.write_all(&first.as_bytes()[..cut]).await.unwrap();
    asked.stream.write_all(&first.as_bytes()[cut..]).await.unwrap();
    asked.write("\r\n\r\n").await;
    let piece = client.piece().await.unwrap();
    assert!(piece.starts_with("data: {") && piece.contains("GRÜN"), "{piece}");
    assert_eq!(piece.matches('\n').count(), 2, "{piece:?}");

    let second = chunk("b");
    let (head, tail) = second.split_at(1);
    asked.write(&format!("data: {head}\ndata: {tail}\n\n")).await;
    assert!(client.piece().await.unwrap().contains("\"B\""));
    asked.write("data: [DONE]").await;
    drop(asked);
    assert_eq!(client.piece().await.unwrap(), "data: [DONE]\n\n");
    assert_eq!(client.piece().await, None);
}

#[tokio::test]
async fn a_provider_s_own_error_comes_through() {
    let own = r#"{"error": {"message": "slow down", "type": "rate", "code": 7, "x": 1.0}}"#;
    for (status, headers, body, wanted_status, wanted_body) in [
        ("429 Too Many Requests", "retry-after: 7\r\nset-cookie: a\r\n", own, 429, Some(own)),
        ("500 Oops", "", "<html>", 500, None),
        ("302 Found", "location: /x\r\n", "", 502, None),
    ] {
        let (setup, upstream) = with_upstream(|plugin| plugin).await;
        let mut client = setup.client().await;
        client.ask(&json!({"model": MODEL, "messages": []})).await;
        upstream.asked().await.answer(status, headers, body).await;
        let response = client.response().await;
        assert_eq!(response.status(), wanted_status);
        match wanted_body {
            Some(body) => assert_eq!(response.body, body),
            None => assert_eq!(response.json()["error"]["code"], "provider_error"),
        }
        let retry_after = headers.contains("retry-after").then_some("7");
        assert_eq!(response.head.header("retry-after"), retry_after);
        assert_eq!(response.head.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn a_plugin_may_answer_in_a_failed_provider_s_place() {
    for stream in [false, true] {
        let (setup, upstream) = with_upstream(|plugin| {
            plugin.on(Hook::Post, |input| {
                assert_eq!(input["has_error"], true);
                assert_eq!(input["error"]["status_code"], 503);
                let message = json!({"role": "assistant", "content": "saved"});
                let answer = json!({"choices": [{"message": message}]});
                Reply::json(
                    json!({"has_error": false, "response": {"chat_response": answer}}).to_string(),
                )
            })
        })
        .await;
        let mut client = setup.client().await;
        client.ask(&json!({"model": MODEL, "messages": [], "stream": stream})).await;
        let body = r#"{"error": {"message": "down"}}"#;
        upstream.asked().await.answer("503 Down", "", body).await;
        let response = client.response().await;
        assert_eq!(response.status(), 200);
        if stream {
            let events = response.events();
            assert!(events[0].contains("saved"), "{events:?}");
            assert_eq!(events[2], "data: [DONE]");
        } else {
            assert_eq!(response.content(), "saved");
        }
    }
}

#[tokio::test]
async fn answers_that_cannot_be_used_are_a_502() {
    for (body, stream) in [("no JSON", false), ("[]", false), ("{}", true)] {
        let (setup, upstream) = with_upstream(|plugin| plugin).await;
        let mut client = setup.client().await;
        client.ask(&json!({"model": MODEL, "messages": [], "stream": stream})).await;
        upstream.asked().await.answer("200 OK", "", body).await;
        let response = client.response().await;
        assert_eq!(response.status(), 502, "{body}");
        assert_eq!(response.json()["error"]["code"], "provider_bad_answer");
    }
}

#[tokio::test]
async fn an_upstream_that_knows_only_whole_answers_is_streamed_all_the_same() {
    let (setup, upstream) = with_upstream(|plugin| plugin).await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": MODEL, "messages": [], "stream": true})).await;
    let answer = r#"{"choices": [{"message": {"content": "whole"}}]}"#;
    upstream.asked().await.answer("200 OK", "content-type: application/json\r\n", answer).await;
    let events = client.response().await.events();
    assert!(events[0].contains("whole"), "{events:?}");
    assert_eq!(events.last().unwrap(), "data: [DONE]");
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error_event() {
    for (broken, message) in [
        ("data: {\"cut\": \n\n", "sent an unusable answer"),
        ("data: \u{1}\n\n", "sent an unusable answer"),
        ("event: error\ndata: {\"error\": {\"message\": \"out of luck\"}}\n\n", "out of luck"),
        ("event: error\ndata: luck\n\n", "answered with status 502"),
    ] {
        let (setup, upstream) = with_upstream(|plugin| plugin).await;
        let mut client = setup.client().await;
        client.ask(&json!({"model": MODEL, "messages": [], "stream": true})).await;
        let mut asked = upstream.asked().await;
        asked.begin_stream().await;
        asked.write(&format!("data: {}\n\n", chunk("a"))).await;
        asked.write(broken).await;
        let events = client.response().await.events();
        assert_eq!(events.len(), 2, "{events:?}");
        assert!(events[1].starts_with("event: error\ndata: {\"error\":{"), "{events:?}");
        assert!(events[1].contains(message), "{events:?}");
        asked.hung_up().await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_the_upstream() {
    for stream in [true, false] {
        let (setup, upstream) = with_upstream(|plugin| plugin).await;
        let mut client = setup.client().await;
        client.ask(&json!({"model": MODEL, "messages": [], "stream": stream})).await;
        let mut asked = upstream.asked().await;
        if stream {
            asked.begin_stream().await;
            asked.write(&format!("data: {}\n\n", chunk("a"))).await;
            client.head().await;
            client.piece().await.unwrap();
        }
        drop(client);
        asked.hung_up().await;
    }
}

#[tokio::test]
async fn nobody_there_is_a_502_that_tells_no_address() {
    let upstream = Upstream::start().await;
    let base_url = upstream.base_url();
    drop(upstream);
    let provider =
        OpenAiProvider::new("openai", &base_url, None, UpstreamTimeouts::default()).unwrap();
    let gateway = Gateway::builder().provider(std::sync::Arc::new(provider)).bind().await.unwrap();
    let mut client = Client::connect(gateway.local_addr()).await;
    let response = client.chat(&json!({"model": "a", "messages": []})).await;
    assert_eq!(response.status(), 502);
    assert_eq!(response.json()["error"]["message"], "provider `openai` cannot be reached");
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_a_504() {
    let upstream = Upstream::start().await;
    let timeouts: UpstreamTimeouts = serde_json::from_str(r#"{"first_byte_ms": 20}"#).unwrap();
    let provider = OpenAiProvider::new("openai", &upstream.base_url(), None, timeouts).unwrap();
    let gateway = Gateway::builder().provider(std::sync::Arc::new(provider)).bind().await.unwrap();
    let mut client = Client::connect(gateway.local_addr()).await;
    let response = client.chat(&json!({"model": "a", "messages": []})).await;
    assert_eq!(response.status(), 504);
    assert_eq!(response.json()["error"]["code"], "provider_timeout");
}

#[tokio::test]
async fn models_of_all_providers_are_listed() {
    let (setup, upstream) = with_upstream(|plugin| plugin).await;
    let mut client = setup.client().await;
    client.send("GET /v1/models", "", "").await;
    let mut asked = upstream.asked().await;
    assert!(asked.head.starts_with("GET /v1/models "), "{}", asked.head);
    let list = r#"{"object": "list", "data": [{"id": "gpt-x", "object": "model", "extra": 1.0}]}"#;
    asked.answer("200 OK", "", list).await;
    let response = client.response().await;
    let ids: Vec<Value> = response.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].clone())
        .collect();
    assert_eq!(ids, ["mock/echo", "mock/request", "openai/gpt-x"]);
    assert!(response.body.contains(r#""extra":1.0"#), "{}", response.body);
}

#[tokio::test]
async fn an_error_with_the_status_of_an_answer_is_an_error() {
    let (setup, upstream) = with_upstream(|plugin| plugin).await;
    for (answer, status, message) in [
        (r#"{"error": {"message": "no credits", "code": 402}}"#, 402, "no credits"),
        (r#"{"error": {"message": "down", "code": "overloaded", "type": "x"}}"#, 502, "down"),
        (r#"{"user_id": "u", "error": {"message": "busy", "status": 503}}"#, 503, "busy"),
        (r#"{"error": {"message": "sk-test is no key", "code": 401}}"#, 401, ""),
        // Answers that have the word in them.
        (r#"{"error": null, "choices": []}"#, 200, ""),
        (r#"{"error": {"message": "in part"}, "choices": [{"index": 0}]}"#, 200, ""),
        (r#"{"choices": [{"message": {"content": "\"error\": {}"}}]}"#, 200, ""),
    ] {
        for stream in [false, true] {
            let mut client = setup.client().await;
            client.ask(&json!({"model": "m", "messages": user("hi"), "stream": stream})).await;
            let headers = "connection: close\r\ncontent-type: application/json\r\n";
            upstream.asked().await.answer("200 OK", headers, answer).await;
            let response = client.response().await;
            assert_eq!(response.status(), status, "{answer}: {}", response.body);
            assert!(!response.body.contains("sk-test"), "{}", response.body);
            if !message.is_empty() {
                assert_eq!(response.json()["error"]["message"], message);
            }
        }
    }
}
