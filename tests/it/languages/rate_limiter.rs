//! The rate limiter: one count for all instances and all languages, since the state that they keep is the same.

use std::sync::Arc;
use std::time::SystemTime;
use std::{array, thread};

use plugbay::abi::hook::Body;
use plugbay::abi::interface::Hook;
use plugbay::{DataRoot, Instances, Plugin, PluginOptions};
use serde_json::{Value, json};

use super::{Noted, call, check_refused, configured, host, load, module, value};
use crate::support::{BACKENDS, folder};

fn minute() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    now.as_secs() / 60
}

/// Runs what must not see two minutes, again if it did.
fn in_one_minute(mut once: impl FnMut()) {
    for _ in 0..2 {
        let before = minute();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut once));
        match result {
            Ok(()) => return,
            Err(panic) if minute() == before => std::panic::resume_unwind(panic),
            // The minute ended in the middle.
            Err(_) => {}
        }
    }
    once();
}

fn from_client(headers: Value) -> String {
    json!({"context": {}, "request": {"method": "GET", "path": "/", "headers": headers, "query": {}, "body": ""}})
        .to_string()
}

pub(super) fn rate_limiter(language: &str) {
    for engine in BACKENDS {
        in_one_minute(|| limits(engine, &module("rate_limiter", language)));
    }
}

fn limits(engine: &str, module: &str) {
    let folder = folder();
    let noted = Arc::new(Noted::default());
    let host = host(engine, &noted).data(DataRoot::new(folder.path())).build().unwrap();
    let grant = || serde_json::from_value(json!({"Filesystem": {}})).unwrap();
    // The same name, and so the same kept state, for all of these.
    let named = |config: Value| configured("limiter", &config).with_grant(grant());
    let limiter = |module: &str, config: Value| load(&host, module, named(config));
    let ask = |plugin: &Plugin, headers: Value| {
        value(&call(plugin, Hook::HttpPre, &from_client(headers)))
    };
    let counted = |count: u64| json!({"context": {"requests_this_minute": count}});
    let kept = limiter("toolbox_rust", json!({}));
    let keep = |tool: Value| {
        let request = json!({"request": {"params": {"tool": tool}}}).to_string();
        value(&call(&kept, Hook::Pre, &request))["context"]["tool"].clone()
    };

    let mine = limiter(module, json!({"per_minute": 2}));
    let ada = json!({"x-client-id": "ada"});
    noted.calls.lock().unwrap().clear();
    assert_eq!(ask(&mine, ada.clone()), counted(1), "{module} on {engine}");
    assert_eq!(*noted.calls.lock().unwrap(), ["now", "kv_get", "kv_swap"], "{module} on {engine}");
    assert_eq!(ask(&mine, json!({"X-Client-ID": "ada"})), counted(2), "{module} on {engine}");
    let stored = keep(json!({"call": "kv_get", "key": "count/ada"}));
    assert_eq!(stored["text"], format!("{} 2", minute()), "{module} on {engine}");
    let refused = ask(&mine, ada.clone());
    let mut response = refused["response"].clone();
    let body = Body::from_base64(response["body"].take().as_str().unwrap()).unwrap();
    let body: Value = serde_json::from_slice(body.bytes()).unwrap();
    let message = "2 requests in a minute are enough";
    assert_eq!(body, json!({"error": {"message": message, "type": "rate_limit_error"}}));
    let wait = response["headers"]["retry-after"].take();
    let wait: u64 = wait.as_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{module} on {engine}: {wait}");
    let headers = json!({"content-type": "application/json", "retry-after": null});
    assert_eq!(response, json!({"status_code": 429, "headers": headers, "body": null}));
    assert_eq!(
        (&refused["has_response"], &refused["context"]),
        (&json!(true), &counted(3)["context"])
    );

    // Rust's counts on from there, and this one from Rust's.
    let rust = limiter("rate_limiter", json!({}));
    let mine = limiter(module, json!({}));
    assert_eq!(ask(&rust, ada.clone()), counted(4), "{module} on {engine}");
    assert_eq!(ask(&mine, ada.clone()), counted(5), "{module} on {engine}");
    for odd in [
        "not a count",
        "",
        "1 2 3",
        "7 -1",
        &format!("{} x", minute()),
        &format!("{} 7", minute() - 1),
    ] {
        keep(json!({"call": "kv_set", "key": "count/ada", "value": odd}));
        assert_eq!(ask(&mine, ada.clone()), counted(1), "{module} on {engine}: {odd:?}");
    }
    assert_eq!(ask(&mine, json!({})), counted(1), "{module} on {engine}");
    assert_eq!(ask(&mine, json!({"x-client-id": "anonymous"})), counted(2), "{module} on {engine}");
    let other = limiter(module, json!({"client_header": "X-Key"}));
    assert_eq!(ask(&other, json!({"x-key": "bob", "x-client-id": "ada"})), counted(1));
    // 200 characters of a client count, whatever each takes.
    for letter in ["x", "ü", "😀"] {
        let client = |more: &str| json!({"x-client-id": letter.repeat(199) + more});
        assert_eq!(ask(&mine, client("")), counted(1), "{module} on {engine}: {letter}");
        assert_eq!(ask(&mine, client("ab")), counted(1), "{module} on {engine}: {letter}");
        assert_eq!(ask(&mine, client("ac")), counted(2), "{module} on {engine}: {letter}");
    }

    several_instances(engine, module, &limiter, &ask);
    without_state(engine, module);
}

/// Several instances at once lose no count.
fn several_instances(
    engine: &str,
    module: &str,
    limiter: &dyn Fn(&str, Value) -> Plugin,
    ask: &(dyn Fn(&Plugin, Value) -> Value + Sync),
) {
    let plugins: [Plugin; 2] = array::from_fn(|_| limiter(module, json!({"per_minute": 1000})));
    let mut counts: Vec<u64> = thread::scope(|scope| {
        let calls = |plugin| {
            let answers = (0..6).map(move |_| ask(plugin, json!({"x-client-id": "all"})));
            answers
                .map(|answer| answer["context"]["requests_this_minute"].as_u64().unwrap())
                .collect()
        };
        let threads: [_; 4] = array::from_fn(|at| {
            let plugin = &plugins[at % 2];
            scope.spawn(move || -> Vec<u64> { calls(plugin) })
        });
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    counts.sort_unstable();
    assert_eq!(counts, (1..=24).collect::<Vec<u64>>(), "{module} on {engine}");
}

/// Who may keep nothing, or is configured wrongly, is told so.
fn without_state(engine: &str, module: &str) {
    let input = from_client(json!({}));
    let host = host(engine, &Arc::default()).build().unwrap();
    let fails = |module: &str, options: PluginOptions| {
        let plugin = load(&host, module, options.with_instances(Instances::SINGLE));
        let output = value(&call(&plugin, Hook::HttpPre, &input));
        assert!(output["error"].is_string(), "{module} on {engine}: {output}");
        output
    };
    let grant = || serde_json::from_value(json!({"Filesystem": {}})).unwrap();
    let named = || PluginOptions::named("limiter");
    assert_eq!(fails(module, named()), fails("rate_limiter", named()));
    assert_eq!(
        fails(module, named().with_grant(grant())),
        fails("rate_limiter", named().with_grant(grant()))
    );
    check_refused(
        engine,
        module,
        &[
            (json!({"per_minute": 0}), "config.per_minute: nobody could ever ask"),
            (json!({"per_minute": -1}), "config.per_minute: expected u64, found another number"),
            (json!({"per_minute": "1"}), "config.per_minute: expected u64, found a string"),
            (json!({"client_header": []}), "config.client_header: expected a string, found a list"),
            (
                json!({"per_minut": 1}),
                "config: unknown field `per_minut`, expected `per_minute` or `client_header`",
            ),
        ],
    );
}
