#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod capability;
mod grant;
mod limits;

pub use capability::{Capability, Risk, UnknownCapability};
pub use grant::{Decision, Grant};
pub use limits::{Fuel, Limits};
