//! A hook plugin that masks e-mail addresses in bodies of any content type.
//!
//! `mask` works on ranges of anything that can be read and written so, and is tested on any machine;
//! `body` makes the host's bodies such a thing, and `exports` is the ABI around it: both exist in wasm
//! only.

mod mask;

#[cfg(target_arch = "wasm32")]
mod body;
#[cfg(target_arch = "wasm32")]
mod exports;

pub use mask::{Bytes, NotWritten, mask};
