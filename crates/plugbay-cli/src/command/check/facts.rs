//! What a file is and what is in it, read without an engine: also of what no engine takes.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{
    Encoding, ExternalKind, FunctionBody, KnownCustom, Operator, Parser, Payload, TypeRef,
    Validator, WasmFeatures,
};

use super::language::{Language, Marks};

/// What kind of file it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Container {
    #[default]
    Module,
    Component,
    /// WebAssembly's text format.
    Text,
    Gzip,
    Zip,
    Html,
    /// A library or program for a processor.
    Native,
    /// Not linked yet.
    Object,
    Other,
}

/// All that cures are decided by.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) container: Container,
    pub(super) size: usize,
    pub(super) language: Option<Language>,
    pub(super) exports: BTreeSet<String>,
    pub(super) imports: Vec<(String, String)>,
    pub(super) imports_memory: bool,
    pub(super) exports_memory: bool,
    /// Proposals that the engines do not take.
    pub(super) proposals: Vec<&'static str>,
    /// It ends before its end.
    pub(super) is_cut: bool,
    /// A start function that can only go round.
    pub(super) endless_start: bool,
    /// The exported `malloc` calls itself by way of others.
    pub(super) malloc_calls_itself: bool,
}

impl Facts {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut facts = Self { container: container(bytes), size: bytes.len(), ..Self::default() };
        if !matches!(facts.container, Container::Module | Container::Component) {
            return facts;
        }
        let mut reading = Reading::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload {
                // What can be read is told all the same.
                Ok(payload) => drop(reading.payload(payload, &mut facts)),
                Err(error) => {
                    facts.is_cut = error.message().contains("unexpected end");
                    break;
                }
            }
        }
        reading.finish(&mut facts);
        if facts.container == Container::Module && !facts.is_cut {
            facts.proposals = proposals(bytes);
        }
        facts
    }

    /// Whether it imports from a module whose name fits.
    pub(super) fn imports_from(&self, fits: impl Fn(&str, &str) -> bool) -> Option<String> {
        let mut found = self.imports.iter();
        let found = found.find(|(module, field)| fits(module, field))?;
        Some(format!("{}.{}", found.0, found.1))
    }
}

fn container(bytes: &[u8]) -> Container {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if starts(b"\0asm") {
        return Container::Module;
    }
    if starts(&[0x1f, 0x8b]) {
        return Container::Gzip;
    }
    if starts(b"PK\x03\x04") {
        return Container::Zip;
    }
    let native: [&[u8]; 6] = [
        b"\x7fELF",
        b"MZ",
        b"\xcf\xfa\xed\xfe",
        b"\xfe\xed\xfa\xcf",
        b"\xca\xfe\xba\xbe",
        b"!<arch>",
    ];
    if native.iter().any(|magic| starts(magic)) {
        return Container::Native;
    }
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(4096)).unwrap_or_default());
    let code = head.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with(";;"));
    let code = code.unwrap_or_default();
    if code.starts_with("(module") || code.starts_with("(;") || code.starts_with("(component") {
        return Container::Text;
    }
    let lower = code.to_ascii_lowercase();
    if lower.starts_with("<!doctype") || lower.starts_with("<html") {
        return Container::Html;
    }
    Container::Other
}

/// What is needed while reading alone.
#[derive(Default)]
struct Reading {
    marks: Marks,
    imported_functions: u32,
    start: Option<u32>,
    malloc: Option<u32>,
    bodies: u32,
    /// Direct calls, by function.
    calls: BTreeMap<u32, Vec<u32>>,
    endless: BTreeSet<u32>,
}

impl Reading {
    fn payload(&mut self, payload: Payload<'_>, facts: &mut Facts) -> wasmparser::Result<()> {
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => {
                facts.container = Container::Component;
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    match import.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => self.imported_functions += 1,
                        TypeRef::Memory(_) => facts.imports_memory = true,
                        _ => {}
                    }
                    let (module, field) = (import.module.to_owned(), import.name.to_owned());
                    self.marks.import(&module, &field);
                    facts.imports.push((module, field));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ExternalKind::Memory {
                        facts.exports_memory |= export.name == "memory";
                        continue;
                    }
                    if !matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact) {
                        continue;
                    }
                    if export.name == "malloc" {
                        self.malloc = Some(export.index);
                    }
                    self.marks.export(export.name);
                    facts.exports.insert(export.name.to_owned());
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::CodeSectionEntry(body) => {
                let function = self.imported_functions + self.bodies;
                self.bodies += 1;
                self.body(function, &body)?;
            }
            Payload::DataSection(section) => {
                for data in section {
                    self.marks.data(data?.data);
                }
            }
            Payload::CustomSection(section) => {
                self.marks.section(section.name());
                match section.as_known() {
                    KnownCustom::Linking(_) => facts.container = Container::Object,
                    KnownCustom::Producers(fields) => {
                        for field in fields {
                            let field = field?;
                            for value in field.values {
                                self.marks.producer(field.name, value?.name);
                            }
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn body(&mut self, function: u32, body: &FunctionBody<'_>) -> wasmparser::Result<()> {
        let (mut calls, mut goes_round, mut leaves, mut depth) = (Vec::new(), false, false, 0_u32);
        // Depths of the loops that are open.
        let mut loops: Vec<u32> = Vec::new();
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                    calls.push(function_index);
                    // It may not come back.
                    leaves = true;
                }
                Operator::Loop { .. } => {
                    depth += 1;
                    loops.push(depth);
                }
                Operator::Block { .. } | Operator::If { .. } => depth += 1,
                Operator::End => {
                    if loops.last() == Some(&depth) {
                        loops.pop();
                    }
                    depth = depth.saturating_sub(1);
                }
                Operator::Br { relative_depth } => {
                    let to_loop =
                        depth.checked_sub(relative_depth).is_some_and(|to| loops.contains(&to));
                    goes_round |= to_loop;
                    leaves |= !to_loop;
                }
                Operator::BrIf { .. }
                | Operator::BrTable { .. }
                | Operator::Return
                | Operator::Unreachable
                | Operator::CallIndirect { .. }
                | Operator::ReturnCallIndirect { .. } => leaves = true,
                _ => {}
            }
        }
        if goes_round && !leaves {
            self.endless.insert(function);
        }
        self.calls.insert(function, calls);
        Ok(())
    }

    fn finish(self, facts: &mut Facts) {
        facts.language = self.marks.language();
        facts.endless_start = self.start.is_some_and(|start| self.endless.contains(&start));
        facts.malloc_calls_itself = self.malloc.is_some_and(|malloc| self.reaches_itself(malloc));
    }

    /// Whether direct calls lead from a function back to it.
    fn reaches_itself(&self, function: u32) -> bool {
        let mut seen = BTreeSet::new();
        let mut next: Vec<u32> = self.calls.get(&function).cloned().unwrap_or_default();
        while let Some(called) = next.pop() {
            if called == function {
                return true;
            }
            if seen.insert(called) {
                next.extend(self.calls.get(&called).into_iter().flatten());
            }
        }
        false
    }
}

/// What both engines take.
const TAKEN: WasmFeatures = WasmFeatures::MVP
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST);

/// What they do not.
const OTHERS: [(&str, WasmFeatures); 9] = [
    ("memory64", WasmFeatures::MEMORY64),
    ("threads", WasmFeatures::THREADS),
    ("gc", WasmFeatures::GC),
    ("exceptions", WasmFeatures::EXCEPTIONS),
    ("legacy-exceptions", WasmFeatures::LEGACY_EXCEPTIONS),
    ("relaxed-simd", WasmFeatures::RELAXED_SIMD),
    ("multi-memory", WasmFeatures::MULTI_MEMORY),
    ("function-references", WasmFeatures::FUNCTION_REFERENCES),
    ("stack-switching", WasmFeatures::STACK_SWITCHING),
];

/// The proposals beyond what is taken that a module is valid with, and not without.
fn proposals(bytes: &[u8]) -> Vec<&'static str> {
    let valid = |features| Validator::new_with_features(features).validate_all(bytes).is_ok();
    if valid(TAKEN) {
        return Vec::new();
    }
    let all = OTHERS.iter().fold(TAKEN, |all, (_, feature)| all | *feature);
    if !valid(all) {
        return Vec::new();
    }
    let needed = OTHERS.iter().filter(|(_, feature)| !valid(all.difference(*feature)));
    needed.map(|(name, _)| *name).collect()
}
