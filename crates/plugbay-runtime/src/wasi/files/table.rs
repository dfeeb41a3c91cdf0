//! An instance's open files and directories.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use cap_std::fs::{Dir, File, Metadata};

use super::Files;
use super::stat::{FROM_END, FROM_HERE, FROM_START, Times};
use super::usage::{Key, Quota};
use crate::wasi::Errno;

/// Descriptors that an instance may have at once, beside the streams: a host has few for all.
const DESCRIPTORS: usize = 64;

/// The streams come first.
const FIRST: usize = 3;

/// Descriptors from [`FIRST`] on.
pub(crate) struct Table {
    entries: Vec<Option<Descriptor>>,
}

pub(super) enum Descriptor {
    Directory(Directory),
    File(OpenFile),
}

pub(super) struct Directory {
    pub(super) dir: Arc<Dir>,
    pub(super) quota: Arc<Quota>,
    /// Whether it was there at the beginning.
    pub(super) is_root: bool,
    /// What the guest is reading of it.
    pub(super) listing: Option<super::directory::Listing>,
}

/// A file of the plugin's.
pub(crate) struct OpenFile {
    pub(super) file: File,
    pub(super) key: Key,
    pub(super) quota: Arc<Quota>,
    pub(super) access: Access,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Access {
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) append: bool,
}

impl Table {
    pub(crate) fn new(files: Option<&Files>) -> Self {
        let root = files.map(|files| {
            Some(Descriptor::Directory(Directory {
                dir: Arc::clone(&files.root),
                quota: Arc::clone(&files.quota),
                is_root: true,
                listing: None,
            }))
        });
        Self { entries: root.into_iter().collect() }
    }

    /// Whether there never was a directory to open anything in.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn place(fd: i32) -> Option<usize> {
        usize::try_from(fd).ok()?.checked_sub(FIRST)
    }

    pub(super) fn get(&mut self, fd: i32) -> Result<&mut Descriptor, Errno> {
        let entry = Self::place(fd).and_then(|place| self.entries.get_mut(place));
        entry.and_then(Option::as_mut).ok_or(Errno::BadFile)
    }

    /// Whether it is there; the streams always are.
    pub(crate) fn check(&mut self, fd: i32) -> Result<(), Errno> {
        if (0..=2).contains(&fd) { Ok(()) } else { self.get(fd).map(drop) }
    }

    pub(crate) fn is_file(&self, fd: i32) -> bool {
        let entry = Self::place(fd).and_then(|place| self.entries.get(place));
        matches!(entry, Some(Some(Descriptor::File(_))))
    }

    pub(crate) fn file(&mut self, fd: i32) -> Result<&mut OpenFile, Errno> {
        match self.get(fd)? {
            Descriptor::File(file) => Ok(file),
            Descriptor::Directory(_) => Err(Errno::IsDirectory),
        }
    }

    pub(super) fn directory(&mut self, fd: i32) -> Result<&mut Directory, Errno> {
        match self.get(fd)? {
            Descriptor::Directory(directory) => Ok(directory),
            Descriptor::File(_) => Err(Errno::NotDirectory),
        }
    }

    pub(super) fn root(&mut self, fd: i32) -> Result<(), Errno> {
        match self.get(fd)? {
            Descriptor::Directory(directory) if directory.is_root => Ok(()),
            _ => Err(Errno::BadFile),
        }
    }

    /// Whether there is room for one more.
    pub(super) fn has_room(&self) -> Result<(), Errno> {
        match self.entries.iter().flatten().count() {
            DESCRIPTORS.. => Err(Errno::TooManyFiles),
            _ => Ok(()),
        }
    }

    pub(super) fn insert(&mut self, descriptor: Descriptor) -> Result<u32, Errno> {
        self.has_room()?;
        let place = self.entries.iter().position(Option::is_none).unwrap_or(self.entries.len());
        match self.entries.get_mut(place) {
            Some(entry) => *entry = Some(descriptor),
            None => self.entries.push(Some(descriptor)),
        }
        u32::try_from(place + FIRST).map_err(|_| Errno::TooManyFiles)
    }

    pub(super) fn close(&mut self, fd: i32) -> Result<(), Errno> {
        self.get(fd)?;
        if let Some(entry) = Self::place(fd).and_then(|place| self.entries.get_mut(place)) {
            *entry = None;
        }
        Ok(())
    }

    /// Both have to be open, and neither a stream.
    pub(super) fn renumber(&mut self, from: i32, to: i32) -> Result<(), Errno> {
        self.get(from)?;
        if (0..=2).contains(&to) {
            return Err(Errno::NotSupported);
        }
        self.get(to)?;
        let (Some(from), Some(to)) = (Self::place(from), Self::place(to)) else {
            return Err(Errno::BadFile);
        };
        if from != to {
            let moved = self.entries.get_mut(from).and_then(Option::take);
            if let Some(entry) = self.entries.get_mut(to) {
                *entry = moved;
            }
        }
        Ok(())
    }
}

impl Descriptor {
    pub(super) fn metadata(&self) -> Result<Metadata, Errno> {
        Ok(match self {
            Self::Directory(directory) => directory.dir.dir_metadata()?,
            Self::File(file) => file.file.metadata()?,
        })
    }

    pub(super) fn sync(&self) -> Result<(), Errno> {
        match self {
            // Names are as durable as the system makes them.
            Self::Directory(_) => Ok(()),
            Self::File(file) => Ok(file.file.sync_all()?),
        }
    }

    pub(super) fn set_times(&self, times: Times) -> Result<(), Errno> {
        match self {
            Self::Directory(directory) => {
                let _account = directory.quota.change()?;
                times.set(&directory.dir, std::path::Path::new("."), true)
            }
            Self::File(file) => {
                let _account = file.quota.change()?;
                Ok(file.file.try_clone()?.into_std().set_times(times.of_std())?)
            }
        }
    }
}

impl OpenFile {
    /// Reads at a place, or where the last read or write ended.
    pub(crate) fn read(&mut self, into: &mut [u8], at: Option<u64>) -> Result<u32, Errno> {
        if !self.access.read {
            return Err(Errno::BadFile);
        }
        let read = self.at(at, |file| Ok(file.read(into)?))?;
        u32::try_from(read).map_err(|_| Errno::Overflow)
    }

    /// Writes at a place, or where the last read or write ended, or at the end.
    pub(crate) fn write(&mut self, bytes: &[u8], at: Option<u64>) -> Result<u32, Errno> {
        if !self.access.write {
            return Err(Errno::BadFile);
        }
        let quota = Arc::clone(&self.quota);
        let mut account = quota.change()?;
        let before = self.file.metadata()?.len();
        let start = match at {
            Some(at) => at,
            None if self.access.append => before,
            None => self.file.stream_position()?,
        };
        let end = start.checked_add(bytes.len() as u64).ok_or(Errno::TooLarge)?;
        quota.allows_bytes(&account, end.saturating_sub(before))?;
        let written = if at.is_none() {
            self.file.seek(SeekFrom::Start(start))?;
            self.file.write(bytes)
        } else {
            self.at(at, |file| Ok(file.write(bytes)))?
        };
        account.resized(before, self.file.metadata()?.len());
        u32::try_from(written?).map_err(|_| Errno::Overflow)
    }

    /// Does something at a place, and comes back to where it was.
    fn at<T>(
        &mut self,
        at: Option<u64>,
        action: impl FnOnce(&mut File) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let Some(at) = at else { return action(&mut self.file) };
        let before = self.file.stream_position()?;
        self.file.seek(SeekFrom::Start(at))?;
        let done = action(&mut self.file);
        self.file.seek(SeekFrom::Start(before))?;
        done
    }

    pub(super) fn set_len(&mut self, len: u64) -> Result<(), Errno> {
        if !self.access.write {
            return Err(Errno::BadFile);
        }
        let mut account = self.quota.change()?;
        let before = self.file.metadata()?.len();
        self.quota.allows_bytes(&account, len.saturating_sub(before))?;
        self.file.set_len(len)?;
        account.resized(before, len);
        Ok(())
    }

    pub(super) fn seek(&mut self, by: i64, whence: u32) -> Result<u64, Errno> {
        let to = match whence {
            FROM_START => SeekFrom::Start(u64::try_from(by).map_err(|_| Errno::Invalid)?),
            FROM_HERE => SeekFrom::Current(by),
            FROM_END => SeekFrom::End(by),
            _ => return Err(Errno::Invalid),
        };
        Ok(self.file.seek(to)?)
    }

    /// Of the flags, appending is all that makes a difference here.
    pub(super) fn set_flags(&mut self, flags: u32) -> Result<(), Errno> {
        self.access.append = flags & super::stat::FLAG_APPEND != 0;
        Ok(())
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let len = self.file.metadata().map_or(0, |metadata| metadata.len());
        self.quota.lock().closed(self.key, len);
    }
}
