//! What is done to what a path names.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use cap_fs_ext::{DirExt as _, MetadataExt as _};
use cap_std::fs::Dir;
use plugbay_abi::{GuestMemory, read, write};

use super::open::{How, follows, open};
use super::stat::{self, Times};
use super::table::Table;
use super::usage::{Quota, key};
use crate::wasi::{Args, Errno, Function, write_u32};

/// Linux' own bound.
pub(super) const LONGEST_PATH: u32 = 4_096;

pub(super) fn call(
    function: Function,
    table: &mut Table,
    memory: &mut dyn GuestMemory,
    args: Args<'_>,
) -> Result<(), Errno> {
    use Function as F;
    match function {
        F::PathOpen => path_open(table, memory, args),
        F::PathCreateDirectory => {
            let (place, path) = place(table, memory, args, (0, 1))?;
            let mut account = place.quota.change()?;
            place.quota.allows_file(&account)?;
            place.dir.create_dir(path)?;
            account.created();
            Ok(())
        }
        F::PathRemoveDirectory => {
            let (place, path) = place(table, memory, args, (0, 1))?;
            let mut account = place.quota.change()?;
            let metadata = place.dir.symlink_metadata(&path)?;
            place.dir.remove_dir(path)?;
            account.removed(&metadata);
            Ok(())
        }
        F::PathUnlinkFile => {
            let (place, path) = place(table, memory, args, (0, 1))?;
            let mut account = place.quota.change()?;
            let metadata = place.dir.symlink_metadata(&path)?;
            if metadata.is_dir() {
                return Err(Errno::IsDirectory);
            }
            place.dir.remove_file_or_symlink(path)?;
            account.removed(&metadata);
            Ok(())
        }
        F::PathRename => rename(table, memory, args),
        F::PathLink => {
            place(table, memory, args, (0, 2))?;
            place(table, memory, args, (4, 5))?;
            // A second name would be one more way to the same bytes, and be refused when opened.
            Err(Errno::NotPermitted)
        }
        F::PathSymlink => symlink(table, memory, args),
        F::PathReadlink => {
            let (place, path) = place(table, memory, args, (0, 1))?;
            let target = place.dir.read_link(path)?;
            let target = target.to_str().ok_or(Errno::IllegalBytes)?.as_bytes();
            let room = args.u32(4) as usize;
            let target = target.get(..room.min(target.len())).unwrap_or(target);
            write(memory, args.u32(3), target)?;
            write_u32(memory, args.u32(5), u32::try_from(target.len()).unwrap_or(LONGEST_PATH))
        }
        F::PathFilestatGet => {
            let (place, path) = place(table, memory, args, (0, 2))?;
            let metadata = if follows(args.u32(1)) {
                place.dir.metadata(path)?
            } else {
                place.dir.symlink_metadata(path)?
            };
            Ok(write(memory, args.u32(4), &stat::of_metadata(&metadata))?)
        }
        F::PathFilestatSetTimes => {
            let (place, path) = place(table, memory, args, (0, 2))?;
            let times = Times::new(args.u64(4), args.u64(5), args.u32(6))?;
            let _account = place.quota.change()?;
            let (dir, follow) = (&place.dir, follows(args.u32(1)));
            let found = if follow { dir.metadata(&path) } else { dir.symlink_metadata(&path) }?;
            // As in `open`: it may be a file from outside.
            if !found.is_dir() && found.nlink() > 1 {
                return Err(Errno::NotPermitted);
            }
            times.set(dir, &path, follow)
        }
        _ => Err(Errno::NotSupported),
    }
}

/// A directory that a path begins in.
struct Place {
    dir: Arc<Dir>,
    quota: Arc<Quota>,
}

/// The directory at argument `fd`, and the path at argument `ptr` and the one after.
fn place(
    table: &mut Table,
    memory: &mut dyn GuestMemory,
    args: Args<'_>,
    (fd, ptr): (usize, usize),
) -> Result<(Place, PathBuf), Errno> {
    let directory = table.directory(args.fd(fd))?;
    let place = Place { dir: Arc::clone(&directory.dir), quota: Arc::clone(&directory.quota) };
    Ok((place, path(memory, args.u32(ptr), args.u32(ptr + 1))?))
}

/// A path as the guest wrote it. What it may lead to is cap-std's to say.
fn path(memory: &mut dyn GuestMemory, ptr: u32, len: u32) -> Result<PathBuf, Errno> {
    if len > LONGEST_PATH {
        return Err(Errno::NameTooLong);
    }
    let text = std::str::from_utf8(read(memory, ptr, len)?).map_err(|_| Errno::IllegalBytes)?;
    match text {
        "" => Err(Errno::NotFound),
        text if text.contains('\0') => Err(Errno::IllegalBytes),
        text => Ok(PathBuf::from(text)),
    }
}

fn path_open(table: &mut Table, memory: &mut dyn GuestMemory, args: Args<'_>) -> Result<(), Errno> {
    let (place, path) = place(table, memory, args, (0, 2))?;
    table.has_room()?;
    // Before anything is created.
    read(memory, args.u32(8), 4)?;
    let opened = open(&place.dir, &place.quota, &path, &How::new(args))?;
    let fd = table.insert(opened)?;
    write_u32(memory, args.u32(8), fd)
}

fn rename(table: &mut Table, memory: &mut dyn GuestMemory, args: Args<'_>) -> Result<(), Errno> {
    let (from, old) = place(table, memory, args, (0, 1))?;
    let (to, new) = place(table, memory, args, (3, 4))?;
    let mut account = from.quota.change()?;
    let moved = from.dir.symlink_metadata(&old)?;
    let replaced = to.dir.symlink_metadata(&new).ok();
    from.dir.rename(old, &to.dir, new)?;
    if let Some(replaced) = replaced.filter(|replaced| key(replaced) != key(&moved)) {
        account.removed(&replaced);
    }
    Ok(())
}

/// Links that stay below the directory they are in. One that leads out would lead the guest
/// nowhere, but somebody else who copies the files perhaps.
fn symlink(table: &mut Table, memory: &mut dyn GuestMemory, args: Args<'_>) -> Result<(), Errno> {
    let target = path(memory, args.u32(0), args.u32(1))?;
    let (place, link) = place(table, memory, args, (2, 3))?;
    let mut account = place.quota.change()?;
    if !stays_below(&target) {
        return Err(Errno::NotPermitted);
    }
    place.quota.allows_file(&account)?;
    place.dir.symlink(target, link)?;
    account.created();
    Ok(())
}

fn stays_below(target: &Path) -> bool {
    target.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
