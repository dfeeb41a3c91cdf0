//! Start functions, turned into exports.
//!
//! wasmi runs a start function as a part of instantiation, where it can be neither
//! interrupted nor given a slice of fuel at a time. So a module that has one is rewritten:
//! its start section is dropped and the function is exported, to be called like any other.
//! All other sections are copied as they are.

use std::collections::HashMap;

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{ExportKind, ExportSection, Module, RawSection, SectionId};
use wasmparser::{Parser, Payload};

/// A module without a start section.
pub(crate) struct Rewritten {
    pub(crate) wasm: Vec<u8>,
    /// What the start function is exported as: a name that the module itself does not use.
    pub(crate) start: String,
}

/// Rewrites a *valid* module; `None` if it has no start function.
pub(crate) fn rewrite(wasm: &[u8]) -> Result<Option<Rewritten>, Error> {
    let Some((start, name)) = find(wasm)? else { return Ok(None) };
    let mut module = Module::new();
    let mut exported = false;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        let section = payload.as_section();
        // An export section comes before the start section, if there is one at all.
        match payload {
            Payload::ExportSection(reader) => {
                let mut exports = ExportSection::new();
                RoundtripReencoder.parse_export_section(&mut exports, reader)?;
                exports.export(&name, ExportKind::Func, start);
                module.section(&exports);
                exported = true;
            }
            Payload::StartSection { .. } => {
                if !exported {
                    let mut exports = ExportSection::new();
                    exports.export(&name, ExportKind::Func, start);
                    module.section(&exports);
                }
            }
            _ => {
                let Some((id, range)) = section else { continue };
                if id == u8::from(SectionId::Custom) {
                    continue;
                }
                let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
                let data = wasm.get(range).ok_or("a section beyond the end")?;
                module.section(&RawSection { id, data });
            }
        }
    }
    Ok(Some(Rewritten { wasm: module.finish(), start: name }))
}

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// The places of the exports of a *valid* module in its export section.
pub(crate) fn exports(wasm: &[u8]) -> HashMap<&str, usize> {
    let sections = Parser::new(0).parse_all(wasm).map_while(Result::ok);
    let section =
        sections.take_while(|payload| !matches!(payload, Payload::CodeSectionStart { .. }));
    let exports = section.filter_map(|payload| match payload {
        Payload::ExportSection(reader) => Some(reader.into_iter().map_while(Result::ok)),
        _ => None,
    });
    exports.flatten().enumerate().map(|(place, export)| (export.name, place)).collect()
}

/// The start function, and a name for it.
fn find(wasm: &[u8]) -> Result<Option<(u32, String)>, Error> {
    let mut start = None;
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ExportSection(reader) => {
                for export in reader {
                    names.push(export?.name);
                }
            }
            Payload::StartSection { func, .. } => start = Some(func),
            // What is looked for comes before the code.
            Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    let mut name = "plugbay:start".to_owned();
    while names.contains(&name.as_str()) {
        name.push('\'');
    }
    Ok(start.map(|start| (start, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(wat: &str) -> Option<Rewritten> {
        rewrite(&wat::parse_str(wat).unwrap()).unwrap()
    }

    fn has_start(wasm: &[u8]) -> bool {
        wasmparser::validate(wasm).unwrap();
        let mut payloads = Parser::new(0).parse_all(wasm);
        payloads.any(|payload| matches!(payload, Ok(Payload::StartSection { .. })))
    }

    #[test]
    fn a_module_without_a_start_function_is_left_alone() {
        assert!(rewritten("(module (func))").is_none());
    }

    #[test]
    fn a_start_function_becomes_an_export() {
        for wat in [
            "(module (start 0) (func))",
            r#"(module (start 0) (func) (memory (export "memory") 1) (data (i32.const 0) "x"))"#,
            r#"(module (start 0) (import "a" "b" (func)) (table 1 funcref) (elem (i32.const 0) 0))"#,
        ] {
            let rewritten = rewritten(wat).unwrap();
            assert_eq!(rewritten.start, "plugbay:start");
            assert!(!has_start(&rewritten.wasm), "{wat}");
        }
    }

    #[test]
    fn its_name_does_not_clash() {
        let wat = r#"(module (start 0) (func (export "plugbay:start")) (func (export "plugbay:start'")))"#;
        assert_eq!(rewritten(wat).unwrap().start, "plugbay:start''");
    }
}
