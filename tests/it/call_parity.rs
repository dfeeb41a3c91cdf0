//! The same bytes on standard output from both engines: every sample, every export.

use std::path::Path;

use serde_json::Value;

use crate::modules;
use crate::support::{BACKENDS, Finished, folder, plugbay, run, run_with, sample, without_frames};

/// Runs a command of `plugbay` on each engine, and checks that output and exit code are the same.
#[track_caller]
fn both(arguments: &[&str], module: &Path, more: &[&str], input: Option<&str>) -> Finished {
    let [first, second] = BACKENDS.map(|backend| {
        let mut command = plugbay();
        command.args(arguments).arg(module).args(more).args(["--backend", backend]);
        match input {
            Some(input) => run_with(command.args(["--input", "-"]), input.as_bytes()),
            None => run(&mut command),
        }
    });
    let what = format!("{arguments:?} {} {more:?} {input:?}", module.display());
    assert_eq!(first.code(), second.code(), "{what}\n{first}\n{second}");
    assert_eq!(first.stdout, second.stdout, "{what}\n{first}\n{second}");
    first
}

#[track_caller]
fn call(module: &str, export: &str, input: Option<&str>) -> Finished {
    both(&["call"], &sample(module), &[export], input)
}

/// Each hook with documents of its own: the least there is, one that means something, and odd ones.
const HOOKS: [(&str, &[&str]); 5] = [
    (
        "http_pre_hook",
        &[
            r#"{"context":{"request_id":"r-1"},"request":{"method":"POST","path":"/v1/chat/completions","headers":{"content-type":"application/json"},"query":{},"body":"eyJhIjoiYUBiLmNjIn0="}}"#,
            r#"{"context":{},"request":{"method":"GET","path":"/","headers":{"x":"a@b.cc"},"query":{"q":"ü"},"body":""}}"#,
        ],
    ),
    (
        "pre_hook",
        &[
            r#"{"context":{"request_id":"r-1","redacted":2},"request":{"provider":"mock","model":"echo","input":[{"role":"user","content":"I am ada@example.org, née 😀"}],"params":{"temperature":0.70,"big":12345678901234567890}}}"#,
            r#"{"context":{},"request":{"provider":"mock","model":"e\u0063ho","input":[{"role":"user","content":[{"type":"text","text":"a\u0040b.cc"}]}],"params":{}}}"#,
            r#"{"context":{},"request":{"provider":"mock","model":"echo","input":[],"params":{}}}"#,
        ],
    ),
    (
        "post_hook",
        &[
            r#"{"context":{},"response":{"chat_response":{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"ask bob@example.com"},"finish_reason":"stop"}],"usage":{"total_tokens":3}}},"error":{},"has_error":false}"#,
            r#"{"context":{},"response":null,"error":{"error":{"message":"no such model of a@b.cc","type":"t","code":"c"},"status_code":404},"has_error":true}"#,
        ],
    ),
    (
        "http_stream_chunk_hook",
        &[
            r#"{"context":{},"request":{"method":"POST","path":"/"},"chunk":{"id":"1","choices":[{"index":0,"delta":{"content":"x@example.org "},"finish_reason":null}]}}"#,
            r#"{"context":{},"chunk":{"id":"1","choices":[]}}"#,
        ],
    ),
    (
        "http_post_hook",
        &[
            r#"{"context":{},"request":{"method":"POST","path":"/"},"response":{"status_code":200,"headers":{},"body":"YUBiLmNj"}}"#,
            r#"{"context":{},"request":{"method":"GET","path":"/"},"response":{"status_code":404,"headers":{"a":"b"},"body":""}}"#,
        ],
    ),
];

/// What every hook must survive, on both engines in the same way.
const ODD: [&str; 7] = [
    "{}",
    "null",
    "[1, \"a@b.cc\"]",
    "\"a@b.cc\"",
    "{\"context\": null, \"request\": null, \"response\": null, \"chunk\": null}",
    "{\"request\": {\"input\": \"a@b.cc\", \"model\": null}}",
    "0.1e-7",
];

#[test]
fn hooks_of_the_samples() {
    let mut answers = 0;
    for module in ["redactor", "hello_typescript"] {
        for (hook, inputs) in HOOKS {
            for input in inputs.iter().chain(&ODD) {
                let called = call(module, hook, Some(input));
                if inputs.contains(input) {
                    let answer: Value = called.exits(0).json();
                    answers += usize::from(answer.is_object());
                }
            }
        }
    }
    // Most of the documents that mean something have an answer that does.
    assert!(answers >= 10, "only {answers} of the calls changed anything");
}

#[test]
fn what_the_hooks_answer_is_what_they_promise() {
    let answer = |module, hook, nth: usize| {
        let (_, inputs) = HOOKS.iter().find(|(name, _)| *name == hook).unwrap();
        call(module, hook, Some(inputs[nth])).exits(0).json()
    };
    let pre = answer("redactor", "pre_hook", 0);
    assert_eq!(pre["request"]["input"][0]["content"], "I am [redacted], née 😀");
    assert_eq!(pre["context"]["redacted"], 3);
    assert_eq!(answer("redactor", "pre_hook", 2), Value::Null);
    let post = answer("redactor", "post_hook", 0);
    let content = &post["response"]["chat_response"]["choices"][0]["message"]["content"];
    assert_eq!(content, "ask [redacted]");
    let chunk = answer("redactor", "http_stream_chunk_hook", 0);
    assert_eq!(chunk["chunk"]["choices"][0]["delta"]["content"], "[redacted] ");
    let greeted = answer("hello_typescript", "http_pre_hook", 0);
    assert_eq!(greeted["request"]["headers"]["x-greeting"], "hello");
    assert_eq!(answer("hello_typescript", "pre_hook", 0)["context"]["greeting"], "hello, echo");
    assert_eq!(answer("hello_typescript", "post_hook", 1)["context"]["hello_answer"], "sorry");
    assert_eq!(answer("hello_typescript", "http_post_hook", 1)["context"]["hello_status"], 404);
    assert_eq!(answer("hello_typescript", "http_stream_chunk_hook", 0), Value::Null);
}

#[test]
fn other_exports_of_the_hook_samples() {
    for module in ["redactor", "hello_typescript"] {
        for export in
            ["get_name", "capabilities", "init", "cleanup", "execute", "shutdown", "malloc"]
        {
            call(module, export, None);
        }
        let name = call(module, "get_name", None).exits(0);
        assert_eq!(name.stdout, format!("\"{module}\"\n"));
        call(module, "cleanup", None).exits(0);
    }
    let config = r#"{"replacement": "<gone>"}"#;
    let more = ["pre_hook", "--config", config];
    let input = r#"{"request":{"input":[{"content":"a@b.cc"}]}}"#;
    let called = both(&["call"], &sample("redactor"), &more, Some(input)).exits(0);
    assert_eq!(called.json()["request"]["input"][0]["content"], "<gone>");
    let called = both(
        &["call", "--host-pages"],
        &sample("hello_typescript"),
        &["pre_hook"],
        Some(HOOKS[1].1[0]),
    );
    assert_eq!(called.exits(0).json()["context"]["greeting"], "hello, echo");
}

#[test]
fn actions_of_the_midi_samples() {
    for (module, export, input, code) in [
        ("midi_hello", "execute", r#"{"message": "grüezi"}"#, 0),
        ("midi_hello", "execute", r#"{"massage": 1}"#, 1),
        ("midi_hello", "execute", "[]", 1),
        ("midi_hello", "execute", "null", 1),
        ("midi_velocity", "execute", r#"{"action": "lights"}"#, 0),
        (
            "midi_velocity",
            "execute_with_context",
            r#"{"params": {"action": "lights"}, "context": {"velocity": 90, "mode": 2}}"#,
            0,
        ),
        ("midi_velocity", "execute_with_context", r#"{"params": {"action": "lights"}}"#, 0),
        ("midi_velocity", "execute_with_context", r#"{"params": {}, "context": {}}"#, 1),
    ] {
        let called = call(module, export, Some(input));
        assert_eq!(called.code(), code, "{module} {export} {input}: {called}");
        if code == 0 {
            assert_eq!(called.stdout, "0\n");
        }
    }
    for module in ["midi_hello", "midi_velocity"] {
        for export in ["capabilities", "init", "shutdown", "get_name", "cleanup"] {
            call(module, export, None);
        }
    }
    assert_eq!(call("midi_hello", "capabilities", None).exits(0).stdout, "[\"Midi\"]\n");
}

#[test]
fn the_context_reaches_the_plugin() {
    let input = r#"{"params": {"action": "lights"}, "context": {"velocity": 90, "mode": 2}}"#;
    let called = call("midi_velocity", "execute_with_context", Some(input)).exits(0);
    let wanted = "midi_velocity: lights with force (velocity 90) in mode 2";
    assert!(called.stderr.contains(wanted), "{called}");
}

#[test]
fn check_and_inspect() {
    let folder = folder();
    let broken = [
        modules::write(folder.path(), "empty", "(module)"),
        modules::write(
            folder.path(),
            "import",
            r#"(module (import "env" "nobody" (func)) (memory (export "memory") 1) (func (export "execute") (param i32 i32) (result i32) (i32.const 0)))"#,
        ),
        modules::write(
            folder.path(),
            "signature",
            r#"(module (memory (export "memory") 1) (func (export "execute") (param i64) (result i32) (i32.const 0)))"#,
        ),
        modules::write(
            folder.path(),
            "start",
            r#"(module (memory (export "memory") 1) (func $s unreachable) (start $s) (func (export "execute") (param i32 i32) (result i32) (i32.const 0)))"#,
        ),
    ];
    let samples =
        ["redactor", "mail_mask", "hello_typescript", "midi_hello", "midi_velocity"].map(sample);
    for module in samples.iter().chain(&broken) {
        for options in [&["--json"][..], &[], &["--strict"], &["--strict", "--json"]] {
            both(&["check"], module, options, None);
        }
    }
    for module in &samples {
        both(&["check"], module, &[], None).exits(0);
        let [first, second] = BACKENDS.map(|backend| {
            let mut command = plugbay();
            let inspected =
                run(command.arg("inspect").arg(module).args(["--json", "--backend", backend]));
            let mut report = inspected.exits(0).json();
            assert_eq!(report["backend"].take(), backend);
            report
        });
        assert_eq!(first, second);
    }
    for module in &broken {
        let [first, second] = BACKENDS.map(|backend| {
            let mut command = plugbay();
            run(command.arg("inspect").arg(module).args(["--json", "--backend", backend])).exits(1)
        });
        assert_eq!(without_frames(&first), second.stderr);
        assert_eq!((&*first.stdout, &*second.stdout), ("", ""));
    }
}

#[test]
fn a_call_s_cost_is_told_beside_its_output() {
    for backend in BACKENDS {
        let mut command = plugbay();
        command.arg("call").arg(sample("redactor")).args([
            "pre_hook",
            "--input",
            "-",
            "--backend",
            backend,
        ]);
        let called = run_with(&mut command, HOOKS[1].1[0].as_bytes()).exits(0);
        for word in [backend, "fuel", "memory", "time"] {
            assert!(called.stderr.contains(word), "{called}");
        }
        let report = run_with(command.arg("--json"), HOOKS[1].1[0].as_bytes()).exits(0).json();
        assert_eq!(report["backend"], backend);
        assert_eq!(report["output"], called.json());
        for cost in ["fuel_used", "memory_bytes", "elapsed_ns"] {
            assert!(report[cost].as_u64().unwrap() > 0, "{cost}: {report}");
        }
    }
}
