//! What WASI preview 1 means to a guest without files: the part of it where time, money
//! or a host's thread is at stake, once for all engines.
//!
//! An engine's own WASI answers the rest. It cannot answer these: its `poll_oneoff` blocks
//! the thread or wants an async runtime of its own kind, its clocks are not this project's
//! [`Clock`], and its reads and writes follow a list of buffers as long as the guest likes,
//! for the price of one call.
//!
//! Each function takes the memory and the guest's arguments, and returns the `errno` that
//! the guest is to see.

use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use plugbay_abi::{FuncType, GuestMemory, RangeError, ValueType, read, write};

use ValueType::{I32, I64};

use crate::backend::{OutputSink, Stream};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::trap::TrapKind;

/// The signature of a function of WASI preview 1; `None` if there is none of that name.
pub fn signature(field: &str) -> Option<FuncType> {
    let (params, results): (&[ValueType], &[ValueType]) = match field {
        "proc_exit" => (&[I32], &[]),
        "sched_yield" => (&[], &[I32]),
        "fd_close" | "fd_datasync" | "fd_sync" | "proc_raise" => (&[I32], &[I32]),
        "args_get"
        | "args_sizes_get"
        | "clock_res_get"
        | "environ_get"
        | "environ_sizes_get"
        | "fd_fdstat_get"
        | "fd_fdstat_set_flags"
        | "fd_filestat_get"
        | "fd_prestat_get"
        | "fd_renumber"
        | "fd_tell"
        | "random_get"
        | "sock_shutdown" => (&[I32; 2], &[I32]),
        "fd_prestat_dir_name"
        | "path_create_directory"
        | "path_remove_directory"
        | "path_unlink_file"
        | "sock_accept" => (&[I32; 3], &[I32]),
        "fd_read" | "fd_write" | "poll_oneoff" => (&[I32; 4], &[I32]),
        "path_filestat_get" | "path_symlink" | "sock_send" => (&[I32; 5], &[I32]),
        "path_readlink" | "path_rename" | "sock_recv" => (&[I32; 6], &[I32]),
        "path_link" => (&[I32; 7], &[I32]),
        "clock_time_get" => (&[I32, I64, I32], &[I32]),
        "fd_filestat_set_size" => (&[I32, I64], &[I32]),
        "fd_allocate" | "fd_fdstat_set_rights" => (&[I32, I64, I64], &[I32]),
        "fd_advise" | "fd_filestat_set_times" => (&[I32, I64, I64, I32], &[I32]),
        "fd_seek" => (&[I32, I64, I32, I32], &[I32]),
        "fd_pread" | "fd_pwrite" | "fd_readdir" => (&[I32, I32, I32, I64, I32], &[I32]),
        "path_filestat_set_times" => (&[I32, I32, I32, I32, I64, I64, I32], &[I32]),
        "path_open" => (&[I32, I32, I32, I32, I32, I64, I64, I32, I32], &[I32]),
        _ => return None,
    };
    Some(FuncType::new(params, results))
}

/// Bytes that one `fd_write` takes at most; a guest writes the rest in its next call, as
/// after any short write.
const WRITE_BYTES: u32 = 65_536;

/// Buffers in one call's list: POSIX's customary `IOV_MAX`.
const BUFFERS: u32 = 1_024;

/// Subscriptions in one `poll_oneoff`. Libraries make two or three.
const SUBSCRIPTIONS: u32 = 64;

/// Error numbers of WASI preview 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Errno {
    /// No error.
    Success = 0,
    /// Bad file descriptor.
    BadFile = 8,
    /// Bad address.
    Fault = 21,
    /// Invalid argument.
    Invalid = 28,
    /// Not a directory.
    NotDirectory = 54,
    /// Not a socket.
    NotSocket = 57,
    /// Function not supported.
    NotSupported = 58,
    /// Not seekable.
    NotSeekable = 70,
}

impl Errno {
    /// The number that a guest gets.
    pub fn code(self) -> i32 {
        self as i32
    }
}

impl From<RangeError> for Errno {
    fn from(_: RangeError) -> Self {
        Errno::Fault
    }
}

fn finish(result: Result<(), Errno>) -> Errno {
    result.err().unwrap_or(Errno::Success)
}

fn read_u32(memory: &mut dyn GuestMemory, ptr: u32) -> Result<u32, Errno> {
    let bytes = read(memory, ptr, 4)?;
    Ok(u32::from_le_bytes(bytes.try_into().map_err(|_| Errno::Fault)?))
}

fn offset(ptr: u32, by: u32) -> Result<u32, Errno> {
    ptr.checked_add(by).ok_or(Errno::Fault)
}

/// `fd_write`: stdout and stderr go to `sink` piece by piece; there are no other files.
/// Beside the `errno`, the bytes that were taken, for the price.
pub fn fd_write(
    memory: &mut dyn GuestMemory,
    sink: &dyn OutputSink,
    fd: i32,
    buffers: u32,
    count: u32,
    written_ptr: u32,
) -> (Errno, u64) {
    let stream = match fd {
        1 => Stream::Stdout,
        2 => Stream::Stderr,
        _ => return (Errno::BadFile, 0),
    };
    if count > BUFFERS {
        return (Errno::Invalid, 0);
    }
    let mut taken = 0;
    let mut take = || -> Result<(), Errno> {
        for index in 0..count {
            let entry = offset(buffers, index * 8)?;
            let ptr = read_u32(memory, entry)?;
            let len = read_u32(memory, offset(entry, 4)?)?;
            let bytes = read(memory, ptr, len)?;
            let room = (WRITE_BYTES - taken).min(len);
            let piece = bytes.get(..room as usize).ok_or(Errno::Fault)?;
            if !piece.is_empty() {
                sink.write(stream, piece);
            }
            taken += room;
            if room < len {
                break;
            }
        }
        Ok(())
    };
    let result = take();
    let result = match result {
        // What was written before a bad address was written.
        Err(_) if taken > 0 => Ok(()),
        result => result,
    };
    let told = result.and_then(|()| Ok(write(memory, written_ptr, &taken.to_le_bytes())?));
    // Each buffer is an entry to read and a place to check, empty or not.
    (finish(told), u64::from(taken) + 8 * u64::from(count))
}

/// `fd_read`: stdin is at its end; there are no other files to read.
pub fn fd_read(memory: &mut dyn GuestMemory, fd: i32, read_ptr: u32) -> Errno {
    match fd {
        0 => finish(write(memory, read_ptr, &0_u32.to_le_bytes()).map_err(Errno::from)),
        _ => Errno::BadFile,
    }
}

/// Functions whose answer is known without looking at the guest's memory; see
/// [`without_files`].
///
/// The engines' own answers differ here, or are given after a walk along a list of buffers
/// or a path, which may be as long as the guest's memory.
pub const WITHOUT_FILES: [&str; 21] = [
    "fd_allocate",
    "fd_datasync",
    "fd_fdstat_set_rights",
    "fd_pread",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_pwrite",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_unlink_file",
    "sock_recv",
    "sock_send",
];

/// One of the functions of [`WITHOUT_FILES`]: `fd` is its first argument.
pub fn without_files(field: &str, fd: i32) -> Errno {
    if !(0..=2).contains(&fd) {
        return Errno::BadFile;
    }
    match field {
        // Nothing is held back.
        "fd_datasync" | "fd_sync" => Errno::Success,
        "fd_allocate" | "fd_pread" | "fd_pwrite" | "fd_seek" | "fd_tell" => Errno::NotSeekable,
        "sock_recv" | "sock_send" => Errno::NotSocket,
        "fd_prestat_dir_name" | "fd_prestat_get" => Errno::BadFile,
        "fd_fdstat_set_rights" => Errno::NotSupported,
        _ => Errno::NotDirectory,
    }
}

/// `path_symlink`, whose descriptor is its third argument.
pub fn path_symlink(fd: i32) -> Errno {
    without_files("path_symlink", fd)
}

/// `fd_fdstat_get`: the three streams are terminals, so that a C library hands on each line
/// when it ends, and not when 4 KiB have come together.
pub fn fd_fdstat_get(memory: &mut dyn GuestMemory, fd: i32, stat_ptr: u32) -> Errno {
    const CHARACTER_DEVICE: u8 = 2;
    const RIGHT_READ: u8 = 1 << 1;
    const RIGHT_WRITE: u8 = 1 << 6;
    let rights = match fd {
        0 => RIGHT_READ,
        1 | 2 => RIGHT_WRITE,
        _ => return Errno::BadFile,
    };
    let mut stat = [0; 24];
    stat[0] = CHARACTER_DEVICE;
    stat[8] = rights;
    finish(write(memory, stat_ptr, &stat).map_err(Errno::from))
}

/// The clocks of `clock_time_get` and of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClockId {
    Realtime,
    Monotonic,
}

impl ClockId {
    fn from_number(id: u32) -> Result<Self, Errno> {
        match id {
            0 => Ok(ClockId::Realtime),
            1 => Ok(ClockId::Monotonic),
            // A guest's CPU time is counted in fuel, not in seconds.
            2 | 3 => Err(Errno::NotSupported),
            _ => Err(Errno::Invalid),
        }
    }

    fn now(self, clock: &dyn Clock) -> u64 {
        let now = match self {
            ClockId::Realtime => {
                SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
            }
            ClockId::Monotonic => clock.now(),
        };
        u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// `clock_time_get`: the wall clock, or the environment's own clock as the monotonic one.
pub fn clock_time_get(
    memory: &mut dyn GuestMemory,
    clock: &dyn Clock,
    id: u32,
    time_ptr: u32,
) -> Errno {
    finish(ClockId::from_number(id).and_then(|id| {
        write(memory, time_ptr, &id.now(clock).to_le_bytes())?;
        Ok(())
    }))
}

/// `clock_res_get`: one nanosecond.
pub fn clock_res_get(memory: &mut dyn GuestMemory, id: u32, resolution_ptr: u32) -> Errno {
    finish(ClockId::from_number(id).and_then(|_| {
        write(memory, resolution_ptr, &1_u64.to_le_bytes())?;
        Ok(())
    }))
}

/// What a `poll_oneoff` waits for, and what it is to tell the guest.
///
/// The wait is cooperative and refused to nobody: Rust's `thread::sleep` panics when it
/// fails, and a plugin that waits a few milliseconds between two notes is a good plugin. It
/// holds no thread, it is over when the clock says so, and the instance's deadline runs on.
#[derive(Debug)]
pub struct Sleep {
    until: Option<Duration>,
    events: Vec<Event>,
    out: u32,
    count_ptr: u32,
}

#[derive(Debug, Clone, Copy)]
struct Event {
    userdata: u64,
    errno: Errno,
    kind: EventKind,
    /// On the environment's clock; `None` is ready now.
    at: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum EventKind {
    Clock = 0,
    Read = 1,
    Write = 2,
}

/// `poll_oneoff`, up to the wait.
///
/// # Errors
///
/// When the arguments are bad: then there is no wait, and this is the guest's answer.
pub fn poll_oneoff(
    memory: &mut dyn GuestMemory,
    clock: &dyn Clock,
    subscriptions: u32,
    out: u32,
    count: u32,
    count_ptr: u32,
) -> Result<Sleep, Errno> {
    const SUBSCRIPTION_BYTES: u32 = 48;
    if count == 0 || count > SUBSCRIPTIONS {
        return Err(Errno::Invalid);
    }
    let mut events = Vec::new();
    for index in 0..count {
        let at = offset(subscriptions, index * SUBSCRIPTION_BYTES)?;
        let bytes = read(memory, at, SUBSCRIPTION_BYTES)?;
        events.push(subscription(bytes, clock)?);
    }
    // Whatever is ready at once is the answer; the clocks are asked only if nothing is.
    if events.iter().any(|event| event.at.is_none()) {
        events.retain(|event| event.at.is_none());
    }
    let until = events.iter().filter_map(|event| event.at).min();
    Ok(Sleep { until, events, out, count_ptr })
}

fn subscription(bytes: &[u8], clock: &dyn Clock) -> Result<Event, Errno> {
    fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Errno> {
        bytes.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).ok_or(Errno::Fault)
    }
    let userdata = u64::from_le_bytes(field(bytes, 0)?);
    let [tag] = field(bytes, 8)?;
    let ready = |errno, kind| Event { userdata, errno, kind, at: None };
    let fd = i32::from_le_bytes(field(bytes, 16)?);
    match tag {
        0 => {
            let id = u32::from_le_bytes(field(bytes, 16)?);
            let timeout = u64::from_le_bytes(field(bytes, 24)?);
            let absolute = u16::from_le_bytes(field(bytes, 40)?) & 1 == 1;
            let id = match ClockId::from_number(id) {
                Ok(id) => id,
                Err(errno) => return Ok(ready(errno, EventKind::Clock)),
            };
            let wait = if absolute { timeout.saturating_sub(id.now(clock)) } else { timeout };
            let at = clock.now().saturating_add(Duration::from_nanos(wait));
            Ok(Event { userdata, errno: Errno::Success, kind: EventKind::Clock, at: Some(at) })
        }
        1 if fd == 0 => Ok(ready(Errno::Success, EventKind::Read)),
        1 => Ok(ready(Errno::BadFile, EventKind::Read)),
        2 if fd == 1 || fd == 2 => Ok(ready(Errno::Success, EventKind::Write)),
        2 => Ok(ready(Errno::BadFile, EventKind::Write)),
        _ => Err(Errno::Invalid),
    }
}

impl Sleep {
    /// The end of the wait, polled: for [`std::future::poll_fn`].
    ///
    /// # Errors
    ///
    /// [`TrapKind::DeadlineExceeded`] as soon as the deadline of `budget` has passed,
    /// however long the guest meant to sleep.
    pub fn poll(&self, budget: &Budget, context: &mut Context<'_>) -> Poll<Result<(), TrapKind>> {
        budget.check_deadline()?;
        let Some(until) = self.until else { return Poll::Ready(Ok(())) };
        let clock = budget.deadline().clock();
        if clock.now() >= until {
            return Poll::Ready(Ok(()));
        }
        clock.wake_at(until.min(budget.deadline().at()), context.waker());
        Poll::Pending
    }

    /// `poll_oneoff`, after the wait: writes the events that came.
    pub fn finish(self, memory: &mut dyn GuestMemory) -> Errno {
        const EVENT_BYTES: u32 = 32;
        // Ended by stdin's end, as `poll` says it of a closed pipe.
        const HANGUP: u8 = 1;
        let mut count = 0_u32;
        let mut tell = || -> Result<(), Errno> {
            for event in self.events.iter().filter(|event| event.at <= self.until) {
                let mut bytes = [0_u8; EVENT_BYTES as usize];
                let fields: [(usize, &[u8]); 4] = [
                    (0, &event.userdata.to_le_bytes()),
                    (8, &event.errno.code().to_le_bytes()),
                    (10, &[event.kind as u8]),
                    (24, &[if event.kind == EventKind::Read { HANGUP } else { 0 }]),
                ];
                for (at, field) in fields {
                    for (to, from) in bytes.iter_mut().skip(at).zip(field) {
                        *to = *from;
                    }
                }
                write(memory, offset(self.out, count * EVENT_BYTES)?, &bytes)?;
                count += 1;
            }
            Ok(write(memory, self.count_ptr, &count.to_le_bytes())?)
        };
        finish(tell())
    }
}
