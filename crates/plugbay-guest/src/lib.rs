#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

#[cfg(target_arch = "wasm32")]
mod abi;
#[cfg(target_arch = "wasm32")]
use abi::calls;
#[cfg(all(target_arch = "wasm32", feature = "allocator"))]
mod alloc;

pub mod action;
mod base64;
mod error;
pub mod hooks;
pub mod host;
pub mod json;
#[doc(hidden)]
pub mod rt;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
#[cfg(not(target_arch = "wasm32"))]
use testing::calls;

pub use error::{Error, Result};
pub use plugbay_guest_macros::{action, hooks};
