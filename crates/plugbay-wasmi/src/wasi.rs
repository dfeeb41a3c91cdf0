//! WASI preview 1: `plugbay_runtime::wasi`'s, linked.

use plugbay_runtime::abi::Value;
use plugbay_runtime::wasi::{Answer, Function, Wasi};
use plugbay_runtime::{HOST_CALL_FUEL, WASI_MODULE};
use wasmi::errors::LinkerError;
use wasmi::{Caller, Error, Linker, Val};

use crate::drive::{charge, fuel_left};
use crate::state::{Bytes, CallerMemory, State, Waiting};
use crate::trap::{stop, wait};
use crate::values::{engine_type, from_engine};

/// Links all of WASI preview 1.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<(), LinkerError> {
    for &function in Function::ALL {
        let ty = engine_type(&function.signature());
        linker.func_new(WASI_MODULE, function.name(), ty, move |mut caller, args, results| {
            match call(&mut caller, function, args)? {
                Answer::Errno(errno) => {
                    results.iter_mut().for_each(|result| *result = Val::I32(errno.code()));
                    Ok(())
                }
                Answer::Stop(kind) => Err(stop(kind)),
                Answer::Sleep(sleep) => Err(wait(&mut caller, Waiting::Sleep(sleep))),
                _ => Err(wait(&mut caller, Waiting::Yield)),
            }
        })?;
    }
    Ok(())
}

fn call(caller: &mut Caller<'_, State>, function: Function, args: &[Val]) -> Result<Answer, Error> {
    // No function has more parameters than `path_open`.
    let mut numbers = [Value::I32(0); 9];
    for (number, arg) in numbers.iter_mut().zip(args) {
        *number = from_engine(arg).unwrap_or(*number);
    }
    let args = numbers.get(..args.len()).unwrap_or(&numbers);
    charge(&mut *caller, HOST_CALL_FUEL)?;
    caller.data().environment.host.reached(fuel_left(caller));
    let price = Wasi::price(function, args);
    if price > 0 {
        charge(&mut *caller, price)?;
    }
    let memory = CallerMemory::new(caller).handle();
    let (bytes, state) = match memory {
        Some(memory) => memory.data_and_store_mut(&mut *caller),
        None => (&mut [][..], caller.data_mut()),
    };
    let State { wasi, environment, .. } = state;
    let (answer, fuel) = wasi.call(function, environment, &mut Bytes(bytes), args);
    if fuel > 0 {
        charge(&mut *caller, fuel)?;
        // What took the system long counts against the guest.
        caller.data().budget.check_deadline().map_err(stop)?;
    }
    Ok(answer)
}
