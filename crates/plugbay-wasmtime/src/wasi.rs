//! WASI preview 1: wasmtime-wasi's, but for what `plugbay_runtime::wasi` answers.
//!
//! wasmtime-wasi sleeps on a tokio timer and writes through streams that want a tokio
//! task; below the host, this project knows no tokio, and plugins work without one.

use std::future::poll_fn;
use std::sync::Arc;

use plugbay_runtime::abi::{read, write};
use plugbay_runtime::wasi::{self, Errno};
use plugbay_runtime::{TrapKind, WAIT_FUEL, WASI_MODULE, yield_now};
use wasmtime::{Caller, Linker, Result, Val};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p1;
use wasmtime_wasi::p2::bindings::random::random::Host;

use crate::meter::charge;
use crate::state::{CallerMemory, State};
use crate::trap::stop;
use crate::values::engine_type;

/// Links all of WASI preview 1.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {
    p1::add_to_linker_async(linker, State::wasi)?;
    linker.allow_shadowing(true);
    streams(linker)?;
    time(linker)?;
    linker.func_wrap(WASI_MODULE, "random_get", random_get)?;
    linker.func_wrap(WASI_MODULE, "proc_exit", |code: i32| -> Result<()> {
        Err(stop(TrapKind::Exit { code }))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

type C<'a> = Caller<'a, State>;

fn streams(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        WASI_MODULE,
        "fd_write",
        |mut caller: C, fd: i32, buffers: u32, count: u32, written: u32| {
            let sink = Arc::clone(&caller.data().environment.output);
            let mut memory = CallerMemory::new(&mut caller);
            let (errno, bytes) =
                wasi::fd_write(&mut memory, sink.as_ref(), fd, buffers, count, written);
            charge(&mut caller, bytes)?;
            Ok(errno.code())
        },
    )?;
    linker.func_wrap(
        WASI_MODULE,
        "fd_read",
        |mut caller: C, fd: i32, _: u32, _: u32, read: u32| {
            wasi::fd_read(&mut CallerMemory::new(&mut caller), fd, read).code()
        },
    )?;
    linker.func_wrap(WASI_MODULE, "fd_fdstat_get", |mut caller: C, fd: i32, stat: u32| {
        wasi::fd_fdstat_get(&mut CallerMemory::new(&mut caller), fd, stat).code()
    })?;
    for field in wasi::WITHOUT_FILES {
        let Some(ty) = wasi::signature(field) else { continue };
        let ty = engine_type(linker.engine(), &ty);
        linker.func_new(WASI_MODULE, field, ty, move |caller, args, results| {
            let fd = args.first().and_then(Val::i32).unwrap_or(-1);
            let errno = wasi::without_files(field, fd);
            if errno != Errno::Success {
                caller.data().environment.host.refused(field);
            }
            results.fill(Val::I32(errno.code()));
            Ok(())
        })?;
    }
    linker.func_wrap(
        WASI_MODULE,
        "path_symlink",
        |caller: C, _path: u32, _len: u32, fd: i32, _new: u32, _new_len: u32| {
            caller.data().environment.host.refused("path_symlink");
            wasi::path_symlink(fd).code()
        },
    )?;
    Ok(())
}

fn time(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        WASI_MODULE,
        "clock_time_get",
        |mut caller: C, id: u32, _precision: u64, time: u32| {
            let clock = Arc::clone(&caller.data().environment.clock);
            wasi::clock_time_get(&mut CallerMemory::new(&mut caller), clock.as_ref(), id, time)
                .code()
        },
    )?;
    linker.func_wrap(WASI_MODULE, "clock_res_get", |mut caller: C, id: u32, resolution: u32| {
        wasi::clock_res_get(&mut CallerMemory::new(&mut caller), id, resolution).code()
    })?;
    linker.func_wrap_async(
        WASI_MODULE,
        "poll_oneoff",
        |caller: C, (subscriptions, out, count, told): (u32, u32, u32, u32)| {
            Box::new(poll_oneoff(caller, subscriptions, out, count, told))
        },
    )?;
    linker.func_wrap_async(WASI_MODULE, "sched_yield", |mut caller: C, (): ()| {
        Box::new(async move {
            charge(&mut caller, WAIT_FUEL)?;
            yield_now().await;
            Ok::<i32, wasmtime::Error>(Errno::Success.code())
        })
    })?;
    Ok(())
}

async fn poll_oneoff(
    mut caller: C<'_>,
    subscriptions: u32,
    out: u32,
    count: u32,
    told: u32,
) -> Result<i32> {
    charge(&mut caller, WAIT_FUEL)?;
    let clock = Arc::clone(&caller.data().environment.clock);
    let mut memory = CallerMemory::new(&mut caller);
    let sleep = wasi::poll_oneoff(&mut memory, clock.as_ref(), subscriptions, out, count, told);
    let sleep = match sleep {
        Ok(sleep) => sleep,
        Err(errno) => return Ok(errno.code()),
    };
    let budget = &caller.data().budget;
    poll_fn(|context| sleep.poll(budget, context)).await.map_err(stop)?;
    Ok(sleep.finish(&mut CallerMemory::new(&mut caller)).code())
}

/// In pieces, each paid for before it is made.
fn random_get(mut caller: C<'_>, ptr: u32, len: u32) -> Result<i32> {
    const PIECE: u32 = 4_096;
    if read(&mut CallerMemory::new(&mut caller), ptr, len).is_err() {
        return Ok(Errno::Fault.code());
    }
    let mut done = 0;
    while done < len {
        let piece = PIECE.min(len - done);
        charge(&mut caller, piece.into())?;
        let bytes = caller.data_mut().wasi().ctx().ctx.random().get_random_bytes(piece.into())?;
        let Some(at) = ptr.checked_add(done) else { return Ok(Errno::Fault.code()) };
        if write(&mut CallerMemory::new(&mut caller), at, &bytes).is_err() {
            return Ok(Errno::Fault.code());
        }
        done += piece;
    }
    Ok(Errno::Success.code())
}
