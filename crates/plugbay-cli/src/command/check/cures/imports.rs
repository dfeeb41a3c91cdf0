//! Imports that nobody offers.

use plugbay::host_functions;

use super::Cure;
use crate::command::check::facts::Facts;
use crate::command::check::language::{Language, is_emscripten};

/// One cure for each kind of import that is not offered.
pub(super) fn cures(facts: &Facts) -> Vec<Cure> {
    let mut cures = Vec::new();
    if let Some(import) =
        facts.imports_from(|module, _| module == "wbg" || module.starts_with("__wbindgen"))
    {
        cures.push(
            Cure::new(
                "wasm-bindgen",
                format!("it imports `{import}`, which is for JavaScript: wasm-bindgen is linked in"),
                "Find which dependency brings it along, and switch that off: often `chrono` (its feature `wasmbind`), `getrandom` (`js`, `wasm_js`), `uuid` (`js`) or `web-time`. Do not build with wasm-pack.",
            )
            .code("cargo tree --target wasm32-unknown-unknown --invert wasm-bindgen --edges features"),
        );
    }
    if facts.language == Some(Language::Emscripten)
        && let Some(import) =
            facts.imports_from(|module, field| module == "env" && is_emscripten(field))
    {
        cures.push(
            Cure::new(
                "emscripten",
                format!("it imports `{import}`, which Emscripten's JavaScript answers"),
                "Build for no JavaScript, or with clang and the WASI SDK.",
            )
            .code(
                "emcc -O2 -sSTANDALONE_WASM --no-entry -sEXPORTED_FUNCTIONS=_malloc,_free,_get_name,_pre_hook -o plugin.wasm plugin.c",
            ),
        );
    }
    if let Some(import) = facts.imports_from(|module, _| matches!(module, "gojs" | "go")) {
        cures.push(
            Cure::new(
                "go-for-browsers",
                format!(
                    "it imports `{import}`, which `wasm_exec.js` answers: it was built for browsers"
                ),
                "Build for WASI, as a library.",
            )
            .code("GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm"),
        );
    }
    if let Some(import) = facts.imports_from(|module, _| module.starts_with("wasi:")) {
        cures.push(
            Cure::new(
                "wasi-preview-2",
                format!("it imports `{import}`, which is of WASI preview 2"),
                "Build for WASI preview 1.",
            )
            .code("cargo build --release --target wasm32-wasip1"),
        );
    }
    if let Some(import) =
        facts.imports_from(|module, field| module == "wasi" || field == "thread-spawn")
    {
        cures.push(Cure::new(
            "wasi-threads",
            format!("it imports `{import}`, which starts threads"),
            "Build for wasm32-wasip1 rather than wasm32-wasip1-threads: an instance has one thread.",
        ));
    }
    let old = |module: &str, _: &str| module == "wasi_unstable" || module.starts_with("wasix_");
    if let Some(import) = facts.imports_from(old) {
        cures.push(Cure::new(
            "other-wasi",
            format!("it imports `{import}`, which is of another WASI than preview 1"),
            "Build with a compiler that imports `wasi_snapshot_preview1`: for `wasi_unstable` a newer one, for WASIX plain WASI.",
        ));
    }
    let memory = facts.imports.iter().find(|(_, field)| field == "memory");
    if let (true, Some((module, field))) = (facts.imports_memory, memory) {
        let (mend, code) = match facts.language {
            Some(Language::AssemblyScript) => (
                "Build without `--importMemory`.",
                "asc assembly/index.ts -o build/plugin.wasm --runtime stub --optimize",
            ),
            Some(Language::Rust) => (
                "Take `--import-memory` out of the flags of the linker, in `.cargo/config.toml` or RUSTFLAGS.",
                "RUSTFLAGS= cargo build --release --target wasm32-unknown-unknown",
            ),
            _ => ("Take `--import-memory` out of the flags of the linker.", "-Wl,--export-memory"),
        };
        cures.push(
            Cure::new(
                "imported-memory",
                format!("it imports its memory, `{module}.{field}`: a plugin has one of its own"),
                mend,
            )
            .code(code),
        );
    }
    cures.extend(unknown(facts));
    cures
}

/// A module that was written for another plugin host.
pub(super) fn other_host(facts: &Facts) -> Option<Cure> {
    for (is_theirs, id, whose, page) in [
        (is_extism as fn(&str, &str) -> bool, "extism", "Extism", "extism.md"),
        (is_proxy_wasm, "proxy-wasm", "proxy-wasm", "proxy-wasm.md"),
    ] {
        if let Some(import) = facts.imports_from(is_theirs) {
            let problem = format!("it imports `{import}`: it is written for {whose}");
            let mend = format!(
                "Write it for this contract: docs/coming-from/{page} has what corresponds to what."
            );
            return Some(Cure::new(id, problem, mend).code("plugbay new NAME"));
        }
    }
    None
}

fn is_extism(module: &str, _: &str) -> bool {
    module.starts_with("extism:")
}

fn is_proxy_wasm(module: &str, field: &str) -> bool {
    module == "env" && field.starts_with("proxy_")
}

/// Imports that are no known toolchain's.
fn unknown(facts: &Facts) -> Vec<Cure> {
    let mut cures = Vec::new();
    for (module, field) in &facts.imports {
        let known_kind = module.starts_with("wasi")
            || module.starts_with("__wbindgen")
            || matches!(&**module, "wbg" | "gojs" | "go")
            || field == "memory"
            || facts.language == Some(Language::Emscripten) && is_emscripten(field);
        let offered = match &**module {
            "plugbay" => host_functions().any(|it| it.name == field) || field.starts_with("body_"),
            "env" => matches!(&**field, "abort" | "trace" | "seed"),
            _ => false,
        };
        if known_kind || offered {
            continue;
        }
        cures.push(if module == "plugbay" {
            misspelt(field)
        } else {
            stranger(facts, module, field)
        });
        // The rest is the same mistake again.
        break;
    }
    cures
}

fn misspelt(field: &str) -> Cure {
    let nearest = host_functions()
        .map(|function| (strsim::damerau_levenshtein(function.name, field), function.name))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let mend = match nearest {
        Some((_, name)) => {
            format!("Did you mean `{name}`? All of them are in docs/host-functions.md.")
        }
        None => "All of them are in docs/host-functions.md.".to_owned(),
    };
    Cure::new("unknown-host-function", format!("the host has no function `plugbay.{field}`"), mend)
}

fn stranger(facts: &Facts, module: &str, field: &str) -> Cure {
    let problem = format!("it imports `{module}.{field}`, which nobody offers");
    let (mend, code) = match facts.language {
        Some(Language::Rust) => (
            format!("An `extern` block declares `{field}`, or a dependency does: link what defines it, or import a function of the host by the block's module."),
            Some("#[link(wasm_import_module = \"plugbay\")]\nunsafe extern \"C\" { … }".to_owned()),
        ),
        Some(Language::AssemblyScript) => (
            format!("A `declare function {field}` has no body: write one, or name a function of the host."),
            Some(format!("@external(\"plugbay\", \"log\")\ndeclare function {field}(level: i32, ptr: usize, len: usize): i32")),
        ),
        Some(Language::Go | Language::TinyGo) => (
            format!("A `//go:wasmimport {module} {field}` names it: take it out, or name a function of the host."),
            Some("//go:wasmimport plugbay log".to_owned()),
        ),
        Some(Language::C) => (
            format!("`{field}` is declared and defined nowhere, and the linker was told to allow that: link what defines it, and build without `--allow-undefined` so that the linker says so."),
            Some("clang … -Wl,--unresolved-symbols=report-all".to_owned()),
        ),
        Some(Language::Zig) => (
            format!("An `extern fn {field}` is defined nowhere: write it, or import a function of the host."),
            Some("extern \"plugbay\" fn log(level: i32, ptr: [*]const u8, len: usize) i32;".to_owned()),
        ),
        _ => (
            "Link what defines it, or use what the host offers: docs/host-functions.md has all of it.".to_owned(),
            None,
        ),
    };
    let cure = Cure::new("unknown-import", problem, mend);
    match code {
        Some(code) => cure.code(code),
        None => cure,
    }
}
