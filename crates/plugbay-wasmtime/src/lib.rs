#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![allow(
    clippy::result_large_err,
    reason = "`InstantiateError` is made once per module, when it is refused"
)]

mod backend;
mod costs;
mod host;
mod instance;
mod meter;
mod module;
mod state;
mod trap;
mod values;
mod wasi;

pub use backend::{EngineError, WasmtimeBackend};
