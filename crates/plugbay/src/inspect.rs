//! What a module is, told without running any of it.

use plugbay_runtime::abi::Export;
use plugbay_runtime::abi::interface::{Interface, Problem, World};
use plugbay_runtime::{Import, InstantiateError, Module};

use crate::imports::{self, ImportUse, import_use};

/// What a module exports and imports, and what of it is wrong.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// Its function exports.
    pub exports: Vec<Export>,
    /// Its function imports, and what each comes to on this host.
    pub imports: Vec<ImportReport>,
    /// What it is as a plugin, or everything that keeps it from being one.
    pub interface: Result<Interface, Vec<Problem>>,
    /// Exports of its contract that it lacks, optional ones included; empty where
    /// [`interface`](Self::interface) cannot tell the contract.
    pub missing: Vec<&'static str>,
    /// What keeps the imports from being offered, if anything does.
    pub unlinkable: Option<InstantiateError>,
}

/// One import.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ImportReport {
    /// The import.
    pub import: Import,
    /// What it comes to.
    pub usage: ImportUse,
}

impl Inspection {
    pub(crate) fn new(module: &dyn Module) -> Self {
        let exports = module.exports().to_vec();
        let interface = Interface::inspect(&exports, module.has_memory());
        let imports = module
            .imports()
            .iter()
            .map(|import| ImportReport { import: import.clone(), usage: import_use(import) })
            .collect();
        let missing = World::of(&exports)
            .map(|world| Interface::missing_of(world, &exports))
            .unwrap_or_default();
        let bodies = match &interface {
            Ok(interface) if interface.abi.is_none() => {
                imports::check_bodies(module.imports(), imports::NO_ABI)
            }
            _ => Ok(()),
        };
        let unlinkable = imports::check(module.imports()).and(bodies);
        let unlinkable = unlinkable.and_then(|()| module.linkable()).err();
        Self { exports, imports, interface, missing, unlinkable }
    }

    /// Whether the module can be loaded as it is.
    pub fn is_loadable(&self) -> bool {
        self.interface.is_ok() && self.unlinkable.is_none()
    }
}
