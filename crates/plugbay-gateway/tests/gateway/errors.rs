//! Bad input and failing plugins: each a clear error, and the next request works.

use plugbay::abi::interface::Hook;
use plugbay_hooks::{OnError, Reply, Scripted};
use serde_json::{Value, json};

use crate::support::{pipeline, plain, streamed, with, with_plugin};

const CHAT: &str = "POST /v1/chat/completions";

/// Request line, body, status, code, a part of the message, and the parameter to blame.
type Row<'a> = (&'a str, &'a str, u16, &'a str, &'a str, Option<&'a str>);

#[tokio::test]
async fn bad_requests_are_told_what_is_wrong_and_the_connection_lives_on() {
    let setup = with(|plugin| plugin, |builder| builder.max_body_bytes(1_000)).await;
    let mut client = setup.client().await;
    let large = plain(&"x".repeat(1_000)).to_string();
    let deep = format!(r#"{{"model": "echo", "messages": {}}}"#, "[".repeat(900));
    let closed =
        format!(r#"{{"model": "echo", "messages": {}{}}}"#, "[".repeat(400), "]".repeat(400));
    let half = r#"{"model": "echo", "messages": [{"role": "user", "content": "\ud800 x"}]}"#;
    let rows: [Row<'_>; 16] = [
        (CHAT, "{", 400, "invalid_json", "line 1 column 1", None),
        (CHAT, "", 400, "invalid_json", "EOF", None),
        (CHAT, "[1]", 400, "invalid_json", "the request's body", None),
        (CHAT, &deep, 400, "invalid_json", "line 1 column 158", None),
        (CHAT, &closed, 400, "invalid_json", "nested more than 128 deep", None),
        (CHAT, half, 400, "invalid_json", "hex escape", None),
        (CHAT, r#"{"messages": []}"#, 400, "missing_parameter", "`model`", Some("model")),
        (
            CHAT,
            r#"{"model": 5, "messages": []}"#,
            400,
            "invalid_parameter",
            "expected a string",
            Some("model"),
        ),
        (CHAT, r#"{"model": "echo"}"#, 400, "missing_parameter", "`messages`", Some("messages")),
        (
            CHAT,
            r#"{"model": "echo", "messages": "hi"}"#,
            400,
            "invalid_parameter",
            "a list",
            Some("messages"),
        ),
        (
            CHAT,
            r#"{"model": "echo", "messages": [5]}"#,
            400,
            "invalid_request",
            "messages[0]",
            None,
        ),
        (
            CHAT,
            r#"{"model": "echo", "messages": [], "stream": 1}"#,
            400,
            "invalid_parameter",
            "expected a boolean",
            Some("stream"),
        ),
        (
            CHAT,
            r#"{"model": "gpt-4", "messages": []}"#,
            404,
            "model_not_found",
            "`gpt-4`",
            Some("model"),
        ),
        (CHAT, &large, 413, "body_too_large", "1000 bytes", None),
        ("GET /v1/nothing?x=1", "", 404, "unknown_url", "GET /v1/nothing", None),
        ("DELETE /v1/chat/completions", "", 405, "method_not_allowed", "wanted POST", None),
    ];
    for (line, body, status, code, message, param) in rows {
        client.send(line, "", body).await;
        let response = client.response().await;
        assert_eq!(response.status(), status, "{line} {body}: {}", response.body);
        let error = &response.json()["error"];
        assert_eq!(error["code"], code, "{body}");
        assert_eq!(error["type"], "invalid_request_error", "{body}");
        assert_eq!(error["param"], json!(param), "{body}");
        assert!(error["message"].as_str().unwrap().contains(message), "{body}: {error}");
        let allow = (status == 405).then_some("POST");
        assert_eq!(response.head.header("allow"), allow, "{body}");
        assert!(response.head.header("x-request-id").is_some());
        // The same connection goes on.
        assert_eq!(client.chat(&plain("next")).await.content(), "next");
    }
}

#[tokio::test]
async fn a_body_that_is_announced_too_long_is_not_waited_for() {
    let setup = with(|plugin| plugin, |builder| builder.max_body_bytes(10)).await;
    let mut client = setup.client().await;
    client
        .send_raw(format!(
            "{CHAT} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 11\r\n\r\n"
        ))
        .await;
    let response = client.response().await;
    assert_eq!(response.status(), 413);
    assert_eq!(response.head.header("connection"), Some("close"));
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_chunked_body_is_limited_too() {
    let setup = with(|plugin| plugin, |builder| builder.max_body_bytes(10)).await;
    let mut client = setup.client().await;
    client
        .send_raw(format!(
            "{CHAT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n"
        ))
        .await;
    assert_eq!(client.response().await.status(), 413);
}

#[tokio::test]
async fn a_failing_plugin_is_a_502_that_names_it_and_nothing_inside() {
    for hook in [Hook::HttpPre, Hook::Pre, Hook::Post, Hook::HttpPost] {
        let setup = with_plugin(|plugin| {
            plugin.on(hook, |input| match input.to_string().contains("break") {
                true => Reply::trap(),
                false => Reply::Nothing,
            })
        })
        .await;
        let mut client = setup.client().await;
        // The request's body is base64 for the HTTP hooks; the id reaches all of them.
        let body = plain("hi").to_string();
        client.send(CHAT, "x-request-id: break\r\n", &body).await;
        let response = client.response().await;
        assert_eq!(response.status(), 502, "{hook}");
        assert_eq!(
            response.json()["error"],
            json!({
                "message": format!("plugin `tester` failed in `{hook}`: invalid memory access"),
                "type": "plugin_error", "param": null, "code": "plugin_failed",
            })
        );
        assert_eq!(client.chat(&plain("next")).await.content(), "next", "{hook}");
    }
}

#[tokio::test]
async fn a_failing_plugin_that_is_open_is_passed_over() {
    let failing = Hook::ALL
        .into_iter()
        .fold(Scripted::new("broken"), |plugin, hook| plugin.on(hook, |_| Reply::trap()));
    let setup =
        with(|plugin| plugin, |builder| builder.pipeline(pipeline(vec![failing], OnError::Open)))
            .await;
    assert_eq!(setup.chat(&plain("hi")).await.content(), "hi");
    assert!(setup.chat(&streamed("hi")).await.body.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn answers_of_plugins_that_no_client_could_use_are_a_502() {
    for (answer, stream) in [
        (r#"{"response": {"other_response": {}}}"#, false),
        (r#"{"response": {"chat_response": {"no": "choices"}}}"#, true),
    ] {
        let output = format!(r#"{{"has_short_circuit": true, "short_circuit": {answer}}}"#);
        let setup = with_plugin(|plugin| plugin.replying(Hook::Pre, &output)).await;
        let mut body = plain("hi");
        body["stream"] = Value::Bool(stream);
        let response = setup.chat(&body).await;
        assert_eq!(response.status(), 502, "{answer}");
        assert_eq!(response.json()["error"]["code"], "unusable_response");
    }
}

#[tokio::test]
async fn a_plugin_s_own_error_has_the_status_it_says() {
    for (status, wanted) in [("403", 403), ("200", 500), ("null", 500)] {
        let output = format!(
            r#"{{"has_short_circuit": true, "short_circuit": {{"error":
                {{"error": {{"message": "no", "type": "policy", "code": 7}}, "status_code": {status}}}}}}}"#
        );
        let setup = with_plugin(|plugin| plugin.replying(Hook::Pre, &output)).await;
        for body in [plain("hi"), streamed("hi")] {
            let response = setup.chat(&body).await;
            assert_eq!(response.status(), wanted);
            assert_eq!(
                response.json()["error"],
                json!({"message": "no", "type": "policy", "param": null, "code": 7})
            );
        }
    }
}
