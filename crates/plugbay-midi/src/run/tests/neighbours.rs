//! What one plugin does holds up no other: shown by who is done first, on one thread for all of them.

use super::*;

/// Computes until its fuel is used up.
const ENDLESS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "execute") (param i32 i32) (result i32) (loop $again (br $again)) (i32.const 0)))"#;

/// Sleeps, in a call of the host, until its time is up: it wants an hour.
const ASLEEP: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "execute") (param i32 i32) (result i32)
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 3600000000000))
        (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96))))"#;

/// The plugins in the order in which their calls ended, and how the run went. `a` is called first, then `b` three times.
async fn order(module: &str, limits: &str) -> (String, Summary) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a.wasm", module), ("b.wasm", ECHO)] {
        std::fs::write(folder.path().join(name), wat::parse_str(text).unwrap()).unwrap();
    }
    let config = format!("{CONFIG}[plugins.\"a.wasm\"]\nlimits = {{ {limits} }}\n");
    let config = Config::parse(&config, &Origin::new("c.toml", folder.path())).unwrap().config;
    let host = plugbay::Host::builder().build().unwrap();
    let mut runner = Runner::new(Arc::new(config));
    let control = runner.control();
    let mut feed = control.feed().listen();
    let summary = runner.run(&mut script(&[60, 62, 62, 62]), &host, pending()).await.unwrap();
    let mut order = String::new();
    while order.len() < 4 {
        let line: serde_json::Value = serde_json::from_str(&feed.next().await.unwrap()).unwrap();
        if line["kind"] == "done" {
            order.push_str(line["plugin"].as_str().unwrap());
        }
    }
    (order, summary)
}

#[tokio::test]
async fn a_plugin_that_runs_to_its_limit_holds_up_no_other() {
    let (order, summary) = order(ENDLESS, "fuel = 50000000").await;
    assert_eq!(order, "bbba");
    assert_eq!((summary.plugins[0].failed, summary.plugins[1].succeeded), (1, 3));
}

#[tokio::test]
async fn a_plugin_that_sleeps_in_the_host_holds_up_no_other() {
    let (order, summary) = order(ASLEEP, "timeout_ms = 200").await;
    assert_eq!(order, "bbba");
    assert_eq!((summary.plugins[0].failed, summary.plugins[1].succeeded), (1, 3));
}
