#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backend;
mod costs;
mod host;
mod instance;
mod meter;
mod module;
mod passage;
mod state;
mod trap;
mod values;
mod wasi;

pub use backend::{EngineError, WasmtimeBackend};
