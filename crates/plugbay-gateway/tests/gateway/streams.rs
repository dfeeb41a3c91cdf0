//! Streamed answers, chunk by chunk.

use plugbay::abi::interface::Hook;
use plugbay_hooks::Reply;
use serde_json::{Value, json};

use crate::support::{streamed, with_plugin};

fn chunks(events: &[String]) -> Vec<Value> {
    events
        .iter()
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
        .collect()
}

fn text(events: &[String]) -> String {
    let delta = |chunk: &Value| {
        chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
    };
    chunks(events).iter().map(delta).collect()
}

#[tokio::test]
async fn the_mock_streams_word_by_word() {
    let setup = with_plugin(|plugin| plugin).await;
    let mut body = streamed("one two three");
    body["stream_options"] = json!({"include_usage": true});
    let mut client = setup.client().await;
    let response = client.chat(&body).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.head.header("content-type"), Some("text/event-stream"));
    let events = response.events();
    assert_eq!(text(&events), "one two three");
    assert_eq!(events.last().unwrap(), "data: [DONE]");
    let chunks = chunks(&events);
    assert_eq!(chunks.len(), 6, "role, three words, the reason, the usage");
    assert_eq!(chunks[4]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[5]["usage"]["completion_tokens"], 3);
    // The connection lives on.
    assert_eq!(client.chat(&streamed("again")).await.status(), 200);
}

#[tokio::test]
async fn chunks_can_be_changed_and_dropped() {
    let setup = with_plugin(|plugin| {
        plugin.on(Hook::HttpStreamChunk, |input| {
            assert_eq!(input["request"]["path"], "/v1/chat/completions");
            let mut chunk = input["chunk"].clone();
            let count = input["context"]["count"].as_u64().unwrap_or(0) + 1;
            let delta = &mut chunk["choices"][0]["delta"];
            match delta["content"].as_str().unwrap_or_default().trim() {
                "drop" => Reply::json(r#"{"skip": true}"#),
                "secret" => {
                    delta["content"] = "*** ".into();
                    let output =
                        json!({"context": {"count": count}, "has_chunk": true, "chunk": chunk});
                    Reply::json(serde_json::to_string_pretty(&output).unwrap())
                }
                _ => Reply::Nothing,
            }
        })
    })
    .await;
    let response = setup.chat(&streamed("a secret drop z")).await;
    assert_eq!(text(&response.events()), "a *** z");
    assert_eq!(response.events().last().unwrap(), "data: [DONE]");
}

#[tokio::test]
async fn a_failing_chunk_hook_ends_the_stream_with_an_error_event() {
    let setup = with_plugin(|plugin| {
        plugin
            .on(Hook::HttpStreamChunk, |input| match input["chunk"].to_string().contains("two") {
                true => Reply::json(r#"{"error": "inside"}"#),
                false => Reply::Nothing,
            })
            .replying(Hook::Post, "{}")
    })
    .await;
    let mut client = setup.client().await;
    let events = client.chat(&streamed("one two three")).await.events();
    assert_eq!(events.len(), 3, "{events:?}");
    assert_eq!(text(&events[..2]), "one ");
    let error = events[2].strip_prefix("event: error\ndata: ").unwrap();
    let error: Value = serde_json::from_str(error).unwrap();
    assert_eq!(
        error["error"],
        json!({
            "message": "plugin `tester` failed in `http_stream_chunk_hook`: it reported an error",
            "type": "plugin_error", "param": null, "code": "plugin_failed",
        })
    );
    assert_eq!(client.chat(&streamed("fine")).await.events().last().unwrap(), "data: [DONE]");
    // Shutting down waits for the hooks that are shown what was streamed.
    let journal = setup.journal.clone();
    setup.gateway.shutdown().await;
    let seen = journal.inputs("tester", "post_hook");
    assert_eq!(seen[0]["has_error"], true);
    assert_eq!(seen[1]["has_error"], false);
}

#[tokio::test]
async fn at_the_end_the_hooks_see_once_what_was_sent() {
    let setup = with_plugin(|plugin| {
        plugin
            .on(Hook::HttpStreamChunk, |input| {
                let chunk = input["chunk"].to_string().replace("secret", "***");
                Reply::json(format!(r#"{{"has_chunk": true, "chunk": {chunk}}}"#))
            })
            .replying(Hook::Post, r#"{"response": {"chat_response": {"id": "late"}}}"#)
            .replying(Hook::HttpPost, r#"{"response": {"status_code": 500}}"#)
    })
    .await;
    let response = setup.chat(&streamed("my secret")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(text(&response.events()), "my ***");

    let journal = setup.journal.clone();
    setup.gateway.shutdown().await;
    let order = journal.order();
    let [.., post, http_post, cleanup] = order.as_slice() else { panic!("{order:?}") };
    assert_eq!(
        [post, http_post, cleanup],
        ["tester.post_hook", "tester.http_post_hook", "tester.cleanup"]
    );
    let post = &journal.inputs("tester", "post_hook")[0];
    assert_eq!(post["context"]["streamed"], true);
    let chat = &post["response"]["chat_response"];
    assert_eq!(chat["choices"][0]["message"], json!({"role": "assistant", "content": "my ***"}));
    assert_eq!(chat["choices"][0]["finish_reason"], "stop");
    let http_post = &journal.inputs("tester", "http_post_hook")[0];
    assert_eq!(http_post["response"]["status_code"], 200);
    assert!(!http_post["response"]["body"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_that_post_saw_whole_is_not_shown_to_it_again() {
    let answer = r#"{"has_short_circuit": true, "short_circuit": {"response": {"chat_response":
        {"choices": [{"message": {"content": "hi"}}]}}}}"#;
    let setup = with_plugin(|plugin| {
        plugin.replying(Hook::Pre, answer).replying(Hook::Post, "{}").replying(Hook::HttpPost, "{}")
    })
    .await;
    let response = setup.chat(&streamed("x")).await;
    assert_eq!(text(&response.events()), "hi");
    let journal = setup.journal.clone();
    setup.gateway.shutdown().await;
    assert_eq!(
        journal.order(),
        ["tester.pre_hook", "tester.post_hook", "tester.http_post_hook", "tester.cleanup"]
    );
    let streamed = &journal.inputs("tester", "http_post_hook")[0]["context"]["streamed"];
    assert_eq!(streamed, true);
}
