//! Reading and writing in lists of buffers, and the three descriptors that are no files.

use plugbay_abi::{GuestMemory, read, write};

use super::files::Table;
use super::{Args, BUFFERS, Errno, Function, MOST_BYTES, fuel_of, of, offset, read_u32, write_u32};
use crate::backend::{OutputSink, Stream};

/// `fd_read`, `fd_pread`, `fd_write`, `fd_pwrite`; beside the errno, fuel for what was copied.
pub(super) fn transfer(
    function: Function,
    table: &mut Table,
    sink: &dyn OutputSink,
    memory: &mut dyn GuestMemory,
    args: Args<'_>,
) -> (Errno, u64) {
    let (list, count) = (args.u32(1), args.u32(2));
    let (at, told) = match function {
        Function::FdPread | Function::FdPwrite => (Some(args.u64(3)), args.u32(4)),
        _ => (None, args.u32(3)),
    };
    let mut done = 0;
    let result = target(function, args.fd(0), table).and_then(|mut target| {
        if count > BUFFERS {
            return Err(Errno::Invalid);
        }
        let moved = each_buffer(memory, (list, count), &mut done, |memory, ptr, len, done| {
            let at = at.map(|at| at.saturating_add(done.into()));
            target.take(sink, memory, (ptr, len), at)
        });
        match moved {
            // What was done before a bad address was done.
            Err(_) if done > 0 => Ok(()),
            moved => moved,
        }
    });
    let result = result.and_then(|()| write_u32(memory, told, done));
    // Each buffer is an entry to read and a place to check, empty or not.
    (of(result), fuel_of(done.into(), count.min(BUFFERS).into()))
}

/// Goes along the list until `MOST_BYTES` are done or one buffer was done by half.
fn each_buffer(
    memory: &mut dyn GuestMemory,
    (list, count): (u32, u32),
    done: &mut u32,
    mut take: impl FnMut(&mut dyn GuestMemory, u32, u32, u32) -> Result<u32, Errno>,
) -> Result<(), Errno> {
    for index in 0..count {
        let entry = offset(list, index * 8)?;
        let ptr = read_u32(memory, entry)?;
        let len = read_u32(memory, offset(entry, 4)?)?;
        // All of it has to be there, also where less is used.
        read(memory, ptr, len)?;
        let room = (MOST_BYTES - *done).min(len);
        let taken = if room == 0 { 0 } else { take(memory, ptr, room, *done)? };
        *done += taken;
        if taken < len {
            break;
        }
    }
    Ok(())
}

/// Where bytes come from or go to.
enum Target<'a> {
    Stdin,
    Output(Stream),
    Read(&'a mut super::files::OpenFile),
    Write(&'a mut super::files::OpenFile),
}

fn target(function: Function, fd: i32, table: &mut Table) -> Result<Target<'_>, Errno> {
    use Function as F;
    match (function, fd) {
        (F::FdPread | F::FdPwrite, 0..=2) => Err(Errno::NotSeekable),
        (F::FdRead, 0) => Ok(Target::Stdin),
        (F::FdWrite, 1) => Ok(Target::Output(Stream::Stdout)),
        (F::FdWrite, 2) => Ok(Target::Output(Stream::Stderr)),
        (F::FdRead | F::FdPread, _) => Ok(Target::Read(table.file(fd)?)),
        _ => Ok(Target::Write(table.file(fd)?)),
    }
}

impl Target<'_> {
    fn take(
        &mut self,
        sink: &dyn OutputSink,
        memory: &mut dyn GuestMemory,
        (ptr, len): (u32, u32),
        at: Option<u64>,
    ) -> Result<u32, Errno> {
        match self {
            Self::Stdin => Ok(0),
            Self::Output(stream) => {
                sink.write(*stream, read(memory, ptr, len)?);
                Ok(len)
            }
            Self::Read(file) => {
                let range = ptr as usize..(ptr as usize).saturating_add(len as usize);
                let bytes = memory.bytes().get_mut(range).ok_or(Errno::Fault)?;
                file.read(bytes, at)
            }
            Self::Write(file) => file.write(read(memory, ptr, len)?, at),
        }
    }
}

/// What the three streams answer to everything else.
pub(super) fn without_file(
    function: Function,
    fd: i32,
    memory: &mut dyn GuestMemory,
    args: Args<'_>,
) -> Result<(), Errno> {
    use Function as F;
    match function {
        F::FdFdstatGet => Ok(write(memory, args.u32(1), &stat_of(fd))?),
        // A character device without a size, of no time.
        F::FdFilestatGet => {
            let mut stat = [0; 64];
            stat[16] = CHARACTER_DEVICE;
            Ok(write(memory, args.u32(1), &stat)?)
        }
        // Nothing is held back, and they stay open: whoever prints later is heard.
        F::FdClose | F::FdDatasync | F::FdSync => Ok(()),
        F::FdAdvise | F::FdAllocate | F::FdSeek | F::FdTell => Err(Errno::NotSeekable),
        F::FdPrestatDirName | F::FdPrestatGet => Err(Errno::BadFile),
        F::FdFdstatSetFlags | F::FdFdstatSetRights | F::FdFilestatSetTimes | F::FdRenumber => {
            Err(Errno::NotSupported)
        }
        F::FdFilestatSetSize => Err(Errno::Invalid),
        _ => Err(Errno::NotDirectory),
    }
}

const CHARACTER_DEVICE: u8 = 2;

/// The three streams are terminals, so that a C library hands on each line when it ends, and not
/// when 4 KiB have come together.
fn stat_of(fd: i32) -> [u8; 24] {
    const RIGHT_READ: u8 = 1 << 1;
    const RIGHT_WRITE: u8 = 1 << 6;
    let mut stat = [0; 24];
    stat[0] = CHARACTER_DEVICE;
    stat[8] = if fd == 0 { RIGHT_READ } else { RIGHT_WRITE };
    stat
}
