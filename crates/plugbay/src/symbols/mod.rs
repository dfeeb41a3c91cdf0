//! What a module says of its own functions: their names, and which line of the source an instruction is from.
//!
//! Kept are the sections that say so, as far as they are small enough, from when the module is loaded; they are read
//! when something is first to be shown, once. A module can say anything there, so each thing that is read has a bound,
//! and what is shown is short and printable.

mod lines;
mod names;

use std::fmt;
use std::sync::OnceLock;

use plugbay_runtime::Frame;
use wasmparser::{Parser, Payload, TypeRef};

use self::lines::Lines;
use self::names::Names;

/// Bytes of names, and of each section with lines, at most: a larger one is not kept.
const MOST_BYTES: usize = 8 << 20;
/// Characters of a name, and of a file's path, at most.
const LONGEST: usize = 200;
/// Exports whose functions are known by them.
const MOST_EXPORTS: usize = 10_000;

/// The symbols of one module.
#[derive(Default)]
pub struct Symbols {
    sections: Sections,
    names: OnceLock<Names>,
    lines: OnceLock<Lines>,
}

/// What they are read from.
#[derive(Default)]
struct Sections {
    names: Box<[u8]>,
    /// Functions by their exports, for modules without names.
    exports: Vec<(u32, Box<str>)>,
    line: Box<[u8]>,
    line_str: Box<[u8]>,
    /// Functions that are imported, before all others.
    imported: u32,
    /// Where the bodies of the others begin in the code section: what lines are counted from. Empty without lines.
    bodies: Vec<u32>,
}

/// One function of a backtrace, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SymbolFrame {
    /// Its name in the source where the module has names, else the name that it is exported by, else its number.
    pub function: String,
    /// Its place among the module's functions.
    pub index: u32,
    /// Bytes from the beginning of its body, where the engine knows.
    pub offset: Option<u32>,
    /// Where that is in the source, where the module has lines.
    pub line: Option<SourceLine>,
}

/// A line of a plugin's source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceLine {
    /// The file's path, as its compiler wrote it down.
    pub file: String,
    /// From 1.
    pub line: u32,
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Display for SymbolFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        self.line.as_ref().map_or(Ok(()), |line| write!(f, " at {line}"))
    }
}

impl fmt::Debug for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbols").finish_non_exhaustive()
    }
}

impl Symbols {
    /// Those of a module. Bytes that are none have none.
    pub fn new(wasm: &[u8]) -> Self {
        Self { sections: Sections::of(wasm), ..Self::default() }
    }

    /// A function's name.
    pub fn name(&self, function: u32) -> String {
        let names = self.names.get_or_init(|| Names::read(&self.sections.names));
        let name = names.get(&self.sections.names, function).map(demangled);
        let exported = || {
            let mut exports = self.sections.exports.iter();
            exports.find(|(index, _)| *index == function).map(|(_, name)| shown(name))
        };
        let named = name.or_else(exported).filter(|name| !name.is_empty());
        named.unwrap_or_else(|| format!("function {function}"))
    }

    /// The line of a function's instruction.
    pub fn line(&self, frame: Frame) -> Option<SourceLine> {
        let Sections { line, line_str, imported, bodies, .. } = &self.sections;
        let body = frame.function.checked_sub(*imported)?;
        let begins = bodies.get(usize::try_from(body).ok()?)?;
        let address = begins.checked_add(frame.offset?)?;
        let lines = self.lines.get_or_init(|| Lines::read(line, line_str));
        let (file, line) = lines.at(address)?;
        Some(SourceLine { file: file.to_owned(), line })
    }

    /// The first line of a function.
    pub(crate) fn first_line(&self, function: u32) -> Option<SourceLine> {
        // Before the first instruction its locals are declared.
        let mut offsets = (0..16).map(Some);
        offsets.find_map(|offset| self.line(Frame { function, offset }))
    }

    /// A frame as it is shown.
    pub fn frame(&self, frame: Frame) -> SymbolFrame {
        let Frame { function: index, offset } = frame;
        SymbolFrame { function: self.name(index), index, offset, line: self.line(frame) }
    }
}

impl Sections {
    fn of(wasm: &[u8]) -> Self {
        let mut found = Self::default();
        let mut code_begins = 0;
        let kept =
            |data: &[u8]| if data.len() <= MOST_BYTES { data.into() } else { Box::default() };
        for section in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
            match section {
                Payload::ImportSection(imports) => {
                    let imports = imports.into_imports().map_while(Result::ok);
                    let functions = imports.filter(|import| {
                        matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_))
                    });
                    found.imported = u32::try_from(functions.count()).unwrap_or(u32::MAX);
                }
                Payload::ExportSection(exports) => {
                    let exports = exports.into_iter().map_while(Result::ok);
                    let functions =
                        exports.filter(|export| export.kind == wasmparser::ExternalKind::Func);
                    let named = functions.map(|export| (export.index, shown(export.name).into()));
                    found.exports = named.take(MOST_EXPORTS).collect();
                }
                Payload::CodeSectionStart { unchecked_range, .. } => {
                    code_begins = unchecked_range.start;
                }
                Payload::CodeSectionEntry(body) => {
                    let begins = body.range().start.saturating_sub(code_begins);
                    found.bodies.push(u32::try_from(begins).unwrap_or(u32::MAX));
                }
                Payload::CustomSection(section) => match section.name() {
                    "name" => found.names = kept(section.data()),
                    ".debug_line" => found.line = kept(section.data()),
                    ".debug_line_str" => found.line_str = kept(section.data()),
                    _ => {}
                },
                _ => {}
            }
        }
        if found.line.is_empty() {
            found.bodies = Vec::new();
        }
        found
    }
}

/// A stranger's text as it is shown.
fn shown(text: &str) -> String {
    crate::plain(text, LONGEST)
}

/// A name without what a compiler of Rust's put around and into it. Other languages' are as they are.
fn demangled(name: &str) -> String {
    let Ok(demangled) = rustc_demangle::try_demangle(name) else { return shown(name) };
    let mut text = Bounded(String::new());
    // A short name may stand for an endless one: it is written as far as it will be shown.
    let _ = fmt::write(&mut text, format_args!("{demangled:#}"));
    shown(&text.0)
}

/// Takes somewhat more than is shown, and then no more.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(text);
        if self.0.len() > 8 * LONGEST { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(wat: &str) -> Symbols {
        Symbols::new(&wat::parse_str(wat).unwrap())
    }

    #[test]
    fn names_come_from_the_names_then_the_exports_then_the_number() {
        let symbols = symbols(
            r#"(module (import "a" "b" (func $imported)) (func $inner) (func (export "outer")) (func))"#,
        );
        let names: Vec<_> = (0..5).map(|function| symbols.name(function)).collect();
        assert_eq!(names, ["imported", "inner", "outer", "function 3", "function 4"]);
        assert_eq!(symbols.line(Frame { function: 1, offset: Some(0) }), None);
    }

    #[test]
    fn names_of_rust_are_demangled() {
        for (mangled, name) in [
            ("_ZN8redactor4work17h0123456789abcdefE", "redactor::work"),
            ("_RNvC8redactor4work", "redactor::work"),
            ("_start", "_start"),
            ("main.(*Thing).work", "main.(*Thing).work"),
        ] {
            assert_eq!(demangled(mangled), name);
        }
    }

    #[test]
    fn a_hostile_name_is_short_and_shows_as_itself() {
        let hostile = format!("a\u{1b}[2J\nb\u{202e}c{}", "x".repeat(100_000));
        let mut names = wasm_encoder::NameSection::new();
        let mut map = wasm_encoder::NameMap::new();
        map.append(0, &hostile);
        // Parts of a name that refer back to each other: 2^20 times `a` if they were written out.
        let again = (0..20).fold("a".to_owned(), |name, _| {
            format!("T{name}{name}E").chars().take(2_000).collect()
        });
        map.append(1, &format!("_RIC1a{again}E"));
        names.functions(&map);
        let mut module = wasm_encoder::Module::new();
        module.section(&names);
        let symbols = Symbols::new(&module.finish());
        let name = symbols.name(0);
        assert!(name.starts_with("a[2Jbcxxx"), "{name}");
        assert!(name.chars().count() <= LONGEST + 3);
        assert!(symbols.name(1).chars().count() <= LONGEST + 3);
        assert!(name.chars().all(crate::is_printable));
    }

    #[test]
    fn sections_that_are_too_large_or_broken_say_nothing() {
        for data in
            [vec![0; MOST_BYTES + 1], vec![1, 0xff, 0xff, 0xff, 0xff, 0x7f, 1], vec![0xff; 99]]
        {
            let mut module = wasm_encoder::Module::new();
            for name in ["name", ".debug_line", ".debug_line_str"] {
                let data = data.as_slice().into();
                module.section(&wasm_encoder::CustomSection { name: name.into(), data });
            }
            let symbols = Symbols::new(&module.finish());
            assert_eq!(symbols.name(0), "function 0");
            assert_eq!(symbols.line(Frame { function: 0, offset: Some(0) }), None);
        }
        assert_eq!(Symbols::new(b"nonsense").name(7), "function 7");
    }
}
