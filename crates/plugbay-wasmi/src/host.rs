//! Calls from the guest into the environment's host functions.

use std::sync::Arc;

use plugbay_runtime::abi::Value;
use plugbay_runtime::{HOST_CALL_FUEL, Import};
use wasmi::errors::LinkerError;
use wasmi::{Caller, Error, FuncType, Linker, Val};

use crate::drive::charge;
use crate::state::{CallerMemory, State};
use crate::trap::stop;
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
    import: &Import,
    params: &[Val],
    results: &mut [Val],
) -> Result<(), Error> {
    // Imports with other types were refused when the module was linked.
    let args: Vec<Value> = params.iter().filter_map(from_engine).collect();
    // Before and after: what the host takes counts against the guest.
    caller.data().budget.check_deadline().map_err(stop)?;
    let host = Arc::clone(&caller.data().environment.host);
    let price = host.fuel(import, &args);
    if price > 0 {
        charge(&mut *caller, price)?;
    }
    let reply = host
        .call(import, &mut CallerMemory::new(caller), &args)
        .and_then(|reply| import.accept(reply))
        .map_err(stop)?;
    caller.data().budget.check_deadline().map_err(stop)?;
    // One result at most, of the type that was just held against the import's.
    for (slot, value) in results.iter_mut().zip(reply) {
        *slot = to_engine(value);
    }
    Ok(())
}
