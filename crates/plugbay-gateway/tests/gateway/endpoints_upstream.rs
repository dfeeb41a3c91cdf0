//! Every endpoint whose requests are models', with an upstream that the test plays.

use std::num::NonZeroUsize;

use plugbay::abi::interface::Hook;
use plugbay_hooks::Reply;
use serde_json::{Value, json};
use tokio::io::AsyncBufReadExt as _;

use crate::endpoints::{FORM, form};
use crate::support::{with_upstream, with_upstream_and};

#[tokio::test]
async fn requests_go_up_and_answers_come_down_as_they_were_written() {
    for (path, rest) in [
        ("/completions", r#""prompt":["a",  "b"],"n":1.00"#),
        ("/responses", r#""input":[ {"role":"user"} ],"tools":[ ],"n":1.00"#),
        ("/embeddings", r#""input":[[1, 2]],"n":1.00"#),
        ("/images/generations", r#""prompt":"a","n":1.00"#),
    ] {
        let (setup, upstream) = with_upstream(|plugin| plugin).await;
        let mut client = setup.client().await;
        let body = format!(r#"{{"model":"openai/gpt-x",{rest}}}"#);
        client.send(&format!("POST /v1{path}"), "", &body).await;
        let mut asked = upstream.asked().await;
        assert!(asked.head.starts_with(&format!("POST /v1{path} HTTP/1.1\r\n")), "{}", asked.head);
        assert!(asked.head.contains("authorization: Bearer sk-test\r\n"), "{}", asked.head);
        assert_eq!(asked.body, body.replace("openai/", ""));
        let answer = r#"{ "anything": [1.00] }"#;
        asked.answer("200 OK", "content-type: application/json\r\n", answer).await;
        assert_eq!(client.response().await.body, answer, "{path}");
    }
}

#[tokio::test]
async fn sound_comes_down_piece_by_piece() {
    let (setup, upstream) = with_upstream(|plugin| plugin).await;
    let mut client = setup.client().await;
    let body = r#"{"model":"openai/tts","input":"a","voice":"v"}"#;
    client.send("POST /v1/audio/speech", "", body).await;
    let mut asked = upstream.asked().await;
    assert_eq!(asked.body, r#"{"model":"tts","input":"a","voice":"v"}"#);
    asked
        .write("HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        .await;
    let head = client.head().await;
    assert_eq!(head.header("content-type"), Some("audio/mpeg"));
    // It is here before the rest was sent.
    assert_eq!(client.piece().await.as_deref(), Some("one"));
    asked.write("3\r\ntwo\r\n0\r\n\r\n").await;
    assert_eq!(client.piece().await.as_deref(), Some("two"));
    assert_eq!(client.piece().await, None);
}

#[tokio::test]
async fn a_form_goes_up_as_a_form_for_the_provider_that_its_model_names() {
    let (setup, upstream) = with_upstream(|plugin| {
        plugin.on(Hook::Pre, |input| {
            let mut request = input["request"].clone();
            request["params"]["prompt"] = "added".into();
            Reply::json(json!({"request": request}).to_string())
        })
    })
    .await;
    for (more, accept) in
        [(&[("temperature", "0")][..], "*/*"), (&[("stream", "true")], "text/event-stream")]
    {
        let mut client = setup.client().await;
        client.send("POST /v1/audio/transcriptions", FORM, &form("openai/whisper", more)).await;
        let mut asked = upstream.asked().await;
        assert!(asked.head.starts_with("POST /v1/audio/transcriptions "), "{}", asked.head);
        assert!(asked.head.contains(&format!("accept: {accept}\r\n")), "{}", asked.head);
        let (_, boundary) = asked.head.split_once("boundary=").unwrap();
        let boundary = boundary.split("\r\n").next().unwrap();
        let (name, value) = more[0];
        let parts: Vec<&str> = asked.body.split(&format!("--{boundary}")).collect();
        let field = |name: &str, value: &str| {
            format!("\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        assert!(parts.contains(&&*field("model", "whisper")), "{}", asked.body);
        assert!(parts.contains(&&*field("prompt", "added")), "{}", asked.body);
        assert!(parts.contains(&&*field(name, value)), "{}", asked.body);
        let file = "\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
                    content-type: audio/wav\r\n\r\nRIFF\r\n";
        assert!(parts.contains(&file), "{}", asked.body);
        let answer = r#"{"text": "heard"}"#;
        asked.answer("200 OK", "content-type: application/json\r\n", answer).await;
        let response = client.response().await;
        match name {
            // A server that knows no streams of these.
            "stream" => assert!(response.events()[0].contains("transcript.text.delta")),
            _ => assert_eq!(response.body, answer),
        }
    }
}

#[tokio::test]
async fn text_of_a_transcription_comes_as_text() {
    for post in [false, true] {
        let (setup, upstream) = with_upstream(|plugin| match post {
            true => plugin.replying(Hook::Post, "{}").replying(Hook::HttpPost, "{}"),
            false => plugin,
        })
        .await;
        let mut client = setup.client().await;
        let body = form("whisper", &[("response_format", "srt")]);
        client.send("POST /v1/audio/transcriptions", FORM, &body).await;
        let srt = "1\n00:00:00,000 --> 00:00:01,000\nheard\n";
        let mut asked = upstream.asked().await;
        asked.answer("200 OK", "content-type: text/plain\r\n", srt).await;
        let response = client.response().await;
        assert_eq!(response.head.header("content-type"), Some("text/plain"));
        assert_eq!(response.body, srt);
        if post {
            let shown = &setup.journal.inputs("tester", "post_hook")[0]["response"];
            let wanted = json!({"text": srt, "content_type": "text/plain"});
            assert_eq!(shown["transcription_response"], wanted);
        }
    }
}

/// The events of a response, as OpenAI sends them.
fn events(names: &[&str]) -> String {
    let event = |name: &&str| {
        let data = match *name {
            "response.completed" => json!({"type": name, "response": {"id": "r", "output": []}}),
            _ => json!({"type": name, "output_index": 0, "delta": "secret"}),
        };
        format!("event: {name}\ndata: {data}\n\n")
    };
    names.iter().map(event).collect()
}

#[tokio::test]
async fn events_keep_their_names() {
    let names = ["response.created", "response.output_text.delta", "response.completed"];
    for hook in [false, true] {
        let (setup, upstream) = with_upstream(|plugin| match hook {
            true => plugin.on(Hook::HttpStreamChunk, |input| {
                let chunk = input["chunk"].to_string().replace("secret", "***");
                Reply::json(format!(r#"{{"has_chunk": true, "chunk": {chunk}}}"#))
            }),
            false => plugin,
        })
        .await;
        let mut client = setup.client().await;
        let body = r#"{"model":"openai/gpt-x","input":"a","stream":true}"#;
        client.send("POST /v1/responses", "", body).await;
        let mut asked = upstream.asked().await;
        assert_eq!(asked.body, r#"{"model":"gpt-x","input":"a","stream":true}"#);
        asked.begin_stream().await;
        asked.write(&events(&names)).await;
        // The connection stays open: the last event is the end.
        let response = client.response().await;
        let sent = events(&names);
        let wanted = if hook { sent.replace("secret", "***") } else { sent };
        assert_eq!(response.body, wanted);
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_response_is_told_with_its_own_words() {
    let (setup, upstream) = with_upstream(|plugin| plugin).await;
    let mut client = setup.client().await;
    let body = r#"{"model":"openai/gpt-x","input":"a","stream":true}"#;
    client.send("POST /v1/responses", "", body).await;
    let mut asked = upstream.asked().await;
    asked.begin_stream().await;
    asked.write(&events(&["response.created"])).await;
    let error =
        r#"{"type":"error","code":"busy","message":"too much","param":null,"sequence_number":1}"#;
    asked.write(&format!("event: error\ndata: {error}\n\n")).await;
    let events = client.response().await.events();
    let error = events[1].strip_prefix("event: error\ndata: ").unwrap();
    let error: Value = serde_json::from_str(error).unwrap();
    assert_eq!(error["error"]["message"], "too much");
    assert_eq!(error["error"]["code"], "busy");
}

#[tokio::test]
async fn what_was_held_back_has_a_name_where_events_had() {
    let (setup, upstream) = with_upstream(|plugin| {
        plugin.on(Hook::HttpStreamChunk, |input| match input["flush"] == true {
            true => Reply::Nothing,
            false => Reply::json(r#"{"hold": true}"#),
        })
    })
    .await;
    let done = json!({"type": "transcript.text.done", "text": "a"});
    for name in ["", "event: transcript.text.done\n"] {
        let mut client = setup.client().await;
        let body = form("whisper", &[("stream", "true")]);
        client.send("POST /v1/audio/transcriptions", FORM, &body).await;
        let mut asked = upstream.asked().await;
        asked.begin_stream().await;
        let sent = format!("{name}data: {done}\n\n");
        asked.write(&sent).await;
        assert_eq!(client.response().await.body, sent);
    }
}

#[tokio::test]
async fn a_connection_whose_stream_has_ended_is_used_again() {
    let (setup, upstream) =
        with_upstream_and(|plugin| plugin, |builder| builder.threads(NonZeroUsize::MIN)).await;
    let body = r#"{"model":"openai/gpt-x","input":"a","stream":true}"#;
    let event = events(&["response.completed"]);
    let stream = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{event}",
        event.len()
    );
    let mut client = setup.client().await;
    client.send("POST /v1/responses", "", body).await;
    let mut asked = upstream.asked().await;
    asked.write(&stream).await;
    assert_eq!(client.response().await.body, event);
    client.send("POST /v1/responses", "", body).await;
    // On the same connection: nobody waits for another one.
    let mut line = String::new();
    asked.stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, "POST /v1/responses HTTP/1.1\r\n");
    asked.write(&stream).await;
    assert_eq!(client.response().await.body, event);
}
