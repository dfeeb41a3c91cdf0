//! What no client sends by accident: each a clear answer where one is possible, and the next request
//! works.

use plugbay::abi::interface::Hook;
use plugbay_gateway::ServerTimeouts;
use plugbay_hooks::{Reply, Scripted};
use serde_json::{Value, json};

use crate::client::Client;
use crate::support::{Setup, plain, with, with_plugin, with_upstream, with_upstream_and};

const CHAT: &str = "POST /v1/chat/completions HTTP/1.1\r\n";

async fn setup() -> Setup {
    with(|plugin| plugin, |builder| builder.max_body_bytes(1_000)).await
}

/// Sends bytes on a connection of their own and tells the status, and the error's code if there
/// is an error in OpenAI's shape. Then shows that the gateway goes on.
async fn answer(setup: &Setup, bytes: impl AsRef<[u8]>) -> (u16, Option<String>) {
    let mut client = setup.client().await;
    client.send_raw(bytes).await;
    let response = client.response().await;
    assert_eq!(setup.chat(&plain("next")).await.content(), "next");
    let document: Option<Value> = serde_json::from_str(&response.body).ok();
    let code = document.and_then(|document| Some(document["error"]["code"].as_str()?.to_owned()));
    (response.status(), code)
}

#[tokio::test]
async fn heads_that_mean_two_things_are_refused() {
    let setup = setup().await;
    let body = plain("hi").to_string();
    let length = body.len();
    let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    // Headers, body, status, code: none where the HTTP library answers, without a body.
    let rows: Vec<(String, &str, u16, Option<&str>)> = vec![
        (
            format!("host: x\r\ncontent-length: {length}\r\ntransfer-encoding: chunked\r\n"),
            &chunked,
            400,
            Some("ambiguous_request"),
        ),
        (
            format!("host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
            &chunked,
            400,
            Some("ambiguous_request"),
        ),
        (
            "host: x\r\ntransfer-encoding: gzip, chunked\r\n".into(),
            &chunked,
            501,
            Some("unsupported_transfer_encoding"),
        ),
        (
            "host: x\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n".into(),
            &chunked,
            501,
            Some("unsupported_transfer_encoding"),
        ),
        ("host: x\r\ntransfer-encoding: identity\r\n".into(), &body, 400, None),
        ("host: x\r\ntransfer-encoding: chunked, gzip\r\n".into(), &chunked, 400, None),
        ("host: x\r\ntransfer-encoding : chunked\r\n".into(), &chunked, 400, None),
        (format!("host: x\r\ncontent-length: {length}\r\ncontent-length: 1\r\n"), &body, 400, None),
        (format!("host: x\r\ncontent-length: +{length}\r\n"), &body, 400, None),
        (format!("host: x\r\ncontent-length: {length}, {length}\r\n"), &body, 400, None),
        ("host: x\r\ncontent-length: 99999999999999999999999\r\n".into(), &body, 400, None),
        (format!("host: x\r\nx-a: 1\r\n folded\r\ncontent-length: {length}\r\n"), &body, 400, None),
        (format!("host: x\r\nx-a: 1\rx-b: 2\r\ncontent-length: {length}\r\n"), &body, 400, None),
        (format!("host: x\r\nx-a: \0\r\ncontent-length: {length}\r\n"), &body, 400, None),
        (
            format!("host: x\r\nhost: y\r\ncontent-length: {length}\r\n"),
            &body,
            400,
            Some("ambiguous_request"),
        ),
        (format!("content-length: {length}\r\n"), &body, 400, Some("ambiguous_request")),
        // Twice the same length is one length, and what it is.
        (
            format!("host: x\r\ncontent-length: {length}\r\ncontent-length: {length}\r\n"),
            &body,
            200,
            None,
        ),
        ("host: x\r\nTransfer-Encoding: Chunked\r\n".into(), &chunked, 200, None),
    ];
    for (headers, body, status, code) in rows {
        let answer = answer(&setup, format!("{CHAT}{headers}\r\n{body}")).await;
        assert_eq!((answer.0, answer.1.as_deref()), (status, code), "{headers}");
    }
}

#[tokio::test]
async fn a_connection_with_two_lengths_is_of_no_further_use() {
    let setup = setup().await;
    let mut client = setup.client().await;
    let smuggled = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
    client
        .send_raw(format!(
            "{CHAT}host: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n{smuggled}"
        ))
        .await;
    let response = client.response().await;
    assert_eq!(response.status(), 400);
    assert_eq!(response.head.header("connection"), Some("close"));
    assert!(client.rest().await.is_empty(), "what came behind it is not answered");
}

#[tokio::test]
async fn request_lines_that_mean_two_things_are_refused() {
    let setup = setup().await;
    let rest = "\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    for (line, status, code) in [
        ("GET http://x/v1/models HTTP/1.1", 200, None),
        ("GET http://other/v1/models HTTP/1.1", 400, Some("ambiguous_request")),
        ("GET http://x:81/v1/models HTTP/1.1", 400, Some("ambiguous_request")),
        ("CONNECT x:443 HTTP/1.1", 400, Some("ambiguous_request")),
        ("GET /v1/models HTTP/2.0", 400, None),
        ("GET /v1/models HTTP/1.2", 400, None),
        ("GET  /v1/models HTTP/1.1", 400, None),
        ("G\u{e9}T /v1/models HTTP/1.1", 400, None),
        ("OPTIONS * HTTP/1.1", 404, Some("unknown_url")),
    ] {
        let answer = answer(&setup, format!("{line}{rest}")).await;
        assert_eq!((answer.0, answer.1.as_deref()), (status, code), "{line}");
    }
}

#[tokio::test]
async fn chunks_that_are_none_are_told_and_end_the_connection() {
    let setup = setup().await;
    for (body, status) in [
        ("zz\r\nhi\r\n0\r\n\r\n", 400),
        ("-1\r\n\r\n", 400),
        ("fffffffffffffffff\r\nhi\r\n", 400),
        ("2\r\nhixx0\r\n\r\n", 400),
        ("2\nhi\n0\n\n", 400),
        ("2\r\nhi\r\n0\r\nbad trailer\0\r\n\r\n", 400),
        // Past the limit, announced or not.
        ("3e9\r\n", 413),
    ] {
        let mut bytes = format!("{CHAT}host: x\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        if status == 413 {
            bytes += &"x".repeat(1_001);
            bytes += "\r\n0\r\n\r\n";
        }
        let (found, code) = answer(&setup, bytes).await;
        let wanted = if status == 413 { "body_too_large" } else { "invalid_body" };
        assert_eq!((found, code.as_deref()), (status, Some(wanted)), "{body}");
    }
    // Extensions and trailers are passed over.
    let body = plain("hi").to_string();
    let length = body.len();
    let bytes = format!(
        "{CHAT}host: x\r\ntransfer-encoding: chunked\r\n\r\n{length:X};a=b\r\n{body}\r\n0\r\nx-t: 1\r\n\r\n"
    );
    assert_eq!(answer(&setup, bytes).await.0, 200);
    let long = "x".repeat(100_000);
    for body in [format!("1;{long}\r\nx\r\n0\r\n\r\n"), format!("0\r\nx-t: {long}\r\n\r\n")] {
        let bytes = format!("{CHAT}host: x\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        let (status, code) = answer(&setup, bytes).await;
        assert_eq!((status, code.as_deref()), (400, Some("invalid_body")));
    }
}

#[tokio::test]
async fn heads_of_too_much_are_431_or_414() {
    let setup = setup().await;
    let many: String = (0..101).map(|number| format!("x-{number}: 1\r\n")).collect();
    let bytes = format!("GET /health HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    assert_eq!(answer(&setup, bytes).await, (431, None));
    // To the byte, the line of each header with it.
    let head = |more: usize| {
        let start = "GET /health HTTP/1.1\r\nhost: x\r\nx-a: ";
        let rest = (64 << 10) - start.len() - 4;
        format!("{start}{}\r\n\r\n", "x".repeat(rest + more))
    };
    assert_eq!(answer(&setup, head(0)).await.0, 200);
    let (status, code) = answer(&setup, head(1)).await;
    assert_eq!((status, code.as_deref()), (431, Some("head_too_large")));
    // A client that is still sending may be reset before it reads the answer.
    let uri = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000));
    let head = format!("GET /health HTTP/1.1\r\nhost: x\r\nx-a: {}", "x".repeat(100_000));
    for bytes in [uri, head] {
        let mut client = setup.client().await;
        client.send_raw(bytes).await;
        let rest = String::from_utf8(client.rest().await).unwrap();
        let found = ["HTTP/1.1 431", "HTTP/1.1 414"].iter().any(|line| rest.starts_with(line));
        assert!(rest.is_empty() || found, "{rest}");
    }
    assert_eq!(setup.chat(&plain("next")).await.content(), "next");
}

#[tokio::test]
async fn what_is_no_utf_8_is_told_with_its_place() {
    let setup = setup().await;
    let body = b"{\"model\": \"echo\", \"messages\": [\"\xff\"]}";
    let mut bytes = format!("{CHAT}host: x\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    assert_eq!(answer(&setup, &bytes).await, (400, Some("invalid_json".into())));
    // In a head it is the HTTP library's to refuse, or means nothing.
    let bytes = b"GET /v1/models?\xff HTTP/1.1\r\nhost: x\r\nx-a: \xff\r\n\r\n";
    assert!(matches!(answer(&setup, bytes).await.0, 200 | 400));
}

#[tokio::test]
async fn json_a_million_deep_is_refused_and_breaks_nothing() {
    let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
    let setup = with_plugin(|plugin| plugin.replying(Hook::Pre, "{}")).await;
    for body in [
        format!(r#"{{"model": "echo", "messages": {deep}}}"#),
        format!(r#"{{"model": "echo", "messages": [], "made_up": {deep}}}"#),
        r#"{"a":"#.repeat(1_000_000),
    ] {
        let mut client = setup.client().await;
        client.send("POST /v1/chat/completions", "", &body).await;
        let response = client.response().await;
        assert_eq!(response.status(), 400);
        let error = &response.json()["error"];
        assert_eq!(error["code"], "invalid_json");
        assert!(error["message"].as_str().unwrap().contains("nested more than 128 deep at line 1"));
        assert_eq!(client.chat(&plain("next")).await.content(), "next");
    }
    assert_eq!(setup.journal.order(), ["tester.pre_hook"; 3], "plugins see none of it");
}

#[tokio::test]
async fn plugins_that_return_json_a_million_deep_break_nothing() {
    let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
    for (hook, output) in [
        (Hook::HttpPre, format!(r#"{{"context": {{"deep": {deep}}}}}"#)),
        (Hook::HttpPre, format!(r#"{{"request": {deep}}}"#)),
        (Hook::Pre, format!(r#"{{"request": {{"model": "echo", "input": {deep}}}}}"#)),
        (Hook::Pre, deep.clone()),
        (Hook::Post, format!(r#"{{"response": {{"chat_response": {deep}}}}}"#)),
        (Hook::HttpPost, format!(r#"{{"response": {{"made_up": {deep}}}}}"#)),
    ] {
        let first = std::sync::atomic::AtomicBool::new(true);
        let setup = with_plugin(|plugin| {
            plugin.on(hook, move |_| {
                match first.swap(false, std::sync::atomic::Ordering::Relaxed) {
                    true => Reply::json(output.clone()),
                    false => Reply::Nothing,
                }
            })
        })
        .await;
        // A context of 2 MiB is too much; what nobody reads may be as deep as it likes.
        let response = setup.chat(&plain("hi")).await;
        assert!(matches!(response.status(), 200 | 400 | 502), "{hook}: {}", response.status());
        assert_eq!(setup.chat(&plain("next")).await.content(), "next");
    }
}

#[tokio::test]
async fn an_upstream_that_answers_a_million_deep_breaks_nothing() {
    let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
    let without: fn(Scripted) -> Scripted = |plugin| plugin;
    let with: fn(Scripted) -> Scripted = |plugin| {
        let hooks = [Hook::Post, Hook::HttpPost, Hook::HttpStreamChunk];
        hooks.into_iter().fold(plugin, |plugin, hook| plugin.replying(hook, "{}"))
    };
    // What no plugin reads is passed on; the test's own plugins cannot read it, and fail at that.
    for (plugin, stream, status, error) in [
        (without, false, 200, false),
        (without, true, 200, false),
        (with, false, 502, true),
        (with, true, 200, true),
    ] {
        let (setup, upstream) = with_upstream(plugin).await;
        let mut client: Client = setup.client().await;
        client.ask(&json!({"model": "openai/x", "messages": [], "stream": stream})).await;
        let mut asked = upstream.asked().await;
        match stream {
            false => asked.answer("200 OK", "", &format!(r#"{{"choices": {deep}}}"#)).await,
            true => {
                asked.begin_stream().await;
                asked.write(&format!("data: {{\"choices\": {deep}}}\n\ndata: [DONE]\n\n")).await;
            }
        }
        drop(asked);
        let response = client.response().await;
        assert_eq!(response.status(), status);
        assert_eq!(response.body.contains("plugin_failed"), error);
        assert_eq!(setup.chat(&plain("next")).await.content(), "next");
    }
}

#[tokio::test]
async fn an_event_without_end_ends_its_stream() {
    let (setup, upstream) = with_upstream(|plugin| plugin).await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "openai/x", "messages": [], "stream": true})).await;
    let mut asked = upstream.asked().await;
    asked.begin_stream().await;
    let flood = tokio::spawn(async move {
        let piece = "x".repeat(1 << 16);
        asked.write("data: ").await;
        use tokio::io::AsyncWriteExt as _;
        while asked.stream.write_all(piece.as_bytes()).await.is_ok() {}
    });
    let events = client.response().await.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].contains("bad_answer") || events[0].contains("\"error\""), "{events:?}");
    // The upstream is let go of.
    flood.await.unwrap();
    assert_eq!(setup.chat(&plain("next")).await.content(), "next");
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_all_the_same() {
    let timeouts: ServerTimeouts = serde_json::from_str(r#"{"body_ms": 50}"#).unwrap();
    let setup = with(|plugin| plugin, |builder| builder.timeouts(timeouts)).await;
    let mut client = setup.client().await;
    client.send_raw(format!("{CHAT}host: x\r\ncontent-length: 1000000\r\n\r\n")).await;
    let response = loop {
        // Each piece comes in time, the whole does not.
        client.send_raw(" ").await;
        if let Ok(response) =
            tokio::time::timeout(std::time::Duration::from_millis(5), client.response()).await
        {
            break response;
        }
    };
    assert_eq!(response.status(), 408);
    assert_eq!(response.json()["error"]["code"], "request_timeout");
}

#[tokio::test]
async fn a_client_that_reads_nothing_of_a_stream_is_cut_off() {
    let timeouts: ServerTimeouts = serde_json::from_str(r#"{"write_ms": 50}"#).unwrap();
    let (setup, upstream) =
        with_upstream_and(|plugin| plugin, |builder| builder.timeouts(timeouts)).await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "openai/x", "messages": [], "stream": true})).await;
    let mut asked = upstream.asked().await;
    asked.begin_stream().await;
    let event = format!("data: {{\"a\": \"{}\"}}\n\n", "x".repeat(1 << 16));
    // It ends when the gateway has hung up: the buffers between are full long before.
    use tokio::io::AsyncWriteExt as _;
    while asked.stream.write_all(event.as_bytes()).await.is_ok() {}
    assert_eq!(setup.chat(&plain("next")).await.content(), "next");
}

#[tokio::test]
async fn answers_are_bounded_together() {
    let (setup, upstream) = with_upstream_and(
        |plugin| plugin.replying(Hook::HttpPost, "{}"),
        |builder| builder.max_collected_bytes(100),
    )
    .await;
    for (length, status) in [(101, 503), (100, 200), (100, 200)] {
        let mut client = setup.client().await;
        client.send("GET /v1/files", "", "").await;
        let mut asked = upstream.asked().await;
        asked.answer("200 OK", "", &"x".repeat(length)).await;
        assert_eq!(client.response().await.status(), status);
    }
}

#[tokio::test]
async fn a_head_request_through_a_post_hook_keeps_its_length() {
    let (setup, upstream) = with_upstream(|plugin| plugin.replying(Hook::HttpPost, "{}")).await;
    let mut client = setup.client().await;
    client.send("HEAD /v1/files/1", "", "").await;
    let mut asked = upstream.asked().await;
    asked.write("HTTP/1.1 200 OK\r\ncontent-length: 77\r\n\r\n").await;
    let head = client.head().await;
    assert_eq!(head.header("content-length"), Some("77"));
    client.send("GET /health", "", "").await;
    assert_eq!(client.response().await.status(), 200, "no body came behind it");
}
