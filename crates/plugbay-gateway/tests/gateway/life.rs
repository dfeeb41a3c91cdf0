//! Plugins that do not load, are loaded again, and take each other's place.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use plugbay_gateway::PluginState;
use serde_json::json;

use crate::client::Client;
use crate::modules::{Folder, chat, content, module, only, state, until};
use crate::support::plain;

#[tokio::test]
async fn what_does_not_load_keeps_nothing_from_starting_and_lets_nothing_through() {
    let folder = Folder::new();
    let plugins = json!([{"path": "one.wasm", "name": "one"}]);
    let running = folder.start(plugins.clone()).await.unwrap();
    let report = only(&running);
    assert_eq!((report.name.as_str(), report.status), ("one", PluginState::Error));
    assert!(report.error.unwrap().contains("one.wasm"));
    let refused = chat(&running).await;
    assert_eq!(refused.status(), 502);
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "plugin `one` failed in `http_pre_hook`: it is not loaded");
    // It stays away as long as it is not there, which keeps nothing else from changing.
    running.reload().await.unwrap();
    assert_eq!(state(&running), PluginState::Error);

    folder.put("one.wasm", module("one"));
    running.reload().await.unwrap();
    assert_eq!((content(&running).await, state(&running)), ("one".into(), PluginState::Active));
    assert!(running.shutdown().await.failed_cleanups.is_empty());
    assert_eq!((folder.lines.count("one: init"), folder.lines.count("one: cleanup")), (1, 1));

    let open = json!([{"path": "gone.wasm", "on_error": "open"}]);
    let running = folder.start(open).await.unwrap();
    assert_eq!((content(&running).await, state(&running)), ("hi".into(), PluginState::Error));
    assert_eq!(only(&running).name, "gone", "not where it is");

    let required = json!([{"path": "one.wasm"}, {"path": "gone.wasm", "required": true}]);
    let error = folder.start(required).await.err().unwrap().to_string();
    assert!(error.contains("gone.wasm"), "{error}");
    assert_eq!(folder.lines.count("one: cleanup"), 2, "what was loaded before is ended");
}

#[tokio::test]
async fn one_file_may_be_two_plugins() {
    let folder = Folder::new();
    folder.put("one.wasm", module("one"));
    let twice = json!([{"path": "one.wasm", "name": "a"}, {"url": "one.wasm", "name": "b"}]);
    let running = folder.start(twice).await.unwrap();
    let report = running.report();
    let names: Vec<_> = report.iter().map(|it| (it.name.as_str(), it.status)).collect();
    assert_eq!(names, [("a", PluginState::Active), ("b", PluginState::Active)]);
    assert_eq!(report[0].sha256, report[1].sha256);

    let same = json!([{"path": "one.wasm"}, {"path": "./one.wasm", "on_error": "open"}]);
    let running = folder.start(same).await.unwrap();
    let report = running.report();
    assert_eq!((report[0].name.as_str(), report[0].status), ("itself", PluginState::Active));
    assert!(report[1].error.as_ref().unwrap().contains("two plugins are called `itself`"));
}

#[tokio::test]
async fn a_pinned_module_is_the_only_one() {
    let folder = Folder::new();
    folder.put("one.wasm", module("one"));
    let hash = plugbay::module_hash(&module("one")).to_string();
    let plugins = |sha256: &str| json!([{"path": "one.wasm", "sha256": sha256, "version": "7"}]);
    let running = folder.start(plugins(&hash)).await.unwrap();
    let report = only(&running);
    assert_eq!((report.status, report.sha256.as_ref()), (PluginState::Active, Some(&hash)));
    assert_eq!(report.version.as_deref(), Some("7"));
    let other = "0".repeat(64);
    let running = folder.start(plugins(&other)).await.unwrap();
    let error = only(&running).error.unwrap();
    assert!(error.contains(&hash) && error.contains(&other), "{error}");
    assert_eq!(folder.lines.count("one: init"), 1, "nothing of it has run");
}

#[tokio::test]
async fn a_change_that_does_not_load_leaves_all_as_it_was() {
    let folder = Folder::new();
    folder.put("one.wasm", module("one"));
    let canary = json!({"hook": "pre_hook",
        "input": {"context": {}, "request": {"provider": "mock", "model": "echo", "input": [], "params": {}}},
        "output": {"has_short_circuit": true}});
    let plugins = json!([{"path": "one.wasm", "name": "one", "canary": canary}]);
    let running = folder.start(plugins.clone()).await.unwrap();
    let rest = json!({"reload": {"watch": false}});
    let wasm = |bytes: Vec<u8>| folder.put("one.wasm", bytes);
    let steps: [(&str, &dyn Fn(), &str); 5] = [
        ("no module", &|| wasm(b"no module".to_vec()), "plugin `one`"),
        ("a failed canary", &|| wasm(module("")), "its canary call of `pre_hook` failed"),
        ("no file", &|| std::fs::remove_file(folder.path("one.wasm")).unwrap(), "one.wasm"),
        ("no JSON", &|| folder.put("config.json", "{"), "EOF"),
        (
            "one that is new and one that is broken",
            &|| {
                let both = json!([{"path": "one.wasm", "name": "one"}, {"path": "two.wasm"}]);
                drop(folder.configure(both, rest.clone()));
            },
            ".wasm",
        ),
    ];
    for (what, change, wanted) in steps {
        change();
        let error = running.reload().await.unwrap_err().to_string();
        assert!(error.contains(wanted), "{what}: {error}");
        assert_eq!(content(&running).await, "one", "{what}");
        assert_eq!(state(&running), PluginState::Active, "{what}");
    }
    wasm(module("two"));
    folder.configure(plugins, rest);
    running.reload().await.unwrap();
    assert_eq!((content(&running).await, only(&running).error), ("two".into(), None));
}

#[tokio::test]
async fn a_version_that_fails_at_first_gives_its_place_back() {
    let folder = Folder::new();
    folder.put("one.wasm", module("one"));
    let breaker = json!({"failures": 2, "cooldown_ms": 3_600_000});
    let plugins = json!([{"path": "one.wasm", "breaker": breaker, "rollback": 3}]);
    let running = folder.start(plugins).await.unwrap();
    folder.put("one.wasm", module(""));
    running.reload().await.unwrap();
    assert!(only(&running).on_trial);
    for _ in 0..2 {
        assert_eq!(chat(&running).await.status(), 502);
    }
    until("the version before", async || !only(&running).on_trial).await;
    assert_eq!(content(&running).await, "one");
    assert!(only(&running).error.unwrap().contains("the one before is back"));
    // What failed is not tried again until there is something else.
    running.reload().await.unwrap();
    assert_eq!(content(&running).await, "one");

    folder.put("one.wasm", module("three"));
    running.reload().await.unwrap();
    for _ in 0..3 {
        assert_eq!(content(&running).await, "three");
    }
    until("the end of the trial", async || !only(&running).on_trial).await;
    assert_eq!(content(&running).await, "three");
    running.shutdown().await;
    // What traps gives way to another instance, and has no cleanup.
    assert_eq!((folder.lines.count("one: init"), folder.lines.count("one: cleanup")), (4, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_versions_change() {
    const VERSIONS: u64 = 40;
    let folder = Folder::new();
    let plugins = json!([{"path": "one.wasm", "name": "one", "rollback": 5, "instances": 2}]);
    folder.put("one.wasm", module("0"));
    let running = folder.start(plugins).await.unwrap();
    let (done, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let load = async || {
        let mut client = Client::connect(running.local_addr()).await;
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let version: u64 = client.chat(&plain("hi")).await.content().parse().unwrap();
            assert!(version >= last, "{version} after {last}");
            last = version;
            answered.fetch_add(1, Ordering::Relaxed);
        }
    };
    let reloads = async {
        for version in 1..=VERSIONS {
            let before = answered.load(Ordering::Relaxed);
            folder.put("one.wasm", module(&version.to_string()));
            running.reload().await.unwrap();
            until("an answer", async || answered.load(Ordering::Relaxed) > before).await;
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(load(), load(), load(), reloads);
    assert_eq!(content(&running).await, VERSIONS.to_string());
    let report = running.shutdown().await;
    assert_eq!((report.cut_off, report.failed_cleanups.len()), (0, 0));
    let versions = usize::try_from(VERSIONS).unwrap() + 1;
    let count = |line| folder.lines.count(line);
    assert!(count("one: init") >= versions);
    assert_eq!(count("one: init"), count("one: cleanup"), "each instance is ended");
}

#[tokio::test]
async fn files_are_watched() {
    let folder = Folder::new();
    folder.put("one.wasm", module("one"));
    let plugins = json!([{"path": "one.wasm"}]);
    let running = folder.start_with(plugins, json!({})).await.unwrap();
    assert_eq!(content(&running).await, "one");
    // What was watched too late is seen when it is put there once more.
    until("another module", async || {
        folder.put("one.wasm", module("two"));
        content(&running).await == "two"
    })
    .await;
    // Behind a link, the file that it leads to is.
    std::fs::create_dir(folder.path("releases")).unwrap();
    std::fs::write(folder.path("releases/1.wasm"), module("three")).unwrap();
    std::fs::remove_file(folder.path("one.wasm")).unwrap();
    std::os::unix::fs::symlink("releases/1.wasm", folder.path("one.wasm")).unwrap();
    until("a link", async || content(&running).await == "three").await;
    until("what a link leads to", async || {
        std::fs::write(folder.path("releases/1.wasm"), module("four")).unwrap();
        content(&running).await == "four"
    })
    .await;
    folder.configure(json!([{"path": "one.wasm", "enabled": false}]), json!({}));
    until("another configuration", async || content(&running).await == "hi").await;
    assert_eq!(state(&running), PluginState::Disabled);
}
