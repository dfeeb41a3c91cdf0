//! Requests that a plugin makes into ones that nobody can take: that is the plugin's failure, and not the client's.

use std::sync::Arc;

use plugbay::abi::interface::Hook;
use plugbay::runtime::SystemClock;
use plugbay_gateway::{Gateway, MockProvider};
use plugbay_hooks::{BreakerSettings, OnError, Pipeline, PluginEntry, Scripted};
use serde_json::{Value, json};

use crate::client::{Client, Response};
use crate::support::{plain, with_plugin};

/// What `pre_hook` may make of a request, and what no provider takes of it.
fn unusable() -> [Value; 7] {
    [
        json!({"provider": "nobody", "model": "echo", "input": [], "params": {}}),
        json!({"provider": "mock", "model": "ecko", "input": [], "params": {}}),
        json!({"provider": "mock", "model": 7, "input": [], "params": {}}),
        json!({"provider": "mock", "model": "echo", "input": "text", "params": {}}),
        json!({"provider": "mock", "model": "echo", "input": [{"role": 7}], "params": {}}),
        json!({"provider": "mock", "model": "echo", "input": [], "params": []}),
        json!({"provider": "mock", "model": "echo", "input": [], "params": {}, "fallbacks": 5}),
    ]
}

/// The same of what `http_pre_hook` makes of one.
fn unreadable() -> [Value; 5] {
    let body = |text: &str| {
        let body = plugbay::abi::hook::Body::from_bytes(text.as_bytes().to_vec());
        json!({"method": "POST", "path": "/v1/chat/completions", "body": body.base64()})
    };
    let elsewhere = |path: &str| json!({"method": "POST", "path": path, "body": ""});
    [
        body("{"),
        body(r#"{"model": "mock/echo"}"#),
        elsewhere("/v2/chat/completions"),
        elsewhere("/v1/../admin"),
        elsewhere("/v1/models"),
    ]
}

fn changing(hook: Hook, request: &Value) -> Scripted {
    let output = json!({"request": request, "context": {"left": true}}).to_string();
    Scripted::new("tester").replying(hook, &output)
}

async fn ask(plugin: Scripted, on_error: OnError) -> Response {
    let entry = PluginEntry { on_error, ..PluginEntry::new(Arc::new(plugin)) };
    let pipeline = Pipeline::new(vec![entry], Arc::new(SystemClock::new()));
    let provider = Arc::new(MockProvider::new());
    let gateway = Gateway::builder().pipeline(pipeline).provider(provider).bind().await.unwrap();
    Client::connect(gateway.local_addr()).await.chat(&plain("hi")).await
}

#[tokio::test]
async fn it_is_a_502_that_names_the_plugin_or_passed_over() {
    let pre = unusable().map(|request| (Hook::Pre, request));
    let http = unreadable().map(|request| (Hook::HttpPre, request));
    for (hook, request) in pre.into_iter().chain(http) {
        let response = ask(changing(hook, &request), OnError::Closed).await;
        assert_eq!(response.status(), 502, "{request}: {}", response.body);
        let error = &response.json()["error"];
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("plugin_error"), &json!("plugin_failed"))
        );
        let message = error["message"].as_str().unwrap();
        let wanted = format!("plugin `tester` failed in `{hook}`: ");
        assert!(message.starts_with(&wanted), "{message}");

        // As if the plugin were not there.
        let response = ask(changing(hook, &request), OnError::Open).await;
        assert_eq!((response.status(), response.content().as_str()), (200, "hi"), "{request}");
    }
}

#[tokio::test]
async fn its_breaker_counts_it() {
    let plugin = changing(Hook::Pre, &unusable()[0]);
    let breaker = BreakerSettings::new(2, 600_000);
    let entry = PluginEntry { breaker, ..PluginEntry::new(Arc::new(plugin)) };
    let pipeline = Pipeline::new(vec![entry], Arc::new(SystemClock::new()));
    let provider = Arc::new(MockProvider::new());
    let gateway = Gateway::builder().pipeline(pipeline).provider(provider).bind().await.unwrap();
    let mut client = Client::connect(gateway.local_addr()).await;
    for code in ["plugin_failed", "plugin_failed", "plugin_tripped"] {
        let response = client.chat(&plain("hi")).await;
        assert_eq!(response.json()["error"]["code"], code);
    }
    assert!(gateway.plugins()[0].tripped);
}

#[tokio::test]
async fn what_the_client_did_wrong_stays_the_client_s() {
    // The plugin changes what is wrong already, and leaves it as wrong as it was.
    let setup = with_plugin(|plugin| {
        plugin.on(Hook::Pre, |input| {
            let mut request = input["request"].clone();
            request["params"] = json!({"seed": 1});
            plugbay_hooks::Reply::json(json!({"request": request}).to_string())
        })
    })
    .await;
    let mut client = setup.client().await;
    let response = client.chat(&json!({"model": "mock/ecko", "messages": []})).await;
    assert_eq!(response.status(), 404);
    assert_eq!(response.json()["error"]["code"], "model_not_found");
    let response = client.chat(&json!({"model": "mock/echo", "messages": [{"role": 5}]})).await;
    assert_eq!(response.status(), 400);

    // And what it mends is mended.
    let setup = with_plugin(|plugin| {
        plugin.on(Hook::Pre, |input| {
            let mut request = input["request"].clone();
            request["model"] = json!("echo");
            plugbay_hooks::Reply::json(json!({"request": request}).to_string())
        })
    })
    .await;
    let messages = json!([{"role": "user", "content": "mended"}]);
    let response = setup.chat(&json!({"model": "mock/ecko", "messages": messages})).await;
    assert_eq!(response.content(), "mended");
}
