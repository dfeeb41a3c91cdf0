//! Which plugins take part in a request, and which of them see its keys.

use std::sync::Arc;

use plugbay::abi::interface::Hook;
use plugbay::runtime::SystemClock;
use plugbay_hooks::{Journal, Match, Pipeline, PluginEntry, Reply, Scripted};
use serde_json::json;

use crate::client::Client;
use crate::support::{Setup, plain, with, with_upstream_and};

/// A plugin with every hook, none of which changes anything.
fn quiet(name: &str, journal: &Journal) -> Scripted {
    let plugin = Scripted::new(name).noting(journal);
    Hook::ALL.into_iter().fold(plugin, |plugin, hook| plugin.replying(hook, "{}"))
}

/// `only` takes part where `rule` fits and may be skipped, `always` takes part in everything.
fn two(rule: &str, journal: &Journal) -> Pipeline {
    let matching: Match = serde_json::from_str(rule).unwrap();
    let only = PluginEntry::new(Arc::new(quiet("only", journal)));
    let only = PluginEntry { matching, opt_out: true, ..only };
    let always = PluginEntry::new(Arc::new(quiet("always", journal)));
    Pipeline::new(vec![only, always], Arc::new(SystemClock::new()))
}

async fn with_two(rule: &str) -> (Setup, Journal) {
    let journal = Journal::default();
    let pipeline = two(rule, &journal);
    (with(|plugin| plugin, |builder| builder.pipeline(pipeline)).await, journal)
}

fn calls(journal: &Journal, plugin: &str) -> usize {
    journal.seen().iter().filter(|seen| seen.plugin == plugin).count()
}

#[tokio::test]
async fn a_plugin_is_called_for_the_requests_that_it_is_for() {
    let chat = "POST /v1/chat/completions";
    for (rule, line, headers, calls_of_only) in [
        ("{}", chat, "", 4),
        (r#"{"paths": ["/v1/chat/*"]}"#, chat, "", 4),
        (r#"{"paths": ["/v1/models"]}"#, chat, "", 0),
        (r#"{"paths": ["/v1/models"]}"#, "GET /v1/models", "", 2),
        (r#"{"models": ["mock/*"]}"#, chat, "", 4),
        (r#"{"models": ["echo"]}"#, chat, "", 4),
        (r#"{"models": ["openai/*"]}"#, chat, "", 0),
        (r#"{"models": ["*"]}"#, "GET /v1/models", "", 0),
        (r#"{"headers": {"x-team": "red, *"}}"#, chat, "x-team: red\r\nX-Team: blue\r\n", 4),
        (r#"{"headers": {"x-team": false}}"#, chat, "x-team: red\r\n", 0),
        (r#"{"sample": 0}"#, chat, "", 0),
        ("{}", chat, "x-plugbay-skip: only\r\n", 0),
        ("{}", chat, "X-Plugbay-Skip: ,\r\n", 4),
    ] {
        let (setup, journal) = with_two(rule).await;
        let mut client = setup.client().await;
        let body = if line == chat { plain("hi").to_string() } else { String::new() };
        client.send(line, headers, &body).await;
        assert_eq!(client.response().await.status(), 200, "{rule}");
        assert_eq!(calls(&journal, "only"), calls_of_only, "{rule} {line} {headers}");
        assert_eq!(calls(&journal, "always"), if line == chat { 4 } else { 2 }, "{rule}");
    }
}

#[tokio::test]
async fn a_plugin_that_may_not_be_skipped_is_a_400_and_an_unknown_one_a_404() {
    let (setup, journal) = with_two("{}").await;
    let mut client = setup.client().await;
    for (names, status, code) in
        [("always", 400, "plugin_not_optional"), ("only, nobody", 404, "plugin_not_found")]
    {
        let headers = format!("x-plugbay-skip: {names}\r\n");
        client.send("POST /v1/chat/completions", &headers, &plain("hi").to_string()).await;
        let response = client.response().await;
        assert_eq!(response.status(), status);
        assert_eq!(response.json()["error"]["code"], code);
        assert_eq!(response.json()["error"]["param"], "x-plugbay-skip");
        assert_eq!(client.chat(&plain("next")).await.content(), "next");
    }
    assert_eq!(calls(&journal, "always"), 8, "the two that were refused reached nobody");
}

#[tokio::test]
async fn a_request_that_no_plugin_is_for_streams_and_the_skip_header_goes_no_further() {
    let journal = Journal::default();
    let only = two(r#"{"paths": ["/v1/other"]}"#, &journal);
    let (setup, upstream) =
        with_upstream_and(|plugin| plugin, |builder| builder.pipeline(only)).await;
    for headers in ["x-plugbay-skip: only\r\n", ""] {
        let mut client: Client = setup.client().await;
        client.send("POST /v1/things", headers, "abc").await;
        let mut asked = upstream.asked().await;
        assert!(!asked.head.to_ascii_lowercase().contains("plugbay-skip"), "{}", asked.head);
        asked.answer("200 OK", "", "").await;
        assert_eq!(client.response().await.status(), 200);
    }
    assert_eq!((calls(&journal, "only"), calls(&journal, "always")), (0, 4));
    for seen in journal.seen() {
        assert!(!seen.input.to_string().contains("plugbay-skip"));
    }
}

#[tokio::test]
async fn plugins_see_masks_and_the_provider_the_key() {
    let journal = Journal::default();
    let echo = Scripted::new("echo")
        .noting(&journal)
        .on(Hook::HttpPre, |input| Reply::json(json!({"request": input["request"]}).to_string()));
    let sets = Scripted::new("sets").noting(&journal).on(Hook::HttpPre, |input| {
        let mut request = input["request"].clone();
        request["headers"]["x-api-key"] = "from-plugin".into();
        Reply::json(json!({"request": request}).to_string())
    });
    let pipeline = Pipeline::new(
        vec![PluginEntry::new(Arc::new(echo)), PluginEntry::new(Arc::new(sets))],
        Arc::new(SystemClock::new()),
    );
    let (setup, upstream) =
        with_upstream_and(|plugin| plugin, |builder| builder.pipeline(pipeline)).await;
    let mut client = setup.client().await;
    let keys = "x-api-key: sk-client\r\napi-key: sk-azure\r\nauthorization: Bearer sk-bearer\r\n";
    client.send("POST /v1/things", keys, "abc").await;
    let mut asked = upstream.asked().await;
    assert!(asked.head.contains("api-key: sk-azure\r\n"), "{}", asked.head);
    assert!(asked.head.contains("x-api-key: from-plugin\r\n"), "{}", asked.head);
    asked.answer("200 OK", "", "").await;
    client.response().await;
    for seen in journal.seen() {
        let input = seen.input.to_string();
        assert!(!input.contains("sk-") && input.contains("***"), "{input}");
    }
}
