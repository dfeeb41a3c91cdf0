//! wasmtime's errors in the seam's classes.

use plugbay_runtime::{Trap, TrapKind};
use wasmtime::Trap as Code;

/// An error that stops the guest with `kind`: what host functions return.
pub(crate) fn stop(kind: TrapKind) -> wasmtime::Error {
    wasmtime::Error::new(Trap::new(kind))
}

/// The class of an error that a call ended with.
pub(crate) fn kind(error: &wasmtime::Error, fuel: u64) -> TrapKind {
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return trap.kind.clone();
    }
    match error.downcast_ref::<Code>() {
        Some(code) => of_code(*code, fuel),
        None => TrapKind::Other { message: format!("{error:#}") },
    }
}

/// Whether an error comes from running code, and not from preparing to.
pub(crate) fn is_trap(error: &wasmtime::Error) -> bool {
    error.is::<Trap>() || error.is::<Code>()
}

fn of_code(code: Code, fuel: u64) -> TrapKind {
    match code {
        Code::OutOfFuel => TrapKind::OutOfFuel { limit: fuel },
        Code::StackOverflow => TrapKind::StackOverflow,
        Code::UnreachableCodeReached => TrapKind::Unreachable,
        Code::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        Code::TableOutOfBounds => TrapKind::TableOutOfBounds,
        Code::IndirectCallToNull | Code::BadSignature => TrapKind::BadIndirectCall,
        Code::IntegerOverflow | Code::IntegerDivisionByZero | Code::BadConversionToInteger => {
            TrapKind::Arithmetic
        }
        // Of proposals that are switched off: epochs, threads, garbage collection, stack
        // switching, components, the Pulley interpreter. The list is open at its end
        // (`#[non_exhaustive]`), so there is no naming them all.
        other => TrapKind::Other { message: other.to_string() },
    }
}
