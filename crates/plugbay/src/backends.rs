//! The engines that this build has, by name, and what can be made of two of them.

use std::sync::Arc;

use plugbay_runtime::Backend;
#[cfg(feature = "wasmtime")]
use plugbay_wasmtime::{CodeCache, WasmtimeBackend};
use serde::{Deserialize, Serialize};

use crate::error::BackendError;

/// What runs a plugin: an engine, or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// Compiled by wasmtime.
    Wasmtime,
    /// Interpreted by wasmi.
    Wasmi,
    /// Interpreted until it is compiled: [`TieredBackend`](crate::TieredBackend).
    Tiered,
    /// Compiled, and each call is interpreted too and compared:
    /// [`ShadowBackend`](crate::ShadowBackend).
    Shadow,
}

impl Runtime {
    /// Its name in configurations, and that of its [`Backend`].
    pub fn name(self) -> &'static str {
        match self {
            Runtime::Wasmtime => "wasmtime",
            Runtime::Wasmi => "wasmi",
            Runtime::Tiered => TIERED,
            Runtime::Shadow => SHADOW,
        }
    }
}

impl std::fmt::Display for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

pub(crate) const TIERED: &str = "tiered";
pub(crate) const SHADOW: &str = "shadow";

/// The names of the engines in this build, the default one first.
pub fn backend_names() -> &'static [&'static str] {
    &[
        #[cfg(feature = "wasmtime")]
        "wasmtime",
        #[cfg(feature = "wasmi")]
        "wasmi",
    ]
}

/// What [`backend`] knows: the engines, and what is made of two of them where both are there.
fn known() -> &'static [&'static str] {
    &[
        #[cfg(feature = "wasmtime")]
        "wasmtime",
        #[cfg(feature = "wasmi")]
        "wasmi",
        #[cfg(all(feature = "wasmtime", feature = "wasmi"))]
        TIERED,
        #[cfg(all(feature = "wasmtime", feature = "wasmi"))]
        SHADOW,
    ]
}

/// An engine by its name, or two as one: `tiered`, `shadow`.
///
/// # Errors
///
/// When this build has none of that name, or the engine cannot be set up on this machine.
pub fn backend(name: &str) -> Result<Arc<dyn Backend>, BackendError> {
    Maker::default().backend(name)
}

type Made = Result<Arc<dyn Backend>, BackendError>;

/// As [`backend`], with engines from `engine`.
pub(crate) fn compose(name: &str, engine: &dyn Fn(&str) -> Made) -> Made {
    match name {
        #[cfg(all(feature = "wasmtime", feature = "wasmi"))]
        TIERED => {
            let first = Arc::new(plugbay_wasmi::WasmiBackend::lazy());
            Ok(Arc::new(crate::TieredBackend::new(first, engine("wasmtime")?)))
        }
        #[cfg(all(feature = "wasmtime", feature = "wasmi"))]
        SHADOW => Ok(Arc::new(crate::ShadowBackend::new(engine("wasmtime")?, engine("wasmi")?))),
        _ => engine(name),
    }
}

/// How engines are made.
#[derive(Clone, Default)]
pub(crate) struct Maker {
    /// Where compiled code is kept, if anywhere.
    #[cfg(feature = "wasmtime")]
    pub(crate) cache: Option<CodeCache>,
}

impl Maker {
    /// As [`backend`].
    pub(crate) fn backend(&self, name: &str) -> Made {
        compose(name, &|part| self.engine(part))
    }

    /// One engine by its name.
    pub(crate) fn engine(&self, name: &str) -> Made {
        match name {
            #[cfg(feature = "wasmtime")]
            "wasmtime" => {
                let made = match &self.cache {
                    Some(cache) => WasmtimeBackend::with_cache(cache.clone()),
                    None => WasmtimeBackend::new(),
                };
                made.map(|backend| Arc::new(backend) as Arc<dyn Backend>).map_err(|error| {
                    BackendError::Setup { name: "wasmtime", message: error.to_string() }
                })
            }
            #[cfg(feature = "wasmi")]
            "wasmi" => Ok(Arc::new(plugbay_wasmi::WasmiBackend::new())),
            _ => Err(BackendError::Unknown { found: name.to_owned(), known: known() }),
        }
    }
}

/// As [`backend`]; what compiles takes compiled code from `cache` and leaves it there.
///
/// # Errors
///
/// As [`backend`].
#[cfg(feature = "wasmtime")]
pub fn cached_backend(name: &str, cache: CodeCache) -> Result<Arc<dyn Backend>, BackendError> {
    Maker { cache: Some(cache) }.backend(name)
}

/// The first engine of [`backend_names`].
///
/// # Errors
///
/// When this build has no engine at all.
pub fn default_backend() -> Result<Arc<dyn Backend>, BackendError> {
    backend(backend_names().first().copied().unwrap_or("default"))
}

/// Whether a backend is made of two others.
pub(crate) fn is_composed(name: &str) -> bool {
    matches!(name, TIERED | SHADOW)
}
