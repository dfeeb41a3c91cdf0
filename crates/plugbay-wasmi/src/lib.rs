#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backend;
mod costs;
mod drive;
mod host;
mod instance;
mod module;
mod start;
mod state;
mod trap;
mod values;
mod wasi;

pub use backend::WasmiBackend;
