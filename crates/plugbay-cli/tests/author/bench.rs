//! `plugbay bench`: its figures are there and hang together; how large they are is the machine's.

use serde_json::Value;

use crate::cases::ECHO;
use crate::folder::Folder;

pub(crate) const INPUT: &str =
    r#"{"context":{},"request":{"provider":"p","model":"m","input":[],"params":{}}}"#;

#[test]
fn two_builds_are_measured_in_turn() {
    let slow = ECHO.replace(
        r#"(func (export "pre_hook") (param i32 i32) (result i64)"#,
        r#"(func (export "pre_hook") (param i32 i32) (result i64) (local $n i32)
             (loop $again (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))"#,
    );
    let folder = Folder::new()
        .with_module("echo.wasm", ECHO)
        .with_module("slow.wasm", &slow)
        .with("input.json", INPUT);
    let arguments = [
        "bench",
        "echo.wasm",
        "pre_hook",
        "--input",
        "input.json",
        "--against",
        "slow.wasm",
        "--engine",
        "both",
        "--calls",
        "40",
        "--json",
    ];
    let ended = folder.plugbay(&arguments);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let engines = report["engines"].as_array().unwrap();
    assert_eq!(engines.len(), 2);
    for engine in engines {
        let number =
            |of: &Value, key: &str| of[key].as_u64().unwrap_or_else(|| panic!("{key}: {of}"));
        let against = &engine["against"];
        for build in [engine, against] {
            assert!(
                number(build, "p50_ns") > 0 && number(build, "p50_ns") <= number(build, "p99_ns")
            );
            assert!((1..=40).contains(&number(build, "calls")), "{build}");
            assert_eq!((number(build, "instances"), number(build, "memory_bytes")), (1, 131_072));
        }
        assert!(number(against, "fuel") > number(engine, "fuel") + 1000, "{engine}");
        let ratio = |key: &str| against["time"][key].as_f64().unwrap();
        assert!(ratio("least") <= ratio("median") && ratio("median") <= ratio("most"));
        // A part of a call is no more than the call.
        assert!(number(engine, "documents_ns") <= number(engine, "documents_call_ns"), "{engine}");
        assert!((1..=40).contains(&number(engine, "documents_calls")), "{engine}");
        // An echo reads nothing of its document; what the host copies costs a little.
        assert!(number(engine, "fuel_per_kib") < 1024, "{engine}");
    }
}

#[test]
fn figures_are_for_people_too() {
    let folder = Folder::new().with_module("echo.wasm", ECHO).with(
        "tests/echo.json",
        format!(r#"{{"name": "an echo", "hook": "pre_hook", "input": {INPUT}}}"#),
    );
    let ended = folder.plugbay(&[
        "bench",
        "echo.wasm",
        "--fixtures",
        "tests",
        "--engine",
        "wasmi",
        "--calls",
        "5",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.starts_with("echo.wasm: an echo\n  wasmi     p50 "), "{}", ended.stdout);
    assert!(ended.stdout.contains("1 instance of 5 calls"), "{}", ended.stdout);
}

#[test]
fn a_call_that_fails_is_not_measured() {
    let folder = Folder::new().with_module("echo.wasm", ECHO).with("input.json", INPUT);
    let ended = folder.plugbay(&["bench", "echo.wasm", "post_hook", "--input", "input.json"]);
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    assert!(ended.stderr.contains("does not export `post_hook`"), "{}", ended.stderr);
    assert_eq!(folder.plugbay(&["bench", "echo.wasm"]).code, 2);
}
