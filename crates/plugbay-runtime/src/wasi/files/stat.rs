//! What descriptors and files are, as the guest is told, and their times.

use std::fs::FileTimes;
use std::path::Path;
use std::time::{Duration, SystemTime};

use cap_fs_ext::{DirExt as _, MetadataExt as _, SystemTimeSpec};
use cap_std::fs::{Dir, FileType, Metadata};

use super::table::Descriptor;
use crate::wasi::Errno;

/// `whence` of a seek.
pub(super) const FROM_START: u32 = 0;
pub(super) const FROM_HERE: u32 = 1;
pub(super) const FROM_END: u32 = 2;

pub(super) const FLAG_APPEND: u32 = 1;

pub(super) const RIGHT_READ: u64 = 1 << 1;
pub(super) const RIGHT_WRITE: u64 = 1 << 6;
const RIGHT_SEEK: u64 = 1 << 2;
const RIGHT_TELL: u64 = 1 << 5;
/// All thirty there are, sockets' included: what may really be done, each call says.
const ALL_RIGHTS: u64 = (1 << 30) - 1;

pub(super) const DIRECTORY: u8 = 3;

/// `filetype`.
pub(super) fn kind(kind: FileType) -> u8 {
    match () {
        () if kind.is_dir() => DIRECTORY,
        () if kind.is_file() => 4,
        () if kind.is_symlink() => 7,
        () => 0,
    }
}

/// `filestat`.
pub(super) fn of_metadata(metadata: &Metadata) -> [u8; 64] {
    let mut stat = [0; 64];
    let mut put = |at: usize, number: u64| {
        for (to, from) in stat.iter_mut().skip(at).zip(number.to_le_bytes()) {
            *to = from;
        }
    };
    // Which device it is on is nothing of the guest's.
    put(8, metadata.ino());
    put(16, u64::from(kind(metadata.file_type())));
    put(24, metadata.nlink());
    put(32, metadata.len());
    let nanos = |time: std::io::Result<cap_std::time::SystemTime>| {
        let since =
            time.ok().and_then(|time| time.into_std().duration_since(SystemTime::UNIX_EPOCH).ok());
        u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
    };
    put(40, nanos(metadata.accessed()));
    put(48, nanos(metadata.modified()));
    // std knows of no other; programs compare it, if they look at it at all.
    put(56, nanos(metadata.modified()));
    stat
}

/// `fdstat`.
pub(super) fn of_descriptor(descriptor: &Descriptor) -> [u8; 24] {
    let mut stat = [0; 24];
    let (kind, flags, rights) = match descriptor {
        Descriptor::Directory(_) => (DIRECTORY, 0, ALL_RIGHTS),
        Descriptor::File(file) => {
            let access = file.access;
            let mut rights = RIGHT_SEEK | RIGHT_TELL;
            if access.read {
                rights |= RIGHT_READ;
            }
            if access.write {
                rights |= ALL_RIGHTS & !RIGHT_READ;
            }
            (4, u8::from(access.append), rights)
        }
    };
    stat[0] = kind;
    stat[2] = flags;
    for (place, rights) in [(8, rights), (16, ALL_RIGHTS)] {
        for (to, from) in stat.iter_mut().skip(place).zip(rights.to_le_bytes()) {
            *to = from;
        }
    }
    stat
}

/// New times of a file; `None` stays as it is.
#[derive(Clone, Copy)]
pub(super) struct Times {
    accessed: Option<SystemTime>,
    modified: Option<SystemTime>,
}

impl Times {
    /// Each is given in nanoseconds of the epoch, or is now, or stays.
    pub(super) fn new(accessed: u64, modified: u64, flags: u32) -> Result<Self, Errno> {
        let one = |nanos: u64, given: u32, now: u32| match (flags & given != 0, flags & now != 0) {
            (true, true) => Err(Errno::Invalid),
            (true, false) => Ok(Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos))),
            (false, true) => Ok(Some(SystemTime::now())),
            (false, false) => Ok(None),
        };
        Ok(Self { accessed: one(accessed, 1, 2)?, modified: one(modified, 4, 8)? })
    }

    pub(super) fn of_std(self) -> FileTimes {
        let mut times = FileTimes::new();
        if let Some(time) = self.accessed {
            times = times.set_accessed(time);
        }
        if let Some(time) = self.modified {
            times = times.set_modified(time);
        }
        times
    }

    /// Of what a path names.
    pub(super) fn set(self, dir: &Dir, path: &Path, follow: bool) -> Result<(), Errno> {
        let spec = |time: Option<SystemTime>| {
            time.map(|time| SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time)))
        };
        let (accessed, modified) = (spec(self.accessed), spec(self.modified));
        let set = if follow {
            dir.set_times(path, accessed, modified)
        } else {
            dir.set_symlink_times(path, accessed, modified)
        };
        Ok(set?)
    }
}
