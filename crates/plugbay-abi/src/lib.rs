#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod action;
pub mod hook;
pub mod interface;
pub mod json;
pub mod protocol;

mod memory;
mod packed;
mod value;

pub use memory::{GrowError, GuestMemory, HostPages, PAGE_BYTES, RangeError, read, write};
pub use packed::Packed;
pub use value::{Export, ExportId, FuncType, Value, ValueType};
