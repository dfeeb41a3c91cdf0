#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::cast_possible_truncation, reason = "sizes in tests are small"))]

pub mod action;
pub mod hook;
pub mod interface;
pub mod json;
pub mod protocol;

mod memory;
mod packed;
mod value;

pub use memory::{
    GrowError, GuestMemory, HostPages, PAGE_BYTES, RangeError, read, write, write_parts,
};
pub use packed::Packed;
pub use value::{Export, ExportId, FuncType, Value, ValueType};
