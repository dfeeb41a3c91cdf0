//! Calls from the guest into the environment's host functions.

use std::sync::Arc;

use plugbay_runtime::abi::Value;
use plugbay_runtime::{HOST_CALL_FUEL, HostReply, HostResult, Import};
use wasmi::errors::LinkerError;
use wasmi::{Caller, Error, FuncType, Linker, Val};

use crate::drive::{charge, fuel_left};
use crate::state::{CallerMemory, State, Waiting};
use crate::trap::{self, stop};
use crate::values::{from_engine, to_engine};

/// Links `import` to whatever host the environment of an instance will bring.
pub(crate) fn link(
    linker: &mut Linker<State>,
    import: Import,
    ty: FuncType,
) -> Result<(), LinkerError> {
    let import = Arc::new(import);
    let (module, field) = (import.module.clone(), import.field.clone());
    linker.func_new(&module, &field, ty, move |mut caller, params, results| {
        charge(&mut caller, HOST_CALL_FUEL)?;
        call(&mut caller, &import, params, results)
    })?;
    Ok(())
}

fn call(
    caller: &mut Caller<'_, State>,
    import: &Arc<Import>,
    params: &[Val],
    results: &mut [Val],
) -> Result<(), Error> {
    // Imports with other types were refused when the module was linked.
    let args: Vec<Value> = params.iter().filter_map(from_engine).collect();
    // Before and after: what the host takes counts against the guest.
    caller.data().budget.check_deadline().map_err(stop)?;
    let host = Arc::clone(&caller.data().environment.host);
    host.reached(fuel_left(caller));
    let price = host.fuel(import, &args);
    if price > 0 {
        charge(&mut *caller, price)?;
    }
    let value = match host.call(import, &mut CallerMemory::new(caller), &args) {
        HostReply::Now(result) => accept(caller.data(), import, result).map_err(stop)?,
        HostReply::Later(wait) => {
            return Err(trap::wait(caller, Waiting::Host(wait, Arc::clone(import))));
        }
    };
    // One result at most, of the type that was just held against the import's.
    for (slot, value) in results.iter_mut().zip(value) {
        *slot = to_engine(value);
    }
    Ok(())
}

/// What a host function came to, held against its import and the guest's deadline.
pub(crate) fn accept(state: &State, import: &Import, result: HostResult) -> HostResult {
    let value = import.accept(result?)?;
    state.budget.check_deadline()?;
    Ok(value)
}
