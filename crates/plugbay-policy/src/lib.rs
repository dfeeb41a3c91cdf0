#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod address;
mod arguments;
mod capability;
mod compare;
mod decide;
mod grant;
mod hash;
mod hosts;
mod limits;
mod request;
mod wire;

pub use address::{AddressClass, classify};
pub use arguments::{ArgPattern, ArgPatternError, ProgramGrant, ProgramName, ProgramNameError};
pub use capability::{Capability, Risk, UnknownCapability};
pub use decide::decide;
pub use grant::{
    Audio, Filesystem, Grant, Midi, Names, Network, Operation, Subprocess, SystemControl,
    UnknownOperation,
};
pub use hash::{HashError, ModuleHash};
pub use hosts::{HostName, HostNameError, HostPattern, HostPatternError};
pub use limits::{Fuel, Limits};
pub use request::{Decision, Denial, Lacking, Request};
