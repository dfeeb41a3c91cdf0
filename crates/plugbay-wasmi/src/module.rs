//! Translated modules, linked as far as they can be without an instance.

use plugbay_runtime::abi::Export;
use plugbay_runtime::{
    BoxFuture, CompileError, Environment, Import, Instance, InstantiateError, Module, WASI_MODULE,
    check_imports,
};
use wasmi::{Engine, ExternType, Linker};

use crate::state::State;
use crate::{host, instance, start, values, wasi};

pub(crate) struct WasmiModule {
    pub(crate) module: wasmi::Module,
    pub(crate) exports: Vec<Export>,
    /// The export that is the module's start function.
    pub(crate) start: Option<String>,
    imports: Vec<Import>,
    has_memory: bool,
    /// What keeps a module from being linked is told when it is instantiated, so that it
    /// can be inspected all the same.
    linked: Result<Linker<State>, InstantiateError>,
}

impl WasmiModule {
    pub(crate) fn compile(engine: &Engine, wasm: &[u8]) -> Result<Self, CompileError> {
        let (module, start) = translate(engine, wasm)?;
        let exports = module.exports().filter_map(|export| {
            let ty = values::func_type(export.ty().func()?);
            let own = start.as_deref() != Some(export.name());
            own.then(|| Export { name: export.name().to_owned(), ty })
        });
        let imports = module.imports().filter_map(|import| {
            let ty = values::func_type(import.ty().func()?);
            let (module, field) = (import.module().to_owned(), import.name().to_owned());
            Some(Import { module, field, ty })
        });
        let (mut exports, imports) = (exports.collect::<Vec<_>>(), imports.collect::<Vec<_>>());
        // The engine keeps them by name.
        let order = start::exports(wasm);
        exports.sort_by_key(|export| order.get(&*export.name).copied());
        let has_memory =
            module.exports().any(|e| e.name() == "memory" && e.ty().memory().is_some());
        let linked = link(engine, &module, &imports);
        Ok(Self { module, exports, start, imports, has_memory, linked })
    }
}

impl Module for WasmiModule {
    fn exports(&self) -> &[Export] {
        &self.exports
    }

    fn imports(&self) -> &[Import] {
        &self.imports
    }

    fn has_memory(&self) -> bool {
        self.has_memory
    }

    fn linkable(&self) -> Result<(), InstantiateError> {
        self.linked.as_ref().map(drop).map_err(Clone::clone)
    }

    fn instantiate(
        &self,
        environment: Environment,
    ) -> BoxFuture<'_, Result<Box<dyn Instance>, InstantiateError>> {
        Box::pin(async move {
            let linked = self.linked.as_ref().map_err(Clone::clone)?;
            instance::instantiate(self, linked, environment).await
        })
    }
}

/// The module, and what its start function is exported as.
fn translate(
    engine: &Engine,
    wasm: &[u8],
) -> Result<(wasmi::Module, Option<String>), CompileError> {
    let refused = |error: wasmi::Error| CompileError::new(&error.to_string());
    // Bytes that are no module have no start function either; the engine says why.
    let Ok(Some(rewritten)) = start::rewrite(wasm) else {
        return Ok((wasmi::Module::new(engine, wasm).map_err(refused)?, None));
    };
    // Only what is valid may be rewritten: a rewritten module can be valid by accident.
    wasmi::Module::validate(engine, wasm).map_err(refused)?;
    let module = wasmi::Module::new(engine, &rewritten.wasm).map_err(refused)?;
    Ok((module, Some(rewritten.start)))
}

fn link(
    engine: &Engine,
    module: &wasmi::Module,
    imports: &[Import],
) -> Result<Linker<State>, InstantiateError> {
    let other =
        |error: wasmi::errors::LinkerError| InstantiateError::Other { message: error.to_string() };
    check_imports(imports)?;
    let mut linker = Linker::new(engine);
    if imports.iter().any(|import| import.module == WASI_MODULE) {
        wasi::link(&mut linker).map_err(other)?;
    }
    let mut known: Vec<(&str, &str)> = Vec::new();
    for import in module.imports() {
        let (module, field) = (import.module().to_owned(), import.name().to_owned());
        let ExternType::Func(ty) = import.ty() else {
            return Err(InstantiateError::UnknownImport { module, field });
        };
        if module == WASI_MODULE || known.contains(&(import.module(), import.name())) {
            continue;
        }
        known.push((import.module(), import.name()));
        let import = Import { module, field, ty: values::func_type(ty) };
        host::link(&mut linker, import, ty.clone()).map_err(other)?;
    }
    Ok(linker)
}
