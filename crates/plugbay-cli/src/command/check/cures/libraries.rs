//! Modules that are built as something else than a library: programs, empty crates, libraries that are never set up.

use super::Cure;
use crate::command::check::facts::Facts;
use crate::command::check::language::Language;

/// A module without any export of a contract.
pub(super) fn not_a_plugin(facts: &Facts) -> Cure {
    if facts.exports.contains("_start") {
        return command(facts);
    }
    let empty = facts.exports.is_empty();
    let problem = match empty {
        true => format!(
            "it exports no function: the compiler left nothing of it in its {} bytes",
            facts.size
        ),
        false => "it exports functions, and none of a plugin's".to_owned(),
    };
    let (mend, code) = match facts.language {
        Some(Language::AssemblyScript) => (
            "Export the functions of the entry file, the one that `asc` is given: it leaves out all others.",
            "export function get_name(): u64 {\nexport function pre_hook(ptr: u32, len: u32): u64 {",
        ),
        Some(Language::Go | Language::TinyGo) => (
            "Export functions with a line above each, and build a library.",
            "//go:wasmexport pre_hook\nfunc preHook(ptr, len uint32) uint64 {",
        ),
        Some(Language::C | Language::Emscripten) => (
            "Name functions as exports, or the linker drops them.",
            "__attribute__((export_name(\"pre_hook\")))\nuint64_t pre_hook(uint32_t ptr, uint32_t len) {",
        ),
        Some(Language::Zig) => (
            "Write `export fn`, and build with `-rdynamic`.",
            "zig build-exe plugin.zig -target wasm32-freestanding -fno-entry -rdynamic",
        ),
        Some(Language::Rust) => rust_exports(),
        // What an empty crate is compiled to has nothing in it that tells of Rust.
        _ if facts.size <= 64 => rust_exports(),
        _ => {
            return Cure::new(
                if empty { "no-exports" } else { "not-a-plugin" },
                problem,
                "Export `get_name` and a hook such as `pre_hook` for the gateway, or `execute` for conductor.",
            );
        }
    };
    Cure::new(if empty { "no-exports" } else { "not-a-plugin" }, problem, mend).code(code)
}

fn rust_exports() -> (&'static str, &'static str) {
    (
        "In Rust, functions are exported by `#[unsafe(no_mangle)] pub extern \"C\"` (or by `#[plugbay_guest::hooks]`), in a crate that is a `cdylib`: an `rlib` and a \
         crate without them come to an empty module.",
        "[lib]\ncrate-type = [\"cdylib\"]",
    )
}

/// A program in place of a library.
fn command(facts: &Facts) -> Cure {
    let (mend, code) = match facts.language {
        Some(Language::Go) => (
            "Build a library, and export its functions by `//go:wasmexport`: without `-buildmode=c-shared`, Go makes a program.",
            Some("GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm"),
        ),
        Some(Language::TinyGo) => (
            "Build a library, and export its functions by `//go:wasmexport`.",
            Some("tinygo build -target=wasip1 -buildmode=c-shared -o plugin.wasm"),
        ),
        Some(Language::Rust) => (
            "Make it a library: `src/lib.rs` in place of `src/main.rs`, and a `cdylib`.",
            Some("[lib]\ncrate-type = [\"cdylib\"]"),
        ),
        Some(Language::C) => (
            "Link a reactor, without a `main`.",
            Some("clang --target=wasm32-wasi -mexec-model=reactor -O2 -o plugin.wasm plugin.c"),
        ),
        Some(Language::Zig) => (
            "Build without an entry.",
            Some("zig build-exe plugin.zig -target wasm32-wasi -mexec-model=reactor -rdynamic"),
        ),
        _ => (
            "Build a library (a WASI reactor) that exports a plugin's functions, in place of a program.",
            None,
        ),
    };
    let problem = "it is a program, with a `_start`, and exports none of a plugin's functions";
    Cure { code: code.map(str::to_owned), ..Cure::new("command", problem, mend) }
}

/// A library on WASI whose own library is never set up.
pub(super) fn not_initialized(facts: &Facts) -> Option<Cure> {
    let wasi = facts.imports.iter().filter(|(module, _)| module == "wasi_snapshot_preview1");
    let wasi: Vec<_> = wasi.map(|(_, field)| field.as_str()).collect();
    let starts = facts.exports.contains("_initialize") || facts.exports.contains("_start");
    if wasi.is_empty() || starts {
        return None;
    }
    // What prints by the SDK for C has no library: one of those has more to do with a file than to write to it.
    if facts.language == Some(Language::C) && wasi == ["fd_write"] {
        return None;
    }
    let code = match facts.language? {
        Language::C => {
            "clang --target=wasm32-wasi -mexec-model=reactor …   # without -nostartfiles"
        }
        Language::Go => "GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm",
        Language::TinyGo => "tinygo build -target=wasip1 -buildmode=c-shared -o plugin.wasm",
        _ => return None,
    };
    let cure = Cure::new(
        "not-initialized",
        "it uses WASI and exports no `_initialize`: its library is never set up, and globals with constructors are empty",
        "Build it as a reactor, whose `_initialize` the host calls first.",
    );
    let cure = cure.code(code);
    // Go cannot do without; a C library often can.
    Some(if facts.language == Some(Language::C) { cure.advice() } else { cure })
}
