//! Every endpoint whose requests are models', with a plugin around the mock provider.

use plugbay::abi::interface::Hook;
use plugbay_hooks::{Reply, Scripted};
use serde_json::{Value, json};

use crate::client::{Head, Response};
use crate::support::{Setup, with_plugin};

/// A form with a file of these bytes.
pub(crate) const FORM: &str = "content-type: multipart/form-data; boundary=x\r\n";

pub(crate) fn form(model: &str, more: &[(&str, &str)]) -> String {
    let mut body = String::from(
        "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
         content-type: audio/wav\r\n\r\nRIFF\r\n",
    );
    for (name, value) in [&[("model", model)], more].concat() {
        body.push_str(&format!(
            "--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body + "--x--\r\n"
}

async fn ask(setup: &Setup, path: &str, body: &Value) -> Response {
    let mut client = setup.client().await;
    client.send(&format!("POST {path}"), "", &body.to_string()).await;
    client.response().await
}

async fn heard(setup: &Setup, more: &[(&str, &str)]) -> Response {
    let mut client = setup.client().await;
    let body = form("mock/echo", more);
    client.send("POST /v1/audio/transcriptions", FORM, &body).await;
    client.response().await
}

async fn spoken(setup: &Setup, body: &Value) -> (Head, Vec<u8>) {
    let mut client = setup.client().await;
    client.send("POST /v1/audio/speech", "", &body.to_string()).await;
    client.response_of_bytes().await
}

/// What each endpoint is asked with, the `type` of its events where it has any, and what the response
/// has to have below its key.
struct Row {
    path: &'static str,
    key: &'static str,
    input: Value,
    request: Value,
    stream: Option<Value>,
}

fn rows() -> Vec<Row> {
    let row =
        |path, key, request: Value, input: Value, stream| Row { path, key, input, request, stream };
    let prompt = || json!("one two");
    vec![
        row(
            "/v1/chat/completions",
            "chat_response",
            json!({"messages": [{"role": "user", "content": "one two"}]}),
            json!([{"role": "user", "content": "one two"}]),
            Some(json!({"stream": true})),
        ),
        row(
            "/v1/completions",
            "text_completion_response",
            json!({"prompt": "one two"}),
            prompt(),
            Some(json!({"stream": true})),
        ),
        row(
            "/v1/responses",
            "responses_response",
            json!({"input": "one two"}),
            prompt(),
            Some(json!({"stream": true})),
        ),
        row("/v1/embeddings", "embedding_response", json!({"input": "one two"}), prompt(), None),
        row(
            "/v1/images/generations",
            "image_generation_response",
            json!({"prompt": "one two"}),
            prompt(),
            Some(json!({"stream": true})),
        ),
        row(
            "/v1/audio/speech",
            "speech_response",
            json!({"input": "one two"}),
            prompt(),
            Some(json!({"stream_format": "sse"})),
        ),
    ]
}

/// A plugin with all hooks, which change nothing.
fn all_hooks(plugin: Scripted) -> Scripted {
    [Hook::HttpPre, Hook::Pre, Hook::HttpStreamChunk, Hook::Post, Hook::HttpPost]
        .into_iter()
        .fold(plugin, |plugin, hook| plugin.replying(hook, "{}"))
}

#[tokio::test]
async fn each_endpoint_has_all_hooks_and_its_own_key() {
    for row in rows() {
        let setup = with_plugin(all_hooks).await;
        let mut body = row.request;
        body["model"] = "mock/echo".into();
        body["extra"] = json!(7);
        let mut client = setup.client().await;
        client.send(&format!("POST {}", row.path), "", &body.to_string()).await;
        let (head, _) = client.response_of_bytes().await;
        assert_eq!(head.status, 200, "{}", row.path);
        assert_eq!(
            setup.journal.order(),
            [
                "tester.http_pre_hook",
                "tester.pre_hook",
                "tester.post_hook",
                "tester.http_post_hook"
            ],
            "{}",
            row.path
        );
        let pre = &setup.journal.inputs("tester", "pre_hook")[0]["request"];
        assert_eq!(
            *pre,
            json!({"provider": "mock", "model": "echo", "input": row.input, "params": {"extra": 7}})
        );
        let post = &setup.journal.inputs("tester", "post_hook")[0]["response"];
        assert!(post[row.key].is_object(), "{}: {post}", row.path);
    }
}

#[tokio::test]
async fn what_streams_is_shown_to_the_chunk_hook_and_at_its_end_to_the_others() {
    for row in rows() {
        let setup = with_plugin(all_hooks).await;
        let Some(stream) = row.stream else { continue };
        let mut body = row.request;
        body["model"] = "mock/echo".into();
        body.as_object_mut().unwrap().extend(stream.as_object().unwrap().clone());
        let response = ask(&setup, row.path, &body).await;
        assert_eq!(response.head.header("content-type"), Some("text/event-stream"), "{}", row.path);
        let mut events = response.events();
        let ends_with_done = row.path.ends_with("/completions");
        assert_eq!(events.last().unwrap() == "data: [DONE]", ends_with_done, "{}", row.path);
        events.retain(|event| event != "data: [DONE]");

        let journal = setup.journal.clone();
        setup.gateway.shutdown().await;
        let chunks = journal.inputs("tester", "http_stream_chunk_hook");
        assert_eq!(chunks.len(), events.len(), "{}", row.path);
        for (event, shown) in events.iter().zip(&chunks) {
            let (name, data) = match event.strip_prefix("event: ") {
                Some(named) => {
                    named.split_once('\n').map(|(name, data)| (Some(name), data)).unwrap()
                }
                None => (None, event.as_str()),
            };
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(data, shown["chunk"], "{}", row.path);
            let named = matches!(row.path, "/v1/responses" | "/v1/images/generations");
            assert_eq!(name, named.then(|| data["type"].as_str().unwrap()), "{}", row.path);
        }
        let post = &journal.inputs("tester", "post_hook")[0];
        assert_eq!(post["context"]["streamed"], true);
        assert_eq!(post["context"]["cancelled"], Value::Null);
        assert!(post["response"][row.key].is_object(), "{}: {post}", row.path);
    }
}

#[tokio::test]
async fn wrong_methods_and_bodies_are_told() {
    let setup = with_plugin(|plugin| plugin).await;
    for (path, body, param) in [
        ("/v1/completions", json!({"model": "echo"}), "prompt"),
        ("/v1/completions", json!({"model": "echo", "prompt": 5}), "prompt"),
        ("/v1/responses", json!({"model": "echo", "input": {}}), "input"),
        ("/v1/responses", json!({"model": "echo", "input": "a", "stream": "yes"}), "stream"),
        ("/v1/embeddings", json!({"input": "a"}), "model"),
        ("/v1/images/generations", json!({"model": "echo", "prompt": ["a"]}), "prompt"),
        ("/v1/audio/speech", json!({"model": "echo", "input": ["a"]}), "input"),
    ] {
        let response = ask(&setup, path, &body).await;
        assert_eq!(response.status(), 400, "{path} {body}");
        assert_eq!(response.json()["error"]["param"], param, "{path} {body}");
        let mut client = setup.client().await;
        client.send(&format!("GET {path}"), "", "").await;
        let response = client.response().await;
        assert_eq!(
            (response.status(), response.head.header("allow")),
            (405, Some("POST")),
            "{path}"
        );
    }
    for (headers, body, wanted) in [
        ("", "{}", "wanted multipart/form-data"),
        (FORM, "--x--\r\n", "`model` is missing"),
        (FORM, &form("echo", &[]).replace("name=\"file\"", "name=\"song\""), "`file` is missing"),
        (FORM, &form("echo", &[("file", "text")]), "file: wanted a file"),
    ] {
        let mut client = setup.client().await;
        client.send("POST /v1/audio/transcriptions", headers, body).await;
        let response = client.response().await;
        assert_eq!(response.status(), 400, "{body}");
        let message = response.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(wanted), "{message}");
    }
}

#[tokio::test]
async fn a_request_may_be_all_that_the_provider_keeps() {
    let setup = with_plugin(|plugin| plugin.replying(Hook::Pre, "{}")).await;
    let body = json!({"model": "mock/echo", "previous_response_id": "resp-1"});
    assert_eq!(ask(&setup, "/v1/responses", &body).await.status(), 200);
    assert_eq!(setup.provider_saw(), json!({"model": "echo", "previous_response_id": "resp-1"}));
}

#[tokio::test]
async fn a_changed_chunk_is_called_what_its_type_says() {
    let setup = with_plugin(|plugin| {
        plugin.on(Hook::HttpStreamChunk, |input| {
            let mut chunk = input["chunk"].clone();
            if chunk["type"] != "response.output_text.delta" {
                return Reply::Nothing;
            }
            chunk["type"] = "response.made_up".into();
            Reply::json(json!({"has_chunk": true, "chunk": chunk}).to_string())
        })
    })
    .await;
    let body = json!({"model": "mock/echo", "input": "hi", "stream": true});
    let events = ask(&setup, "/v1/responses", &body).await.events();
    let made_up: Vec<_> =
        events.iter().filter(|event| event.starts_with("event: response.made_up\n")).collect();
    assert_eq!(made_up.len(), 1, "{events:?}");
    assert!(!events.iter().any(|event| event.contains("output_text.delta")), "{events:?}");
}

#[tokio::test]
async fn a_whole_answer_of_a_plugin_s_is_streamed_to_who_asked_for_a_stream() {
    for (path, answer, request, wanted) in [
        (
            "/v1/completions",
            json!({"text_completion_response": {"choices": [{"text": "plug in"}]}}),
            json!({"prompt": "x", "stream": true}),
            "plug in",
        ),
        (
            "/v1/responses",
            json!({"responses_response": {"output": [{"type": "message", "content": [
                {"type": "output_text", "text": "plug in"}]}]}}),
            json!({"input": "x", "stream": true}),
            "event: response.output_text.delta\n",
        ),
        (
            "/v1/audio/speech",
            json!({"speech_response": {"audio": "AAAA", "content_type": "audio/wav"}}),
            json!({"input": "x", "stream_format": "sse"}),
            "speech.audio.delta",
        ),
        (
            "/v1/images/generations",
            json!({"image_generation_response": {"data": [{"b64_json": "AAAA"}]}}),
            json!({"prompt": "x", "stream": true}),
            "event: image_generation.completed\n",
        ),
    ] {
        let output = json!({"has_short_circuit": true, "short_circuit": {"response": answer}});
        let setup = with_plugin(|plugin| plugin.replying(Hook::Pre, &output.to_string())).await;
        let mut body = request;
        body["model"] = "mock/echo".into();
        let response = ask(&setup, path, &body).await;
        assert_eq!(response.head.header("content-type"), Some("text/event-stream"), "{path}");
        assert!(response.body.contains(wanted), "{path}: {}", response.body);
    }
}

#[tokio::test]
async fn a_plugin_that_answers_with_what_cannot_be_sent_is_a_502() {
    let chunks = json!({"stream": [{"type": "x"}]});
    for (path, answer, request) in [
        ("/v1/completions", json!({"response": {"chat_response": {}}}), json!({"prompt": "x"})),
        ("/v1/embeddings", chunks, json!({"input": "x"})),
        (
            "/v1/audio/speech",
            json!({"response": {"speech_response": {"audio": "no base64"}}}),
            json!({"input": "x"}),
        ),
        (
            "/v1/responses",
            json!({"response": {"responses_response": {"output": 5}}}),
            json!({"input": "x", "stream": true}),
        ),
    ] {
        let output = json!({"has_short_circuit": true, "short_circuit": answer});
        let setup = with_plugin(|plugin| plugin.replying(Hook::Pre, &output.to_string())).await;
        let mut body = request;
        body["model"] = "mock/echo".into();
        let response = ask(&setup, path, &body).await;
        assert_eq!(response.status(), 502, "{path}");
        assert_eq!(response.json()["error"]["code"], "unusable_response", "{path}");
    }
}

#[tokio::test]
async fn embeddings_are_numbers_or_base64_of_them() {
    let setup = with_plugin(|plugin| plugin).await;
    let body = json!({"model": "mock/echo", "input": ["a", "b"], "dimensions": 4});
    let numbers = ask(&setup, "/v1/embeddings", &body).await.json();
    assert_eq!(numbers["data"][1]["index"], 1);
    assert_eq!(numbers["data"][0]["embedding"].as_array().unwrap().len(), 4);
    assert_ne!(numbers["data"][0]["embedding"], numbers["data"][1]["embedding"]);
    let mut body = body;
    body["encoding_format"] = "base64".into();
    let text = ask(&setup, "/v1/embeddings", &body).await.json();
    // Four numbers of four bytes.
    assert_eq!(text["data"][0]["embedding"].as_str().unwrap().len(), 24);
}

#[tokio::test]
async fn sound_is_shown_to_plugins_as_base64_and_sent_as_sound() {
    let request = json!({"model": "mock/echo", "input": "one", "voice": "alloy"});
    let plain = with_plugin(|plugin| plugin).await;
    let (head, sound) = spoken(&plain, &request).await;
    assert_eq!(head.header("content-type"), Some("audio/wav"));
    assert_eq!(&sound[..4], b"RIFF");

    let setup = with_plugin(|plugin| plugin.replying(Hook::Post, "{}")).await;
    assert_eq!(spoken(&setup, &request).await.1, sound);
    let shown = &setup.journal.inputs("tester", "post_hook")[0]["response"]["speech_response"];
    assert_eq!(shown["content_type"], "audio/wav");
    assert!(shown["audio"].as_str().unwrap().starts_with("UklGR"), "{shown}");

    let changed =
        json!({"response": {"speech_response": {"audio": "bXAz", "content_type": "audio/mpeg"}}});
    let setup = with_plugin(|plugin| plugin.replying(Hook::Post, &changed.to_string())).await;
    let (head, sound) = spoken(&setup, &request).await;
    assert_eq!((head.header("content-type"), &*sound), (Some("audio/mpeg"), &b"mp3"[..]));
}

#[tokio::test]
async fn a_form_s_file_is_shown_to_plugins_and_what_they_change_is_sent() {
    let setup = with_plugin(|plugin| plugin).await;
    let text = heard(&setup, &[]).await.json()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("a.wav has 4 bytes with the hash "), "{text}");

    let setup = with_plugin(|plugin| {
        plugin.on(Hook::Pre, |input| {
            let mut request = input["request"].clone();
            let file =
                json!({"file": "UklGRg==", "filename": "a.wav", "content_type": "audio/wav"});
            assert_eq!(request["input"], file);
            assert_eq!(request["params"], json!({"language": "en", "t[]": ["1", "2"]}));
            request["input"]["file"] = "".into();
            request["input"]["filename"] = "none.wav".into();
            Reply::json(json!({"request": {"transcription_request": request}}).to_string())
        })
    })
    .await;
    let response = heard(&setup, &[("language", "en"), ("t[]", "1"), ("t[]", "2")]).await;
    let text = response.json()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("none.wav has 0 bytes"), "{text}");
}

#[tokio::test]
async fn a_transcription_may_be_text_or_a_stream() {
    for post in [false, true] {
        let setup = with_plugin(|plugin| match post {
            true => plugin.on(Hook::Post, |input| {
                let mut response = input["response"].clone();
                let heard = &mut response["transcription_response"];
                heard["text"] = heard["text"].as_str().unwrap().replace("a.wav", "b.wav").into();
                Reply::json(json!({"response": response}).to_string())
            }),
            false => plugin,
        })
        .await;
        let name = if post { "b.wav" } else { "a.wav" };
        let response = heard(&setup, &[("response_format", "text")]).await;
        let kind = response.head.header("content-type").unwrap();
        assert!(kind.starts_with("text/plain"), "{kind}");
        assert!(response.body.starts_with(&format!("{name} has 4 bytes")), "{}", response.body);
    }
    let setup = with_plugin(all_hooks).await;
    let events = heard(&setup, &[("stream", "true")]).await.events();
    assert!(events[0].starts_with(r#"data: {"delta":"a.wav ","#), "{events:?}");
    let done: Value = serde_json::from_str(&events.last().unwrap()["data: ".len()..]).unwrap();
    assert_eq!(done["type"], "transcript.text.done");
    let journal = setup.journal.clone();
    setup.gateway.shutdown().await;
    let post = &journal.inputs("tester", "post_hook")[0]["response"]["transcription_response"];
    assert_eq!(post["text"], done["text"]);
    assert_eq!(journal.inputs("tester", "http_stream_chunk_hook").len(), events.len());
}
