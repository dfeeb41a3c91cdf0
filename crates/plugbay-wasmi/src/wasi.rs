//! WASI preview 1: wasmi_wasi's, but for what `plugbay_runtime::wasi` answers.
//!
//! wasmi_wasi sleeps by blocking the thread, and follows lists of buffers as long as the
//! guest likes.

use std::sync::Arc;

use plugbay_runtime::abi::read;
use plugbay_runtime::wasi::{self, Errno};
use plugbay_runtime::{HOST_CALL_FUEL, TrapKind, WAIT_FUEL, WASI_MODULE};
use wasmi::errors::LinkerError;
use wasmi::{Caller, Error, Linker, Val};
use wasmi_wasi::snapshots::preview_1::wrapped;
use wasmi_wasi::wasi_common::WasiCtx;

use crate::drive::charge;
use crate::state::{CallerMemory, State, Waiting};
use crate::trap::{Stop, stop};
use crate::values::engine_type;

type C<'a> = Caller<'a, State>;

/// Links functions of wasmi_wasi, each charged as a call into the host.
macro_rules! engines_own {
    ($linker:ident: $($field:ident($($arg:ident: $ty:ty),*);)*) => {
        $(
            let own = wrapped::$field::<State, WasiCtx>(State::wasi);
            $linker.func_wrap(
                WASI_MODULE,
                stringify!($field),
                move |mut caller: C, $($arg: $ty),*| -> Result<i32, Error> {
                    charge(&mut caller, HOST_CALL_FUEL)?;
                    own(caller, $($arg),*)
                },
            )?;
        )*
    };
}

/// Links all of WASI preview 1.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<(), LinkerError> {
    engines_own!(linker:
        args_get(argv: i32, buffer: i32);
        args_sizes_get(count: i32, size: i32);
        environ_get(environ: i32, buffer: i32);
        environ_sizes_get(count: i32, size: i32);
        fd_advise(fd: i32, offset: i64, len: i64, advice: i32);
        fd_close(fd: i32);
        fd_fdstat_set_flags(fd: i32, flags: i32);
        fd_filestat_get(fd: i32, stat: i32);
        fd_filestat_set_size(fd: i32, size: i64);
        fd_filestat_set_times(fd: i32, accessed: i64, modified: i64, flags: i32);
        fd_readdir(fd: i32, buffer: i32, len: i32, cookie: i64, used: i32);
        fd_renumber(fd: i32, to: i32);
        proc_raise(signal: i32);
        sock_accept(fd: i32, flags: i32, accepted: i32);
        sock_shutdown(fd: i32, how: i32);
    );
    streams(linker)?;
    time(linker)?;
    let random = wrapped::random_get::<State, WasiCtx>(State::wasi);
    linker.func_wrap(
        WASI_MODULE,
        "random_get",
        move |mut caller: C, ptr: i32, len: i32| -> Result<i32, Error> {
            let (from, bytes) = (ptr.cast_unsigned(), len.cast_unsigned());
            charge(&mut caller, HOST_CALL_FUEL + u64::from(bytes))?;
            if read(&mut CallerMemory::new(&mut caller), from, bytes).is_err() {
                return Ok(Errno::Fault.code());
            }
            random(caller, ptr, len)
        },
    )?;
    linker.func_wrap(WASI_MODULE, "proc_exit", |code: i32| -> Result<(), Error> {
        Err(stop(TrapKind::Exit { code }))
    })?;
    Ok(())
}

/// Charges a call into the host and answers it with what `answer` says.
fn answer(mut caller: C<'_>, answer: impl FnOnce(&mut C<'_>) -> Errno) -> Result<i32, Error> {
    charge(&mut caller, HOST_CALL_FUEL)?;
    Ok(answer(&mut caller).code())
}

fn streams(linker: &mut Linker<State>) -> Result<(), LinkerError> {
    linker.func_wrap(
        WASI_MODULE,
        "fd_write",
        |mut caller: C, fd: i32, buffers: u32, count: u32, written: u32| {
            let sink = Arc::clone(&caller.data().environment.output);
            charge(&mut caller, HOST_CALL_FUEL)?;
            let mut memory = CallerMemory::new(&mut caller);
            let (errno, bytes) =
                wasi::fd_write(&mut memory, sink.as_ref(), fd, buffers, count, written);
            charge(&mut caller, bytes)?;
            caller.data().budget.check_deadline().map_err(stop)?;
            Ok::<i32, Error>(errno.code())
        },
    )?;
    linker.func_wrap(
        WASI_MODULE,
        "fd_read",
        |caller: C, fd: i32, _buffers: u32, _count: u32, read: u32| {
            answer(caller, |caller| wasi::fd_read(&mut CallerMemory::new(caller), fd, read))
        },
    )?;
    linker.func_wrap(WASI_MODULE, "fd_fdstat_get", |caller: C, fd: i32, stat: u32| {
        answer(caller, |caller| wasi::fd_fdstat_get(&mut CallerMemory::new(caller), fd, stat))
    })?;
    for field in wasi::WITHOUT_FILES {
        let Some(ty) = wasi::signature(field) else { continue };
        linker.func_new(WASI_MODULE, field, engine_type(&ty), move |caller, args, results| {
            let fd = args.first().and_then(Val::i32).unwrap_or(-1);
            let errno = answer(caller, |caller| {
                let errno = wasi::without_files(field, fd);
                if errno != Errno::Success {
                    caller.data().environment.host.refused(field);
                }
                errno
            })?;
            results.iter_mut().for_each(|result| *result = Val::I32(errno));
            Ok(())
        })?;
    }
    linker.func_wrap(
        WASI_MODULE,
        "path_symlink",
        |caller: C, _path: u32, _len: u32, fd: i32, _new: u32, _new_len: u32| {
            answer(caller, |caller| {
                caller.data().environment.host.refused("path_symlink");
                wasi::path_symlink(fd)
            })
        },
    )?;
    Ok(())
}

fn time(linker: &mut Linker<State>) -> Result<(), LinkerError> {
    linker.func_wrap(
        WASI_MODULE,
        "clock_time_get",
        |caller: C, id: u32, _precision: u64, time: u32| {
            answer(caller, |caller| {
                let clock = Arc::clone(&caller.data().environment.clock);
                wasi::clock_time_get(&mut CallerMemory::new(caller), clock.as_ref(), id, time)
            })
        },
    )?;
    linker.func_wrap(WASI_MODULE, "clock_res_get", |caller: C, id: u32, resolution: u32| {
        answer(caller, |caller| wasi::clock_res_get(&mut CallerMemory::new(caller), id, resolution))
    })?;
    linker.func_wrap(WASI_MODULE, "poll_oneoff", poll_oneoff)?;
    linker.func_wrap(WASI_MODULE, "sched_yield", |mut caller: C| -> Result<i32, Error> {
        charge(&mut caller, HOST_CALL_FUEL + WAIT_FUEL)?;
        Err(wait(&mut caller, Waiting::Yield))
    })?;
    Ok(())
}

/// Stops the guest until what it waits for has come; see `drive.rs`.
fn wait(caller: &mut C<'_>, waiting: Waiting) -> Error {
    caller.data_mut().waiting = Some(waiting);
    Error::host(Stop::Wait)
}

fn poll_oneoff(
    mut caller: C<'_>,
    subscriptions: u32,
    out: u32,
    count: u32,
    told: u32,
) -> Result<i32, Error> {
    charge(&mut caller, HOST_CALL_FUEL + WAIT_FUEL)?;
    let clock = Arc::clone(&caller.data().environment.clock);
    let mut memory = CallerMemory::new(&mut caller);
    match wasi::poll_oneoff(&mut memory, clock.as_ref(), subscriptions, out, count, told) {
        Ok(sleep) => Err(wait(&mut caller, Waiting::Sleep(sleep))),
        Err(errno) => Ok(errno.code()),
    }
}
