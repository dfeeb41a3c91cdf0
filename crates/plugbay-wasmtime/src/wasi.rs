//! WASI preview 1: `plugbay_runtime::wasi`'s, linked.

use std::future::poll_fn;

use plugbay_runtime::abi::Value;
use plugbay_runtime::wasi::{Answer, Errno, Function, Sleep, Wasi};
use plugbay_runtime::{WASI_MODULE, yield_now};
use wasmtime::{Caller, Linker, Result, Val};

use crate::meter::charge;
use crate::state::{Bytes, CallerMemory, State};
use crate::trap::stop;
use crate::values::{engine_type, from_engine};

/// Links all of WASI preview 1.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {
    for &function in Function::ALL {
        let (name, ty) = (function.name(), function.signature());
        let ty = engine_type(linker.engine(), &ty);
        if function.may_wait() {
            linker.func_new_async(WASI_MODULE, name, ty, move |mut caller, args, results| {
                Box::new(async move {
                    let errno = match call(&mut caller, function, args)? {
                        Answer::Sleep(sleep) => wait(&mut caller, sleep).await?,
                        Answer::Yield => {
                            yield_now().await;
                            Errno::Success
                        }
                        answer => returned(answer)?,
                    };
                    results.fill(Val::I32(errno.code()));
                    Ok(())
                })
            })?;
        } else {
            linker.func_new(WASI_MODULE, name, ty, move |mut caller, args, results| {
                let errno = returned(call(&mut caller, function, args)?)?;
                results.fill(Val::I32(errno.code()));
                Ok(())
            })?;
        }
    }
    Ok(())
}

fn call(caller: &mut Caller<'_, State>, function: Function, args: &[Val]) -> Result<Answer> {
    // No function has more parameters than `path_open`.
    let mut numbers = [Value::I32(0); 9];
    for (number, arg) in numbers.iter_mut().zip(args) {
        *number = from_engine(arg).unwrap_or(*number);
    }
    let args = numbers.get(..args.len()).unwrap_or(&numbers);
    let left = caller.get_fuel().unwrap_or(0);
    caller.data().environment.host.reached(left);
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

fn returned(answer: Answer) -> Result<Errno> {
    match answer {
        Answer::Errno(errno) => Ok(errno),
        Answer::Stop(kind) => Err(stop(kind)),
        // Only functions that may wait say so.
        _ => Ok(Errno::NotSupported),
    }
}

async fn wait(caller: &mut Caller<'_, State>, sleep: Sleep) -> Result<Errno> {
    let budget = &caller.data().budget;
    poll_fn(|context| sleep.poll(budget, context)).await.map_err(stop)?;
    Ok(sleep.finish(&mut CallerMemory::new(caller)))
}
