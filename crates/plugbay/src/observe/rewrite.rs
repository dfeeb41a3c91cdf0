//! A module that tells its host what it does: the same module, with calls of the host's own functions in it.
//!
//! A function that is told of is called through another one in its place, which says that it begins and that it has
//! ended, so that its own code stays as it is, and a trap in it ends both. An instruction that grows the memory
//! becomes a call of a function that does it and says so. Exports keep their places; what is told costs fuel, which
//! the host counts and takes out again.

use plugbay_runtime::Frame;
use plugbay_runtime::abi::{FuncType, ValueType};
use wasm_encoder::reencode::{Error as ReencodeError, Reencode, utils};
use wasm_encoder::{
    CodeSection, EntityType, Function, FunctionSection, ImportSection, Instruction, Module,
    SectionId, TypeSection, ValType,
};
use wasmparser::{Operator, Parser, Payload, TypeRef};

/// The module that the functions are imported from. A plugin that names it itself is refused.
pub(super) const MODULE: &str = "plugbay:observe";
pub(super) const ENTER: &str = "enter";
pub(super) const EXIT: &str = "exit";
pub(super) const GROWN: &str = "grown";

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// Each function of the module, when it begins and when it ends.
    pub(super) functions: bool,
    /// Each growth of the memory by the module itself.
    pub(super) growth: bool,
}

/// Fuel of the guest's own that telling costs, without what the host takes for the call: as wasmtime counts it.
/// wasmi counts a little less for some of these, so that a profile there comes to some per cent less than the call.
pub(super) mod cost {
    /// `i32.const`, `call`: before a function is entered.
    pub(crate) const ENTER: u64 = 2;
    /// Being entered, `call` of the function, `i32.const`, `call`: beside one `local.get` for each parameter.
    pub(crate) const EXIT: u64 = 4;
    /// The call of what grows, its being entered, four `local.get`, a `local.set` and the `call` of the host.
    pub(crate) const GROWN: u64 = 8;
}

/// The signature of one of the functions, for a module that was rewritten.
pub(super) fn signature(field: &str) -> Option<FuncType> {
    match field {
        ENTER => Some(FuncType::new(&[ValueType::I32], &[])),
        EXIT => Some(FuncType::new(&[ValueType::I32], &[])),
        GROWN => Some(FuncType::new(&[ValueType::I32, ValueType::I32], &[])),
        _ => None,
    }
}

/// Rewrites a module. One that is not valid comes out as something that is not valid either, or is refused here.
pub(super) fn rewrite(wasm: &[u8], told: Told) -> Result<(Vec<u8>, Moved), String> {
    let plan = Plan::of(wasm, told)?;
    let moved = Moved { imported: plan.imported, own: plan.own(), told };
    let mut module = Module::new();
    Rewriter { plan, imports_written: false }
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .map_err(|error| error.to_string())?;
    Ok((module.finish(), moved))
}

/// Which function of the module as it was is which one now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved {
    imported: u32,
    own: u32,
    told: Told,
}

impl Moved {
    /// A frame in the module as it was: `None` for functions that were added. Instructions are not where they were.
    pub(super) fn original(self, frame: Frame) -> Option<Frame> {
        let Self { imported, own, told } = self;
        if frame.function < imported {
            return Some(frame);
        }
        let place = frame.function.checked_sub(imported + Plan::ADDED)?;
        let place = if told.functions { place.checked_sub(own)? } else { place };
        (place < own).then_some(Frame { function: imported + place, offset: None })
    }
}

/// What has to be known of a module before it is written again.
struct Plan {
    told: Told,
    types: u32,
    imported: u32,
    /// Functions of its own: the type of each, and how many parameters that has.
    functions: Vec<(u32, u32)>,
    /// The first of the functions that are added to the imports.
    first: u32,
}

impl Plan {
    fn of(wasm: &[u8], told: Told) -> Result<Self, String> {
        let mut params = Vec::new();
        let mut plan = Self { told, types: 0, imported: 0, functions: Vec::new(), first: 0 };
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(|error| error.to_string())? {
                Payload::TypeSection(types) => {
                    for ty in types.into_iter_err_on_gc_types() {
                        let ty = ty.map_err(|error| error.to_string())?;
                        params.push(u32::try_from(ty.params().len()).unwrap_or(u32::MAX));
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import.map_err(|error| error.to_string())?;
                        if import.module == MODULE {
                            return Err(format!(
                                "it imports from `{MODULE}`, which is the host's own"
                            ));
                        }
                        plan.imported += u32::from(matches!(import.ty, TypeRef::Func(_)));
                    }
                }
                Payload::FunctionSection(functions) => {
                    for ty in functions {
                        let ty = ty.map_err(|error| error.to_string())?;
                        let count = params.get(ty as usize).copied();
                        plan.functions.push((ty, count.ok_or("a function without a type")?));
                    }
                }
                _ => {}
            }
        }
        plan.types = u32::try_from(params.len()).map_err(|error| error.to_string())?;
        plan.first = plan.imported;
        Ok(plan)
    }

    /// Functions that are added to the imports.
    const ADDED: u32 = 3;

    fn enter(&self) -> u32 {
        self.first
    }

    fn exit(&self) -> u32 {
        self.first + 1
    }

    fn grown(&self) -> u32 {
        self.first + 2
    }

    /// What a function of the module's is called now.
    fn moved(&self, function: u32) -> u32 {
        if function < self.imported { function } else { function + Self::ADDED }
    }

    fn own(&self) -> u32 {
        u32::try_from(self.functions.len()).unwrap_or(u32::MAX)
    }

    /// Where the body of a function went that another one stands in front of.
    fn body(&self, place: u32) -> u32 {
        self.imported + Self::ADDED + self.own() + place
    }

    /// The function that grows the memory: the last.
    fn grow(&self) -> u32 {
        let bodies = if self.told.functions { self.own() } else { 0 };
        self.imported + Self::ADDED + self.own() + bodies
    }
}

struct Rewriter {
    plan: Plan,
    imports_written: bool,
}

impl Rewriter {
    fn import(&mut self, imports: &mut ImportSection) {
        let types = self.plan.types;
        for (field, ty) in [(ENTER, 0), (EXIT, 0), (GROWN, 1)] {
            imports.import(MODULE, field, EntityType::Function(types + ty));
        }
        self.imports_written = true;
    }
}

type Result_ = Result<(), ReencodeError>;

impl Reencode for Rewriter {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, ReencodeError> {
        Ok(self.plan.moved(function))
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result_ {
        utils::parse_type_section(self, types, section)?;
        types.ty().function([ValType::I32], []);
        types.ty().function([ValType::I32, ValType::I32], []);
        types.ty().function([ValType::I32], [ValType::I32]);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result_ {
        utils::parse_import_section(self, imports, section)?;
        self.import(imports);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result_ {
        // A module without imports gets its section where it belongs. One without types has no functions.
        let comes_later = !matches!(before, Some(SectionId::Type | SectionId::Import));
        if comes_later && !self.imports_written && self.plan.types > 0 {
            let mut imports = ImportSection::new();
            self.import(&mut imports);
            module.section(&imports);
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result_ {
        utils::parse_function_section(self, functions, section)?;
        if self.plan.told.functions {
            for (ty, _) in &self.plan.functions {
                functions.function(*ty);
            }
        }
        functions.function(self.plan.types + 2);
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result_ {
        if self.plan.told.functions {
            for (place, (_, params)) in (0..).zip(&self.plan.functions) {
                let mut front = Function::new([]);
                let mut body = front.instructions();
                let number = (self.plan.imported + place).cast_signed();
                body.i32_const(number).call(self.plan.enter());
                for param in 0..*params {
                    body.local_get(param);
                }
                body.call(self.plan.body(place));
                // How much of this was fuel for telling, the host knows by the parameters.
                body.i32_const(params.cast_signed()).call(self.plan.exit()).end();
                code.function(&front);
            }
        }
        utils::parse_code_section(self, code, section)?;
        let (pages, before) = (0, 1);
        let mut grow = Function::new([(1, ValType::I32)]);
        let mut body = grow.instructions();
        body.local_get(pages).memory_grow(0).local_set(before);
        body.local_get(pages).local_get(before).call(self.plan.grown());
        body.local_get(before).end();
        match self.plan.told.growth {
            true => code.function(&grow),
            // A module without a memory cannot grow it.
            false => code.function(&{
                let mut nothing = Function::new([]);
                nothing.instructions().local_get(pages).end();
                nothing
            }),
        };
        Ok(())
    }

    fn instruction<'a>(
        &mut self,
        operator: Operator<'a>,
    ) -> Result<Instruction<'a>, ReencodeError> {
        match operator {
            Operator::MemoryGrow { .. } if self.plan.told.growth => {
                Ok(Instruction::Call(self.plan.grow()))
            }
            operator => utils::instruction(self, operator),
        }
    }

    /// Names and lines are read from the module as its author made it.
    fn parse_custom_section(
        &mut self,
        _: &mut Module,
        _: wasmparser::CustomSectionReader<'_>,
    ) -> Result_ {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Told = Told { functions: true, growth: true };

    fn rewritten(wat: &str, told: Told) -> Vec<u8> {
        let (wasm, _) = rewrite(&wat::parse_str(wat).unwrap(), told).unwrap();
        wasmparser::validate(&wasm).unwrap();
        wasm
    }

    #[test]
    fn what_is_rewritten_is_valid() {
        for wat in [
            "(module)",
            "(module (func))",
            r#"(module (memory 1) (func (export "f") (param i32 f64) (result i32 i64) local.get 0 i64.const 1))"#,
            r#"(module (import "a" "b" (func (param i64))) (import "a" "c" (global i32)) (memory (export "memory") 1)
                (table 2 funcref) (elem (i32.const 0) 0 1) (elem declare func 2) (start 3)
                (func (export "g") i32.const 1 memory.grow drop)
                (func $id (param i32) (result i32) local.get 0 return_call $same) (func ref.func $id drop call 1)
                (func $same (param i32) (result i32) local.get 0))"#,
            "(module (func (local v128)) (func (result funcref) ref.null func))",
        ] {
            for functions in [false, true] {
                for growth in [false, true] {
                    let growth = growth && wat.contains("memory");
                    rewritten(wat, Told { functions, growth });
                }
            }
        }
    }

    #[test]
    fn who_imports_the_hosts_own_is_refused() {
        let wasm =
            wat::parse_str(r#"(module (import "plugbay:observe" "enter" (func (param i32))))"#);
        let error = rewrite(&wasm.unwrap(), ALL).unwrap_err();
        assert!(error.contains("the host's own"), "{error}");
    }
}
