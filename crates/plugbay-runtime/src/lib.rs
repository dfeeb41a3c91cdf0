#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backend;
mod budget;
mod clock;
mod error;
mod imports;
mod timer;
mod trap;
mod wait;
pub mod wasi;

pub use backend::{
    Backend, BoxFuture, Environment, HostCall, Import, Instance, InstanceGuest, Metering, Module,
    OutputSink, Stream, WASI_MODULE, exchange,
};
pub use budget::{BYTES_PER_FUEL, Budget, HOST_CALL_FUEL, SLICE_FUEL, WAIT_FUEL, yield_now};
pub use clock::{Clock, Deadline, ManualClock, SystemClock};
pub use error::{CallError, CompileError, InstantiateError};
pub use imports::check_imports;
pub use plugbay_abi as abi;
pub use plugbay_policy as policy;
pub use trap::{AbortLocation, Frame, MOST_FRAMES, Trap, TrapKind};
pub use wait::{HostReply, HostResult, HostWait};
