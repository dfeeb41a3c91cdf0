//! What a built module exports and imports, against what its ABI says.
//!
//! A compiler's exit status is not enough: a build may succeed and leave an empty module, or one
//! whose allocator is exported where the ABI has none.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
};

use anyhow::{Context as _, Result, bail};
use wasmparser::{CompositeInnerType, ExternalKind, FuncType, Parser, Payload, TypeRef};

/// What a module offers and needs, as far as a host can see.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Exported functions with their signatures.
    pub(crate) functions: BTreeMap<String, String>,
    /// Whether a memory named `memory` is exported.
    pub(crate) memory: bool,
    /// Imports, as `module.field`.
    pub(crate) imports: BTreeSet<String>,
}

/// What a sample's ABI says.
#[derive(Debug)]
pub(crate) struct Expected {
    /// Exported functions: exactly these, each with its signature.
    pub(crate) functions: &'static [(&'static str, &'static str)],
    /// Imports that are allowed: `module.field`, or `module.*`.
    pub(crate) imports: &'static [&'static str],
}

impl Interface {
    /// Reads a module.
    ///
    /// # Errors
    ///
    /// The bytes are not a core WebAssembly module, or are cut short.
    pub(crate) fn read(wasm: &[u8]) -> Result<Self> {
        let mut interface = Self::default();
        let mut types: Vec<Option<String>> = Vec::new();
        // Imported functions come first in the index space.
        let mut functions: Vec<u32> = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.context("not a WebAssembly module")? {
                Payload::TypeSection(section) => {
                    for group in section {
                        for sub in group?.types() {
                            types.push(match &sub.composite_type.inner {
                                CompositeInnerType::Func(function) => Some(signature(function)),
                                _ => None,
                            });
                        }
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        interface.imports.insert(format!("{}.{}", import.module, import.name));
                        if let TypeRef::Func(index) | TypeRef::FuncExact(index) = import.ty {
                            functions.push(index);
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for index in section {
                        functions.push(index?);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        match export.kind {
                            ExternalKind::Func | ExternalKind::FuncExact => {
                                let signature = usize::try_from(export.index)
                                    .ok()
                                    .and_then(|index| functions.get(index).copied())
                                    .and_then(|index| types.get(usize::try_from(index).ok()?))
                                    .and_then(Option::as_ref)
                                    .with_context(|| {
                                        format!("export {} has no type", export.name)
                                    })?;
                                interface
                                    .functions
                                    .insert(export.name.to_owned(), signature.clone());
                            }
                            ExternalKind::Memory if export.name == "memory" => {
                                interface.memory = true;
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(interface)
    }

    /// Compares with what was expected.
    ///
    /// # Errors
    ///
    /// Anything missing, added or different, all of it in one message.
    pub(crate) fn check(&self, expected: &Expected) -> Result<()> {
        let mut faults = String::new();
        if self.functions.is_empty() {
            faults.push_str("\n  it exports no function: the compiler left an empty module");
        }
        if !self.memory {
            faults.push_str("\n  memory is not exported");
        }
        for (name, wanted) in expected.functions {
            match self.functions.get(*name) {
                None => write!(faults, "\n  {name}{wanted} is not exported")?,
                Some(found) if found != wanted => {
                    write!(faults, "\n  {name}{found} is exported, but {name}{wanted} is wanted")?;
                }
                Some(_) => {}
            }
        }
        for (name, found) in &self.functions {
            if !expected.functions.iter().any(|(wanted, _)| wanted == name) {
                write!(faults, "\n  {name}{found} is exported, but not part of this plugin's ABI")?;
            }
        }
        for import in &self.imports {
            if !expected.imports.iter().any(|pattern| matches(pattern, import)) {
                write!(faults, "\n  {import} is imported, which the plugin should not need")?;
            }
        }
        if !faults.is_empty() {
            bail!("not the interface that is expected of it:{faults}");
        }
        Ok(())
    }
}

fn matches(pattern: &str, import: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(module) => import.starts_with(module),
        None => import == pattern,
    }
}

/// `(i32, i32) -> i64`, as the ABI's tables have it.
fn signature(function: &FuncType) -> String {
    let list = |types: &[wasmparser::ValType]| {
        types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let params = list(function.params());
    match function.results() {
        [] => format!("({params})"),
        results => format!("({params}) -> {}", list(results)),
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exports: Vec<_> = self.functions.keys().map(String::as_str).collect();
        write!(f, "exports {}", exports.join(" "))?;
        if !self.imports.is_empty() {
            let imports: Vec<_> = self.imports.iter().map(String::as_str).collect();
            write!(f, "; imports {}", imports.join(" "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const ONE_HOOK: Expected =
        Expected { functions: &[("hook", "(i32, i32) -> i64")], imports: &["env.abort", "sys.*"] };

    #[test]
    fn every_difference_is_told() {
        check(&interface(true, &[("hook", "(i32, i32) -> i64")], &["sys.write"]), expect!["ok"]);
        check(
            &interface(false, &[], &[]),
            expect![[r#"
                not the interface that is expected of it:
                  it exports no function: the compiler left an empty module
                  memory is not exported
                  hook(i32, i32) -> i64 is not exported"#]],
        );
        check(
            &interface(
                true,
                &[("hook", "()"), ("malloc", "(i32) -> i32")],
                &["env.abort", "env.exit"],
            ),
            expect![[r#"
                not the interface that is expected of it:
                  hook() is exported, but hook(i32, i32) -> i64 is wanted
                  malloc(i32) -> i32 is exported, but not part of this plugin's ABI
                  env.exit is imported, which the plugin should not need"#]],
        );
    }

    #[test]
    fn imports_shift_the_index_of_exports() {
        use wasm_encoder::{
            CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
            ImportSection, Module, TypeSection, ValType,
        };
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function([ValType::I32], [ValType::I64]);
        let mut imports = ImportSection::new();
        imports.import("env", "trace", EntityType::Function(0));
        let mut functions = FunctionSection::new();
        functions.function(1);
        let mut exports = ExportSection::new();
        exports.export("hook", ExportKind::Func, 1);
        let mut code = CodeSection::new();
        let mut body = Function::new([]);
        body.instructions().unreachable().end();
        code.function(&body);
        module.section(&types).section(&imports).section(&functions).section(&exports);
        module.section(&code);

        let found = Interface::read(&module.finish()).expect("the sections are well-formed");
        assert_eq!(found, interface(false, &[("hook", "(i32) -> i64")], &["env.trace"]));
        Interface::read(b"not wasm").expect_err("no magic number");
    }

    fn interface(memory: bool, functions: &[(&str, &str)], imports: &[&str]) -> Interface {
        Interface {
            functions: functions.iter().map(|(n, s)| ((*n).to_owned(), (*s).to_owned())).collect(),
            memory,
            imports: imports.iter().map(|import| (*import).to_owned()).collect(),
        }
    }

    fn check(found: &Interface, expected: Expect) {
        let outcome = match found.check(&ONE_HOOK) {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&outcome);
    }
}
