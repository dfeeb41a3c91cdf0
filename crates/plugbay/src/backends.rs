//! The engines that this build has, by name.

use std::sync::Arc;

use plugbay_runtime::Backend;
#[cfg(feature = "wasmtime")]
use plugbay_wasmtime::WasmtimeBackend;

use crate::error::BackendError;

/// The names of the engines in this build, the default one first.
pub fn backend_names() -> &'static [&'static str] {
    &[
        #[cfg(feature = "wasmtime")]
        "wasmtime",
        #[cfg(feature = "wasmi")]
        "wasmi",
    ]
}

/// An engine by its name.
///
/// # Errors
///
/// When this build has none of that name, or the engine cannot be set up on this machine.
pub fn backend(name: &str) -> Result<Arc<dyn Backend>, BackendError> {
    match name {
        #[cfg(feature = "wasmtime")]
        "wasmtime" => wasmtime(WasmtimeBackend::new()),
        #[cfg(feature = "wasmi")]
        "wasmi" => Ok(Arc::new(plugbay_wasmi::WasmiBackend::new())),
        _ => Err(BackendError::Unknown { found: name.to_owned(), known: backend_names() }),
    }
}

/// An engine by its name, which takes compiled code from `cache` and leaves it there.
///
/// An engine that does not compile has nothing to keep: it is the one of [`backend`].
///
/// # Errors
///
/// As [`backend`].
#[cfg(feature = "wasmtime")]
pub fn cached_backend(
    name: &str,
    cache: plugbay_wasmtime::CodeCache,
) -> Result<Arc<dyn Backend>, BackendError> {
    match name {
        "wasmtime" => wasmtime(WasmtimeBackend::with_cache(cache)),
        _ => backend(name),
    }
}

#[cfg(feature = "wasmtime")]
fn wasmtime(
    made: Result<WasmtimeBackend, plugbay_wasmtime::EngineError>,
) -> Result<Arc<dyn Backend>, BackendError> {
    made.map(|backend| Arc::new(backend) as Arc<dyn Backend>)
        .map_err(|error| BackendError::Setup { name: "wasmtime", message: error.to_string() })
}

/// The first engine of [`backend_names`].
///
/// # Errors
///
/// When this build has no engine at all.
pub fn default_backend() -> Result<Arc<dyn Backend>, BackendError> {
    backend(backend_names().first().copied().unwrap_or("default"))
}
