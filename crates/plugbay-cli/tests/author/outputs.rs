//! What commands write: never over what they read, whether or not anybody reads it, and with nothing in it that does not
//! show as itself.

use std::fs::File;
use std::process::Stdio;

use crate::bench::INPUT;
use crate::cases::ECHO;
use crate::folder::Folder;

/// Goes round for ever.
const ENDLESS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "free") (param i32 i32))
    (func (export "get_name") (result i64) (i64.const 0))
    (func (export "pre_hook") (param i32 i32) (result i64) (loop $l (br $l)) (i64.const 0)))"#;

/// A case that does not pass, and can be updated.
const FAILS: &str = r#"{ "name": "fails", "hook": "pre_hook", "input": { "a": 1 }, "expect": { "paths": { "$.a": 2 } } }"#;

fn desk() -> Folder {
    Folder::new()
        .with_module("echo.wasm", ECHO)
        .with_module("endless.wasm", ENDLESS)
        .with("broken.wasm", "no module")
        .with("in.json", INPUT)
        .with("tests/fails.json", FAILS)
}

/// Files that are there, byte by byte.
fn contents(folder: &Folder) -> Vec<Vec<u8>> {
    ["echo.wasm", "broken.wasm", "in.json", "tests/fails.json"]
        .map(|name| std::fs::read(folder.path(name)).unwrap())
        .into()
}

#[test]
fn a_profile_is_written_over_nothing_that_is_read() {
    let folder = desk();
    let before = contents(&folder);
    #[cfg(unix)]
    std::os::unix::fs::symlink("echo.wasm", folder.path("link.wasm")).unwrap();
    std::fs::hard_link(folder.path("in.json"), folder.path("other.json")).unwrap();
    let call = ["call", "echo.wasm", "pre_hook", "--input", "in.json", "--config", "@in.json"];
    for (profile, wanted) in [
        ("echo.wasm", "--profile: echo.wasm is read by this command, and would be lost"),
        ("./in.json", "--profile: ./in.json is read by this command"),
        ("link.wasm", "--profile: link.wasm is read by this command"),
        ("other.json", "--profile: other.json is read by this command"),
        ("-", "--profile: `-` is stdout"),
        ("tests", "--profile: cannot write tests: it is a folder"),
        ("nowhere/out.json", "--profile: cannot write nowhere/out.json"),
    ] {
        let ended = folder.plugbay(&[&call[..], &["--profile", profile]].concat());
        assert_eq!((ended.code, &*ended.stdout), (2, ""), "{profile}: {}", ended.stderr);
        assert!(ended.stderr.contains(wanted), "{profile}: {}", ended.stderr);
        assert_eq!(contents(&folder), before, "{profile}");
    }
    assert!(!folder.path("-").exists());
}

#[test]
fn a_profile_that_is_there_stays_until_there_is_another() {
    let folder = desk().with("out.json", "the last one");
    let call = |module| ["call", module, "pre_hook", "--input", "in.json", "--profile", "out.json"];
    assert_eq!(folder.plugbay(&call("broken.wasm")).code, 1);
    assert_eq!(folder.read("out.json"), "the last one");
    let ended = folder.plugbay(&call("echo.wasm"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(folder.read("out.json").contains("speedscope"));
    let left = std::fs::read_dir(folder.path("")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with('.')), "{left:?}");
}

#[test]
fn a_report_is_written_over_nothing_that_is_read() {
    let folder = desk();
    let before = contents(&folder);
    let test = ["test", "echo.wasm", "--engine", "wasmi", "--fixtures"];
    for (fixtures, reports, wanted) in [
        ("tests/fails.json", &["json=tests/fails.json"][..], "--report: tests/fails.json is read"),
        ("tests", &["tap=./tests/../tests/fails.json"], "is read by this command"),
        ("tests", &["junit=echo.wasm"], "--report: echo.wasm is read by this command"),
        ("tests", &["tap=out", "json=out"], "--report: two reports go to out"),
        ("tests", &["tap=-"], "stdout is what --format is for"),
    ] {
        let mut arguments = [&test[..], &[fixtures]].concat();
        reports.iter().for_each(|report| arguments.extend(["--report", report]));
        let ended = folder.plugbay(&arguments);
        assert_eq!((ended.code, &*ended.stdout), (2, ""), "{reports:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(wanted), "{reports:?}: {}", ended.stderr);
        assert_eq!(contents(&folder), before, "{reports:?}");
    }
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_run_whose_reader_has_gone_ends_with_its_own_code() {
    let folder = desk();
    let junit = ["--report", "junit=report.xml"];
    for (arguments, code) in [
        (&["test", "echo.wasm", "--engine", "wasmi"][..], 1),
        (&["test", "echo.wasm", "--engine", "wasmi", "--format", "json"], 1),
        (&["check", "broken.wasm"], 1),
        (&["check", "broken.wasm", "--json"], 1),
        (&["check", "echo.wasm"], 0),
        (&["completions", "bash"], 0),
    ] {
        let reports = if arguments[0] == "test" { &junit[..] } else { &[] };
        let mut command = folder.command(&[arguments, reports].concat());
        let ended = command.stdout(unread()).output().unwrap();
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), &*stderr), (Some(code), ""), "{arguments:?}");
        if arguments[0] == "test" {
            assert!(folder.read("report.xml").contains("failures=\"1\""), "{arguments:?}");
            std::fs::remove_file(folder.path("report.xml")).unwrap();
        }
    }
}

#[test]
fn what_has_no_end_ends_with_its_reader() {
    let line = r#"{"time":"2026-01-31T12:00:00.000Z","plugin":"p","capability":"Network","argument":"a","outcome":"denied"}"#;
    let folder = Folder::new().with("audit.jsonl", format!("{line}\n"));
    let mut command = folder.command(&["audit", "--follow", "--audit-log", "audit.jsonl"]);
    let ended = command.stdout(unread()).output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[cfg(target_os = "linux")]
#[test]
fn a_stderr_that_is_full_changes_no_exit_code() {
    let folder = desk().with(
        "config.json",
        r#"{"plugins": [{"path": "broken.wasm", "limits": {"fuel": "unmetered"}}]}"#,
    );
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for (arguments, code) in [
        (&["call", "echo.wasm", "pre_hook", "--input", "in.json"][..], 0),
        (&["call", "echo.wasm", "pre_hook", "--input", "in.json", "--trace"], 0),
        (&["call", "broken.wasm", "pre_hook", "--input", "in.json"], 1),
        (&["call", "nowhere.wasm", "pre_hook"], 2),
        (&["new", "echo.wasm"], 2),
        (&["test", "echo.wasm", "--fixtures", "nowhere"], 2),
        (&["gateway", "--check", "config.json"], 2),
        (&["test", "echo.wasm", "--update"], 0),
    ] {
        let mut command = folder.command(arguments);
        // Lines of the log are written as well.
        let ended = command.env("RUST_LOG", "trace").stderr(full()).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stdout_that_is_full_is_said_once_and_is_no_success() {
    let folder = desk();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for (arguments, code) in [
        (&["check", "echo.wasm"][..], 2),
        (&["test", "echo.wasm", "--report", "tap=report.tap"], 1),
    ] {
        let ended = folder.command(arguments).stdout(full()).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}");
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.starts_with("error: cannot write to stdout: "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert!(folder.read("report.tap").starts_with("TAP version 14"));
}

#[test]
fn reports_have_no_characters_that_do_not_show() {
    let odd = "\u{9b}2J\u{202e}x\u{fffe}\u{ffff}\u{7f}";
    let escaped = r"\u009b2J\u202ex\ufffe\uffff\u007f";
    let case = format!(
        r#"[{{"name": "a {odd} name", "hook": "pre_hook", "input": {{"{odd}": "{odd}"}}, "expect": {{"output": {{"{odd}": 1}}}}}}]"#
    );
    let folder = Folder::new().with_module("echo.wasm", ECHO).with("tests/odd.json", case);
    let mut arguments = vec!["test", "echo.wasm", "--engine", "wasmi"];
    for report in ["junit=report.xml", "tap=report.tap", "json=report.json"] {
        arguments.extend(["--report", report]);
    }
    let text = folder.plugbay(&arguments);
    assert_eq!(text.code, 1, "{}", text.stderr);
    for (name, report) in [
        ("text", text.stdout),
        ("junit", folder.read("report.xml")),
        ("tap", folder.read("report.tap")),
        ("json", folder.read("report.json")),
    ] {
        let hidden = report.chars().find(|c| *c != '\n' && !plugbay::is_printable(*c));
        assert_eq!(hidden, None, "{name}: {report}");
        assert!(report.contains("name"), "{name}: {report}");
    }
    // As JSON they are all there.
    let report: serde_json::Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    assert_eq!(report["cases"][0]["name"], format!("a {odd} name"));
    assert!(folder.read("report.tap").contains(escaped), "{}", folder.read("report.tap"));
    // To a program goes what the plugin returned.
    let folder = folder.with("odd.json", format!(r#"{{"a": "{odd}"}}"#));
    let called = folder.plugbay(&["call", "echo.wasm", "pre_hook", "--input", "odd.json"]);
    assert_eq!(called.stdout, format!("{{\"a\": \"{odd}\"}}\n"));
}

#[test]
fn a_call_that_runs_out_of_fuel_is_told_what_to_look_at() {
    let folder = desk();
    let ended = folder.plugbay(&["call", "endless.wasm", "pre_hook", "--input", "in.json"]);
    assert_eq!(ended.code, 1);
    let hint = "an endless loop, or much work? --profile FILE shows which functions use the fuel";
    assert!(ended.stderr.contains(hint), "{}", ended.stderr);
}

#[test]
fn unmetered_fuel_is_warned_of() {
    let config =
        |fuel| format!(r#"{{"plugins": [{{"path": "echo.wasm", "limits": {{"fuel": {fuel}}}}}]}}"#);
    for (fuel, warnings) in [("1000000", 0), ("\"unmetered\"", 1)] {
        let folder = desk().with("config.json", config(fuel));
        let ended = folder.plugbay(&["gateway", "--check", "config.json"]);
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        let said = ended.stderr.matches("nothing stops a call that only computes").count();
        assert_eq!(said, warnings, "{}", ended.stderr);
    }
    for command in ["call", "bench", "test", "check", "inspect", "gateway", "demo"] {
        let help = Folder::new().plugbay(&[command, "--help"]).stdout;
        // In one line, however it is wrapped.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let has = help.contains("--fuel");
        assert_eq!(has, help.contains("an endless loop runs until"), "{command}: {help}");
    }
}
