//! Keys in a request's headers: who sees them, and what goes on.

use std::collections::VecDeque;

use super::*;

/// A plugin that does something to a request and sees its keys, or not.
struct Part<'a>(&'a str, &'a str, bool);

fn exchange(parts: &[Part<'_>], headers: &[(&str, &str)]) -> (Journal, Exchange) {
    let journal = Journal::default();
    let entry = |Part(name, output, see_credentials): &Part<'_>| PluginEntry {
        see_credentials: *see_credentials,
        ..PluginEntry::new(Arc::new(plugin(&journal, name, &[(Hook::HttpPre, output)])))
    };
    let pipeline = Pipeline::new(parts.iter().map(entry).collect(), Arc::new(ManualClock::new()));
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let request = HttpRequest { headers: headers.iter().map(pair).collect(), ..http_request() };
    (journal, Exchange::new(Arc::new(pipeline), "req-1", request))
}

/// What a plugin saw of the request in one hook.
fn saw(journal: &Journal, plugin: &str, hook: &str) -> Value {
    journal.inputs(plugin, hook)[0]["request"]["headers"].clone()
}

const KEYS: [(&str, &str); 3] =
    [("accept", "*/*"), ("authorization", "Bearer sk-secret"), ("x-api-key", "sk-other")];

#[test]
fn each_plugin_sees_keys_only_if_it_may_in_every_hook() {
    let parts = [Part("a", "{}", false), Part("b", "{}", true), Part("c", "{}", false)];
    let (journal, mut exchange) = exchange(&parts, &KEYS);
    block_on(async {
        assert!(matches!(exchange.http_pre().await, HttpPreFlow::Continue));
        exchange.chunk(raw(json!({})), &mut VecDeque::new()).await.unwrap();
        exchange.http_post(http_response(200), render).await;
    });
    let masked = json!({"accept": "*/*", "authorization": "Bearer ***", "x-api-key": "***"});
    let plain =
        json!({"accept": "*/*", "authorization": "Bearer sk-secret", "x-api-key": "sk-other"});
    for hook in ["http_pre_hook", "http_stream_chunk_hook", "http_post_hook"] {
        for (plugin, wanted) in [("a", &masked), ("b", &plain), ("c", &masked)] {
            assert_eq!(&saw(&journal, plugin, hook), wanted, "{plugin} {hook}");
        }
    }
    assert_eq!(serde_json::to_value(&exchange.revealed().headers).unwrap(), plain);
    assert_eq!(serde_json::to_value(&exchange.request().headers).unwrap(), masked);
}

#[test]
fn what_goes_on_is_the_true_key_unless_somebody_set_another() {
    let set = |value: &str| {
        json!({"request": {"headers": {"accept": "a", "authorization": value}}}).to_string()
    };
    let removed = json!({"request": {"headers": {"accept": "a"}}}).to_string();
    // Whether the plugin sees keys, what it returns, what goes on, what the next one sees.
    for (sees, output, goes_on, next) in [
        (false, set("Bearer ***"), Some("Bearer sk-secret"), Some("Bearer ***")),
        (false, set("Bearer mine"), Some("Bearer mine"), Some("Bearer ***")),
        (false, set("mine"), Some("mine"), Some("***")),
        (false, set(""), Some(""), Some("")),
        (false, removed.clone(), None, None),
        (true, set("Bearer sk-secret"), Some("Bearer sk-secret"), Some("Bearer ***")),
        (true, set("Bearer ***"), Some("Bearer sk-secret"), Some("Bearer ***")),
        (true, set("Bearer mine"), Some("Bearer mine"), Some("Bearer ***")),
        (true, removed, None, None),
    ] {
        let parts = [Part("a", &output, sees), Part("next", "{}", false), Part("open", "{}", true)];
        let (journal, mut exchange) = exchange(&parts, &KEYS);
        block_on(exchange.http_pre());
        let seen = |plugin| saw(&journal, plugin, "http_pre_hook")["authorization"].clone();
        assert_eq!(seen("next"), json!(next), "{output}");
        assert_eq!(seen("open"), json!(goes_on), "{output}");
        let going_on = exchange.revealed().headers.get("authorization").map(String::as_str);
        assert_eq!(going_on, goes_on, "{output}");
    }
}

#[test]
fn a_key_that_was_removed_does_not_come_back_by_its_mask() {
    let parts = [
        Part("a", r#"{"request": {"headers": {}}}"#, false),
        Part("b", r#"{"request": {"headers": {"authorization": "Bearer ***"}}}"#, false),
    ];
    let (_, mut exchange) = exchange(&parts, &KEYS);
    block_on(exchange.http_pre());
    assert_eq!(exchange.revealed().headers["authorization"], "Bearer ***");
}
