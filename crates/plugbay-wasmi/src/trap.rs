//! wasmi's errors in the seam's classes.

use std::fmt;

use plugbay_runtime::TrapKind;
use wasmi::errors::{ErrorKind, HostError, InstantiationError};
use wasmi::{Caller, Error, TrapCode};

use crate::state::{State, Waiting};

/// Why a host function did not return to the guest.
#[derive(Debug, Clone)]
pub(crate) enum Stop {
    /// The guest is stopped.
    Trap(TrapKind),
    /// The guest waits for what [`State::waiting`](crate::state::State) says.
    Wait,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Trap(kind) => kind.fmt(f),
            Stop::Wait => f.write_str("the call cannot wait here"),
        }
    }
}

impl HostError for Stop {}

/// An error that stops the guest with `kind`: what host functions return.
pub(crate) fn stop(kind: TrapKind) -> Error {
    Error::host(Stop::Trap(kind))
}

/// Stops the guest until what it waits for has come; see `drive.rs`.
pub(crate) fn wait(caller: &mut Caller<'_, State>, waiting: Waiting) -> Error {
    caller.data_mut().waiting = Some(waiting);
    Error::host(Stop::Wait)
}

/// The class of an error that a call ended with.
pub(crate) fn kind(error: &Error, fuel: u64) -> TrapKind {
    if let Some(Stop::Trap(kind)) = error.downcast_ref::<Stop>() {
        return kind.clone();
    }
    match trap_code(error) {
        Some(code) => of_code(code, fuel),
        None => TrapKind::Other { message: error.to_string() },
    }
}

fn trap_code(error: &Error) -> Option<TrapCode> {
    match error.kind() {
        // The engine checks element segments before it initialises anything, and has no
        // code for it.
        ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) => {
            Some(TrapCode::TableOutOfBounds)
        }
        kind => kind.as_trap_code(),
    }
}

/// Whether an error comes from running code, and not from preparing to.
pub(crate) fn is_trap(error: &Error) -> bool {
    error.downcast_ref::<Stop>().is_some() || trap_code(error).is_some()
}

fn of_code(code: TrapCode, fuel: u64) -> TrapKind {
    match code {
        TrapCode::UnreachableCodeReached => TrapKind::Unreachable,
        TrapCode::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        TrapCode::TableOutOfBounds => TrapKind::TableOutOfBounds,
        TrapCode::IndirectCallToNull | TrapCode::BadSignature => TrapKind::BadIndirectCall,
        TrapCode::IntegerDivisionByZero
        | TrapCode::IntegerOverflow
        | TrapCode::BadConversionToInteger => TrapKind::Arithmetic,
        TrapCode::StackOverflow => TrapKind::StackOverflow,
        // The second is what `table_grow_failed` in state.rs makes of the first.
        TrapCode::OutOfFuel | TrapCode::GrowthOperationLimited => {
            TrapKind::OutOfFuel { limit: fuel }
        }
        TrapCode::OutOfSystemMemory => TrapKind::Other { message: code.to_string() },
    }
}
