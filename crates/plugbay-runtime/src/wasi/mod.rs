//! WASI preview 1, once for all engines.
//!
//! An engine links [`Function::ALL`] and hands each call to [`Wasi::call`]. What a guest sees does
//! then not depend on the engine: no arguments, an empty stdin, stdout and stderr that go to the
//! environment's sink, its variables and no others, clocks of the environment's own time, no
//! sockets, and [`Files`] where it was given any.
//!
//! The engines' own implementations are not used. They block the thread or want an async runtime of
//! their own kind, follow lists of buffers as long as the guest likes for the price of one call,
//! differ in what they return, and count nobody's bytes. Paths are confined by cap-std.

mod errno;
mod files;
mod functions;
mod process;
mod streams;
mod time;

use plugbay_abi::{GuestMemory, Value, read, write};

use crate::backend::Environment;
use crate::budget::WAIT_FUEL;
use crate::trap::TrapKind;

use errno::of;
use files::Table;

pub use errno::Errno;
pub use files::{FileAccess, FileLimits, FileUsage, Files};
pub use functions::{Function, signature};
pub use time::Sleep;

/// Bytes that one call reads or writes at most; a guest does the rest in its next call, as after
/// any short read or write.
const MOST_BYTES: u32 = 65_536;

/// Buffers in one call's list: POSIX's customary `IOV_MAX`.
const BUFFERS: u32 = 1_024;

/// What one instance has of WASI: its open files.
pub struct Wasi {
    table: Table,
}

/// How a call goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// It returns.
    Errno(Errno),
    /// The guest waits until [`Sleep::poll`] says so; then [`Sleep::finish`] is what it gets.
    Sleep(Sleep),
    /// Other tasks have their turn; then it gets [`Errno::Success`].
    Yield,
    /// The guest is stopped.
    Stop(TrapKind),
}

impl From<Errno> for Answer {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Result<(), Errno>> for Answer {
    fn from(result: Result<(), Errno>) -> Self {
        Self::Errno(of(result))
    }
}

impl Wasi {
    /// For an instance with this environment.
    pub fn new(environment: &Environment) -> Self {
        Self { table: Table::new(environment.files.as_ref()) }
    }

    /// Fuel of a call that is taken before it is made, beside what every host call costs.
    pub fn price(function: Function, args: &[Value]) -> u64 {
        match function {
            Function::PollOneoff | Function::SchedYield => WAIT_FUEL,
            Function::RandomGet => u64::from(Args(args).u32(1)),
            _ => 0,
        }
    }

    /// Makes a call. Beside the answer, the fuel that it took over its [`price`](Self::price): for
    /// what was copied, which is not known before.
    pub fn call(
        &mut self,
        function: Function,
        environment: &Environment,
        memory: &mut dyn GuestMemory,
        args: &[Value],
    ) -> (Answer, u64) {
        let (answer, bytes) = match files::access(function, &self.table, memory, Args(args)) {
            Some(access) if !environment.host.allows(access.borrowed()) => {
                (Errno::NotPermitted.into(), 0)
            }
            _ => self.answer(function, environment, memory, Args(args)),
        };
        environment.host.answered(function, args, &answer);
        (answer, bytes)
    }

    fn answer(
        &mut self,
        function: Function,
        environment: &Environment,
        memory: &mut dyn GuestMemory,
        args: Args<'_>,
    ) -> (Answer, u64) {
        use Function as F;
        let (fd, table) = (args.fd(0), &mut self.table);
        let mut bytes = 0;
        let answer = match function {
            F::ArgsSizesGet => process::sizes(memory, args, &[]).into(),
            F::ArgsGet => Errno::Success.into(),
            F::EnvironSizesGet => process::sizes(memory, args, &environment.variables).into(),
            F::EnvironGet => process::variables(memory, args, &environment.variables).into(),
            F::ProcExit => Answer::Stop(TrapKind::Exit { code: args.i32(0) }),
            F::ProcRaise => Errno::NotSupported.into(),
            F::RandomGet => process::random(memory, &*environment.host, args).into(),
            F::SchedYield => Answer::Yield,
            F::ClockTimeGet => time::clock_time(memory, environment, args).into(),
            F::ClockResGet => time::clock_resolution(memory, args).into(),
            F::PollOneoff => {
                let ready = |fd| table.is_file(fd);
                match time::poll_oneoff(memory, environment, ready, args) {
                    Ok(sleep) => Answer::Sleep(sleep),
                    Err(errno) => errno.into(),
                }
            }
            F::FdWrite | F::FdPwrite | F::FdRead | F::FdPread => {
                let sink = environment.output.as_ref();
                let (errno, count) = streams::transfer(function, table, sink, memory, args);
                bytes = count;
                errno.into()
            }
            F::SockAccept | F::SockRecv | F::SockSend | F::SockShutdown => {
                table.check(fd).and(Err(Errno::NotSocket)).into()
            }
            F::FdReaddir => {
                let (errno, count) = files::read_directory(table, memory, args);
                bytes = count;
                errno.into()
            }
            _ if (0..=2).contains(&args.fd(function.directory_argument())) => {
                streams::without_file(function, fd, memory, args).into()
            }
            _ => files::call(function, table, memory, args).into(),
        };
        (answer, bytes)
    }
}

impl Function {
    /// Which argument is the descriptor that it is about.
    fn directory_argument(self) -> usize {
        if self == Self::PathSymlink { 2 } else { 0 }
    }
}

/// Fuel of so many bytes that went to the system or came from it, and of so many places that were
/// looked at.
fn fuel_of(bytes: u64, places: u64) -> u64 {
    bytes + 8 * places
}

/// A guest's arguments. Their types are the signature's: an engine links no other.
#[derive(Clone, Copy)]
struct Args<'a>(&'a [Value]);

impl Args<'_> {
    fn i32(self, at: usize) -> i32 {
        match self.0.get(at) {
            Some(Value::I32(number)) => *number,
            _ => 0,
        }
    }

    fn u32(self, at: usize) -> u32 {
        self.i32(at).cast_unsigned()
    }

    fn fd(self, at: usize) -> i32 {
        self.i32(at)
    }

    fn i64(self, at: usize) -> i64 {
        match self.0.get(at) {
            Some(Value::I64(number)) => *number,
            _ => 0,
        }
    }

    fn u64(self, at: usize) -> u64 {
        self.i64(at).cast_unsigned()
    }
}

fn read_u32(memory: &mut dyn GuestMemory, ptr: u32) -> Result<u32, Errno> {
    let bytes = read(memory, ptr, 4)?;
    Ok(u32::from_le_bytes(bytes.try_into().map_err(|_| Errno::Fault)?))
}

fn write_u32(memory: &mut dyn GuestMemory, ptr: u32, number: u32) -> Result<(), Errno> {
    Ok(write(memory, ptr, &number.to_le_bytes())?)
}

fn write_u64(memory: &mut dyn GuestMemory, ptr: u32, number: u64) -> Result<(), Errno> {
    Ok(write(memory, ptr, &number.to_le_bytes())?)
}

fn offset(ptr: u32, by: u32) -> Result<u32, Errno> {
    ptr.checked_add(by).ok_or(Errno::Fault)
}
