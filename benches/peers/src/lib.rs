//! The same guests for other plugin hosts, and those hosts behind one method.

#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "nobody depends on this crate")]

pub mod extism;
pub mod plugbay;

/// Fuel of one call.
pub const FUEL: u64 = 100_000_000;
/// Linear memory, in bytes.
pub const MEMORY: u64 = 128 << 20;

/// A plugin in some host: bytes in, a fresh buffer out.
pub trait Peer {
    fn call(&mut self, input: &[u8]) -> Vec<u8>;
}

/// A sample plugin of this project, built.
pub fn sample(name: &str) -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let path = std::path::Path::new(root).join("target/plugins").join(name).with_extension("wasm");
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("cannot read {}: {error}; `cargo xtask plugins` makes it", path.display())
    })
}
