//! Calls from the guest into the environment's host functions.

use std::future::poll_fn;
use std::sync::Arc;

use plugbay_runtime::abi::Value;
use plugbay_runtime::{HostReply, Import};
use wasmtime::{Caller, FuncType, Linker, Val};

use crate::meter::charge;
use crate::state::{CallerMemory, State};
use crate::trap::stop;
use crate::values::{from_engine, to_engine};

/// Links `import` to whatever host the environment of an instance will bring.
pub(crate) fn link(
    linker: &mut Linker<State>,
    import: Import,
    ty: FuncType,
) -> wasmtime::Result<()> {
    let import = Arc::new(import);
    let (module, field) = (import.module.clone(), import.field.clone());
    linker.func_new_async(&module, &field, ty, move |caller, params, results| {
        let import = Arc::clone(&import);
        Box::new(async move { call(caller, &import, params, results).await })
    })?;
    Ok(())
}

async fn call(
    mut caller: Caller<'_, State>,
    import: &Import,
    params: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let result = match begin(&mut caller, import, params)? {
        HostReply::Now(result) => result,
        HostReply::Later(mut wait) => {
            let budget = &caller.data().budget;
            poll_fn(|context| wait.poll(budget, context)).await
        }
    };
    let value = result.and_then(|value| import.accept(value)).map_err(stop)?;
    caller.data().budget.check_deadline().map_err(stop)?;
    // One result at most, of the type that was just held against the import's.
    for (slot, value) in results.iter_mut().zip(value) {
        *slot = to_engine(value);
    }
    Ok(())
}

fn begin(
    caller: &mut Caller<'_, State>,
    import: &Import,
    params: &[Val],
) -> wasmtime::Result<HostReply> {
    // Imports with other types were refused when the module was linked.
    let args: Vec<Value> = params.iter().filter_map(from_engine).collect();
    // Before and after: what the host takes counts against the guest.
    caller.data().budget.check_deadline().map_err(stop)?;
    let host = Arc::clone(&caller.data().environment.host);
    host.reached(caller.get_fuel().unwrap_or(0));
    let price = host.fuel(import, &args);
    if price > 0 {
        charge(&mut *caller, price)?;
    }
    Ok(host.call(import, &mut CallerMemory::new(caller), &args))
}
