//! Where the bytes of a module are.

use anyhow::{Context as _, Result};
use serde::Serialize;
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// A module's length, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) bytes: u64,
    /// In the order of the module; what comes several times under one name is added up.
    pub(crate) sections: Vec<(String, u64)>,
    /// Those with a name, the largest first.
    pub(crate) functions: Vec<Function>,
}

/// One function's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

impl Sizes {
    /// Reads a module.
    ///
    /// # Errors
    ///
    /// It is none, or is cut short.
    pub(crate) fn of(wasm: &[u8]) -> Result<Self> {
        let mut sizes = Self { bytes: wasm.len() as u64, ..Self::default() };
        let (mut imported, mut bodies, mut names) = (0_u32, Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.context("not a WebAssembly module")?;
            if let Some((id, range)) = payload.as_section() {
                let name = match &payload {
                    Payload::CustomSection(custom) => format!("custom {}", custom.name()),
                    _ => section(id).to_owned(),
                };
                sizes.add(name, length(&range));
            }
            match payload {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let ty = import.context("an import cannot be read")?.ty;
                        imported +=
                            u32::from(matches!(ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                    }
                }
                Payload::CodeSectionEntry(body) => bodies.push(length(&body.range())),
                Payload::CustomSection(custom) => {
                    if let KnownCustom::Name(section) = custom.as_known() {
                        names.extend(function_names(section));
                    }
                }
                _ => {}
            }
        }
        let bytes = |index: u32| {
            let body = usize::try_from(index.checked_sub(imported)?).ok()?;
            bodies.get(body).copied()
        };
        let named = names.into_iter().filter_map(|(index, name)| {
            // Without the hash at its end, which tells nobody anything.
            let name = format!("{:#}", rustc_demangle::demangle(&name));
            Some(Function { name: plugbay::plain(&name, 120), bytes: bytes(index)? })
        });
        sizes.functions = named.collect();
        sizes.functions.sort_by(|one, other| {
            other.bytes.cmp(&one.bytes).then_with(|| one.name.cmp(&other.name))
        });
        Ok(sizes)
    }

    fn add(&mut self, name: String, bytes: u64) {
        match self.sections.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += bytes,
            None => self.sections.push((name, bytes)),
        }
    }

    /// The length of one section; 0 where there is none.
    pub(crate) fn section(&self, name: &str) -> u64 {
        let found = self.sections.iter().find(|(known, _)| known == name);
        found.map_or(0, |(_, bytes)| *bytes)
    }
}

fn length(range: &std::ops::Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

/// What a name section calls functions. One that is broken names none: it is for people alone.
fn function_names(section: wasmparser::NameSectionReader<'_>) -> Vec<(u32, String)> {
    let mut names = Vec::new();
    for part in section {
        let Ok(Name::Function(map)) = part else { continue };
        names.extend(map.into_iter().flatten().map(|name| (name.index, name.name.to_owned())));
    }
    names
}

/// The name of a section by its number, as the specification has it.
fn section(id: u8) -> &'static str {
    const NAMES: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];
    NAMES.get(usize::from(id)).copied().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_taken_apart() {
        let wasm = wat::parse_str(
            r#"(module
                (import "env" "f" (func $imported))
                (memory 1)
                (data (i32.const 0) "sixteen bytes...")
                (func $small)
                (func $large (drop (i32.const 1)) (drop (i32.const 2))))"#,
        )
        .unwrap();
        let sizes = Sizes::of(&wasm).unwrap();
        assert_eq!(sizes.bytes, wasm.len() as u64);
        let names: Vec<&str> = sizes.functions.iter().map(|f| &*f.name).collect();
        assert_eq!(names, ["large", "small"]);
        assert!(sizes.functions[0].bytes > sizes.functions[1].bytes);
        assert!(sizes.section("data") > 16 && sizes.section("code") > 0);
        assert!(sizes.section("custom name") > 0);
        assert_eq!(sizes.section("element"), 0);
        // All but the head and each section's own number and length.
        let sum: u64 = sizes.sections.iter().map(|(_, bytes)| bytes).sum();
        let heads = 8 + 6 * sizes.sections.len() as u64;
        assert!(sum < sizes.bytes && sum + heads >= sizes.bytes);

        Sizes::of(b"text").unwrap_err();
        Sizes::of(&wasm[..wasm.len() / 2]).unwrap_err();
    }
}
