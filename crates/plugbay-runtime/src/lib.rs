#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backend;
mod clock;
mod error;
mod trap;

pub use backend::{
    Backend, BoxFuture, Environment, HostCall, HostReply, Import, Instance, InstanceGuest, Module,
    OutputSink, Stream, WASI_MODULE,
};
pub use clock::{Clock, Deadline, ManualClock, SystemClock};
pub use error::{CallError, CompileError, InstantiateError};
pub use plugbay_abi as abi;
pub use plugbay_policy as policy;
pub use trap::{AbortLocation, Trap, TrapKind};
