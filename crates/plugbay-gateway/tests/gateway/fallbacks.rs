//! Fallbacks: who is asked when a provider fails, and what the hooks see of it.

use std::sync::Arc;

use plugbay::abi::interface::Hook;
use plugbay_gateway::{GatewayBuilder, OpenAiProvider, UpstreamSettings};
use plugbay_hooks::{Reply, Scripted};
use serde_json::{Value, json};

use crate::support::{Setup, user, with};
use crate::upstream::Upstream;

const FALLBACK: &str = "x-plugbay-fallback";

/// A gateway whose default provider is an upstream that the test plays; `mock` is there too.
async fn set_up(
    plugin: impl FnOnce(Scripted) -> Scripted,
    builder: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
) -> (Setup, Upstream) {
    let upstream = Upstream::start().await;
    let settings = UpstreamSettings::new(upstream.base_url());
    let provider = Arc::new(OpenAiProvider::with("up", settings).unwrap());
    let setup = with(plugin, |it| builder(it.provider(provider).default_provider("up"))).await;
    (setup, upstream)
}

/// One with a plugin that watches.
async fn watched() -> (Setup, Upstream) {
    let watch = |plugin: Scripted| plugin.replying(Hook::Pre, "{}").replying(Hook::Post, "{}");
    set_up(watch, |builder| builder).await
}

fn asking(model: &str, fallbacks: Value) -> Value {
    json!({"model": model, "messages": user("hi"), "fallbacks": fallbacks})
}

async fn fails(upstream: &Upstream, status: &str) -> Value {
    let mut asked = upstream.asked().await;
    let body = serde_json::from_str(&asked.body).unwrap();
    let told = json!({"error": {"message": format!("it said {status}")}});
    asked.answer(status, "connection: close\r\nretry-after: 9\r\n", &told.to_string()).await;
    body
}

#[tokio::test]
async fn the_next_one_is_asked_and_the_hooks_see_each_attempt() {
    for stream in [false, true] {
        let (setup, upstream) = watched().await;
        let mut client = setup.client().await;
        let mut body = asking("m", json!(["up/n", "mock/echo", "mock/request"]));
        body["stream"] = stream.into();
        client.ask(&body).await;
        for (status, model) in [("503 Down", "m"), ("404 Not Found", "n")] {
            let sent = fails(&upstream, status).await;
            assert_eq!((&sent["model"], &sent["fallbacks"]), (&json!(model), &Value::Null));
        }
        let response = client.response().await;
        assert_eq!(response.status(), 200, "{}", response.body);
        assert!(response.body.contains("hi"), "{}", response.body);
        assert_eq!(response.head.header(FALLBACK), Some("mock/echo"));
        assert_eq!(response.head.header("retry-after"), None);

        let asked: Vec<Value> = setup
            .journal
            .inputs("tester", "pre_hook")
            .iter()
            .map(|input| json!([input["request"]["provider"], input["request"]["model"]]))
            .collect();
        assert_eq!(asked, [json!(["up", "m"]), json!(["up", "n"]), json!(["mock", "echo"])]);
        let posts = setup.journal.inputs("tester", "post_hook");
        let errors: Vec<&Value> =
            posts.iter().map(|input| &input["error"]["status_code"]).collect();
        assert_eq!(errors[..2], [&json!(503), &json!(404)]);
    }
}

#[tokio::test]
async fn when_all_fail_the_last_error_is_told() {
    let (setup, upstream) = watched().await;
    let mut client = setup.client().await;
    client.ask(&asking("m", json!(["up/n"]))).await;
    fails(&upstream, "500 Oops").await;
    fails(&upstream, "429 Slow").await;
    let response = client.response().await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.json()["error"]["message"], "it said 429 Slow");
    assert_eq!(response.head.header(FALLBACK), Some("up/n"));
    assert_eq!(response.head.header("retry-after"), Some("9"));
}

#[tokio::test]
async fn what_the_client_did_wrong_is_nobody_else_s_affair() {
    let (setup, upstream) = watched().await;
    let mut client = setup.client().await;
    client.ask(&asking("m", json!(["mock/echo"]))).await;
    fails(&upstream, "400 Bad Request").await;
    let response = client.response().await;
    assert_eq!(response.status(), 400);
    assert_eq!(response.head.header(FALLBACK), None);
    // Nor is what it names that nobody can be.
    for fallbacks in [json!(5), json!([[]]), json!(vec!["m"; 17])] {
        let response = client.chat(&asking("m", fallbacks)).await;
        assert_eq!(response.status(), 400);
        assert_eq!(response.json()["error"]["param"], "fallbacks");
    }
}

#[tokio::test]
async fn a_plugin_may_forbid_it_name_others_and_fail_by_itself() {
    let forbid = |plugin: Scripted| {
        plugin.on(Hook::Post, |input| {
            let mut error = input["error"].clone();
            error["allow_fallbacks"] = false.into();
            Reply::json(json!({"has_error": true, "error": error}).to_string())
        })
    };
    let (setup, upstream) = set_up(forbid, |builder| builder).await;
    let mut client = setup.client().await;
    client.ask(&asking("m", json!(["mock/echo"]))).await;
    fails(&upstream, "503 Down").await;
    assert_eq!(client.response().await.status(), 503);

    let name = |plugin: Scripted| {
        plugin.on(Hook::Pre, |input| {
            let mut request = input["request"].clone();
            request["fallbacks"] = json!([{"provider": "mock", "model": "echo"}]);
            Reply::json(json!({"request": request}).to_string())
        })
    };
    let (setup, upstream) = set_up(name, |builder| builder).await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "m", "messages": user("hi")})).await;
    fails(&upstream, "503 Down").await;
    assert_eq!(client.response().await.content(), "hi");

    for (error, wanted) in [
        (json!({"error": {"message": "no"}, "status_code": 429}), 200),
        (json!({"error": {"message": "no"}, "status_code": 429, "allow_fallbacks": false}), 429),
        (json!({"error": {"message": "no"}, "status_code": 451}), 451),
    ] {
        let refuse = |plugin: Scripted| {
            plugin.on(Hook::Pre, move |input| {
                let short = json!({"error": error});
                let output = json!({"has_short_circuit": true, "short_circuit": short});
                match input["request"]["provider"] == "up" {
                    true => Reply::json(output.to_string()),
                    false => Reply::Nothing,
                }
            })
        };
        let (setup, _upstream) = set_up(refuse, |builder| builder).await;
        let response = setup.chat(&asking("m", json!(["mock/echo"]))).await;
        assert_eq!(response.status(), wanted, "{}", response.body);
    }

    let (setup, _upstream) =
        set_up(|plugin| plugin.on(Hook::Pre, |_| Reply::trap()), |builder| builder).await;
    let response = setup.chat(&asking("m", json!(["mock/echo"]))).await;
    assert_eq!(response.status(), 502);
    assert_eq!(setup.journal.order().iter().filter(|it| it.ends_with("pre_hook")).count(), 1);
}

#[tokio::test]
async fn a_provider_s_own_fallbacks_count_where_the_request_has_none() {
    let own = |builder: GatewayBuilder| builder.fallbacks("up", vec!["mock".to_owned()]);
    let (setup, upstream) = set_up(|plugin| plugin, own).await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "echo", "messages": user("hi")})).await;
    fails(&upstream, "503 Down").await;
    let response = client.response().await;
    assert_eq!(
        (response.content(), response.head.header(FALLBACK)),
        ("hi".to_owned(), Some("mock/echo"))
    );
    client.ask(&asking("echo", json!([]))).await;
    fails(&upstream, "503 Down").await;
    assert_eq!(client.response().await.status(), 503);
}

#[tokio::test]
async fn a_model_that_nobody_has_is_misspelt_unless_the_configuration_says_otherwise() {
    let own = |builder: GatewayBuilder| builder.fallbacks("mock", vec!["mock/echo".to_owned()]);
    let misspelt = json!({"model": "mock/ecko", "messages": user("hi")});
    let named = asking("mock/ecko", json!(["mock/echo"]));
    for body in [&misspelt, &named] {
        let (setup, _upstream) = set_up(|plugin| plugin, own).await;
        let response = setup.chat(body).await;
        assert_eq!(response.status(), 404, "{}", response.body);
        assert_eq!(response.json()["error"]["code"], "model_not_found");
        assert_eq!(response.head.header(FALLBACK), None);

        let forgiving = |builder| own(builder).fallbacks_for_unknown_models("mock");
        let (setup, _upstream) = set_up(|plugin| plugin, forgiving).await;
        let response = setup.chat(body).await;
        assert_eq!(response.head.header(FALLBACK), Some("mock/echo"));
    }
    // A misspelt fallback hides none of those after it.
    let (setup, upstream) = set_up(|plugin| plugin, own).await;
    let mut client = setup.client().await;
    client.ask(&asking("m", json!(["mock/ecko", "mock/echo"]))).await;
    fails(&upstream, "503 Down").await;
    assert_eq!(client.response().await.head.header(FALLBACK), Some("mock/echo"));
}
