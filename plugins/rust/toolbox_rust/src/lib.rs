//! A hook plugin that calls the host functions that a request names.
//!
//! `arguments` reads what the request says, `toolbox` calls and tells the outcome, and `exports` is the
//! ABI around it, in wasm only. On other machines every function of the host is `unavailable`.

mod arguments;
mod toolbox;

#[cfg(target_arch = "wasm32")]
mod exports;

pub use toolbox::pre_hook;
