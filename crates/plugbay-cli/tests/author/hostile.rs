//! Cases and inputs that somebody made to break `plugbay test` and `plugbay bench`, or wrote in a hurry.

use expect_test::expect;

use crate::cases::ECHO;
use crate::folder::{Ended, Folder};

fn lists(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

fn tested(case: &str, more: &[&str]) -> (Folder, Ended) {
    let folder = Folder::new().with_module("echo.wasm", ECHO).with("tests/cases.json", case);
    let ended = folder.plugbay(&[&["test", "--engine", "wasmi"][..], more].concat());
    (folder, ended)
}

#[test]
fn paths_that_would_take_for_ever_are_refused_with_their_place() {
    let nested = |open: &str, close: &str, depth: usize| {
        format!("$[?{}@.a{}]", open.repeat(depth), close.repeat(depth))
    };
    for path in [
        nested("(", ")", 5_000),
        nested("@[?", "]", 2_000),
        nested("(", ")", 30),
        nested("@[?", "]", 25),
    ] {
        let case = format!(
            r#"{{"name": "deep", "steps": [{{"hook": "pre_hook"}}, {{"hook": "pre_hook", "expect": {{"paths": {{"{path}": 1}}}}}}]}}"#
        );
        let (_, ended) = tested(&case, &[]);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        for wanted in ["cases.json", "\"deep\"", "steps[1]", "expect.paths: `$[?", " at most"] {
            assert!(ended.stderr.contains(wanted), "{wanted}: {}", ended.stderr);
        }
        assert!(ended.stderr.len() < 500, "{}", ended.stderr);
    }
    // What is left is quick.
    let path = nested("@[?", "]", 7);
    let case =
        format!(r#"{{"name": "x", "hook": "pre_hook", "expect": {{"paths": {{"{path}": []}}}}}}"#);
    let (_, ended) = tested(&case, &[]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn what_is_nested_deep_is_updated_all_the_same() {
    let input = format!(r#"{{"a": {}}}"#, lists(3_000));
    let case = format!(
        r#"[{{"name": "deep", "hook": "pre_hook", "input": {input}}},
            {{"name": "flat", "hook": "pre_hook", "input": {{"a": 1}}, "expect": {{"output": {{}}}}}}]"#
    );
    let (folder, ended) = tested(&case, &["--update"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stderr, "2 cases updated: see what changed before you keep it\n");
    let written = folder.read("tests/cases.json");
    assert!(written.contains("its output is nested deeper than 127 levels"), "{written}");
    assert!(written.contains(r#""expect": { "output": { "a": 1 } }"#), "{written}");
    assert_eq!(written.matches('[').count(), 3_001);
    assert_eq!(folder.plugbay(&["test"]).code, 0);
}

#[test]
fn bounds_stay_as_they_are() {
    let case =
        r#"{"name": "costly", "hook": "pre_hook", "input": {"a": 1}, "expect": {"max_fuel": 1}}"#;
    let (folder, ended) = tested(case, &["--update"]);
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(folder.read("tests/cases.json"), case);
    assert!(!ended.stderr.contains("updated"), "{}", ended.stderr);
    for wanted in [
        "left cases.json: costly [wasmi]: max_fuel: wanted 1 units at most, found ",
        "not all cases pass now: max_fuel and max_memory_bytes stay as they are",
    ] {
        assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    }
    // What came is written, and the bound is still passed.
    let case = r#"{"name": "costly", "hook": "pre_hook", "input": {"a": 1}, "expect": {"output": {}, "max_fuel": 1}}"#;
    let (folder, ended) = tested(case, &["--update"]);
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.starts_with("1 case updated: "), "{}", ended.stderr);
    let written = folder.read("tests/cases.json");
    assert!(written.contains(r#""output": { "a": 1 }, "max_fuel": 1"#), "{written}");
}

#[test]
fn a_deep_input_is_measured() {
    let input = format!(
        r#"{{"context": {{"a": {}}}, "request": {{"provider": "p", "model": "m", "input": [], "params": {{}}}}}}"#,
        lists(126)
    );
    let folder = Folder::new().with_module("echo.wasm", ECHO).with("in.json", input);
    let bench = ["bench", "echo.wasm", "pre_hook", "--input", "in.json", "--calls", "3"];
    let ended = folder.plugbay(&bench);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("too few calls: 3; below 100"), "{}", ended.stdout);
    // Tests are run with a debug build; what is said of it is said there only.
    assert_eq!(ended.stdout.contains("a debug build of plugbay"), cfg!(debug_assertions));
}

#[test]
fn messages_are_in_words() {
    let deep = format!(
        r#"{{"name": "x", "hook": "pre_hook", "expect": {{"output": {}}}}}"#,
        lists(200_000)
    );
    for (case, wanted) in [
        ("7", "invalid type: integer `7`, expected an object"),
        ("[7]", "[0]: invalid type: integer `7`, expected an object"),
        (
            r#"{"name": "x", "hook": "pre_hook", "random": "1"}"#,
            "random: invalid type: string \"1\", expected a whole number that is not negative",
        ),
        ("[]", "tests/cases.json has no test cases: found an empty list"),
        (r#"{"name":"#, "cases.json: name: EOF while parsing a value at line 1 column 8"),
        (&deep, "recursion limit exceeded at line 1"),
    ] {
        let (_, ended) = tested(case, &[]);
        assert_eq!((ended.code, &*ended.stdout), (2, ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(wanted), "{wanted}: {}", ended.stderr);
        assert!(ended.stderr.len() < 400, "{}", ended.stderr);
        assert!(!ended.stderr.contains("--filter"), "{}", ended.stderr);
    }
    // What an editor put before it is no part of it.
    let marked = "\u{feff}{\"name\": \"x\", \"hook\": \"pre_hook\", \"expect\": {\"output\": 1}}";
    let (folder, ended) = tested(marked, &["--update"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let folder = folder.with("in.json", "\u{feff}{}");
    let call = folder.plugbay(&["call", "echo.wasm", "pre_hook", "--input", "in.json"]);
    assert_eq!(call.stdout, "{}\n", "{}", call.stderr);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_passed_over() {
    let case = r#"{"name": "x", "hook": "pre_hook"}"#;
    let (folder, ended) = tested(case, &[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let link = folder.path("tests/gone.json");
    std::os::unix::fs::symlink("nowhere.json", &link).unwrap();
    let ended = folder.plugbay(&["test"]);
    assert_eq!(ended.code, 2);
    let wanted = "gone.json is a link that leads nowhere";
    assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    std::fs::remove_file(link).unwrap();
    let pipe = folder.path("tests/pipe.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let ended = folder.plugbay(&["test"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("pipe.json is no file, but a pipe"), "{}", ended.stderr);
    let ended = folder.plugbay(&["test", "--fixtures", "tests/pipe.json"]);
    assert!(ended.stderr.contains("is neither a file nor a folder"), "{}", ended.stderr);
}

#[test]
fn what_is_missing_is_named_with_what_would_do_in_its_place() {
    let folder = Folder::new().with_module("echo.wasm", ECHO);
    folder.plugbay(&["bench", "echo.wasm", "pre_hook"]).check(2, expect![""], expect![[r#"
        plugbay: error: `pre_hook` needs an --input; without `pre_hook`, a test case of --fixtures is measured
    "#]]);
    folder.plugbay(&["bench", "echo.wasm"]).check(
        2,
        expect![""],
        expect![[r#"
        plugbay: error: found no call, wanted EXPORT with --input, or a test case of --fixtures
    "#]],
    );
    folder.plugbay(&["call", "-", "pre_hook", "--input", "-"]).check(
        2,
        expect![""],
        expect![[r#"
        plugbay: error: `-` is given twice: standard input can be read for one of them only
    "#]],
    );
}
