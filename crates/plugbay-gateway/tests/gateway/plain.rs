//! Whole answers, and the hooks around them.

use plugbay::abi::interface::Hook;
use plugbay_hooks::Reply;
use serde_json::json;

use crate::support::{plain, streamed, with_plugin};

#[tokio::test]
async fn the_mock_echoes() {
    let setup = with_plugin(|plugin| plugin).await;
    let response = setup.chat(&plain("hello there")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.content(), "hello there");
    assert_eq!(response.json()["usage"]["total_tokens"], 4);
    assert_eq!(response.head.header("content-type"), Some("application/json"));
    assert_eq!(setup.provider_saw()["model"], "echo");
    assert!(setup.journal.order().is_empty());
}

#[tokio::test]
async fn every_response_has_a_request_id() {
    let setup = with_plugin(|plugin| plugin.replying(Hook::HttpPre, "{}")).await;
    let mut client = setup.client().await;
    for path in ["GET /health", "GET /v1/models", "GET /nowhere", "POST /v1/chat/completions"] {
        client.send(path, "x-request-id: mine-7\r\n", "").await;
        assert_eq!(client.response().await.head.header("x-request-id"), Some("mine-7"), "{path}");
        client.send(path, "x-request-id: not sane\r\n", "").await;
        let response = client.response().await;
        assert_eq!(response.head.header("x-request-id").unwrap().len(), 36, "{path}");
    }
    assert_eq!(
        setup.journal.inputs("tester", "http_pre_hook")[0]["context"]["request_id"],
        "mine-7"
    );
}

#[tokio::test]
async fn all_hooks_are_in_their_places() {
    let setup = with_plugin(|plugin| {
        plugin
            .replying(Hook::HttpPre, r#"{"context": {"from": "http_pre"}}"#)
            .on(Hook::Pre, |input| {
                assert_eq!(input["context"]["from"], "http_pre");
                let request = &input["request"];
                assert_eq!(request["provider"], "mock");
                assert_eq!(request["model"], "echo");
                assert_eq!(request["params"], json!({"top_p": 0.5}));
                let mut request = request.clone();
                request["input"][0]["content"] = "masked".into();
                Reply::json(json!({"request": request}).to_string())
            })
            .on(Hook::Post, |input| {
                let mut response = input["response"].clone();
                let message = &mut response["chat_response"]["choices"][0]["message"];
                message["content"] = format!("<{}>", message["content"].as_str().unwrap()).into();
                Reply::json(json!({"response": response}).to_string())
            })
            .on(Hook::HttpPost, |input| {
                let mut response = input["response"].clone();
                response["headers"]["X-Plugin"] = "was here".into();
                response["status_code"] = 201.into();
                Reply::json(json!({"response": response}).to_string())
            })
    })
    .await;
    let mut body = plain("secret");
    body["top_p"] = json!(0.5);
    let response = setup.chat(&body).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.content(), "<masked>");
    assert_eq!(response.head.header("x-plugin"), Some("was here"));
    assert_eq!(setup.provider_saw()["messages"][0]["content"], "masked");
    assert_eq!(
        setup.journal.order(),
        ["tester.http_pre_hook", "tester.pre_hook", "tester.post_hook", "tester.http_post_hook"]
    );
}

#[tokio::test]
async fn a_plugin_may_answer_in_the_gateway_s_place() {
    let setup = with_plugin(|plugin| {
        plugin.replying(
            Hook::HttpPre,
            r#"{"has_response": true, "response": {
                "status_code": 402, "headers": {"X-Why": "money"}, "body": "cGF5"}}"#,
        )
    })
    .await;
    let response = setup.chat(&plain("hi")).await;
    assert_eq!((response.status(), response.body.as_str()), (402, "pay"));
    assert_eq!(response.head.header("x-why"), Some("money"));
    assert!(setup.mock.received().is_empty());
}

#[tokio::test]
async fn a_plugin_may_answer_in_the_provider_s_place_however_it_was_asked() {
    let whole = r#"{"response": {"chat_response": {
        "id": "p", "choices": [{"index": 0, "message": {"role": "assistant", "content": "plug in"}}]}}}"#;
    let chunks = r#"{"stream": [
        {"id": "p", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "plug"}}]},
        {"id": "p", "choices": [{"index": 0, "delta": {"content": " in"}, "finish_reason": "stop"}]}]}"#;
    for answer in [whole, chunks] {
        let output = format!(r#"{{"has_short_circuit": true, "short_circuit": {answer}}}"#);
        let setup = with_plugin(|plugin| plugin.replying(Hook::Pre, &output)).await;
        assert_eq!(setup.chat(&plain("hi")).await.content(), "plug in");

        let response = setup.chat(&streamed("hi")).await;
        let events = response.events();
        assert_eq!(events.len(), 3, "{events:?}");
        assert_eq!(events[2], "data: [DONE]");
        let text: String = events[..2]
            .iter()
            .filter_map(|event| {
                let chunk: serde_json::Value =
                    serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
                Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())
            })
            .collect();
        assert_eq!(text, "plug in");
        assert!(setup.mock.received().is_empty());
    }
}

#[tokio::test]
async fn a_plugin_may_send_a_request_elsewhere() {
    let setup = with_plugin(|plugin| {
        plugin.on(Hook::HttpPre, |input| {
            let mut request = input["request"].clone();
            if request["path"] == "/v2/ask" {
                request["path"] = "/v1/chat/completions".into();
            }
            Reply::json(json!({"request": request}).to_string())
        })
    })
    .await;
    let mut client = setup.client().await;
    client.send("POST /v2/ask", "", &plain("hi").to_string()).await;
    assert_eq!(client.response().await.content(), "hi");
}

#[tokio::test]
async fn health_asks_no_plugin() {
    let setup = with_plugin(|plugin| plugin.on(Hook::HttpPre, |_| Reply::trap())).await;
    let mut client = setup.client().await;
    client.send("GET /health", "", "").await;
    let response = client.response().await;
    assert_eq!((response.status(), response.body.as_str()), (200, r#"{"status":"ok"}"#));
}

#[tokio::test]
async fn the_mock_shows_what_it_received() {
    let setup = with_plugin(|plugin| plugin).await;
    let mut body = plain("hi");
    body["model"] = "request".into();
    let shown = setup.chat(&body).await.content();
    assert_eq!(shown, setup.mock.received()[0].body);
}
