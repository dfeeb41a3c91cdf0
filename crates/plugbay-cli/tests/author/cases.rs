//! `plugbay test`, on modules that are small enough to read.

use expect_test::expect;

use crate::folder::Folder;

/// Returns what it is given, and prints nothing.
pub(crate) const ECHO: &str = r#"(module
    (memory (export "memory") 2)
    (data (i32.const 16) "echo")
    (global $next (mut i32) (i32.const 4096))
    (func (export "malloc") (param $size i32) (result i32)
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get $size))))
    (func (export "free") (param i32 i32) (global.set $next (i32.const 4096)))
    (func (export "get_name") (result i64) (i64.const 0x1000000004))
    (func (export "pre_hook") (param i32 i32) (result i64)
      (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))"#;

/// Asks its host for a page, and returns the status as `{"context":{"status":nnn}}`; without the grant, a failure.
const ASKER: &str = r#"(module
    (import "plugbay" "http_request" (func $ask (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (data (i32.const 16) "asker")
    (data (i32.const 64) "{\"method\":\"POST\",\"url\":\"https://api.example.org/a\"}")
    (data (i32.const 256) "hello")
    (data (i32.const 512) "{\"context\":{\"status\":000}}")
    (data (i32.const 768) "{\"error\":\"refused\"}")
    (func (export "malloc") (param i32) (result i32) (i32.const 4096))
    (func (export "free") (param i32 i32))
    (func (export "get_name") (result i64) (i64.const 0x1000000005))
    (func (export "pre_hook") (param i32 i32) (result i64) (local $status i32)
      (local.set $status (call $ask (i32.const 64) (i32.const 51) (i32.const 256) (i32.const 5)))
      (if (i32.lt_s (local.get $status) (i32.const 0)) (then (return (i64.const 0x30000000013))))
      (i32.store8 (i32.const 533) (i32.add (i32.const 48) (i32.div_u (local.get $status) (i32.const 100))))
      (i32.store8 (i32.const 534) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $status) (i32.const 10)) (i32.const 10))))
      (i32.store8 (i32.const 535) (i32.add (i32.const 48) (i32.rem_u (local.get $status) (i32.const 10))))
      (i64.const 0x2000000001a)))"#;

const CASES: &str = r#"[
  { "name": "it passes", "hook": "pre_hook", "input": { "a": 1 }, "expect": { "output": { "a": 1.0 } } },
  { "name": "it differs", "hook": "pre_hook", "input": { "a": { "b": [1, 2] } }, "expect": { "paths": { "$.a.b[1]": 3, "$.a.c": null, "$..b[*]": [1] } } }
]
"#;

fn echo() -> Folder {
    Folder::new().with_module("build/echo.wasm", ECHO).with("tests/cases.json", CASES)
}

#[test]
fn what_differs_is_told() {
    let folder = echo();
    folder.plugbay(&["test"]).check(
        1,
        expect![[r#"
        ok   cases.json: it passes [wasmtime]
        ok   cases.json: it passes [wasmi]
        FAIL cases.json: it differs [wasmtime]
               $..b[*]
                 wanted [1]
                 found  [1,2]
               $.a.b[1]
                 wanted 3
                 found  2
               $.a.c
                 wanted null
                 found  nothing
        FAIL cases.json: it differs [wasmi]
               $..b[*]
                 wanted [1]
                 found  [1,2]
               $.a.b[1]
                 wanted 3
                 found  2
               $.a.c
                 wanted null
                 found  nothing
        2 failed, 2 passed
    "#]],
        expect![[""]],
    );
    folder.plugbay(&["test", "--filter", "passes"]).check(
        0,
        expect![[r#"
        ok   cases.json: it passes [wasmtime]
        ok   cases.json: it passes [wasmi]
        2 passed
    "#]],
        expect![[""]],
    );
    folder.plugbay(&["test", "--engine", "wasmi", "--format", "tap"]).check(
        1,
        expect![[r#"
            TAP version 14
            1..2
            ok 1 - cases.json: it passes [wasmi]
            not ok 2 - cases.json: it differs [wasmi]
              ---
              differences:
                - place: "$..b[*]"
                  wanted: "[1]"
                  found: "[1,2]"
                - place: "$.a.b[1]"
                  wanted: "3"
                  found: "2"
                - place: "$.a.c"
                  wanted: "null"
                  found: "nothing"
              ...
        "#]],
        expect![[""]],
    );
}

#[test]
fn reports_are_for_other_programs() {
    let folder = echo();
    let reports = [
        "--report",
        "junit=junit.xml",
        "--report",
        "tap=report.tap",
        "--report",
        "json=report.json",
    ];
    let ended = folder
        .plugbay(&[&["test", "--engine", "wasmi", "--format", "json"][..], &reports].concat());
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&report["passed"], &report["failed"]), (&1.into(), &1.into()));
    assert_eq!(report["cases"][1]["differences"][0]["place"], "$..b[*]");
    assert!(report["cases"][0]["fuel"].as_u64().unwrap() > 0);
    assert_eq!(folder.read("report.json"), ended.stdout);
    assert!(folder.read("report.tap").starts_with("TAP version 14\n1..2\nok 1 - "));
    let junit = folder.read("junit.xml");
    assert!(junit.contains(r#"tests="2" skipped="0" failures="1""#), "{junit}");
    assert!(junit.contains("$.a.b[1]"), "{junit}");
}

#[test]
fn what_came_is_written_into_the_cases() {
    let folder = echo();
    let ended = folder.plugbay(&["test", "--update"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stderr, "1 case updated: see what changed before you keep it\n");
    expect![[r#"
        [
          {
            "name": "it passes",
            "hook": "pre_hook",
            "input": { "a": 1 },
            "expect": { "output": { "a": 1.0 } }
          },
          {
            "name": "it differs",
            "hook": "pre_hook",
            "input": { "a": { "b": [1, 2] } },
            "expect": { "paths": { "$.a.b[1]": 2, "$..b[*]": [1, 2] } }
          }
        ]
    "#]]
    .assert_eq(&folder.read("tests/cases.json"));
    assert_eq!(folder.plugbay(&["test"]).code, 0);
}

fn asker(rest: &str) -> Folder {
    let case = format!(r#"{{ "name": "asks", "hook": "pre_hook", {rest} }}"#);
    Folder::new().with_module("asker.wasm", ASKER).with("tests/asks.json", case)
}

const GRANT: &str = r#""grants": { "Network": { "hosts": ["api.example.org"] } }"#;

#[test]
fn the_host_answers_as_the_case_says() {
    let call = r#""calls": [{ "function": "http_request", "with": { "method": "POST", "url": "https://api.example.org/a", "body": "hello" }, "answer": { "status": 204 } }]"#;
    let folder = asker(&format!(
        r#"{GRANT}, {call}, "expect": {{ "output": {{ "context": {{ "status": 204 }} }} }}"#
    ));
    let ended = folder.plugbay(&["test"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn calls_that_nobody_expects_and_calls_that_never_come_fail() {
    let call = r#""calls": [{ "function": "http_request", "with": { "url": "https://api.example.org/b" } }, { "function": "run", "with": { "program": "ls" } }]"#;
    let folder = asker(&format!("{GRANT}, {call}"));
    folder.plugbay(&["test", "--engine", "wasmi"]).check(
        1,
        expect![[r#"
        FAIL asks.json: asks [wasmi]
               calls[0].with.url
                 wanted "https://api.example.org/b"
                 found  "https://api.example.org/a"
               calls[1]
                 wanted run {"program":"ls"}
                 found  no call
        1 failed, 0 passed
    "#]],
        expect![[""]],
    );
    let folder = asker(&format!(r#"{GRANT}, "expect": {{ "error": "refused" }}"#));
    folder.plugbay(&["test", "--engine", "wasmi"]).check(1, expect![[r#"
        FAIL asks.json: asks [wasmi]
               calls[0]
                 wanted no such call here
                 found  http_request {"body":"hello","headers":{},"method":"POST","url":"https://api.example.org/a"}
        1 failed, 0 passed
    "#]], expect![[""]]);
}

#[test]
fn what_is_not_granted_is_denied() {
    let call = r#""calls": [{ "function": "denied", "with": { "capability": "Network" } }]"#;
    let folder = asker(&format!(r#"{call}, "expect": {{ "error": "refused" }}"#));
    let ended = folder.plugbay(&["test"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    // Another host than the one that is granted.
    let grant = r#""grants": { "Network": { "hosts": ["www.example.org"] } }"#;
    let folder = asker(&format!(r#"{grant}, {call}, "expect": {{ "error": "refused" }}"#));
    let ended = folder.plugbay(&["test"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn answers_can_be_failures_and_limits_hold() {
    let call = r#""calls": [{ "function": "http_request", "answer": { "fails": "timeout" } }]"#;
    let folder = asker(&format!(r#"{GRANT}, {call}, "expect": {{ "error": "refused" }}"#));
    assert_eq!(folder.plugbay(&["test"]).code, 0);
    let folder = Folder::new().with_module("echo.wasm", ECHO).with(
        "tests/fuel.json",
        r#"[{ "name": "too little", "hook": "pre_hook", "limits": { "fuel": 5 }, "expect": { "error": "fuel" } },
            { "name": "too much", "hook": "pre_hook", "expect": { "max_fuel": 1, "max_memory_bytes": 65536 } }]"#,
    );
    let ended = folder.plugbay(&["test", "--engine", "wasmi"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("ok   fuel.json: too little [wasmi]"), "{}", ended.stdout);
    assert!(ended.stdout.contains("wanted 65536 bytes at most"), "{}", ended.stdout);
    assert!(ended.stdout.contains("wanted 1 units at most"), "{}", ended.stdout);
}

#[test]
fn steps_share_an_instance_and_say_where_they_differ() {
    let folder = Folder::new().with_module("echo.wasm", ECHO).with(
        "tests/steps.json",
        r#"{ "name": "two", "steps": [
            { "hook": "pre_hook", "input": { "n": 1 } },
            { "hook": "pre_hook", "input": { "n": 2 }, "expect": { "output": { "n": 3 } } }] }"#,
    );
    folder.plugbay(&["test", "--engine", "wasmi"]).check(
        1,
        expect![[r#"
        FAIL steps.json: two [wasmi]
               steps[1]: $.n
                 wanted 3
                 found  2
        1 failed, 0 passed
    "#]],
        expect![[""]],
    );
}

#[test]
fn cases_that_are_none_are_told_with_their_place() {
    for (case, wanted) in [
        ("{", "cases.json: "),
        (r#"{"hook": "pre_hook"}"#, "missing field `name`"),
        (r#"{"name": "x"}"#, "found neither `hook` nor `action`"),
        (
            r#"{"name": "x", "hook": "prehook"}"#,
            "hook: found `prehook`, wanted one of http_pre_hook",
        ),
        (r#"{"name": "x", "action": "run"}"#, "action: found `run`, wanted `execute`"),
        (r#"{"name": "x", "hook": "pre_hook", "expects": {}}"#, "unknown field `expects`"),
        (r#"{"name": "x", "hook": "pre_hook", "time": "soon"}"#, "time: found \"soon\""),
        (
            r#"{"name": "x", "hook": "pre_hook", "expect": {"paths": {"a.b": 1}}}"#,
            "`a.b` is no JSONPath",
        ),
        (
            r#"{"name": "x", "hook": "pre_hook", "calls": [{"function": "http_get"}]}"#,
            "found the function `http_get`",
        ),
        (
            r#"{"name": "x", "hook": "pre_hook", "calls": [{"function": "run", "answer": {"exit": 1}}]}"#,
            "`run` has the answer `exit`, wanted one of status, stdout, stderr, fails",
        ),
        (r#"{"name": "x", "hook": "pre_hook", "stream": {"chunks": []}}"#, "stream: is for"),
        (
            r#"{"name": "x", "hook": "pre_hook", "steps": [{"hook": "pre_hook"}]}"#,
            "`steps` beside a call",
        ),
        (
            r#"[{"name": "x", "hook": "pre_hook"}, {"name": "x", "hook": "pre_hook"}]"#,
            "two cases have the name",
        ),
    ] {
        let folder = Folder::new().with_module("echo.wasm", ECHO).with("tests/cases.json", case);
        let ended = folder.plugbay(&["test"]);
        assert_eq!((ended.code, &*ended.stdout), (2, ""), "{case}: {}", ended.stderr);
        assert!(ended.stderr.contains(wanted), "{case}: {}", ended.stderr);
    }
}

#[test]
fn what_is_not_there_is_said() {
    for (folder, arguments, wanted) in [
        (
            Folder::new(),
            &["test"][..],
            ". has no module: looked for *.wasm in it and in its build, target/wasm32-unknown-unknown/release, \
             target/wasm32-wasip1/release, zig-out/bin. Build the plugin first, or name the file, with --fixtures",
        ),
        (
            Folder::new().with_module("echo.wasm", ECHO),
            &["test"],
            "there is no folder ./tests: name the test cases with --fixtures",
        ),
        (echo(), &["test", "--filter", "nothing"], "none of 2 cases fits --filter nothing"),
        (
            echo().with_module("build/other.wasm", ECHO),
            &["test"],
            "./build has several modules (./build/echo.wasm, ./build/other.wasm): name one, with --fixtures",
        ),
    ] {
        let ended = folder.plugbay(arguments);
        assert_eq!((ended.code, &*ended.stdout), (2, ""));
        assert_eq!(ended.stderr, format!("plugbay: error: {wanted}\n"));
    }
}
