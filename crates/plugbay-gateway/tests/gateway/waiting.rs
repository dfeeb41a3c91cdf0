//! New versions that ask for more than the one that serves.

use plugbay::policy::{Capability, Grant};
use plugbay::{GrantStore, Identity, module_hash};
use plugbay_gateway::PluginState;
use serde_json::json;

use crate::modules::{Folder, content, module, module_that_asks, module_with, only};

const FILES: &str = r#"["Filesystem"]"#;

fn grant(folder: &Folder, wasm: &[u8]) {
    let identity = Identity::new("lamp", module_hash(wasm), None);
    let files = Grant::none().with(Capability::Filesystem);
    let store = GrantStore::at(folder.path("grants.json"));
    store.update(|file| file.grant(&identity, &files)).unwrap();
}

#[tokio::test]
async fn a_version_that_asks_for_more_waits_until_it_is_granted() {
    let folder = Folder::new();
    let (one, two) = (module("one"), module_that_asks("two", FILES));
    folder.put("lamp.wasm", &one);
    let plugins = json!([{"path": "lamp.wasm", "name": "lamp"}]);
    let running = folder.start(plugins.clone()).await.unwrap();
    assert_eq!(content(&running).await, "one");

    folder.put("lamp.wasm", &two);
    for _ in 0..2 {
        running.reload().await.unwrap();
        assert_eq!(content(&running).await, "one", "the old version stays loaded");
        let report = only(&running);
        assert_eq!(report.status, PluginState::Active);
        assert_eq!(report.sha256, Some(module_hash(&one).to_string()));
        let error = report.error.unwrap();
        let command = format!("`plugbay grant {} Filesystem`", folder.path("lamp.wasm").display());
        assert!(error.contains("asks for Filesystem") && error.contains(&command), "{error}");
        assert!(error.contains(&module_hash(&two).to_string()), "{error}");
    }
    // It waits in the store, too, where `plugbay grants` finds it, and was ended each time.
    let requests = GrantStore::at(folder.path("grants.json")).read().unwrap().requests;
    assert_eq!((requests.len(), requests[0].sha256), (1, module_hash(&two)));
    assert_eq!((folder.lines.count("lamp: init"), folder.lines.count("lamp: cleanup")), (3, 2));

    grant(&folder, &two);
    running.reload().await.unwrap();
    assert_eq!((content(&running).await, only(&running).error), ("two".into(), None));
}

#[tokio::test]
async fn the_version_before_comes_back_in_the_place_of_one_that_waits() {
    let folder = Folder::new();
    folder.put("lamp.wasm", module("one"));
    let plugins = json!([{"path": "lamp.wasm", "name": "lamp"}]);
    let running = folder.start(plugins.clone()).await.unwrap();
    folder.put("lamp.wasm", module_that_asks("two", FILES));
    running.reload().await.unwrap();
    assert!(only(&running).error.is_some());
    folder.put("lamp.wasm", module("one"));
    running.reload().await.unwrap();
    assert_eq!((content(&running).await, only(&running).error), ("one".into(), None));

    // What asks for no more does not wait, with low risk that nobody has to grant, too.
    folder.put("lamp.wasm", module_that_asks("three", r#"["Network"]"#));
    running.reload().await.unwrap();
    assert_eq!((content(&running).await, only(&running).error), ("three".into(), None));
}

#[tokio::test]
async fn what_the_version_before_goes_without_holds_up_nothing() {
    let folder = Folder::new();
    // At a first start there is no version to stay: it runs without.
    folder.put("lamp.wasm", module_that_asks("one", FILES));
    let plugins = json!([{"path": "lamp.wasm", "name": "lamp"}]);
    let running = folder.start(plugins.clone()).await.unwrap();
    assert_eq!((content(&running).await, only(&running).error), ("one".into(), None));
    folder.put("lamp.wasm", module_that_asks("two", FILES));
    running.reload().await.unwrap();
    assert_eq!((content(&running).await, only(&running).error), ("two".into(), None));
    folder.put("lamp.wasm", module_that_asks("three", r#"["Filesystem", "Subprocess"]"#));
    running.reload().await.unwrap();
    assert_eq!(content(&running).await, "two");
    let error = only(&running).error.unwrap();
    assert!(error.contains("asks for Subprocess, which"), "{error}");
}

/// Grants of an unsigned module are for its very bytes: another one has to be granted anew.
#[tokio::test]
async fn a_version_that_loses_its_grant_waits_and_a_configuration_gives_and_takes() {
    let folder = Folder::new();
    let (one, two) = (module_that_asks("one", FILES), module_that_asks("two", FILES));
    grant(&folder, &one);
    folder.put("lamp.wasm", &one);
    let plain = json!({"path": "lamp.wasm", "name": "lamp"});
    let running = folder.start(json!([plain])).await.unwrap();
    folder.put("lamp.wasm", &two);
    running.reload().await.unwrap();
    assert_eq!(content(&running).await, "one");

    let rest = json!({"reload": {"watch": false}});
    let mut given = plain.clone();
    given["capabilities"] = json!(["Filesystem"]);
    folder.configure(json!([given]), rest.clone());
    running.reload().await.unwrap();
    assert_eq!((content(&running).await, only(&running).error), ("two".into(), None));
    // The same module without what the configuration gave is no new version: it goes without.
    folder.configure(json!([plain]), rest);
    running.reload().await.unwrap();
    assert_eq!((content(&running).await, only(&running).error), ("two".into(), None));
}

/// A hook plugin has no export to ask by. One that calls for files waits where the one before had some.
#[tokio::test]
async fn a_hook_plugin_that_loses_what_it_has_functions_for_waits() {
    let folder = Folder::new();
    let import = r#"(import "plugbay" "kv_get" (func (param i32 i32) (result i32)))"#;
    let (one, two) = (module_with("one", import, ""), module_with("two", import, ""));
    grant(&folder, &one);
    folder.put("lamp.wasm", &one);
    let plugins = json!([{"path": "lamp.wasm", "name": "lamp"}]);
    let running = folder.start(plugins).await.unwrap();
    folder.put("lamp.wasm", &two);
    running.reload().await.unwrap();
    assert_eq!(content(&running).await, "one");
    assert!(only(&running).error.unwrap().contains("asks for Filesystem"));
    grant(&folder, &two);
    running.reload().await.unwrap();
    assert_eq!((content(&running).await, only(&running).error), ("two".into(), None));
    // One that has no use for it waits for nothing.
    folder.put("lamp.wasm", module("three"));
    running.reload().await.unwrap();
    assert_eq!((content(&running).await, only(&running).error), ("three".into(), None));
}
