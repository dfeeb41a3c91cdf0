//! A module that tells of its calls to WASI.
//!
//! Each function that it imports from WASI gets a wrapper, which everything in the module calls in its place: it
//! calls one function of ours with the arguments, then WASI's, then another of ours with the result. Nothing else
//! of the module changes.

use std::convert::Infallible;

use plugbay_runtime::WASI_MODULE;
use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder, utils};
use wasm_encoder::{
    CodeSection, EntityType, FunctionSection, ImportSection, Instruction, Module, TypeSection,
    ValType,
};
use wasmparser::{Parser, Payload, TypeRef};

/// The module that the functions of ours are imported from.
pub(crate) const MODULE: &str = "plugbay:trace";

/// The module rewritten; `None` where it imports nothing from WASI, or is none that can be read: what is wrong with
/// it is for the engine to say.
pub(crate) fn rewrite(wasm: &[u8]) -> Option<Vec<u8>> {
    let mut rewriter = Rewriter::new(wasm)?;
    let mut module = Module::new();
    rewriter.parse_core_module(&mut module, Parser::new(0), wasm).ok()?;
    Some(module.finish())
}

/// One function that is imported from WASI.
struct Wrapped {
    /// Its index, which stays.
    index: u32,
    field: String,
    ty: u32,
    params: Vec<ValType>,
    results: Vec<ValType>,
}

#[derive(Default)]
struct Rewriter {
    wrapped: Vec<Wrapped>,
    /// How many types, imported functions and functions of its own the module has.
    types: u32,
    imported: u32,
    own: u32,
}

impl Rewriter {
    fn new(wasm: &[u8]) -> Option<Self> {
        let mut rewriter = Self::default();
        let mut types = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.ok()? {
                Payload::TypeSection(section) => {
                    for group in section {
                        types.extend(group.ok()?.into_types());
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.ok()?;
                        if import.module == MODULE {
                            return None;
                        }
                        let TypeRef::Func(ty) = import.ty else { continue };
                        let index = rewriter.imported;
                        rewriter.imported += 1;
                        if import.module == WASI_MODULE {
                            let signature = types.get(usize::try_from(ty).ok()?)?;
                            let wasmparser::CompositeInnerType::Func(signature) =
                                &signature.composite_type.inner
                            else {
                                return None;
                            };
                            rewriter.wrapped.push(Wrapped {
                                index,
                                field: import.name.to_owned(),
                                ty,
                                params: encoded(signature.params())?,
                                results: encoded(signature.results())?,
                            });
                        }
                    }
                }
                Payload::FunctionSection(section) => rewriter.own = section.count(),
                // What is looked for comes before the code.
                Payload::CodeSectionStart { .. } => break,
                _ => {}
            }
        }
        rewriter.types = u32::try_from(types.len()).ok()?;
        // Without functions of its own, nothing calls anything.
        (!rewriter.wrapped.is_empty() && rewriter.own > 0).then_some(rewriter)
    }

    /// How many functions come in between those that the module imported and its own.
    fn added(&self) -> u32 {
        u32::try_from(self.wrapped.len()).unwrap_or(u32::MAX).saturating_mul(2)
    }

    /// Each with the number of its first type of ours, and that of its first function of ours.
    fn each(&self) -> impl Iterator<Item = (&Wrapped, u32, u32)> {
        let numbers = (0..).step_by(2);
        numbers.zip(&self.wrapped).map(|(n, w): (u32, _)| (w, self.types + n, self.imported + n))
    }
}

fn encoded(types: &[wasmparser::ValType]) -> Option<Vec<ValType>> {
    types.iter().map(|ty| RoundtripReencoder.val_type(*ty).ok()).collect()
}

impl Reencode for Rewriter {
    type Error = Infallible;

    fn function_index(&mut self, func: u32) -> Result<u32, Error<Infallible>> {
        if func >= self.imported {
            return Ok(func + self.added());
        }
        let wrapper = (0_u32..).zip(&self.wrapped).find(|(_, wrapped)| wrapped.index == func);
        let first = self.imported + self.added() + self.own;
        Ok(wrapper.map_or(func, |(number, _)| first + number))
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_type_section(self, types, section)?;
        for wrapped in &self.wrapped {
            types.ty().function(wrapped.params.clone(), []);
            types.ty().function(wrapped.results.clone(), []);
        }
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_import_section(self, imports, section)?;
        for (Wrapped { field, .. }, ty, _) in self.each() {
            imports.import(MODULE, field, EntityType::Function(ty));
            imports.import(MODULE, &format!("{field}="), EntityType::Function(ty + 1));
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_function_section(self, functions, section)?;
        for wrapped in &self.wrapped {
            functions.function(wrapped.ty);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_code_section(self, code, section)?;
        for (wrapped, _, before) in self.each() {
            let mut function =
                wasm_encoder::Function::new_with_locals_types(wrapped.results.clone());
            let params = || (0_u32..).zip(&wrapped.params).map(|(n, _)| Instruction::LocalGet(n));
            let locals = (0_u32..).zip(&wrapped.params).count();
            let first = u32::try_from(locals).unwrap_or(u32::MAX);
            let results: Vec<u32> = (first..).zip(&wrapped.results).map(|(n, _)| n).collect();
            for param in params() {
                function.instruction(&param);
            }
            function.instruction(&Instruction::Call(before));
            for param in params() {
                function.instruction(&param);
            }
            function.instruction(&Instruction::Call(wrapped.index));
            for local in results.iter().rev() {
                function.instruction(&Instruction::LocalSet(*local));
            }
            for local in &results {
                function.instruction(&Instruction::LocalGet(*local));
            }
            function.instruction(&Instruction::Call(before + 1));
            for local in &results {
                function.instruction(&Instruction::LocalGet(*local));
            }
            function.instruction(&Instruction::End);
            code.function(&function);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewritten_module_is_valid_and_keeps_its_exports() {
        let wasm = wat::parse_str(
            r#"(module
                (rec (type $pair (func (param i32 i32) (result i32))) (type (struct (field i32))))
                (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (type $pair)))
                (import "env" "own" (func $own (param f64)))
                (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (global funcref (ref.func $sizes))
                (table 3 funcref)
                (elem (i32.const 0) $sizes $own $main)
                (func $main (export "main") (call $exit (call $sizes (i32.const 1) (i32.const 2))))
                (func $start (call $own (f64.const 1)))
                (start $start)
                (export "again" (func $exit))
                (memory (export "memory") 1))"#,
        )
        .unwrap();
        let rewritten = rewrite(&wasm).unwrap();
        wasmparser::validate(&rewritten).unwrap();
        let names = |wasm: &[u8]| {
            let mut names = Vec::new();
            for payload in Parser::new(0).parse_all(wasm) {
                match payload.unwrap() {
                    Payload::ExportSection(section) => {
                        names.extend(section.into_iter().map(|e| e.unwrap().name.to_owned()));
                    }
                    Payload::ImportSection(section) => {
                        let imports = section.into_imports().map(|i| i.unwrap());
                        names.extend(imports.map(|i| format!("{}.{}", i.module, i.name)));
                    }
                    _ => {}
                }
            }
            names
        };
        assert_eq!(
            names(&rewritten),
            [
                "wasi_snapshot_preview1.environ_sizes_get",
                "env.own",
                "wasi_snapshot_preview1.proc_exit",
                "plugbay:trace.environ_sizes_get",
                "plugbay:trace.environ_sizes_get=",
                "plugbay:trace.proc_exit",
                "plugbay:trace.proc_exit=",
                "main",
                "again",
                "memory",
            ]
        );
    }

    #[test]
    fn what_calls_no_wasi_is_left_alone() {
        for wat in [
            "(module (func))",
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))))"#,
            r#"(module (import "plugbay:trace" "fd_write" (func)) (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))) (func))"#,
        ] {
            assert!(rewrite(&wat::parse_str(wat).unwrap()).is_none(), "{wat}");
        }
        assert!(rewrite(b"\0asm nonsense").is_none());
    }
}
