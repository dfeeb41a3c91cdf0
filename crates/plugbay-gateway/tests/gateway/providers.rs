//! Keys, attempts, time-outs and models of a provider, against an upstream that the test plays.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use plugbay::abi::interface::Hook;
use plugbay_gateway::{OpenAiProvider, RetrySettings, UpstreamSettings};
use plugbay_hooks::{Reply, Scripted};
use serde_json::json;

use crate::support::{Setup, user, with};
use crate::upstream::Upstream;

const CLOSE: &str = "connection: close\r\n";
const OK: &str = r#"{"choices": [{"message": {"content": "fine"}}]}"#;

/// A gateway whose default provider has these settings.
async fn set_up(
    plugin: impl FnOnce(Scripted) -> Scripted,
    change: impl FnOnce(&mut UpstreamSettings),
) -> (Setup, Upstream) {
    let upstream = Upstream::start().await;
    let mut settings = UpstreamSettings::new(upstream.base_url());
    change(&mut settings);
    let provider = Arc::new(OpenAiProvider::with("up", settings).unwrap());
    let setup = with(plugin, |it| it.provider(provider).default_provider("up")).await;
    (setup, upstream)
}

fn quickly(attempts: u32) -> RetrySettings {
    serde_json::from_value(json!({"attempts": attempts, "base_ms": 1, "max_ms": 1_000})).unwrap()
}

fn key_of(head: &str) -> String {
    let key = head.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
    key.unwrap_or_else(|| panic!("no key in {head}")).to_owned()
}

#[tokio::test]
async fn a_key_that_is_refused_gives_way_to_another_and_nobody_sees_either() {
    let seen: Arc<Mutex<String>> = Arc::default();
    let note = |plugin: Scripted| {
        Hook::ALL.into_iter().fold(plugin, |plugin, hook| {
            let seen = Arc::clone(&seen);
            plugin.on(hook, move |input| {
                seen.lock().unwrap().push_str(&input.to_string());
                Reply::Nothing
            })
        })
    };
    let (setup, upstream) = set_up(note, |settings| {
        for key in ["sk-first", "sk-second"] {
            settings.keys.push((key.into(), NonZeroU32::MIN));
        }
    })
    .await;
    let body = json!({"model": "m", "messages": user("hi")});
    let mut client = setup.client().await;
    client.ask(&body).await;
    let mut asked = upstream.asked().await;
    let refused = key_of(&asked.head);
    let told = json!({"error": {"message": format!("Incorrect API key provided: {refused}")}});
    asked.answer("401 Unauthorized", CLOSE, &told.to_string()).await;
    let mut asked = upstream.asked().await;
    let good = key_of(&asked.head);
    assert_ne!(refused, good);
    asked.answer("200 OK", CLOSE, OK).await;
    assert_eq!(client.response().await.content(), "fine");

    // The next request does not try the other one; and what is said of the last one stays here.
    for status in ["401 Unauthorized", "403 Forbidden"] {
        client.ask(&body).await;
        let mut asked = upstream.asked().await;
        let used = key_of(&asked.head);
        assert_eq!(used == good, status.starts_with("401"));
        let told = json!({"error": {"message": format!("{used} is not for this")}});
        asked.answer(status, CLOSE, &told.to_string()).await;
        let response = client.response().await;
        assert_eq!(response.status().to_string(), &status[..3]);
        assert!(!response.body.contains("sk-"), "{}", response.body);
    }
    let seen = seen.lock().unwrap();
    assert!(seen.contains("answered with status 401") && !seen.contains("sk-"), "{seen}");
}

#[tokio::test]
async fn a_key_that_an_error_repeats_in_escapes_or_in_a_stream_stays_here() {
    let key = |settings: &mut UpstreamSettings| {
        settings.keys.push(("sk-first".into(), NonZeroU32::MIN));
    };
    let (setup, upstream) = set_up(|plugin| plugin, key).await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "m", "messages": user("hi")})).await;
    let mut asked = upstream.asked().await;
    // What an escape stands for is there as soon as somebody has read it.
    let told = r#"{"error": {"message": "\u0073k-f\u0069rst is unknown"}}"#;
    asked.answer("400 Bad Request", CLOSE, told).await;
    let response = client.response().await;
    assert_eq!(response.status(), 400);
    let body: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    assert!(!body.to_string().contains("sk-"), "{body}");

    for event in ["event: error\n", ""] {
        client.ask(&json!({"model": "m", "stream": true, "messages": user("hi")})).await;
        let mut asked = upstream.asked().await;
        let stream =
            format!("{event}data: {{\"error\": {{\"message\": \"sk-first is unknown\"}}}}\n\n");
        asked
            .answer("200 OK", "connection: close\r\ncontent-type: text/event-stream\r\n", &stream)
            .await;
        let response = client.response().await;
        assert!(response.body.contains("answered with status 502"), "{}", response.body);
        assert!(!response.body.contains("sk-"), "{}", response.body);
        assert_eq!(response.body.matches("event: error").count(), 1, "{}", response.body);
    }
}

#[tokio::test]
async fn what_may_pass_is_asked_again() {
    let (setup, upstream) = set_up(|plugin| plugin, |settings| settings.retry = quickly(3)).await;
    for stream in [false, true] {
        let mut client = setup.client().await;
        client.ask(&json!({"model": "m", "messages": user("hi"), "stream": stream})).await;
        for status in ["503 Down", "529 Overloaded"] {
            let mut asked = upstream.asked().await;
            assert!(asked.body.contains("hi"), "{}", asked.body);
            asked.answer(status, CLOSE, "").await;
        }
        upstream.asked().await.answer("200 OK", CLOSE, OK).await;
        let response = client.response().await;
        assert_eq!(response.status(), 200);
        assert!(response.body.contains("fine"), "{}", response.body);
    }
}

#[tokio::test]
async fn a_longer_pause_than_the_longest_is_the_client_s_affair() {
    let (setup, upstream) = set_up(|plugin| plugin, |settings| settings.retry = quickly(3)).await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "m", "messages": []})).await;
    let own = r#"{"error": {"message": "slow down"}}"#;
    upstream.asked().await.answer("429 Slow", "connection: close\r\nretry-after: 2\r\n", own).await;
    let response = client.response().await;
    assert_eq!((response.status(), response.body.as_str()), (429, own));
    assert_eq!(response.head.header("retry-after"), Some("2"));
}

#[tokio::test]
async fn a_stream_has_an_end_and_an_answer_too() {
    for stream in [true, false] {
        let (setup, upstream) = set_up(
            |plugin| plugin,
            |settings| settings.timeouts = serde_json::from_str(r#"{"total_ms": 50}"#).unwrap(),
        )
        .await;
        let mut client = setup.client().await;
        client.ask(&json!({"model": "m", "messages": [], "stream": stream})).await;
        let mut asked = upstream.asked().await;
        let wanted = "provider `up`: no whole answer within 50 ms";
        if stream {
            asked.begin_stream().await;
            asked.write("data: {}\n\n").await;
            let events = client.response().await.events();
            assert!(events[1].contains(wanted), "{events:?}");
        } else {
            let response = client.response().await;
            assert_eq!(response.status(), 504);
            assert_eq!(response.json()["error"]["message"], wanted);
        }
        asked.hung_up().await;
    }
}

#[tokio::test]
async fn models_that_are_listed_are_all_there_are() {
    let (setup, _upstream) = set_up(
        |plugin| plugin,
        |settings| settings.models = Some(vec!["llama-70b".into(), "llama-8b".into()]),
    )
    .await;
    let mut client = setup.client().await;
    client.send("GET /v1/models", "", "").await;
    let list = client.response().await.json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert_eq!(ids, ["mock/echo", "mock/request", "up/llama-70b", "up/llama-8b"]);
    let response = client.chat(&json!({"model": "up/lama-8b", "messages": []})).await;
    assert_eq!(response.status(), 404);
    let error = &response.json()["error"];
    assert_eq!((&error["code"], &error["param"]), (&json!("model_not_found"), &json!("model")));
    assert_eq!(
        error["message"],
        "provider `up` has no model `lama-8b`; it has `up/llama-70b`, `up/llama-8b`"
    );
}

#[tokio::test]
async fn headers_of_the_configuration_go_with_every_request() {
    let (setup, upstream) = set_up(
        |plugin| plugin,
        |settings| settings.headers = vec![("X-Team".into(), "blue".into())],
    )
    .await;
    let mut client = setup.client().await;
    client.ask(&json!({"model": "m", "messages": []})).await;
    let mut asked = upstream.asked().await;
    assert!(asked.head.contains("x-team: blue\r\n"), "{}", asked.head);
    asked.answer("200 OK", CLOSE, OK).await;
    assert_eq!(client.response().await.content(), "fine");
    client.send("GET /v1/files", "x-team: red\r\n", "").await;
    let mut asked = upstream.asked().await;
    assert!(asked.head.contains("x-team: blue\r\n") && !asked.head.contains("red"));
    asked.answer("200 OK", CLOSE, "").await;
    assert_eq!(client.response().await.status(), 200);
}
