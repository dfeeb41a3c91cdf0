#![doc = include_str!("../README.md")]
// In one module it is allowed, `cache::map`; `cargo xtask tidy` sees to it that there is no other.
#![deny(unsafe_code)]

mod backend;
mod cache;
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
pub use cache::{CacheError, CachedCode, CodeCache, DEFAULT_CACHE_BYTES};
