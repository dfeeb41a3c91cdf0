//! Files below a directory of the plugin's own.
//!
//! cap-std resolves every path, so that none leads out of the directory, whatever links are or
//! become on its way. What is added here: a quota, no hard links, nothing but files and
//! directories.

mod access;
mod directory;
mod open;
mod paths;
mod stat;
mod table;
mod usage;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use plugbay_abi::{GuestMemory, write};

use super::{Args, Errno, Function, write_u32, write_u64};
use usage::Quota;

pub use access::FileAccess;
pub(super) use access::access;
pub(super) use directory::read_directory;
pub(super) use table::{OpenFile, Table};
pub use usage::{FileLimits, FileUsage};

/// The directory that all instances of a plugin see as `/`. Cheap to clone; clones share the quota.
#[derive(Clone)]
pub struct Files {
    root: Arc<Dir>,
    quota: Arc<Quota>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("usage", &self.usage()).finish_non_exhaustive()
    }
}

impl Files {
    /// Opens the directory, and counts what is in it already.
    ///
    /// # Errors
    ///
    /// It is no directory, cannot be opened, or something in it cannot be looked at.
    pub fn open(path: &Path, limits: FileLimits) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        let quota = Quota::new(&root, limits)?;
        Ok(Self { root: Arc::new(root), quota: Arc::new(quota) })
    }

    /// What is used of the quota now.
    pub fn usage(&self) -> FileUsage {
        self.quota.usage()
    }
}

/// A call about a descriptor that is none of the three streams.
pub(super) fn call(
    function: Function,
    table: &mut Table,
    memory: &mut dyn GuestMemory,
    args: Args<'_>,
) -> Result<(), Errno> {
    use Function as F;
    let fd = args.fd(0);
    match function {
        F::FdClose => table.close(fd),
        F::FdRenumber => table.renumber(fd, args.fd(1)),
        F::FdPrestatGet => {
            table.root(fd)?;
            write_u32(memory, args.u32(1), 0)?;
            write_u32(memory, args.u32(1).checked_add(4).ok_or(Errno::Fault)?, 1)
        }
        F::FdPrestatDirName => {
            table.root(fd)?;
            match args.u32(2) {
                0 => Err(Errno::NameTooLong),
                _ => Ok(write(memory, args.u32(1), b"/")?),
            }
        }
        F::FdFdstatGet => Ok(write(memory, args.u32(1), &stat::of_descriptor(table.get(fd)?))?),
        F::FdFdstatSetFlags => table.file(fd)?.set_flags(args.u32(1)),
        F::FdFdstatSetRights => table.check(fd).and(Err(Errno::NotSupported)),
        F::FdFilestatGet => {
            let stat = stat::of_metadata(&table.get(fd)?.metadata()?);
            Ok(write(memory, args.u32(1), &stat)?)
        }
        F::FdFilestatSetSize => table.file(fd)?.set_len(args.u64(1)),
        F::FdFilestatSetTimes => {
            let times = stat::Times::new(args.u64(1), args.u64(2), args.u32(3))?;
            table.get(fd)?.set_times(times)
        }
        F::FdAllocate => table.file(fd).and(Err(Errno::NotSupported)),
        F::FdAdvise => table.file(fd).map(drop),
        F::FdDatasync | F::FdSync => table.get(fd)?.sync(),
        F::FdSeek => {
            let at = table.file(fd)?.seek(args.i64(1), args.u32(2))?;
            write_u64(memory, args.u32(3), at)
        }
        F::FdTell => {
            let at = table.file(fd)?.seek(0, stat::FROM_HERE)?;
            write_u64(memory, args.u32(1), at)
        }
        _ => paths::call(function, table, memory, args),
    }
}
