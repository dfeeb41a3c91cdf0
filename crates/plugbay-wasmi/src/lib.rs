#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![allow(
    clippy::result_large_err,
    reason = "`InstantiateError` is made once per module, when it is refused"
)]

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
