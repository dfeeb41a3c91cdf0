//! Which language a module was written in, and how that language says what cures need.

use plugbay::abi::{FuncType, ValueType};
use serde::Serialize;

/// A language with a compiler of its own ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    Rust,
    AssemblyScript,
    Go,
    TinyGo,
    /// C and C++ by clang.
    C,
    /// C and C++ by Emscripten.
    Emscripten,
    Zig,
    Swift,
    Kotlin,
    Dart,
}

impl Language {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::AssemblyScript => "AssemblyScript",
            Self::Go => "Go",
            Self::TinyGo => "TinyGo",
            Self::C => "C",
            Self::Emscripten => "C by Emscripten",
            Self::Zig => "Zig",
            Self::Swift => "Swift",
            Self::Kotlin => "Kotlin",
            Self::Dart => "Dart",
        }
    }
}

/// What tells languages apart, gathered as a module is read.
#[derive(Debug, Default)]
pub(super) struct Marks {
    produced: Vec<String>,
    emscripten: bool,
    bindgen: bool,
    go: bool,
    assembly_script: bool,
    rust: bool,
    sdk: Option<Language>,
}

/// What the SDKs leave among the constants of modules that are stripped of everything else that tells: `sdk/c/plugbay.h`
/// and `sdk/zig/src/failure.zig`.
const WRITTEN_IN: [(&[u8], Language); 2] = [
    (b"written in C with plugbay.h", Language::C),
    (b"written in Zig with plugbay", Language::Zig),
];

impl Marks {
    pub(super) fn producer(&mut self, field: &str, value: &str) {
        if field != "sdk" || value == "Emscripten" {
            self.produced.push(value.to_ascii_lowercase());
        }
    }

    pub(super) fn section(&mut self, name: &str) {
        self.go |= name == "go.buildid" || name == "go:buildid";
        self.bindgen |= name == "__wasm_bindgen_unstable";
    }

    /// Constants: where Rust panics, it names its own library's files, also in a module that was stripped.
    pub(super) fn data(&mut self, data: &[u8]) {
        const FILES: [&[u8]; 3] =
            [b"library/core/src/", b"library/alloc/src/", b"library/std/src/"];
        let has = |text: &[u8]| data.windows(text.len()).any(|part| part == text);
        self.rust = self.rust || FILES.iter().any(|file| has(file));
        for (text, language) in WRITTEN_IN {
            // A plugin in Zig may have C in it, and not the other way round.
            if has(text) && self.sdk != Some(Language::Zig) {
                self.sdk = Some(language);
            }
        }
    }

    pub(super) fn import(&mut self, module: &str, field: &str) {
        self.go |= matches!(module, "gojs" | "go");
        self.bindgen |= module == "wbg" || module.starts_with("__wbindgen");
        self.assembly_script |= module == "env" && matches!(field, "abort" | "seed" | "trace");
        self.emscripten |= module == "env" && is_emscripten(field);
    }

    pub(super) fn export(&mut self, name: &str) {
        self.assembly_script |= matches!(name, "__new" | "__pin" | "__unpin" | "__collect");
        self.go |= name.starts_with("_rt0_wasm");
    }

    /// What they say; nothing where nothing is left of it, as after `wasm-strip`.
    pub(super) fn language(&self) -> Option<Language> {
        let by = |name: &str| self.produced.iter().any(|it| it == name || it.starts_with(name));
        let rules = [
            (self.emscripten || by("emscripten"), Language::Emscripten),
            (by("tinygo"), Language::TinyGo),
            (self.go || by("go"), Language::Go),
            (by("zig") || self.sdk == Some(Language::Zig), Language::Zig),
            (self.bindgen || self.rust || by("rust"), Language::Rust),
            (by("swift"), Language::Swift),
            (by("kotlin"), Language::Kotlin),
            (by("dart"), Language::Dart),
            (by("c_plus_plus") || by("c89") || by("c99") || by("c1") || by("c2"), Language::C),
            (self.produced.iter().any(|it| it.contains("clang")), Language::C),
            (self.sdk == Some(Language::C), Language::C),
            (self.assembly_script || by("assemblyscript"), Language::AssemblyScript),
        ];
        rules.into_iter().find(|(holds, _)| *holds).map(|(_, language)| language)
    }
}

/// What Emscripten's JavaScript answers.
pub(super) fn is_emscripten(field: &str) -> bool {
    field.starts_with("emscripten_")
        || field.starts_with("invoke_")
        || field.starts_with("__syscall_")
        || field.starts_with("_emscripten")
        || field.starts_with("__cxa_")
        || matches!(field, "_abort_js" | "__assert_fail" | "__call_sighandler")
}

/// An export's first lines in a language: what its author has to write.
pub(super) fn declaration(language: Language, name: &str, ty: &FuncType) -> Option<String> {
    let names: &[&str] = match (ty.params.len(), name) {
        (0, _) => &[],
        (1, "free" | "plugin_free" | "dealloc") => &["ptr"],
        (1, _) => &["size"],
        (2, _) => &["ptr", "len"],
        _ => &["params_ptr", "params_len", "context_ptr", "context_len"],
    };
    let result = ty.results.first().map(|result| match result {
        ValueType::I64 => "u64",
        _ if matches!(name, "malloc" | "plugin_malloc" | "alloc" | "capabilities") => "u32",
        _ => "i32",
    });
    let list = |one: &dyn Fn(&str) -> String| {
        names.iter().map(|name| one(name)).collect::<Vec<_>>().join(", ")
    };
    let typed = list(&|name| format!("{name}: u32"));
    Some(match language {
        Language::Rust => {
            let result = result.map(|ty| format!(" -> {ty}")).unwrap_or_default();
            format!("#[unsafe(no_mangle)]\npub extern \"C\" fn {name}({typed}){result} {{")
        }
        Language::AssemblyScript => {
            format!("export function {name}({typed}): {} {{", result.unwrap_or("void"))
        }
        Language::Zig => {
            let ty = result.unwrap_or("void");
            format!("export fn {name}({typed}) {ty} {{")
        }
        Language::Go | Language::TinyGo => {
            let list = if names.is_empty() {
                String::new()
            } else {
                format!("{} uint32", names.join(", "))
            };
            let result = match result {
                Some("u64") => " uint64",
                Some("u32") => " uint32",
                Some(_) => " int32",
                None => "",
            };
            format!("//go:wasmexport {name}\nfunc {}({list}){result} {{", camel(name))
        }
        Language::C | Language::Emscripten => {
            let list = list(&|name| format!("uint32_t {name}"));
            let list = if list.is_empty() { "void".to_owned() } else { list };
            let result = match result {
                Some("u64") => "uint64_t",
                Some("u32") => "uint32_t",
                Some(_) => "int32_t",
                None => "void",
            };
            format!("__attribute__((export_name(\"{name}\")))\n{result} {name}({list}) {{")
        }
        Language::Swift | Language::Kotlin | Language::Dart => return None,
    })
}

/// `pre_hook` as Go's own names are.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |all, word| {
        let mut letters = word.chars();
        let capital = letters.next().map(|c| c.to_ascii_uppercase());
        all + &capital.into_iter().chain(letters).collect::<String>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_sdk_leaves_tells_its_language_unless_a_compiler_says_otherwise() {
        let of = |constants: &[&str], producer: Option<(&str, &str)>| {
            let mut marks = Marks::default();
            constants.iter().for_each(|text| marks.data(text.as_bytes()));
            if let Some((field, value)) = producer {
                marks.producer(field, value);
            }
            marks.language()
        };
        let (c, zig) = ("\0written in C with plugbay.h\0", "written in Zig with plugbay\0the");
        assert_eq!(of(&[c], None), Some(Language::C));
        assert_eq!(of(&[zig], None), Some(Language::Zig));
        assert_eq!(of(&["written in C", "plugbay.h"], None), None);
        assert_eq!(of(&[], Some(("processed-by", "clang"))), Some(Language::C));
        // A program in Rust, or in Zig, may hold C too.
        assert_eq!(of(&[c, "library/core/src/option.rs"], None), Some(Language::Rust));
        assert_eq!(of(&[c], Some(("language", "Rust"))), Some(Language::Rust));
        assert_eq!(of(&[c, zig], None), Some(Language::Zig));
        assert_eq!(of(&[zig, c], None), Some(Language::Zig));
        assert_eq!(of(&[c], Some(("sdk", "Emscripten"))), Some(Language::Emscripten));
    }
}
