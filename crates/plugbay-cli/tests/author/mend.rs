//! Modules that are broken as authors break them, and what `plugbay check` tells them to do.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::folder::Folder;

/// What a language's compiler leaves in a module.
fn by(language: &str) -> &'static str {
    match language {
        "Rust" => r#"(@producers (language "Rust" "2024") (processed-by "rustc" "1.95.0"))"#,
        "C" => r#"(@producers (processed-by "Debian clang" "14.0.6"))"#,
        "Go" => {
            r#"(@producers (language "Go" "go1.24.4") (processed-by "Go cmd/compile" "go1.24.4"))"#
        }
        "Zig" => r#"(@producers (language "Zig" "0.14.0"))"#,
        "Kotlin" => r#"(@producers (language "Kotlin" "2.0"))"#,
        _ => "",
    }
}

/// Exports that are right, for modules that are wrong elsewhere.
const RIGHT: &str = r#"
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "free") (param i32 i32))
    (func (export "get_name") (result i64) (i64.const 0))
    (func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0))"#;
const MEMORY: &str = r#"(memory (export "memory") 1)"#;

fn module(language: &str, rest: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {rest} {})", by(language))).unwrap()
}

/// All of them, with the cure that each has to have first.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let without = |name: &str| -> String {
        RIGHT.lines().filter(|line| !line.contains(&format!("\"{name}\""))).collect()
    };
    let right = |language: &str, more: &str| module(language, &format!("{more} {MEMORY} {RIGHT}"));
    vec![
        (
            "no-malloc",
            module(
                "",
                &format!(
                    r#"(import "env" "abort" (func (param i32 i32 i32 i32))) {MEMORY} {}"#,
                    without("malloc")
                ),
            ),
        ),
        (
            "own-initialize",
            module(
                "Rust",
                &format!(
                    r#"{MEMORY} {RIGHT}
                       (func (export "_initialize") (param i32 i32) (result i32) (i32.const 0))"#
                ),
            ),
        ),
        (
            "malloc-calls-itself",
            module(
                "Rust",
                &format!(
                    r#"{MEMORY} {} (func $malloc (export "malloc") (param i32) (result i32) (call $alloc (local.get 0)))
                       (func $alloc (param i32) (result i32) (call $malloc (local.get 0)))"#,
                    without("malloc")
                ),
            ),
        ),
        ("no-exports", module("", MEMORY)),
        (
            "unknown-import",
            right("C", r#"(import "env" "lookup" (func (param i32) (result i32)))"#),
        ),
        (
            "extism",
            module(
                "Rust",
                &format!(
                    r#"(import "extism:host/env" "input_length" (func (result i64))) {MEMORY}"#
                ),
            ),
        ),
        (
            "proxy-wasm",
            module(
                "",
                &format!(
                    r#"(import "env" "proxy_log" (func (param i32 i32 i32) (result i32))) {MEMORY}"#
                ),
            ),
        ),
        (
            "signature",
            module(
                "Go",
                &format!(
                    r#"{MEMORY} {} (func (export "pre_hook") (param i32 i32) (result i32) (i32.const 0))"#,
                    without("pre_hook")
                ),
            ),
        ),
        ("no-memory", module("Zig", &format!("(memory 1) {RIGHT}"))),
        ("component", wat::parse_str("(component)").unwrap()),
        ("memory64", module("Rust", &format!(r#"(memory (export "memory") i64 1) {RIGHT}"#))),
        ("threads", module("C", &format!(r#"(memory (export "memory") 1 2 shared) {RIGHT}"#))),
        (
            "gc",
            module(
                "Kotlin",
                &format!(
                    "(type $s (struct (field i32))) (func (param (ref null $s))) {MEMORY} {RIGHT}"
                ),
            ),
        ),
        (
            "command",
            module(
                "Go",
                &format!(
                    r#"(import "wasi_snapshot_preview1" "proc_exit" (func (param i32))) {MEMORY} (func (export "_start"))"#
                ),
            ),
        ),
        (
            "wasm-bindgen",
            right(
                "Rust",
                r#"(import "__wbindgen_placeholder__" "__wbindgen_throw" (func (param i32 i32)))"#,
            ),
        ),
        (
            "emscripten",
            right(
                "C",
                r#"(import "env" "emscripten_resize_heap" (func (param i32) (result i32)))"#,
            ),
        ),
        (
            "misspelt",
            module(
                "Rust",
                &format!(
                    r#"{MEMORY} {} (func (export "preHook") (param i32 i32) (result i64) (i64.const 0))"#,
                    without("pre_hook")
                ),
            ),
        ),
        ("text-format", b"(module (memory 1))".to_vec()),
        ("gzip", vec![0x1f, 0x8b, 8, 0]),
        ("native-library", b"\x7fELF\x02\x01\x01".to_vec()),
        ("web-page", b"<!DOCTYPE html><title>404</title>".to_vec()),
        ("cut-short", right("Rust", "").into_iter().take(60).collect()),
        ("no-free", module("Rust", &format!("{MEMORY} {}", without("free")))),
        (
            "endless-start",
            module(
                "C",
                &format!("{MEMORY} {RIGHT} (func $main (loop $again (br $again))) (start $main)"),
            ),
        ),
        (
            "older-generation",
            module(
                "Rust",
                &format!(
                    r#"{MEMORY} {} (func (export "pre_hook") (param i32 i32 i32 i32) (result i64) (i64.const 0))"#,
                    without("pre_hook")
                ),
            ),
        ),
        (
            "not-initialized",
            right(
                "Go",
                r#"(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))"#,
            ),
        ),
        (
            "unknown-host-function",
            right("Rust", r#"(import "plugbay" "http_reqest" (func (param i32)))"#),
        ),
        (
            "imported-memory",
            module(
                "",
                &format!(
                    r#"(import "env" "memory" (memory 1)) (import "env" "abort" (func (param i32 i32 i32 i32))) {RIGHT}"#
                ),
            ),
        ),
        ("go-for-browsers", right("", r#"(import "gojs" "runtime.wasmExit" (func (param i32)))"#)),
        (
            "wasi-preview-2",
            right(
                "Rust",
                r#"(import "wasi:cli/environment@0.2.0" "get-environment" (func (param i32)))"#,
            ),
        ),
    ]
}

fn check(bytes: &[u8]) -> (i32, Value) {
    let folder = Folder::new().with("plugin.wasm", bytes);
    let ended = folder.plugbay(&["check", "plugin.wasm", "--json"]);
    assert_eq!(ended.stderr, "");
    (ended.code, serde_json::from_str(&ended.stdout).unwrap())
}

#[test]
fn each_mistake_has_a_cure_of_its_own() {
    let (mut ids, mut texts) = (BTreeSet::new(), BTreeSet::new());
    for (id, bytes) in broken() {
        let (code, report) = check(&bytes);
        let first = &report["cures"][0];
        assert_eq!(first["id"], id, "{report:#}");
        assert_eq!(code, i32::from(id != "no-free"), "{id}: {report:#}");
        assert!(ids.insert(id) && texts.insert(first["mend"].as_str().unwrap().to_owned()), "{id}");
    }
    assert!(ids.len() > 20, "{ids:?}");
}

/// The whole text of twelve of them.
#[test]
fn cures_are_in_the_language_at_hand() {
    let all = broken();
    let told = |id: &str, wanted: Expect| {
        let (_, bytes) = all.iter().find(|(known, _)| *known == id).unwrap();
        let folder = Folder::new().with("plugin.wasm", bytes);
        let ended = folder.plugbay(&["check", "plugin.wasm"]);
        let (_, cures) = ended.stdout.split_once("how to mend it").unwrap();
        wanted.assert_eq(cures);
    };
    told(
        "no-malloc",
        expect![[r#"
        , written in AssemblyScript
          mend     it does not export `malloc`, so that the host has no place to write documents to.
                   Export an allocator: AssemblyScript's own is not exported by `--runtime stub`, and `--exportRuntime` calls it `__new`.
                     | export function malloc(size: u32): u32 {
                     |   return heap.alloc(size) as u32
                     | }
                     | export function free(ptr: u32): void {
                     |   heap.free(ptr)
                     | }
        this module cannot be used as it is
    "#]],
    );
    told(
        "own-initialize",
        expect![[r#"
        , written in Rust
          mend     its `_initialize` is (i32, i32) -> i32: it is not what the linker makes, which is () -> ().
                   Name your function otherwise, and leave `_initialize` to the linker: it runs once, before everything else, and takes nothing. What takes a configuration is `init`.
        this module cannot be used as it is
    "#]],
    );
    told(
        "malloc-calls-itself",
        expect![[r#"
        , written in Rust
          mend     its `malloc` calls itself: on WASI it took the place of the C library's, which Rust's own allocator calls.
                   Name yours `plugin_malloc` and `plugin_free`, which the host prefers, or build for wasm32-unknown-unknown, where there is no other.
                     | #[unsafe(no_mangle)]
                     | pub extern "C" fn plugin_malloc(size: u32) -> u32 {
        this module cannot be used as it is
    "#]],
    );
    told(
        "no-exports",
        expect![[r#"

          mend     it exports no function: the compiler left nothing of it in its 25 bytes.
                   In Rust, functions are exported by `#[unsafe(no_mangle)] pub extern "C"` (or by `#[plugbay_guest::hooks]`), in a crate that is a `cdylib`: an `rlib` and a crate without them come to an empty module.
                     | [lib]
                     | crate-type = ["cdylib"]
        this module cannot be used as it is
    "#]],
    );
    told(
        "unknown-import",
        expect![[r#"
        , written in C
          mend     it imports `env.lookup`, which nobody offers.
                   `lookup` is declared and defined nowhere, and the linker was told to allow that: link what defines it, and build without `--allow-undefined` so that the linker says so.
                     | clang … -Wl,--unresolved-symbols=report-all
        this module cannot be used as it is
    "#]],
    );
    told(
        "extism",
        expect![[r#"
        , written in Rust
          mend     it imports `extism:host/env.input_length`: it is written for Extism.
                   Write it for this contract: docs/coming-from/extism.md has what corresponds to what.
                     | plugbay new NAME
        this module cannot be used as it is
    "#]],
    );
    told(
        "proxy-wasm",
        expect![[r#"

          mend     it imports `env.proxy_log`: it is written for proxy-wasm.
                   Write it for this contract: docs/coming-from/proxy-wasm.md has what corresponds to what.
                     | plugbay new NAME
        this module cannot be used as it is
    "#]],
    );
    told(
        "signature",
        expect![[r#"
        , written in Go
          mend     `pre_hook` is (i32, i32) -> i32, and has to be (i32, i32) -> i64.
                   Declare it so. Return pointer << 32 | length as one 64-bit number, in place of a pointer.
                     | //go:wasmexport pre_hook
                     | func preHook(ptr, len uint32) uint64 {
        this module cannot be used as it is
    "#]],
    );
    told(
        "no-memory",
        expect![[r#"
        , written in Zig
          mend     it does not export its `memory`, through which documents go in and out.
                   Let the linker export it.
                     | zig build-exe … --export-memory
        this module cannot be used as it is
    "#]],
    );
    told(
        "component",
        expect![[r#"

          mend     the file is a component, and plugins are core modules.
                   Build for WASI preview 1 (wasip1) rather than preview 2, and leave out `wasm-tools component new`, `jco` and `componentize`. This shows the core modules that are inside.
                     | wasm-tools component unbundle plugin.wasm --module-dir modules
        this module cannot be used as it is
    "#]],
    );
    told(
        "threads",
        expect![[r#"
        , written in C
          mend     it needs threads (shared memory or atomics), which the engines do not take.
                   Build without threads: an instance has one, and the host makes as many instances as it needs.
                     | clang --target=wasm32-wasi …   # not wasm32-wasi-threads, and no -pthread
        this module cannot be used as it is
    "#]],
    );
    told(
        "command",
        expect![[r#"
        , written in Go
          mend     it is a program, with a `_start`, and exports none of a plugin's functions.
                   Build a library, and export its functions by `//go:wasmexport`: without `-buildmode=c-shared`, Go makes a program.
                     | GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm
        this module cannot be used as it is
    "#]],
    );
    told(
        "wasm-bindgen",
        expect![[r#"
        , written in Rust
          mend     it imports `__wbindgen_placeholder__.__wbindgen_throw`, which is for JavaScript: wasm-bindgen is linked in.
                   Find which dependency brings it along, and switch that off: often `chrono` (its feature `wasmbind`), `getrandom` (`js`, `wasm_js`), `uuid` (`js`) or `web-time`. Do not build with wasm-pack.
                     | cargo tree --target wasm32-unknown-unknown --invert wasm-bindgen --edges features
        this module cannot be used as it is
    "#]],
    );
    told(
        "emscripten",
        expect![[r#"
        , written in C by Emscripten
          mend     it imports `env.emscripten_resize_heap`, which Emscripten's JavaScript answers.
                   Build for no JavaScript, or with clang and the WASI SDK.
                     | emcc -O2 -sSTANDALONE_WASM --no-entry -sEXPORTED_FUNCTIONS=_malloc,_free,_get_name,_pre_hook -o plugin.wasm plugin.c
        this module cannot be used as it is
    "#]],
    );
    told(
        "misspelt",
        expect![[r#"
        , written in Rust
          mend     it exports `preHook`, which nobody calls: the name is `pre_hook`.
                   Name the function `pre_hook`, or export it so: `#[unsafe(export_name = "pre_hook")]`.
        this module cannot be used as it is
    "#]],
    );
    told(
        "gzip",
        expect![[r#"

          mend     the file is compressed with gzip.
                   Unpack it: a plugin is loaded as it is.
                     | gzip -dc plugin.wasm > plugin.unpacked.wasm
        this module cannot be used as it is
    "#]],
    );
    told(
        "endless-start",
        expect![[r#"
        , written in C
          mend     its start function goes round for ever: nothing after it would ever run.
                   Leave the start function to return at once, and do the work in `init` or in a hook. A `main` with a loop belongs into no plugin.
        this module cannot be used as it is
    "#]],
    );
}

#[test]
fn a_missing_export_is_mended_by_language() {
    let module = |language: &str| {
        let text = format!(
            r#"(module {MEMORY} (func (export "get_name") (result i64) (i64.const 0)) (func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0)) {})"#,
            by(language)
        );
        wat::parse_str(text).unwrap()
    };
    for (language, wanted) in [
        ("Rust", "pub extern \"C\" fn malloc(size: u32) -> u32 {"),
        ("C", "-Wl,--export=malloc"),
        ("Go", "//go:wasmexport malloc"),
        ("Zig", "export fn malloc(size: u32) u32 {"),
    ] {
        let (_, report) = check(&module(language));
        let code = report["cures"][0]["code"].as_str().unwrap();
        assert!(code.contains(wanted), "{language}: {code}");
        assert_eq!(report["language"], language.to_lowercase());
    }
    let (_, report) = check(&module("stripped"));
    assert_eq!(
        (&report["language"], &report["cures"][0]["id"]),
        (&Value::Null, &"no-malloc".into())
    );
}
