//! Compiled modules, linked as far as they can be without an instance.

use plugbay_runtime::abi::Export;
use plugbay_runtime::{
    BoxFuture, CompileError, Environment, Import, Instance, InstantiateError, Module, WASI_MODULE,
    check_imports,
};
use std::sync::{Arc, OnceLock};

use wasmtime::{Engine, ExternType, InstancePre, Linker, Module as Compiled};

use crate::backend::Setup;
use crate::cache;
use crate::instance;
use crate::passage::Passages;
use crate::state::State;
use crate::{host, values, wasi};

pub(crate) struct WasmtimeModule {
    exports: Vec<Export>,
    imports: Vec<Import>,
    has_memory: bool,
    /// What keeps a module from being linked is told when it is instantiated, so that it
    /// can be inspected all the same.
    linked: Result<InstancePre<State>, InstantiateError>,
    passages: Arc<Passages>,
}

impl WasmtimeModule {
    pub(crate) fn compile(setup: &Setup, wasm: &[u8]) -> Result<Self, CompileError> {
        let module = cache::module(&setup.engine, setup.cache.as_ref(), wasm)
            .map_err(|error| CompileError::new(&format!("{error:#}")))?;
        let exports = module.exports().filter_map(|export| {
            let ty = values::func_type(export.ty().func()?);
            Some(Export { name: export.name().to_owned(), ty })
        });
        let imports = module.imports().filter_map(|import| {
            let ty = values::func_type(import.ty().func()?);
            let (module, field) = (import.module().to_owned(), import.name().to_owned());
            Some(Import { module, field, ty })
        });
        let (exports, imports) = (exports.collect(), imports.collect::<Vec<_>>());
        let has_memory =
            module.exports().any(|e| e.name() == "memory" && e.ty().memory().is_some());
        let linked = link(setup, &module, &imports);
        let passages = Arc::clone(&setup.passages);
        Ok(Self { exports, imports, has_memory, linked, passages })
    }
}

impl Module for WasmtimeModule {
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
            let passages = Arc::clone(&self.passages);
            let made = instance::Made {
                linked,
                exports: &self.exports,
                calls_host: !self.imports.is_empty(),
                passages,
            };
            made.instantiate(environment).await
        })
    }
}

/// What the modules of one engine are linked with alike.
///
/// Defining WASI's functions takes longer than loading a small module from the cache does, so it is
/// done once.
#[derive(Default)]
pub(crate) struct Linkers {
    wasi: OnceLock<Linker<State>>,
}

impl Linkers {
    fn wasi(&self, engine: &Engine) -> wasmtime::Result<Linker<State>> {
        if let Some(linker) = self.wasi.get() {
            return Ok(linker.clone());
        }
        let mut linker = Linker::new(engine);
        wasi::link(&mut linker)?;
        Ok(self.wasi.get_or_init(|| linker).clone())
    }
}

fn link(
    setup: &Setup,
    module: &Compiled,
    imports: &[Import],
) -> Result<InstancePre<State>, InstantiateError> {
    let other = |error: wasmtime::Error| InstantiateError::Other { message: format!("{error:#}") };
    check_imports(imports)?;
    let mut linker = match imports.iter().any(|import| import.module == WASI_MODULE) {
        true => setup.linkers.wasi(&setup.engine).map_err(other)?,
        false => Linker::new(&setup.engine),
    };
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
        let import = Import { module, field, ty: values::func_type(&ty) };
        host::link(&mut linker, import, ty).map_err(other)?;
    }
    linker.instantiate_pre(module).map_err(other)
}
