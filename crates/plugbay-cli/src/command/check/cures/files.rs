//! Files that are no core modules, and modules that no engine here takes.

use super::Cure;
use crate::command::check::facts::{Container, Facts};
use crate::command::check::language::Language;

/// Every language's way to a module, where the file does not tell the language.
const BUILDS: &str = "Rust:           cargo build --release --target wasm32-unknown-unknown\n\
                      AssemblyScript: asc assembly/index.ts -o plugin.wasm --runtime stub --optimize\n\
                      Go:             GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm\n\
                      C:              clang --target=wasm32-wasi -mexec-model=reactor -O2 -o plugin.wasm plugin.c\n\
                      Zig:            zig build-exe plugin.zig -target wasm32-freestanding -fno-entry -rdynamic";

/// What to do with a file that is no module.
pub(super) fn cures(facts: &Facts, name: &str) -> Option<Cure> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    Some(match facts.container {
        _ if facts.is_cut => Cure::new(
            "cut-short",
            format!("the module ends in the middle: it has {} bytes, and goes on", facts.size),
            "Build or download it again. Copy it as binary, and compare the sizes.",
        ),
        Container::Text => Cure::new(
            "text-format",
            "the file is WebAssembly's text format, not the binary one",
            "Translate it.",
        )
        .code(format!("wasm-tools parse {name} -o {stem}.binary.wasm")),
        Container::Gzip => {
            Cure::new("gzip", "the file is compressed with gzip", "Unpack it: a plugin is loaded as it is.")
                .code(format!("gzip -dc {name} > {stem}.unpacked.wasm"))
        }
        Container::Zip => {
            Cure::new("zip", "the file is a ZIP archive", "Unpack it, and name the module in it.")
                .code(format!("unzip {name}"))
        }
        Container::Html => Cure::new(
            "web-page",
            "the file is a web page: the download gave a page, such as an error or a login, in place of the module",
            "Look at the page, and download from the address of the file itself.",
        )
        .code("curl --fail --location --output plugin.wasm URL"),
        Container::Native => Cure::new(
            "native-library",
            "the file is a library or program for a processor, not WebAssembly",
            "Build it for WebAssembly, by your language's line of these.",
        )
        .code(BUILDS),
        Container::Component => component(facts),
        Container::Object => object(facts),
        Container::Other => Cure::new(
            "no-module",
            format!("the file is no WebAssembly: it has {} bytes, and does not begin with \"\\0asm\"", facts.size),
            "Name the file that your build wrote, which ends with `.wasm`. By language, it is made by these.",
        )
        .code(BUILDS),
        Container::Module => return None,
    })
}

fn component(facts: &Facts) -> Cure {
    let (mend, code) = match facts.language {
        Some(Language::Rust) => (
            "Build for a target that makes core modules: `wasm32-wasip2` makes components.",
            "cargo build --release --target wasm32-wasip1",
        ),
        Some(Language::TinyGo) => (
            "Build for WASI preview 1: `-target=wasip2` makes components.",
            "tinygo build -target=wasip1 -buildmode=c-shared -o plugin.wasm",
        ),
        Some(Language::C) => (
            "Build for WASI preview 1: `wasm32-wasip2` makes components.",
            "clang --target=wasm32-wasip1 -mexec-model=reactor -O2 -o plugin.wasm plugin.c",
        ),
        _ => (
            "Build for WASI preview 1 (wasip1) rather than preview 2, and leave out `wasm-tools component new`, `jco` and `componentize`. \
             This shows the core modules that are inside.",
            "wasm-tools component unbundle plugin.wasm --module-dir modules",
        ),
    };
    Cure::new("component", "the file is a component, and plugins are core modules", mend).code(code)
}

fn object(facts: &Facts) -> Cure {
    let (mend, code) = match facts.language {
        Some(Language::Rust) => (
            "Link it: let Cargo build a `cdylib`, and take the `.wasm` of `target/*/release`, not of its `deps`.",
            "[lib]\ncrate-type = [\"cdylib\"]",
        ),
        Some(Language::Zig) => (
            "Link it: build an executable without an entry in place of an object.",
            "zig build-exe plugin.zig -target wasm32-freestanding -fno-entry -rdynamic",
        ),
        _ => (
            "Link it: leave out `-c`, or give the object files to the linker.",
            "clang --target=wasm32-wasi -mexec-model=reactor -O2 -o plugin.wasm plugin.o",
        ),
    };
    Cure::new("object-file", "the file is an object file, which was compiled and not linked", mend)
        .code(code)
}

/// One cure for each proposal that the engines do not take.
pub(super) fn proposals(facts: &Facts) -> Vec<Cure> {
    facts.proposals.iter().map(|proposal| self::proposal(facts.language, proposal)).collect()
}

fn proposal(language: Option<Language>, proposal: &'static str) -> Cure {
    use Language::{AssemblyScript, C, Dart, Emscripten, Kotlin, Rust, Zig};
    let (id, what, mend, code) = match (proposal, language) {
        ("memory64", language) => (
            "memory64",
            "64-bit memory (memory64)",
            "Build for 32 bits: pointers are 32 bits wide here.",
            match language {
                Some(Rust) => Some("cargo build --release --target wasm32-unknown-unknown"),
                Some(Emscripten) => Some("emcc -sMEMORY64=0 …"),
                Some(C) => Some("clang --target=wasm32-wasi …"),
                Some(Zig) => Some(
                    "zig build-exe plugin.zig -target wasm32-freestanding -fno-entry -rdynamic",
                ),
                _ => None,
            },
        ),
        ("threads", language) => (
            "threads",
            "threads (shared memory or atomics)",
            "Build without threads: an instance has one, and the host makes as many instances as it needs.",
            match language {
                Some(Rust) => Some(
                    "cargo build --release --target wasm32-wasip1   # not wasm32-wasip1-threads, and no `-C target-feature=+atomics`",
                ),
                Some(C) => Some(
                    "clang --target=wasm32-wasi …   # not wasm32-wasi-threads, and no -pthread",
                ),
                Some(Emscripten) => Some("emcc …   # without -pthread"),
                Some(AssemblyScript) => {
                    Some("asc …   # without --sharedMemory and --enable threads")
                }
                Some(Zig) => Some("zig build-exe plugin.zig -fsingle-threaded …"),
                _ => None,
            },
        ),
        ("gc", language) => (
            "gc",
            "garbage-collected types (GC)",
            match language {
                Some(Kotlin | Dart) => {
                    "This language's compiler has no other way: write the plugin in Rust, AssemblyScript, Go, C or Zig."
                }
                _ => "Build for linear memory, without GC types.",
            },
            None,
        ),
        ("exceptions" | "legacy-exceptions", language) => (
            "exceptions",
            "exceptions",
            "Build without exceptions: a plugin that fails traps, or says so in its output.",
            match language {
                Some(Rust) => Some("[profile.release]\npanic = \"abort\""),
                Some(C) => Some("clang++ -fno-exceptions …"),
                Some(Emscripten) => Some("emcc -fno-exceptions -sSUPPORT_LONGJMP=0 …"),
                _ => None,
            },
        ),
        ("relaxed-simd", language) => (
            "relaxed-simd",
            "relaxed SIMD, whose results depend on the machine",
            "Build without it; SIMD itself is there.",
            match language {
                Some(Rust) => Some(
                    "RUSTFLAGS=\"-C target-feature=-relaxed-simd\" cargo build --release --target wasm32-unknown-unknown",
                ),
                Some(C | Emscripten) => Some("clang -mno-relaxed-simd …"),
                _ => None,
            },
        ),
        (proposal, _) => (
            proposal,
            "a proposal that is not in WebAssembly 2.0",
            "Build without it, or lower it with wasm-opt.",
            None,
        ),
    };
    let cure = Cure::new(id, format!("it needs {what}, which the engines do not take"), mend);
    match code {
        Some(code) => cure.code(code),
        None => cure,
    }
}
