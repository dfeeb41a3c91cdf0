//! Exports that are missing, misspelt or of another signature.

use plugbay::Inspection;
use plugbay::abi::interface::{Hook, Problem};
use plugbay::abi::{FuncType, ValueType};

use super::Cure;
use super::libraries::{not_a_plugin, not_initialized};
use crate::command::check::facts::Facts;
use crate::command::check::language::{Language, declaration};

/// Names of both contracts that authors misspell.
const OPTIONAL: [&str; 9] = [
    "get_name",
    "init",
    "cleanup",
    "shutdown",
    "execute",
    "execute_with_context",
    "capabilities",
    "malloc",
    "free",
];

/// The cures for what a module exports.
pub(super) fn cures(facts: &Facts, inspection: &Inspection) -> Vec<Cure> {
    let mut cures: Vec<Cure> = misspelt(facts);
    if let Err(problems) = &inspection.interface {
        for problem in problems {
            if let Some(cure) = of_problem(facts, problem, &cures) {
                cures.push(cure);
            }
        }
    }
    let is_hook = inspection.interface.as_ref().is_ok_and(|it| it.is_hook_plugin());
    if facts.endless_start {
        cures.push(Cure::new(
            "endless-start",
            "its start function goes round for ever: nothing after it would ever run",
            "Leave the start function to return at once, and do the work in `init` or in a hook. A `main` with a loop belongs into no plugin.",
        ));
    }
    if facts.malloc_calls_itself {
        cures.push(
            Cure::new(
                "malloc-calls-itself",
                "its `malloc` calls itself: on WASI it took the place of the C library's, which Rust's own allocator calls",
                "Name yours `plugin_malloc` and `plugin_free`, which the host prefers, or build for wasm32-unknown-unknown, where there is no other.",
            )
            .code("#[unsafe(no_mangle)]\npub extern \"C\" fn plugin_malloc(size: u32) -> u32 {"),
        );
    }
    cures.extend(not_initialized(facts));
    if is_hook
        && !["free", "plugin_free", "dealloc"].iter().any(|name| facts.exports.contains(*name))
    {
        cures.push(no_free(facts));
    }
    if let Some(error) = &inspection.unlinkable
        && error.to_string().contains("plugbay_abi")
    {
        let ty = FuncType::new(&[], &[ValueType::I32]);
        let code = facts.language.and_then(|language| declaration(language, "plugbay_abi", &ty));
        cures.push(with(
            Cure::new(
                "no-abi",
                "it calls functions for bodies, and does not say that it is of the generation that has them",
                "Export `plugbay_abi`, which returns 2.",
            ),
            code,
        ));
    }
    cures
}

fn with(cure: Cure, code: Option<String>) -> Cure {
    match code {
        Some(code) => cure.code(code),
        None => cure,
    }
}

fn of_problem(facts: &Facts, problem: &Problem, before: &[Cure]) -> Option<Cure> {
    // What is there under another name is not missing.
    let is_misspelt = |wanted: &str| {
        let name = format!("`{wanted}`");
        before.iter().any(|cure| cure.id == "misspelt" && cure.problem.contains(&name))
    };
    match problem {
        Problem::Missing { export, wanted } if !is_misspelt(export) => {
            Some(missing(facts, export, wanted))
        }
        Problem::WrongSignature { export, found, wanted } => {
            Some(signature(facts, export, found, wanted))
        }
        Problem::OlderGeneration { export, .. } => {
            let ty = FuncType::new(&[ValueType::I32; 2], &[ValueType::I64]);
            let code = facts.language.and_then(|language| declaration(language, export, &ty));
            Some(with(
                Cure::new(
                    "older-generation",
                    format!(
                        "`{export}` takes context and request apart, as an older generation of hooks did"
                    ),
                    "Take one document, {\"context\": …, \"request\": …}, and return one of the same shape.",
                ),
                code,
            ))
        }
        // One that it imports is a cure of its own.
        Problem::NoMemory if !facts.imports_memory => Some(no_memory(facts)),
        Problem::NotAPlugin { .. } if before.is_empty() => Some(not_a_plugin(facts)),
        _ => None,
    }
}

fn missing(facts: &Facts, export: &str, wanted: &[FuncType]) -> Cure {
    if export != "malloc" {
        let code = facts.language.zip(wanted.first());
        let code = code.and_then(|(language, ty)| declaration(language, export, ty));
        let cure = Cure::new(
            if export == "get_name" { "no-name" } else { "missing-export" },
            format!("it does not export `{export}`"),
            "Export it: it returns the plugin's name, as pointer << 32 | length.",
        );
        return with(cure, code);
    }
    let (mend, code) = match facts.language {
        Some(Language::AssemblyScript) => (
            "Export an allocator: AssemblyScript's own is not exported by `--runtime stub`, and `--exportRuntime` calls it `__new`.",
            "export function malloc(size: u32): u32 {\n  return heap.alloc(size) as u32\n}\nexport function free(ptr: u32): void {\n  heap.free(ptr)\n}",
        ),
        Some(Language::Rust) => (
            "Export an allocator; `plugbay-guest` does it for you (docs/sdk-rust.md).",
            "#[unsafe(no_mangle)]\npub extern \"C\" fn malloc(size: u32) -> u32 {\n    Box::into_raw(vec![0u8; size as usize].into_boxed_slice()).cast::<u8>() as u32\n}",
        ),
        Some(Language::Go | Language::TinyGo) => (
            "Export an allocator that keeps what it gives away, so that the collector leaves it.",
            "var kept = map[uint32][]byte{}\n\n//go:wasmexport malloc\nfunc malloc(size uint32) uint32 {\n\tbytes := make([]byte, size+1)\n\tptr := uint32(uintptr(unsafe.Pointer(&bytes[0])))\n\tkept[ptr] = bytes\n\treturn ptr\n}",
        ),
        Some(Language::C) => (
            "Export the C library's allocator: the linker drops what nobody names.",
            "clang … -Wl,--export=malloc -Wl,--export=free",
        ),
        Some(Language::Emscripten) => (
            "Export the C library's allocator: the linker drops what nobody names.",
            "emcc … -sEXPORTED_FUNCTIONS=_malloc,_free,_get_name,_pre_hook",
        ),
        Some(Language::Zig) => (
            "Export an allocator.",
            "export fn malloc(size: u32) u32 {\n    const bytes = std.heap.wasm_allocator.alloc(u8, size) catch return 0;\n    return @intFromPtr(bytes.ptr);\n}",
        ),
        _ => {
            return Cure::new(
                "no-malloc",
                "it does not export `malloc`, so that the host has no place to write documents to",
                "Export a function `malloc` that takes a number of bytes and returns where they are, and `free` beside it.",
            );
        }
    };
    let problem =
        "it does not export `malloc`, so that the host has no place to write documents to";
    Cure::new("no-malloc", problem, mend).code(code)
}

fn signature(facts: &Facts, export: &str, found: &FuncType, wanted: &[FuncType]) -> Cure {
    let ty = wanted.first();
    let code = facts.language.zip(ty).and_then(|(language, ty)| declaration(language, export, ty));
    let wanted_one = ty.map(ToString::to_string).unwrap_or_default();
    if matches!(export, "_initialize" | "_start") {
        return Cure::new(
            "own-initialize",
            format!(
                "its `{export}` is {found}: it is not what the linker makes, which is {wanted_one}"
            ),
            format!(
                "Name your function otherwise, and leave `{export}` to the linker: it runs once, before everything else, and takes nothing. What takes a configuration is `init`."
            ),
        );
    }
    let hint = if wanted_one.ends_with("i64") && found.results.first() == Some(&ValueType::I32) {
        " Return pointer << 32 | length as one 64-bit number, in place of a pointer."
    } else if found.params.contains(&ValueType::I64) {
        " Pointers and lengths are 32 bits wide."
    } else if found.results.is_empty() && ty.is_some_and(|ty| !ty.results.is_empty()) {
        " It has to return something."
    } else {
        ""
    };
    with(
        Cure::new(
            "signature",
            format!("`{export}` is {found}, and has to be {wanted_one}"),
            format!("Declare it so.{hint}"),
        ),
        code,
    )
}

fn no_memory(facts: &Facts) -> Cure {
    let (mend, code) = match facts.language {
        Some(Language::C) => (
            "Let the linker export it, and strip nothing that is exported.",
            Some("clang … -Wl,--export-memory"),
        ),
        Some(Language::Zig) => {
            ("Let the linker export it.", Some("zig build-exe … --export-memory"))
        }
        Some(Language::AssemblyScript) => ("Build without `--noExportMemory`.", None),
        Some(Language::Rust) => (
            "The linker does so by itself: take `--import-memory` out of RUSTFLAGS and `.cargo/config.toml`.",
            None,
        ),
        _ => (
            "Export the linear memory under the name `memory`.",
            Some("(memory (export \"memory\") 2)"),
        ),
    };
    let problem = "it does not export its `memory`, through which documents go in and out";
    with(Cure::new("no-memory", problem, mend), code.map(str::to_owned))
}

fn no_free(facts: &Facts) -> Cure {
    let ty = FuncType::new(&[ValueType::I32; 2], &[]);
    let one = FuncType::new(&[ValueType::I32], &[]);
    let code = match facts.language {
        Some(Language::C) => Some("clang … -Wl,--export=malloc -Wl,--export=free".to_owned()),
        // Rust has to be told the size.
        Some(Language::Rust) => declaration(Language::Rust, "free", &ty),
        Some(language) => declaration(language, "free", &one),
        None => None,
    };
    let cure = Cure::new(
        "no-free",
        "it exports no `free`: what each call allocates stays, until the host replaces the instance",
        "Export `free`: the host calls it with each document, in and out.",
    );
    with(cure.advice(), code)
}

/// Exports that are nearly a contract's.
fn misspelt(facts: &Facts) -> Vec<Cure> {
    let wanted: Vec<&str> = Hook::ALL.map(Hook::export).into_iter().chain(OPTIONAL).collect();
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let mut cures = Vec::new();
    for export in &facts.exports {
        if wanted.contains(&&**export) || Hook::from_export(export).is_some() {
            continue;
        }
        let near = |name: &&&str| {
            let (found, wanted) = (plain(export), plain(name));
            let close = wanted.len() > 6 && strsim::damerau_levenshtein(&found, &wanted) <= 1;
            !facts.exports.contains(**name) && (found == wanted || close)
        };
        let Some(name) = wanted.iter().find(near) else { continue };
        let mend = match facts.language {
            Some(Language::Rust) => format!(
                "Name the function `{name}`, or export it so: `#[unsafe(export_name = \"{name}\")]`."
            ),
            Some(Language::Go | Language::TinyGo) => {
                format!("The line above the function names the export: `//go:wasmexport {name}`.")
            }
            Some(Language::C | Language::Emscripten) => format!(
                "The attribute names the export: `__attribute__((export_name(\"{name}\")))`."
            ),
            Some(Language::AssemblyScript) => {
                format!("Exports have the function's own name: `export function {name}(…)`.")
            }
            Some(Language::Zig) => {
                format!("Exports have the function's own name: `export fn {name}(…)`.")
            }
            _ => format!("Export it as `{name}`."),
        };
        let problem = format!("it exports `{export}`, which nobody calls: the name is `{name}`");
        cures.push(Cure::new("misspelt", problem, mend));
    }
    cures
}
