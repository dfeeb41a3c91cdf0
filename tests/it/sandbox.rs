//! Modules that mean harm, through the programs that people run.

use std::path::Path;

use serde_json::{Value, json};

use crate::modules;
use crate::support::{
    BACKENDS, Finished, Server, folder, plugbay, run, run_with, tool, without_frames, write,
};

/// Calls a module's `pre_hook` on both engines; both must fail, in the same words and without output. The frames that
/// one of them has behind its words are left out.
#[track_caller]
fn fails(module: &Path, options: &[&str]) -> String {
    let [first, second] = BACKENDS.map(|backend| {
        let mut command = plugbay();
        command.arg("call").arg(module).args(["pre_hook", "--input", "-", "--backend", backend]);
        let called = run_with(command.args(options), b"{\"some\": \"input\"}").exits(1);
        assert_eq!(called.stdout, "", "{called}");
        called
    });
    assert_eq!(without_frames(&first), second.stderr);
    second.stderr
}

#[test]
fn a_hook_that_fails_says_how() {
    let folder = folder();
    let rest = "(i64.const 0)";
    for (name, body, more, wanted) in [
        ("endless", format!("(loop $l (br $l)) {rest}"), "", "Out of fuel: all 100000000 units were used"),
        (
            "bomb",
            "(loop $l (if (i32.eq (memory.grow (i32.const 64)) (i32.const -1)) (then unreachable)) (br $l)) unreachable".to_owned(),
            "",
            "Memory limit exceeded",
        ),
        ("trap", "unreachable".to_owned(), "", "unreachable"),
        ("recursion", "(call $deeper)".to_owned(), "(func $deeper (result i64) (i64.add (call $deeper) (i64.const 1)))", "stack overflow"),
        ("outside", format!("(i32.store (i32.const 0x7ffffff0) (i32.const 1)) {rest}"), "", "invalid memory access"),
        ("zero", "(i64.extend_i32_u (i32.div_u (i32.const 1) (i32.const 0)))".to_owned(), "", "division by zero"),
        // A packed result: the address above, the length below.
        ("far", "(i64.const 0x0010000000000010)".to_owned(), "", "invalid memory access"),
        ("across", "(i64.const 0x0001fff000000100)".to_owned(), "", "invalid memory access"),
        ("wraps", "(i64.const 0xfffffff0fffffff0)".to_owned(), "", "invalid memory access"),
        ("text", "(i64.const 0x0000001000000004)".to_owned(), "", "not JSON (expected ident at line 1 column 2): text"),
    ] {
        let module = modules::write(folder.path(), name, &modules::hook_with(name, &body, more));
        let said = fails(&module, &[]);
        assert!(said.contains(wanted), "{name}: {said}");
        assert!(said.contains(&format!("plugin `{name}`")), "{name}: {said}");
        assert!(!said.contains(".rs:") && !said.contains("panicked"), "{name}: {said}");
    }
}

#[test]
fn text_that_is_no_utf_8_is_refused() {
    let folder = folder();
    let body = "(i64.const 0x0000040000000002)";
    let module = modules::hook_with("bytes", body, r#"(data (i32.const 1024) "\ff\fe")"#);
    let said = fails(&modules::write(folder.path(), "bytes", &module), &[]);
    assert!(said.contains("not UTF-8"), "{said}");
}

#[test]
fn nothing_is_no_change() {
    let folder = folder();
    for (name, body) in [
        ("null", "(i64.const 0)"),
        ("empty", "(i64.const 0x1000000000)"),
        ("nowhere", "(i64.const 0xffffffff00000000)"),
    ] {
        let module = modules::write(folder.path(), name, &modules::hook(name, body));
        for backend in BACKENDS {
            let mut command = plugbay();
            command.arg("call").arg(&module).args([
                "pre_hook",
                "--input",
                "-",
                "--backend",
                backend,
            ]);
            assert_eq!(run_with(&mut command, b"{}").exits(0).stdout, "null\n", "{name}");
        }
    }
}

#[test]
fn limits_are_what_the_command_line_says() {
    let folder = folder();
    let body = "(loop $l (br $l)) (i64.const 0)";
    let module = modules::write(folder.path(), "endless", &modules::hook("endless", body));
    assert!(fails(&module, &["--fuel", "12345"]).contains("all 12345 units"));
    // Fuel without end: the clock stops it.
    let said = fails(&module, &["--fuel", "18446744073709551615", "--timeout-ms", "50"]);
    assert!(said.contains("Time limit exceeded: 50 ms"), "{said}");
    let said = fails(&module, &["--memory-bytes", "65536"]);
    assert!(
        said.contains("Memory limit exceeded: the module starts with 131072 bytes of 65536"),
        "{said}"
    );
}

#[test]
fn loading_is_bounded_as_calls_are() {
    let folder = folder();
    let endless = "(loop $l (br $l))";
    for (name, more, wanted) in [
        (
            "init",
            format!(
                r#"(func (export "init") (param i32 i32) (result i32) {endless} (i32.const 0))"#
            ),
            "Out of fuel",
        ),
        ("start", format!("(func $s {endless}) (start $s)"), "Out of fuel"),
        ("reactor", format!(r#"(func (export "_initialize") {endless})"#), "Out of fuel"),
        (
            "status",
            r#"(func (export "init") (param i32 i32) (result i32) (i32.const -1))"#.to_owned(),
            "`init` returned -1",
        ),
        ("table", "(table 2000000 funcref)".to_owned(), "Table limit exceeded"),
        ("segment", r#"(data (i32.const 131071) "ab")"#.to_owned(), "invalid memory access"),
        (
            "import",
            r#"(import "wasi_snapshot_preview1" "no_such" (func))"#.to_owned(),
            "unknown import `wasi_snapshot_preview1.no_such`",
        ),
    ] {
        let text = modules::hook_with(name, "(i64.const 0)", &more);
        let text = match name {
            // Imports come first.
            "import" => format!(
                "(module {more} {}",
                modules::hook(name, "(i64.const 0)").replacen("(module", "", 1)
            ),
            _ => text,
        };
        let module = modules::write(folder.path(), name, &text);
        let said = fails(&module, &[]);
        assert!(said.contains(wanted), "{name}: {said}");
    }
}

#[test]
fn a_file_that_is_no_module_is_refused_by_every_command() {
    let folder = folder();
    for (name, content) in [
        ("empty", &b""[..]),
        ("text", b"hello"),
        ("header", b"\0asm\x01\0\0\0"),
        ("cut", b"\0asm\x01\0\0\0\x01\xff"),
        ("component", b"\0asm\x0d\0\x01\0"),
        ("wat", b"(module)"),
    ] {
        let file = write(folder.path(), name, content);
        for arguments in [&["check"][..], &["check", "--json"], &["inspect"]] {
            for backend in BACKENDS {
                let ended =
                    run(plugbay().args(arguments).args(["--backend", backend]).arg(&file)).exits(1);
                assert!(!ended.stderr.contains("panicked"), "{name}: {ended}");
            }
        }
        for backend in BACKENDS {
            let mut command = plugbay();
            command.arg("call").arg(&file).args(["get_name", "--backend", backend]);
            run(&mut command).exits(1);
        }
    }
}

#[track_caller]
fn post(gateway: &Server, body: &Value) -> (u16, Value) {
    let mut curl = tool("curl");
    curl.args(["--silent", "--show-error", "--max-time", "100", "--noproxy", "*"]);
    curl.args(["--write-out", "\n%{http_code}", "--data", &body.to_string()]);
    let ended: Finished = run(curl.arg(gateway.at("/v1/chat/completions"))).exits(0);
    let (body, status) = ended.stdout.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap())
}

/// A plugin that fails when it is shown the model `request`, and else changes nothing: it looks for a byte that
/// only that name has in its place.
fn fails_for_one_model(body: &str) -> String {
    // The document begins with its context; the search is for "t","in, the end of the name and what follows.
    let search = format!(
        r#"(local $at i32)
           (local.set $at (local.get $input))
           (block $none
             (loop $next
               (br_if $none (i32.ge_u (i32.add (local.get $at) (i32.const 8))
                                      (i32.add (local.get $input) (local.get $length))))
               (if (i64.eq (i64.load align=1 (local.get $at)) (i64.const {needle}))
                 (then {body}))
               (local.set $at (i32.add (local.get $at) (i32.const 1)))
               (br $next)))
           (i64.const 0)"#,
        needle = i64::from_le_bytes(*b"explode!"),
    );
    modules::hook("fragile", &search)
}

fn chat(prompt: &str) -> Value {
    json!({ "model": "mock/echo", "messages": [{ "role": "user", "content": prompt }] })
}

#[test]
fn a_plugin_that_fails_costs_one_request_and_tells_clients_nothing_of_itself() {
    let folder = folder();
    for backend in BACKENDS {
        for (name, body, wanted) in [
            ("endless", "(loop $l (br $l))", "out of fuel"),
            ("trap", "unreachable", "unreachable"),
            (
                "outside",
                "(i32.store (i32.const 0x7ffffff0) (i32.const 1))",
                "invalid memory access",
            ),
            ("pointer", "(return (i64.const 0xfffffff0fffffff0))", "protocol"),
        ] {
            let module = modules::write(folder.path(), name, &fails_for_one_model(body));
            let config = json!({ "plugins": [{ "path": module, "name": name }] });
            let config = write(folder.path(), "config.json", config.to_string());
            let mut command = plugbay();
            command.args(["gateway", "--listen", "127.0.0.1:0", "--backend", backend]);
            let gateway = Server::start(command.arg("--config").arg(config));
            for _ in 0..2 {
                let (status, answer) = post(&gateway, &chat("explode!"));
                assert_eq!(status, 502, "{answer}");
                let error = &answer["error"];
                let message = format!("plugin `{name}` failed in `pre_hook`: {wanted}");
                assert_eq!(error["message"], message, "{backend}");
                assert_eq!(
                    (&error["type"], &error["code"]),
                    (&json!("plugin_error"), &json!("plugin_failed"))
                );
                assert!(!answer.to_string().contains(".wasm"), "{answer}");
                let (status, answer) = post(&gateway, &chat("keep calm"));
                assert_eq!(status, 200, "{name}: {answer}");
                assert_eq!(answer["choices"][0]["message"]["content"], "keep calm");
            }
            gateway.stop().exits(0);
        }
    }
}

#[test]
fn open_passes_what_closed_refuses() {
    let folder = folder();
    let trap = modules::write(folder.path(), "trap", &modules::hook("trap", "unreachable"));
    let config = json!({ "plugins": [{ "path": trap, "on_error": "open" }] });
    let gateway = Server::gateway(&write(folder.path(), "config.json", config.to_string()));
    let (status, answer) = post(&gateway, &chat("through"));
    assert_eq!((status, &answer["choices"][0]["message"]["content"]), (200, &json!("through")));
    gateway.log().wait_for("plugin=trap");
}

#[test]
fn a_plugin_that_always_fails_is_left_alone_after_a_while() {
    let folder = folder();
    let trap = modules::write(folder.path(), "trap", &modules::hook("trap", "unreachable"));
    // The cooldown is longer than any test.
    let breaker = json!({ "failures": 2, "cooldown_ms": 3_600_000 });
    let config = json!({ "plugins": [{ "path": trap, "breaker": breaker }] });
    let gateway = Server::gateway(&write(folder.path(), "config.json", config.to_string()));
    let codes = [(); 3].map(|()| post(&gateway, &chat("hello")).1["error"]["code"].clone());
    assert_eq!(codes, ["plugin_failed", "plugin_failed", "plugin_tripped"]);
}

#[test]
fn what_a_plugin_answers_is_not_trusted() {
    let folder = folder();
    for (name, output, wanted) in [
        ("json", "{{{", "invalid output JSON"),
        ("list", "[]", "invalid output JSON"),
        ("type", r#"{"has_short_circuit": "yes"}"#, "invalid output JSON at `has_short_circuit`"),
        ("reported", r#"{"error": "my secret is 42"}"#, "it reported an error"),
    ] {
        let module = modules::write(folder.path(), name, &modules::answering(name, output));
        let config = json!({ "plugins": [{ "path": module }] });
        let gateway = Server::gateway(&write(folder.path(), "config.json", config.to_string()));
        let (status, answer) = post(&gateway, &chat("hello"));
        assert_eq!(status, 502, "{name}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        let wanted = format!("plugin `{name}` failed in `pre_hook`: {wanted}");
        assert!(message.starts_with(&wanted) && !message.contains("42"), "{message}");
    }
    // An answer of its own, in place of the provider's.
    let output = r#"{"has_short_circuit": true, "short_circuit": {"error": {"error": {"message": "not today", "type": "policy", "code": 7}, "status_code": 451}}}"#;
    let module = modules::write(folder.path(), "policy", &modules::answering("policy", output));
    let config = json!({ "plugins": [{ "path": module }] });
    let gateway = Server::gateway(&write(folder.path(), "config.json", config.to_string()));
    let (status, answer) = post(&gateway, &chat("hello"));
    assert_eq!(status, 451, "{answer}");
    let wanted = json!({ "message": "not today", "type": "policy", "code": 7, "param": null });
    assert_eq!(answer["error"], wanted);
}

/// A module that prints this before it traps.
fn printing(text: &str) -> String {
    let quoted: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(module
             (import "wasi_snapshot_preview1" "fd_write"
               (func $fd_write (param i32 i32 i32 i32) (result i32)))
             (memory (export "memory") 2)
             (data (i32.const 64) "{quoted}")
             (func (export "malloc") (param i32) (result i32) (i32.const 65536))
             (func (export "get_name") (result i64) (i64.const 0))
             (func (export "pre_hook") (param i32 i32) (result i64)
               (i32.store (i32.const 0) (i32.const 64))
               (i32.store (i32.const 4) (i32.const {length}))
               (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
               unreachable))"#,
        length = text.len(),
    )
}

#[test]
fn what_a_plugin_prints_cannot_pass_for_the_host_s_words() {
    let folder = folder();
    let text = "first\x1b[2J\rplugbay: all is well\x07\nsecond\n";
    let module = modules::write(folder.path(), "forger", &printing(text));
    let said = fails(&module, &[]);
    assert!(said.contains("[forger] first") && said.contains("[forger] second"), "{said}");
    let lines: Vec<_> = said.split('\n').collect();
    assert!(lines.iter().all(|line| !line.starts_with("plugbay: all is well")), "{said}");
    assert!(!said.contains(['\x1b', '\r', '\x07']), "{said:?}");
}
