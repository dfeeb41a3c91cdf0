//! Calls from the guest into the environment's host functions.

use std::sync::Arc;

use plugbay_runtime::abi::{Value, ValueType};
use plugbay_runtime::{HOST_CALL_FUEL, Import, TrapKind};
use wasmi::errors::LinkerError;
use wasmi::{Caller, FuncType, Linker, Val};

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
        call(&mut caller, &import, params, results).map_err(stop)
    })?;
    Ok(())
}

fn call(
    caller: &mut Caller<'_, State>,
    import: &Import,
    params: &[Val],
    results: &mut [Val],
) -> Result<(), TrapKind> {
    // Imports with other types were refused when the module was linked.
    let args: Vec<Value> = params.iter().filter_map(from_engine).collect();
    let host = Arc::clone(&caller.data().environment.host);
    let reply = host.call(import, &mut CallerMemory::new(caller), &args)?;
    caller.data().budget.check_deadline()?;
    let wanted = import.ty.results.first().copied();
    match (reply, results.first_mut()) {
        (None, None) => Ok(()),
        (Some(value), Some(slot)) if Some(value.ty()) == wanted => {
            *slot = to_engine(value);
            Ok(())
        }
        (reply, _) => Err(TrapKind::Host { message: wrong_reply(import, reply, wanted) }),
    }
}

fn wrong_reply(import: &Import, reply: Option<Value>, wanted: Option<ValueType>) -> String {
    let name = |ty: Option<ValueType>| ty.map_or("nothing".to_owned(), |ty| ty.to_string());
    format!(
        "host function `{}.{}` answered {}, wanted {}",
        import.module,
        import.field,
        name(reply.map(Value::ty)),
        name(wanted)
    )
}
