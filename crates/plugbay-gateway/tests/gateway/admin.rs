//! What operators are served.

use plugbay_gateway::Running;
use serde_json::{Value, json};

use crate::client::{Client, Response};
use crate::modules::{Folder, content, module, until};

async fn started(folder: &Folder, admin: Value) -> Running {
    folder.put("one.wasm", module("one"));
    let plugins = json!([{"path": "one.wasm", "name": "one"}, {"path": "one.wasm", "name": "b b"}]);
    let more = json!({"admin": admin, "reload": {"watch": false}});
    folder.start_with(plugins, more).await.unwrap()
}

fn anywhere() -> Value {
    json!({"listen": "127.0.0.1:0"})
}

async fn ask_with(running: &Running, line: &str, headers: &str, body: &str) -> Client {
    let address = running.admin_addr().unwrap();
    let mut client = Client::connect(address).await;
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\n{headers}content-length: {length}\r\n\r\n{body}");
    client.send_raw(head).await;
    client
}

async fn ask(running: &Running, line: &str, body: &str) -> Response {
    ask_with(running, line, "host: localhost\r\n", body).await.response().await
}

#[tokio::test]
async fn plugins_are_shown_and_changed() {
    let folder = Folder::new();
    let running = started(&folder, anywhere()).await;
    assert_eq!(content(&running).await, "one");
    let all = ask(&running, "GET /admin/plugins", "").await.json();
    assert_eq!(all["reload_error"], Value::Null);
    let one = &all["plugins"][0];
    assert_eq!((&one["name"], &one["status"]), (&json!("one"), &json!("active")));
    assert_eq!((&one["backend"], &one["signer"]), (&json!("wasmi"), &Value::Null));
    assert_eq!(one["hooks"]["pre_hook"]["calls"], 1);
    assert!(one["hooks"]["pre_hook"]["p99_us"].as_f64().unwrap() > 0.0, "{one}");
    assert!(one["hooks"]["pre_hook"]["fuel"].as_u64().unwrap() > 0, "{one}");
    let page = 65_536;
    let usage = json!({"instances": 1, "idle": 1, "memory_bytes": page, "peak_memory_bytes": page});
    assert_eq!(one["usage"], usage);
    let named = ask(&running, "GET /admin/plugins/b%20b", "").await.json();
    assert_eq!((&named["name"], &named["calls"]), (&json!("b b"), &json!(0)));

    let off = ask(&running, "PUT /admin/plugins/one", r#"{"enabled": false}"#).await.json();
    assert_eq!(off["status"], "disabled");
    let deleted = ask(&running, "DELETE /admin/plugins/b%20b", "").await;
    assert_eq!((deleted.status(), content(&running).await), (200, "hi".into()));
    assert_eq!(folder.lines.count("b b: cleanup"), 1);
    let on = r#"{"enabled": true, "config": {"a": 1}}"#;
    assert_eq!(ask(&running, "PUT /admin/plugins/one", on).await.json()["status"], "active");

    folder.put("one.wasm", module("two"));
    let again = ask(&running, "POST /admin/plugins/one/reload", "").await.json();
    assert_eq!((&again["status"], &again["on_trial"]), (&json!("active"), &json!(true)));
    assert_eq!(content(&running).await, "two");
    folder.put("one.wasm", "no module");
    let refused = ask(&running, "POST /admin/plugins/one/reload", "").await;
    assert_eq!(refused.status(), 422);
    assert_eq!(refused.json()["error"]["code"], "plugin_not_loaded");
    assert_eq!(content(&running).await, "two");
    folder.put("one.wasm", module("three"));
    let back = ask(&running, "POST /admin/reload", "").await.json();
    assert_eq!(back["plugins"].as_array().unwrap().len(), 2, "the file says so: {back}");
    assert_eq!(content(&running).await, "three");
    assert!(running.shutdown().await.failed_cleanups.is_empty());
}

#[tokio::test]
async fn what_plugins_print_is_shown_and_followed() {
    let folder = Folder::new();
    let running = started(&folder, anywhere()).await;
    let lines = ask(&running, "GET /admin/plugins/one/logs", "").await.json();
    let [line] = &lines["lines"].as_array().unwrap()[..] else { panic!("{lines}") };
    assert_eq!((&line["line"], &line["stream"]), (&json!("init"), &json!("stdout")));

    let follow = "GET /admin/plugins/one/logs?follow=1";
    let mut tail = ask_with(&running, follow, "host: localhost\r\n", "").await;
    assert_eq!(tail.head().await.header("content-type"), Some("text/event-stream"));
    assert!(tail.piece().await.unwrap().contains(r#""line":"init""#));
    ask(&running, "PUT /admin/plugins/one", r#"{"enabled": false}"#).await;
    assert!(tail.piece().await.unwrap().contains(r#""line":"cleanup""#));
    until("the line", async || folder.lines.count("one: cleanup") == 1).await;
}

#[tokio::test]
async fn mistakes_are_answered_in_the_usual_shape() {
    let folder = Folder::new();
    let running = started(&folder, anywhere()).await;
    for (line, body, status, code) in [
        ("GET /admin/plugins/none", "", 404, "plugin_not_found"),
        ("POST /admin/plugins/none/reload", "", 404, "plugin_not_found"),
        ("GET /admin/plugins/none/logs", "", 404, "plugin_not_found"),
        ("PUT /admin/plugins/one", "{", 400, "invalid_json"),
        ("PUT /admin/plugins/one", r#"{"enable": true}"#, 400, "invalid_json"),
        ("POST /admin/plugins", "", 405, "method_not_allowed"),
        ("GET /admin/plugins/one/reload", "", 405, "method_not_allowed"),
        ("GET /admin", "", 404, "not_found"),
        ("GET /v1/models", "", 404, "not_found"),
    ] {
        let response = ask(&running, line, body).await;
        assert_eq!(response.status(), status, "{line}");
        assert_eq!(response.json()["error"]["code"], code, "{line}");
    }
    let document = ask(&running, "GET /admin/openapi.json", "").await.json();
    for path in ["/admin/plugins", "/admin/plugins/{name}", "/admin/plugins/{name}/logs"] {
        assert!(document["paths"][path]["get"].is_object(), "{path}");
    }
    // What is described is what is there.
    let one = ask(&running, "GET /admin/plugins/one", "").await.json();
    let described = document["components"]["schemas"]["Plugin"]["properties"].as_object().unwrap();
    let keys = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(one.as_object().unwrap()), keys(described));
    let described = |name: &str| document["components"]["schemas"][name]["properties"].clone();
    assert_eq!(
        keys(one["usage"].as_object().unwrap()),
        keys(described("Usage").as_object().unwrap())
    );
    content(&running).await;
    let one = ask(&running, "GET /admin/plugins/one", "").await.json();
    let hook = one["hooks"]["pre_hook"].as_object().unwrap();
    assert_eq!(keys(hook), keys(described("Hook").as_object().unwrap()));
}

#[tokio::test]
async fn operators_are_told_from_others() {
    let folder = Folder::new();
    let running = started(&folder, anywhere()).await;
    for (headers, status) in [
        ("host: localhost\r\n", 200),
        ("host: gateway.example.org\r\n", 403),
        ("host: localhost\r\norigin: http://localhost\r\n", 403),
    ] {
        let mut client = ask_with(&running, "GET /admin/plugins", headers, "").await;
        assert_eq!(client.response().await.status(), status, "{headers}");
    }
    std::fs::write(folder.path("token"), "s3cret\n").unwrap();
    let running = started(&folder, json!({"listen": "127.0.0.1:0", "token_file": "token"})).await;
    for (headers, status) in [
        ("host: x\r\nauthorization: Bearer s3cret\r\n", 200),
        ("host: x\r\nauthorization: Bearer other\r\n", 401),
        ("host: localhost\r\n", 401),
    ] {
        let mut client = ask_with(&running, "GET /admin/plugins", headers, "").await;
        assert_eq!(client.response().await.status(), status, "{headers}");
    }
    let nothing = json!({"listen": "127.0.0.1:0", "token_env": "PLUGBAY_TEST_NO_SUCH_TOKEN"});
    let more = json!({"admin": nothing});
    let error = folder.start_with(json!([]), more).await.err().unwrap().to_string();
    assert!(error.contains("PLUGBAY_TEST_NO_SUCH_TOKEN"), "{error}");
}
