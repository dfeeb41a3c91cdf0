//! Who takes part in a request: all hooks of it agree.

use std::borrow::Cow;
use std::collections::VecDeque;

use plugbay_hooks::{Asked, Choice, Match, SkipError};

use super::*;

/// Plugins `a`, `b`, `c`, of which `b` is for some requests only.
fn pipeline(b: &str, opt_out: bool) -> (Journal, Arc<Pipeline>) {
    let journal = Journal::default();
    let entry = |name| PluginEntry::new(Arc::new(plugin(&journal, name, &[])));
    let matching: Match = serde_json::from_str(b).unwrap();
    let entries = vec![entry("a"), PluginEntry { matching, opt_out, ..entry("b") }, entry("c")];
    (journal, Arc::new(Pipeline::new(entries, Arc::new(ManualClock::new()))))
}

fn choose(pipeline: &Pipeline, skip: &[&str]) -> Result<Choice, SkipError> {
    let header = |name: &str| (name == "x-team").then_some(Cow::Borrowed("red"));
    let path = "/v1/chat/completions";
    pipeline.choose(&Asked { request_id: "req-1", path, header: &header, skip })
}

/// Everything that a request can go through, streamed and not.
fn everything(pipeline: &Arc<Pipeline>, choice: &Choice) {
    let exchange =
        || Exchange::chosen(Arc::clone(pipeline), choice.clone(), "req-1", http_request());
    block_on(async {
        let (response, provider_called) = serve(&mut exchange()).await;
        assert_eq!((response.status_code, provider_called), (200, true));
        let mut streamed = exchange();
        let mut leaving = VecDeque::new();
        streamed.chunk(raw(json!({})), &mut leaving).await.unwrap();
        streamed.flush(&mut leaving).await.unwrap();
        assert_eq!(leaving.len(), 1);
        streamed.streamed(Some(&Ok(answer("all"))), &http_response(200)).await;
    });
}

#[test]
fn what_does_not_match_is_skipped_in_every_hook() {
    for (rule, model, takes_part) in [
        ("{}", None, true),
        (r#"{"paths": ["/v1/chat/*"], "headers": {"X-Team": "red"}, "sample": 1}"#, None, true),
        (r#"{"paths": ["/v1/embeddings"]}"#, None, false),
        (r#"{"headers": {"x-team": "blue"}}"#, None, false),
        (r#"{"sample": 0.0}"#, None, false),
        (r#"{"models": ["openai/gpt-*"]}"#, Some(("openai", "gpt-4o")), true),
        (r#"{"models": ["gpt-*"]}"#, Some(("openai", "gpt-4o")), true),
        (r#"{"models": ["gpt-*"]}"#, Some(("openai", "o1")), false),
        (r#"{"models": ["*"]}"#, None, false),
        (r#"{"models": ["gpt-*"], "paths": ["/no"]}"#, Some(("openai", "gpt-4o")), false),
    ] {
        let (journal, pipeline) = pipeline(rule, false);
        let mut choice = choose(&pipeline, &[]).unwrap();
        assert_eq!(choice.is_all(), rule == "{}", "{rule}");
        let models =
            model.map(|(provider, name): (&str, &str)| (provider.to_owned(), name.to_owned()));
        choice.settle(&pipeline, models.as_slice());
        assert!(!choice.asks_for_model());
        everything(&pipeline, &choice);
        let calls = |name: &str| journal.seen().iter().filter(|seen| seen.plugin == name).count();
        // Five hooks, two of them a second time at the stream's end.
        assert_eq!((calls("a"), calls("c")), (7, 7), "{rule}");
        assert_eq!(calls("b"), if takes_part { 7 } else { 0 }, "{rule}");
    }
}

#[test]
fn until_the_model_is_known_its_plugin_may_still_take_part() {
    let journal = Journal::default();
    let only = Scripted::new("only").noting(&journal).replying(Hook::HttpPre, "{}");
    let matching: Match = serde_json::from_str(r#"{"models": ["m"]}"#).unwrap();
    let entry = PluginEntry { matching, ..PluginEntry::new(Arc::new(only)) };
    let pipeline = Arc::new(Pipeline::new(vec![entry], Arc::new(ManualClock::new())));
    let mut choice = choose(&pipeline, &[]).unwrap();
    assert!(choice.asks_for_model());
    assert!(choice.exports(&pipeline, Hook::HttpPre));
    assert!(!choice.exports(&pipeline, Hook::Pre));
    choice.settle(&pipeline, &[("mock".to_owned(), "other".to_owned())]);
    assert!(!choice.exports(&pipeline, Hook::HttpPre));
}

#[test]
fn a_request_goes_past_a_plugin_that_allows_it_and_no_other() {
    let (journal, both) = pipeline("{}", true);
    everything(&both, &choose(&both, &["b"]).unwrap());
    assert!(!journal.seen().is_empty());
    assert!(journal.seen().iter().all(|seen| seen.plugin != "b"));

    let not_allowed = |name: &str| SkipError::NotAllowed { name: name.into() };
    assert_eq!(choose(&both, &["b", "a"]).unwrap_err(), not_allowed("a"));
    assert_eq!(choose(&both, &["z"]).unwrap_err(), SkipError::Unknown { name: "z".into() });
    let (_, strict) = pipeline("{}", false);
    assert_eq!(choose(&strict, &["b"]).unwrap_err(), not_allowed("b"));
}

#[test]
fn a_change_of_the_request_changes_nobody_s_part() {
    let journal = Journal::default();
    let moves = plugin(&journal, "moves", &[(Hook::HttpPre, r#"{"request": {"path": "/moved"}}"#)]);
    let matching: Match = serde_json::from_str(r#"{"paths": ["/v1/*"]}"#).unwrap();
    let entries = vec![
        PluginEntry::new(Arc::new(moves)),
        PluginEntry { matching, ..PluginEntry::new(Arc::new(plugin(&journal, "b", &[]))) },
    ];
    let pipeline = Arc::new(Pipeline::new(entries, Arc::new(ManualClock::new())));
    let choice = choose(&pipeline, &[]).unwrap();
    let mut exchange = Exchange::chosen(Arc::clone(&pipeline), choice, "req-1", http_request());
    block_on(serve(&mut exchange));
    assert_eq!(journal.inputs("b", "http_pre_hook")[0]["request"]["path"], "/moved");
    assert_eq!(journal.inputs("b", "http_post_hook").len(), 1);
}

#[test]
fn a_plugin_that_takes_no_part_is_not_called_after_a_short_circuit_either() {
    let (journal, pipeline) = pipeline(r#"{"sample": 0}"#, false);
    let choice = choose(&pipeline, &[]).unwrap();
    let mut exchange = Exchange::chosen(pipeline, choice, "req-1", http_request());
    block_on(async {
        // As an HTTP short circuit of `c` would leave it.
        let _ = exchange.http_pre().await;
        exchange.http_post(http_response(418), render).await;
    });
    assert_eq!(short(&journal), "a:hpre c:hpre c:hpost a:hpost");
}
