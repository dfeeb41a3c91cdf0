//! wasmtime's errors in the seam's classes.

use plugbay_runtime::{Frame, Trap, TrapKind};
use wasmtime::{Module, Trap as Code, WasmBacktrace};

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
        // The engine's own words, without the backtrace that it has put around them.
        None => TrapKind::Other { message: error.root_cause().to_string() },
    }
}

/// The functions of `module` that were under way, innermost first.
pub(crate) fn frames(error: &wasmtime::Error, module: &Module) -> impl Iterator<Item = Frame> {
    let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
    // What calls it in one piece is a module of our own.
    let own = frames.iter().filter(|frame| Module::same(frame.module(), module));
    own.map(|frame| Frame {
        function: frame.func_index(),
        offset: frame.func_offset().and_then(|offset| u32::try_from(offset).ok()),
    })
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
