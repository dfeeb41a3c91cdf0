//! The command line of `plugbay`: what its commands print and how they exit.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test binary")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use expect_test::{Expect, expect};

/// A folder with modules, in which the program runs: so that what it prints has no paths of this machine.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(modules: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in modules {
            let wasm = wat::parse_str(text).unwrap();
            std::fs::write(folder.path().join(name), wasm).unwrap();
        }
        Self(folder)
    }

    fn empty() -> Self {
        Self::with(&[])
    }

    fn plugbay(&self, arguments: &[&str]) -> Ended {
        self.plugbay_with(arguments, b"")
    }

    fn plugbay_with(&self, arguments: &[&str], input: &[u8]) -> Ended {
        run(env!("CARGO_BIN_EXE_plugbay"), self.0.path(), arguments, input)
    }
}

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(program: &str, folder: &Path, arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("PLUGBAY_CACHE_DIR", folder.join("cache"))
        .env("PLUGBAY_GRANTS", folder.join("grants.json"))
        .env("PLUGBAY_AUDIT_LOG", folder.join("audit.jsonl"))
        .env("PLUGBAY_DATA_DIR", folder.join("data"))
        .env("XDG_CONFIG_HOME", folder.join("configuration"))
        .env_remove("RUST_LOG")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not want it may have ended.
    drop(child.stdin.take().unwrap().write_all(input));
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
}

impl Ended {
    /// Checks the exit code and what was printed on either stream.
    #[track_caller]
    fn check(&self, code: i32, stdout: Expect, stderr: Expect) {
        stdout.assert_eq(&self.stdout);
        stderr.assert_eq(&self.stderr);
        assert_eq!(self.code, code);
    }
}

/// A hook plugin with the least there may be.
const HOOK: &str = r#"(module
    (memory (export "memory") 1)
    (data (i32.const 16) "tiny")
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "get_name") (result i64) (i64.const 0x1000000004))
    (func (export "pre_hook") (param i32 i32) (result i64)
      (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))"#;

/// An action plugin that asks for something and imports what it may need.
const ACTION: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
      (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "[\"Filesystem\", \"network\"]\00")
    (func (export "capabilities") (result i32) (i32.const 16))
    (func (export "execute") (param i32 i32) (result i32) (local.get 1)))"#;

const BROKEN: &str = r#"(module
    (import "env" "call_home" (func (param i64)))
    (import "wasi_snapshot_preview1" "fd_write" (func))
    (func (export "get_name") (result i32) (i32.const 0))
    (func (export "pre_hook") (param i32 i32 i32 i32) (result i64) (i64.const 0)))"#;

#[test]
fn check_of_a_plugin_that_is_fine() {
    let folder = Folder::with(&[("tiny.wasm", HOOK), ("action.wasm", ACTION)]);
    folder.plugbay(&["check", "tiny.wasm"]).check(
        0,
        expect![[r#"
            tiny.wasm: hook plugin
              found    get_name () -> i64
              found    malloc (i32) -> i32
              found    pre_hook (i32, i32) -> i64
              missing  free (optional)
              missing  init (optional)
              missing  http_pre_hook (optional)
              missing  http_post_hook (optional)
              missing  http_stream_chunk_hook (optional)
              missing  post_hook (optional)
              missing  cleanup (optional)
            how to mend it
              better   it exports no `free`: what each call allocates stays, until the host replaces the instance.
                       Export `free`: the host calls it with each document, in and out.
            ok
        "#]],
        expect![[""]],
    );
    folder.plugbay(&["check", "tiny.wasm", "--strict"]).check(
        1,
        expect![[r#"
            tiny.wasm: hook plugin
              found    get_name () -> i64
              found    malloc (i32) -> i32
              found    pre_hook (i32, i32) -> i64
              missing  free
              missing  init
              missing  http_pre_hook
              missing  http_post_hook
              missing  http_stream_chunk_hook
              missing  post_hook
              missing  cleanup
            how to mend it
              better   it exports no `free`: what each call allocates stays, until the host replaces the instance.
                       Export `free`: the host calls it with each document, in and out.
            this module cannot be used as it is
        "#]],
        expect![[""]],
    );
    folder.plugbay(&["check", "tiny.wasm", "--json"]).check(
        0,
        expect![[r#"
            {
              "file": "tiny.wasm",
              "ok": true,
              "world": "hook",
              "abi": 1,
              "hooks": [
                "pre_hook"
              ],
              "found": [
                {
                  "name": "get_name",
                  "signature": "() -> i64"
                },
                {
                  "name": "malloc",
                  "signature": "(i32) -> i32"
                },
                {
                  "name": "pre_hook",
                  "signature": "(i32, i32) -> i64"
                }
              ],
              "missing": [
                "free",
                "init",
                "http_pre_hook",
                "http_post_hook",
                "http_stream_chunk_hook",
                "post_hook",
                "cleanup"
              ],
              "problems": [],
              "imports": [],
              "language": null,
              "cures": [
                {
                  "id": "no-free",
                  "needed": false,
                  "problem": "it exports no `free`: what each call allocates stays, until the host replaces the instance",
                  "mend": "Export `free`: the host calls it with each document, in and out."
                }
              ]
            }
        "#]],
        expect![[""]],
    );
    folder.plugbay(&["check", "action.wasm"]).check(0, expect![[r#"
        action.wasm: action plugin
          found    capabilities () -> i32
          found    execute (i32, i32) -> i32
          missing  init (optional)
          missing  shutdown (optional)
          import   wasi_snapshot_preview1.fd_write
          import   wasi_snapshot_preview1.path_open: refused when called unless Filesystem is granted
        ok
    "#]], expect![[""]]);
}

#[test]
fn check_of_modules_that_are_not() {
    let folder = Folder::with(&[("broken.wasm", BROKEN), ("empty.wasm", "(module)")]);
    std::fs::write(folder.0.path().join("text.wasm"), "text").unwrap();
    folder.plugbay(&["check", "broken.wasm"]).check(1, expect![[r#"
        broken.wasm: hook plugin
          wrong    missing export `memory`: data is exchanged through the module's linear memory
          wrong    export `pre_hook` has signature (i32, i32, i32, i32) -> i64: that is the older generation of hooks, which took context and request as two buffers; wanted (i32, i32) -> i64, one JSON document with both
          wrong    export `get_name` has signature () -> i32, wanted () -> i64
          wrong    missing export `malloc`, wanted with signature (i32) -> i32
          wrong    unknown import `env.call_home`
          found    get_name () -> i32
          found    pre_hook (i32, i32, i32, i32) -> i64
          missing  free (optional)
          missing  init (optional)
          missing  http_pre_hook (optional)
          missing  http_post_hook (optional)
          missing  http_stream_chunk_hook (optional)
          missing  post_hook (optional)
          missing  cleanup (optional)
          import   env.call_home (i64) -> (): unknown, nobody offers this
          import   wasi_snapshot_preview1.fd_write () -> (): wrong signature, nobody offers this
        how to mend it
          mend     it imports `env.call_home`, which nobody offers.
                   Link what defines it, or use what the host offers: docs/host-functions.md has all of it.
          mend     it does not export its `memory`, through which documents go in and out.
                   Export the linear memory under the name `memory`.
                     | (memory (export "memory") 2)
          mend     `pre_hook` takes context and request apart, as an older generation of hooks did.
                   Take one document, {"context": …, "request": …}, and return one of the same shape.
          mend     `get_name` is () -> i32, and has to be () -> i64.
                   Declare it so. Return pointer << 32 | length as one 64-bit number, in place of a pointer.
          mend     it does not export `malloc`, so that the host has no place to write documents to.
                   Export a function `malloc` that takes a number of bytes and returns where they are, and `free` beside it.
        this module cannot be used as it is
    "#]], expect![[""]]);
    folder.plugbay(&["check", "broken.wasm", "--json"]).check(1, expect![[r#"
        {
          "file": "broken.wasm",
          "ok": false,
          "world": "hook",
          "abi": null,
          "hooks": [],
          "found": [
            {
              "name": "get_name",
              "signature": "() -> i32"
            },
            {
              "name": "pre_hook",
              "signature": "(i32, i32, i32, i32) -> i64"
            }
          ],
          "missing": [
            "malloc",
            "free",
            "init",
            "http_pre_hook",
            "http_post_hook",
            "http_stream_chunk_hook",
            "post_hook",
            "cleanup"
          ],
          "problems": [
            "missing export `memory`: data is exchanged through the module's linear memory",
            "export `pre_hook` has signature (i32, i32, i32, i32) -> i64: that is the older generation of hooks, which took context and request as two buffers; wanted (i32, i32) -> i64, one JSON document with both",
            "export `get_name` has signature () -> i32, wanted () -> i64",
            "missing export `malloc`, wanted with signature (i32) -> i32",
            "unknown import `env.call_home`"
          ],
          "imports": [
            {
              "module": "env",
              "field": "call_home",
              "signature": "(i64) -> ()",
              "status": "unknown",
              "capability": null
            },
            {
              "module": "wasi_snapshot_preview1",
              "field": "fd_write",
              "signature": "() -> ()",
              "status": "wrong signature",
              "capability": null
            }
          ],
          "language": null,
          "cures": [
            {
              "id": "unknown-import",
              "needed": true,
              "problem": "it imports `env.call_home`, which nobody offers",
              "mend": "Link what defines it, or use what the host offers: docs/host-functions.md has all of it."
            },
            {
              "id": "no-memory",
              "needed": true,
              "problem": "it does not export its `memory`, through which documents go in and out",
              "mend": "Export the linear memory under the name `memory`.",
              "code": "(memory (export \"memory\") 2)"
            },
            {
              "id": "older-generation",
              "needed": true,
              "problem": "`pre_hook` takes context and request apart, as an older generation of hooks did",
              "mend": "Take one document, {\"context\": …, \"request\": …}, and return one of the same shape."
            },
            {
              "id": "signature",
              "needed": true,
              "problem": "`get_name` is () -> i32, and has to be () -> i64",
              "mend": "Declare it so. Return pointer << 32 | length as one 64-bit number, in place of a pointer."
            },
            {
              "id": "no-malloc",
              "needed": true,
              "problem": "it does not export `malloc`, so that the host has no place to write documents to",
              "mend": "Export a function `malloc` that takes a number of bytes and returns where they are, and `free` beside it."
            }
          ]
        }
    "#]], expect![[""]]);
    folder.plugbay(&["check", "empty.wasm"]).check(1, expect![[r#"
        empty.wasm
          wrong    not a plugin: found no exported function, wanted `get_name` and hooks such as `pre_hook`, or `execute`
        how to mend it
          mend     it exports no function: the compiler left nothing of it in its 8 bytes.
                   In Rust, functions are exported by `#[unsafe(no_mangle)] pub extern "C"` (or by `#[plugbay_guest::hooks]`), in a crate that is a `cdylib`: an `rlib` and a crate without them come to an empty module.
                     | [lib]
                     | crate-type = ["cdylib"]
        this module cannot be used as it is
    "#]], expect![[""]]);
    // The rest is the engine's own words.
    let text = folder.plugbay(&["check", "text.wasm"]);
    assert_eq!((text.code, &*text.stderr), (1, ""));
    let wanted = "text.wasm\n  wrong    not a valid WebAssembly module: ";
    assert!(text.stdout.starts_with(wanted), "{}", text.stdout);
    folder.plugbay(&["check", "none.wasm"]).check(
        2,
        expect![[""]],
        expect![[r#"
        plugbay: error: cannot read none.wasm: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn check_reads_standard_input() {
    let folder = Folder::empty();
    let wasm = wat::parse_str(HOOK).unwrap();
    let ended = folder.plugbay_with(&["check", "-"], &wasm);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.starts_with("-: hook plugin\n"), "{}", ended.stdout);
}

/// Writes an `A` over the first byte of the request's body.
const APART: &str = r#"(module
    (import "plugbay" "body_write" (func $write (param i32 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "apartA")
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "get_name") (result i64) (i64.const 5))
    (func (export "plugbay_abi") (result i32) (i32.const 2))
    (func (export "http_pre_hook") (param i32 i32) (result i64)
        (drop (call $write (i32.const 0) (i64.const 0) (i32.const 5) (i32.const 1)))
        (i64.const 0)))"#;

#[test]
fn bodies_beside_documents() {
    let unasked = APART.replace("plugbay_abi", "other");
    let folder = Folder::with(&[("apart.wasm", APART), ("unasked.wasm", &unasked)]);
    folder.plugbay(&["check", "apart.wasm"]).check(
        0,
        expect![[r#"
            apart.wasm: hook plugin
              found    get_name () -> i64
              found    http_pre_hook (i32, i32) -> i64
              found    malloc (i32) -> i32
              found    plugbay_abi () -> i32, returns the plugin's ABI: `plugbay inspect` calls it
              missing  free (optional)
              missing  init (optional)
              missing  http_post_hook (optional)
              missing  http_stream_chunk_hook (optional)
              missing  pre_hook (optional)
              missing  post_hook (optional)
              missing  cleanup (optional)
              import   plugbay.body_write
            how to mend it
              better   it exports no `free`: what each call allocates stays, until the host replaces the instance.
                       Export `free`: the host calls it with each document, in and out.
            ok
        "#]],
        expect![[""]],
    );
    let checked = folder.plugbay(&["check", "apart.wasm", "--json"]);
    assert!(checked.stdout.contains("\"abi\": null"), "{}", checked.stdout);
    folder.plugbay(&["check", "unasked.wasm"]).check(1, expect![[r#"
        unasked.wasm: hook plugin
          wrong    import `plugbay.body_write` is for plugins whose `plugbay_abi` returns 2: this one does not export it
          found    get_name () -> i64
          found    http_pre_hook (i32, i32) -> i64
          found    malloc (i32) -> i32
          found    other () -> i32
          missing  free (optional)
          missing  init (optional)
          missing  http_post_hook (optional)
          missing  http_stream_chunk_hook (optional)
          missing  pre_hook (optional)
          missing  post_hook (optional)
          missing  cleanup (optional)
          import   plugbay.body_write
        how to mend it
          better   it exports no `free`: what each call allocates stays, until the host replaces the instance.
                   Export `free`: the host calls it with each document, in and out.
          mend     it calls functions for bodies, and does not say that it is of the generation that has them.
                   Export `plugbay_abi`, which returns 2.
        this module cannot be used as it is
    "#]], expect![[""]]);
    folder.plugbay(&["inspect", "apart.wasm"]).check(
        0,
        expect![[r#"
        apart
          file      apart.wasm (202 bytes)
          world     hook
          hooks     http_pre_hook
          abi       2, bodies beside documents
          asks for  none
    "#]],
        expect![[""]],
    );

    let document = br#"{"context":{},"request":{"path":"/","body":"YWJj"}}"#;
    let arguments = ["call", "apart.wasm", "http_pre_hook", "--input", "-"];
    let called = folder.plugbay_with(&arguments, document);
    assert_eq!(called.code, 0, "{}", called.stderr);
    assert_eq!(called.stdout, "{\"request\":{\"path\":\"/\",\"body\":\"QWJj\"}}\n");
    let called = folder.plugbay_with(&arguments, br#"{"request":{"body":"%"}}"#);
    assert_eq!((called.code, &*called.stdout), (1, ""));
    assert!(
        called.stderr.contains("request.body: not padded standard base64"),
        "{}",
        called.stderr
    );
}

#[test]
fn inspect() {
    let folder =
        Folder::with(&[("tiny.wasm", HOOK), ("action.wasm", ACTION), ("broken.wasm", BROKEN)]);
    folder.plugbay(&["inspect", "tiny.wasm"]).check(
        0,
        expect![[r#"
        tiny
          file      tiny.wasm (124 bytes)
          world     hook
          hooks     pre_hook
          abi       1, bodies in documents
          asks for  none
    "#]],
        expect![[""]],
    );
    folder.plugbay(&["inspect", "tiny.wasm", "--json"]).check(
        0,
        expect![[r#"
        {
          "file": "tiny.wasm",
          "bytes": 124,
          "name": "tiny",
          "world": "hook",
          "abi": 1,
          "hooks": [
            "pre_hook"
          ],
          "capabilities": [],
          "metadata": null,
          "backend": "wasmtime"
        }
    "#]],
        expect![[""]],
    );
    let action = folder.plugbay(&["inspect", "action.wasm", "--json"]);
    assert_eq!(action.code, 0, "{}", action.stderr);
    assert!(action.stdout.contains("\"Filesystem\",\n    \"Network\""), "{}", action.stdout);
    folder.plugbay(&["inspect", "broken.wasm"]).check(1, expect![[""]], expect![[r#"
        error: plugin `broken`: failed to instantiate WASM module: missing export `memory`: data is exchanged through the module's linear memory; export `pre_hook` has signature (i32, i32, i32, i32) -> i64: that is the older generation of hooks, which took context and request as two buffers; wanted (i32, i32) -> i64, one JSON document with both; export `get_name` has signature () -> i32, wanted () -> i64; missing export `malloc`, wanted with signature (i32) -> i32
    "#]]);
    folder.plugbay(&["inspect", "none.wasm"]).check(
        2,
        expect![[""]],
        expect![[r#"
        plugbay: error: plugin `none`: cannot read none.wasm: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn call_prints_the_output_alone_on_stdout() {
    let folder = Folder::with(&[("tiny.wasm", HOOK), ("action.wasm", ACTION)]);
    // This plugin returns what it is given, spaces and all.
    for input in ["{\"a\": 1.50}", "[ 1,\n 2 ]", "\"\\u00fc\""] {
        let ended = folder
            .plugbay_with(&["call", "tiny.wasm", "pre_hook", "--input", "-"], input.as_bytes());
        assert_eq!((ended.code, ended.stdout), (0, format!("{input}\n")));
        assert!(ended.stderr.starts_with("wasmtime: fuel "), "{}", ended.stderr);
    }
    std::fs::write(folder.0.path().join("in.json"), " {} \n").unwrap();
    let ended = folder.plugbay(&[
        "call",
        "tiny.wasm",
        "pre_hook",
        "--input",
        "in.json",
        "--backend",
        "wasmi",
    ]);
    assert_eq!((ended.code, &*ended.stdout), (0, "{}\n"));
    assert!(ended.stderr.starts_with("wasmi: fuel "), "{}", ended.stderr);
    folder.plugbay(&["call", "tiny.wasm", "get_name"]).check(
        0,
        expect![[r#"
        "tiny"
    "#]],
        expect![[""]],
    );
    // Its status is the length of what it is given.
    folder.plugbay_with(&["call", "action.wasm", "execute", "--input", "-"], b"{}").check(
        1,
        expect![[""]],
        expect![[r#"
            error: plugin `action`, `execute` returned 2, wanted 0
        "#]],
    );
}

#[test]
fn call_with_wrong_arguments() {
    let folder = Folder::with(&[("tiny.wasm", HOOK)]);
    std::fs::write(folder.0.path().join("bytes.json"), b"\"\xff\"").unwrap();
    for (arguments, wanted) in [
        (
            &["call", "tiny.wasm", "pre_hook"][..],
            expect![[r#"
            plugbay: error: pre_hook needs an --input
        "#]],
        ),
        (
            &["call", "tiny.wasm", "pre_hook", "--input", "none.json"],
            expect![[r#"
            plugbay: error: cannot read none.json: No such file or directory (os error 2)
        "#]],
        ),
        (
            &["call", "tiny.wasm", "pre_hook", "--input", "tiny.wasm"],
            expect![[r#"
            plugbay: error: tiny.wasm is not UTF-8: invalid utf-8 sequence of 1 bytes from index 86
        "#]],
        ),
        (
            &["call", "tiny.wasm", "pre_hook", "--input", "bytes.json"],
            expect![[r#"
            plugbay: error: bytes.json is not UTF-8: invalid utf-8 sequence of 1 bytes from index 1
        "#]],
        ),
        (
            &["call", "tiny.wasm", "pre_hook", "--input", "-"],
            expect![[r#"
            plugbay: error: - is not JSON: EOF while parsing a value at line 1 column 0
        "#]],
        ),
        (
            &["call", "tiny.wasm", "get_name", "--config", "{"],
            expect![[r#"
            plugbay: error: --config is not JSON: EOF while parsing an object at line 1 column 1
        "#]],
        ),
        (
            &["call", "tiny.wasm", "get_name", "--config", "@none.json"],
            expect![[r#"
            plugbay: error: cannot read none.json: No such file or directory (os error 2)
        "#]],
        ),
        (
            &["call", "tiny.wasm", "malloc"],
            expect![[r#"
            plugbay: error: `malloc` is no export of the contract; wanted a hook, execute, execute_with_context, get_name, capabilities, init, cleanup or shutdown
        "#]],
        ),
        (
            &["call", "none.wasm", "get_name"],
            expect![[r#"
            plugbay: error: plugin `none`: cannot read none.wasm: No such file or directory (os error 2)
        "#]],
        ),
        (
            &["call", "tiny.wasm", "get_name", "--backend", "v8"],
            expect![[r#"
            error: invalid value 'v8' for '--backend <NAME>'
              [possible values: wasmtime, wasmi, tiered, shadow]

            For more information, try '--help'.
        "#]],
        ),
        (
            &["call", "tiny.wasm", "get_name", "--fuel", "-1"],
            expect![[r#"
                error: unexpected argument '-1' found

                  tip: to pass '-1' as a value, use '-- -1'

                Usage: plugbay call [OPTIONS] <FILE> [EXPORT]

                For more information, try '--help'.
            "#]],
        ),
    ] {
        folder.plugbay(arguments).check(2, expect![[""]], wanted);
    }
    for (arguments, wanted) in [
        (
            &["call", "tiny.wasm", "post_hook", "--input", "-"][..],
            expect![[r#"
            error: plugin `tiny` does not export `post_hook`
        "#]],
        ),
        (
            &["call", "tiny.wasm", "execute", "--input", "-"],
            expect![[r#"
            error: plugin `tiny` does not export `execute`
        "#]],
        ),
        (
            &["call", "tiny.wasm", "get_name", "--memory-bytes", "0"],
            expect![[r#"
            error: plugin `tiny`: failed to instantiate WASM module: Memory limit exceeded: the module starts with 65536 bytes of 0 (raise `memory_bytes`)
        "#]],
        ),
    ] {
        folder.plugbay_with(arguments, b"{}").check(1, expect![[""]], wanted);
    }
}

#[test]
fn the_cache_is_filled_and_shown_and_cleared() {
    let folder = Folder::with(&[("tiny.wasm", HOOK), ("action.wasm", ACTION)]);
    let cache = folder.0.path().join("cache");
    let path = format!("{}\n", cache.display());
    assert_eq!(folder.plugbay(&["cache", "path"]).stdout, path);
    // Looking at it does not make it, nor does an engine that does not compile.
    assert_eq!(folder.plugbay(&["cache", "clear"]).stdout, "entries removed: 0\n");
    assert_eq!(folder.plugbay(&["check", "tiny.wasm", "--no-cache"]).code, 0);
    assert_eq!(folder.plugbay(&["check", "tiny.wasm", "--backend", "wasmi"]).code, 0);
    let none = folder.plugbay(&["cache", "list"]);
    assert_eq!(none.stdout, format!("0 entries, 0 bytes of 512.0 MiB in {path}"));
    assert!(!cache.exists());

    for module in ["tiny.wasm", "action.wasm", "tiny.wasm"] {
        let ended = folder.plugbay(&["check", module]);
        assert_eq!((ended.code, &*ended.stderr), (0, ""));
    }
    let list = folder.plugbay(&["cache", "list"]).stdout;
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 3, "{list}");
    assert!(lines[0].contains(".code") && lines[0].ends_with("  used within a day"), "{list}");
    assert!(lines[2].starts_with("2 entries, ") && lines[2].contains("512.0 MiB"), "{list}");
    let json = folder.plugbay(&["cache", "list", "--json"]).stdout;
    assert_eq!(json.matches("\"file\": ").count(), 2, "{json}");
    assert!(json.contains("\"limit_bytes\": 536870912"), "{json}");
    assert_eq!(folder.plugbay(&["cache", "clear"]).stdout, "entries removed: 2\n");
    assert_eq!(folder.plugbay(&["cache", "clear"]).stdout, "entries removed: 0\n");

    // The option goes before the variable.
    assert_eq!(folder.plugbay(&["check", "tiny.wasm", "--cache-dir", "other"]).code, 0);
    assert_eq!(folder.plugbay(&["cache", "clear"]).stdout, "entries removed: 0\n");
    let cleared = folder.plugbay(&["cache", "clear", "--cache-dir", "other"]);
    assert_eq!(cleared.stdout, "entries removed: 1\n");
    let both = folder.plugbay(&["check", "tiny.wasm", "--cache-dir", "other", "--no-cache"]);
    assert_eq!(both.code, 2, "{}", both.stdout);
}

#[test]
fn a_cache_that_cannot_be_trusted_is_told_of_and_the_work_is_done() {
    let folder = Folder::with(&[("tiny.wasm", HOOK)]);
    let good = folder.plugbay(&["check", "tiny.wasm"]);
    let entry = std::fs::read_dir(folder.0.path().join("cache"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "code"))
        .unwrap();
    std::fs::remove_file(&entry).unwrap();
    std::fs::write(&entry, "not what was compiled").unwrap();
    let ended = folder.plugbay(&["check", "tiny.wasm"]);
    assert_eq!((ended.code, &ended.stdout), (0, &good.stdout));
    let told = format!("{} is not run: it has 21 bytes", entry.display());
    assert!(ended.stderr.contains(&told), "{}", ended.stderr);
    let again = folder.plugbay(&["check", "tiny.wasm"]);
    assert_eq!((again.code, &*again.stderr), (0, ""));

    // A file in the place of the directory.
    let ended = folder.plugbay(&["check", "tiny.wasm", "--cache-dir", "tiny.wasm"]);
    assert_eq!((ended.code, &ended.stdout), (0, &good.stdout));
    let told = "cannot keep compiled code in tiny.wasm: ";
    assert!(ended.stderr.contains(told) && ended.stderr.contains("--no-cache"), "{}", ended.stderr);
    let ended = folder.plugbay(&["cache", "list", "--cache-dir", "tiny.wasm"]);
    assert_eq!(ended.code, 2, "{}", ended.stdout);
}

#[test]
fn several_processes_begin_a_cache_together() {
    for _ in 0..5 {
        let folder = Folder::with(&[("tiny.wasm", HOOK)]);
        std::thread::scope(|scope| {
            let check = || folder.plugbay(&["check", "tiny.wasm"]);
            let all: Vec<_> = (0..4).map(|_| scope.spawn(check)).collect();
            for one in all {
                let ended = one.join().unwrap();
                assert_eq!((ended.code, &*ended.stderr), (0, ""));
            }
        });
        // Whoever came last takes what any of them left.
        let after = folder.plugbay(&["check", "tiny.wasm"]);
        assert_eq!((after.code, &*after.stderr), (0, ""));
        // The secret and one entry.
        assert_eq!(std::fs::read_dir(folder.0.path().join("cache")).unwrap().count(), 2);
    }
}

#[test]
fn completions_for_every_shell() {
    let folder = Folder::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        for program in ["plugbay", "conductor"] {
            let ended = folder.plugbay(&["completions", shell, "--program", program]);
            assert_eq!((ended.code, &*ended.stderr), (0, ""), "{shell}");
            assert!(ended.stdout.contains(program) && ended.stdout.contains("backend"), "{shell}");
        }
    }
    assert_eq!(folder.plugbay(&["completions", "tcsh"]).code, 2);
    // The script is one that the shell understands.
    let script = folder.plugbay(&["completions", "bash"]).stdout;
    if let Ok(mut bash) = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn() {
        bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(bash.wait().unwrap().success());
    }
}

#[test]
fn help_shows_an_example_of_every_command() {
    let folder = Folder::empty();
    let help = folder.plugbay(&["--help"]);
    assert_eq!(help.code, 0);
    for command in ["demo", "gateway", "midi", "check", "inspect", "call", "cache", "completions"] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{}", help.stdout);
        let help = folder.plugbay(&[command, "--help"]);
        assert_eq!((help.code, &*help.stderr), (0, ""), "{command}");
        assert!(help.stdout.contains("Example:\n  "), "{command}: {}", help.stdout);
    }
    let help = run(env!("CARGO_BIN_EXE_conductor"), folder.0.path(), &["--help"], b"");
    assert!(help.stdout.contains("Example:\n  conductor "), "{}", help.stdout);
    assert!(help.stdout.contains("Exit codes"), "{}", help.stdout);
}

#[test]
fn wrong_usage_is_2() {
    let folder = Folder::empty();
    for arguments in [
        &["chek"][..],
        &["check"],
        &["call"],
        &["check", "a", "b"],
        &["gateway", "--listen", "here"],
    ] {
        let ended = folder.plugbay(arguments);
        assert_eq!((ended.code, &*ended.stdout), (2, ""), "{arguments:?}");
        assert!(ended.stderr.contains("--help"), "{arguments:?}: {}", ended.stderr);
    }
    let bare = folder.plugbay(&[]);
    assert_eq!((bare.code, &*bare.stdout), (2, ""));
    assert!(bare.stderr.contains("Usage: plugbay <COMMAND>"), "{}", bare.stderr);
    let version = folder.plugbay(&["--version"]);
    assert_eq!(version.stdout, format!("plugbay {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_gateway_s_configuration_is_tried_without_serving() {
    let folder = Folder::with(&[("hook.wasm", HOOK), ("broken.wasm", BROKEN)]);
    let good = r#"{"plugins": [{"path": "hook.wasm"}, {"path": "gone.wasm", "enabled": false}]}"#;
    std::fs::write(folder.0.path().join("good.json"), good).unwrap();
    let ended = folder.plugbay(&["gateway", "--check", "good.json", "--backend", "wasmi"]);
    let hash = plugbay::module_hash(&wat::parse_str(HOOK).unwrap());
    let wanted = format!(
        "good  plugin tiny: pre_hook (sha256 {hash})\noff   plugin gone\n\
         good  a gateway would start with all of it\n"
    );
    assert_eq!((ended.code, ended.stdout), (0, wanted), "{}", ended.stderr);
    let ended = folder.plugbay(&["gateway", "good.json"]);
    assert_eq!((ended.code, &*ended.stdout), (2, ""));
    assert!(ended.stderr.contains("wanted `--config good.json`"), "{}", ended.stderr);
    let bad = r#"{"plugins": [{"path": "broken.wasm", "name": "b"}],
        "providers": {"openai": {"api_key_env": "PLUGBAY_TEST_NO_SUCH_KEY"}}}"#;
    std::fs::write(folder.0.path().join("config.json"), bad).unwrap();
    let ended = folder.plugbay(&["gateway", "--check", "--json", "--backend", "wasmi"]);
    let found: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &found["ok"]), (2, &false.into()));
    assert_eq!(found["plugins"][0]["name"], "b");
    assert!(
        found["plugins"][0]["error"].as_str().unwrap().contains("missing export `memory`"),
        "{found}"
    );
    assert!(found["problems"][0].as_str().unwrap().contains("NO_SUCH_KEY"), "{found}");
    std::fs::write(folder.0.path().join("config.json"), r#"{"plugin": []}"#).unwrap();
    let ended = folder.plugbay(&["gateway", "--check"]);
    assert!(
        ended.stdout.starts_with("wrong config.json: `plugin`: unknown key"),
        "{}",
        ended.stdout
    );
    assert_eq!((ended.code, &*ended.stderr), (2, ""));
}

#[test]
fn the_schema_of_a_gateway_s_configuration_is_the_published_one() {
    let published = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.schema.json");
    let ended = Folder::empty().plugbay(&["gateway", "--print-schema"]);
    assert_eq!((ended.code, ended.stdout), (0, std::fs::read_to_string(published).unwrap()));
}

#[test]
fn the_demo_names_what_is_missing() {
    let folder = Folder::empty();
    folder.plugbay(&["demo"]).check(
        2,
        expect![[""]],
        expect![[r#"
        plugbay: error: target/plugins/redactor.wasm is not there; `cargo xtask plugins` builds it
    "#]],
    );
}
