//! Clocks, and waiting for them.
//!
//! Everything is measured on the environment's own clock, and no wait holds a thread.

use std::task::{Context, Poll};
use std::time::Duration;

use plugbay_abi::{GuestMemory, read, write};

use super::{Args, Errno, of, offset, write_u32, write_u64};
use crate::Environment;
use crate::budget::Budget;
use crate::trap::TrapKind;

/// Subscriptions in one `poll_oneoff`. Libraries make two or three.
const SUBSCRIPTIONS: u32 = 64;

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

    fn now(self, environment: &Environment) -> u64 {
        let now = match self {
            ClockId::Realtime => environment.host.wall_clock(),
            ClockId::Monotonic => environment.clock.now(),
        };
        u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// `clock_time_get`: the host's wall clock, or the environment's own clock as the monotonic one.
pub(super) fn clock_time(
    memory: &mut dyn GuestMemory,
    environment: &Environment,
    args: Args<'_>,
) -> Result<(), Errno> {
    let id = ClockId::from_number(args.u32(0))?;
    write_u64(memory, args.u32(2), id.now(environment))
}

/// `clock_res_get`: one nanosecond.
pub(super) fn clock_resolution(memory: &mut dyn GuestMemory, args: Args<'_>) -> Result<(), Errno> {
    ClockId::from_number(args.u32(0))?;
    write_u64(memory, args.u32(1), 1)
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
    /// Nothing more will come, as `poll` says it of a closed pipe.
    hangup: bool,
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

/// `poll_oneoff`, up to the wait. `is_file` says which descriptors beside the streams are always
/// ready.
///
/// # Errors
///
/// When the arguments are bad: then there is no wait, and this is the guest's answer.
pub(super) fn poll_oneoff(
    memory: &mut dyn GuestMemory,
    environment: &Environment,
    is_file: impl Fn(i32) -> bool,
    args: Args<'_>,
) -> Result<Sleep, Errno> {
    const SUBSCRIPTION_BYTES: u32 = 48;
    let (subscriptions, out, count, count_ptr) =
        (args.u32(0), args.u32(1), args.u32(2), args.u32(3));
    if count == 0 || count > SUBSCRIPTIONS {
        return Err(Errno::Invalid);
    }
    let mut events = Vec::new();
    for index in 0..count {
        let at = offset(subscriptions, index * SUBSCRIPTION_BYTES)?;
        let bytes = read(memory, at, SUBSCRIPTION_BYTES)?;
        events.push(subscription(bytes, environment, &is_file)?);
    }
    // Whatever is ready at once is the answer; the clocks are asked only if nothing is.
    if events.iter().any(|event| event.at.is_none()) {
        events.retain(|event| event.at.is_none());
    }
    let until = events.iter().filter_map(|event| event.at).min();
    Ok(Sleep { until, events, out, count_ptr })
}

fn subscription(
    bytes: &[u8],
    environment: &Environment,
    is_file: &impl Fn(i32) -> bool,
) -> Result<Event, Errno> {
    fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Errno> {
        bytes.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).ok_or(Errno::Fault)
    }
    let userdata = u64::from_le_bytes(field(bytes, 0)?);
    let [tag] = field(bytes, 8)?;
    let ready = |errno, kind| Event { userdata, errno, kind, hangup: false, at: None };
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
            let wait = if absolute { timeout.saturating_sub(id.now(environment)) } else { timeout };
            let at = environment.clock.now().saturating_add(Duration::from_nanos(wait));
            Ok(Event { at: Some(at), ..ready(Errno::Success, EventKind::Clock) })
        }
        1 | 2 if is_file(fd) => {
            let kind = if tag == 1 { EventKind::Read } else { EventKind::Write };
            Ok(ready(Errno::Success, kind))
        }
        1 if fd == 0 => Ok(Event { hangup: true, ..ready(Errno::Success, EventKind::Read) }),
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
        let mut count = 0_u32;
        let mut tell = || -> Result<(), Errno> {
            for event in self.events.iter().filter(|event| event.at <= self.until) {
                let mut bytes = [0_u8; EVENT_BYTES as usize];
                let fields: [(usize, &[u8]); 4] = [
                    (0, &event.userdata.to_le_bytes()),
                    (8, &event.errno.code().to_le_bytes()),
                    (10, &[event.kind as u8]),
                    (24, &[u8::from(event.hangup)]),
                ];
                for (at, field) in fields {
                    for (to, from) in bytes.iter_mut().skip(at).zip(field) {
                        *to = *from;
                    }
                }
                write(memory, offset(self.out, count * EVENT_BYTES)?, &bytes)?;
                count += 1;
            }
            write_u32(memory, self.count_ptr, count)
        };
        of(tell())
    }
}
