#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

// What the attributes write names this crate from outside.
#[cfg(test)]
extern crate self as plugbay_guest;

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

/// The tutorial, whose code is compiled and run as that of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sdk-rust.md")]
mod tutorial {}
