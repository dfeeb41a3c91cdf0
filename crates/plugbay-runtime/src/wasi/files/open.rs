//! `path_open`.

use std::path::Path;
use std::sync::Arc;

use cap_fs_ext::{
    DirExt as _, FollowSymlinks, MetadataExt as _, OpenOptionsFollowExt as _,
    OpenOptionsSyncExt as _,
};
use cap_std::fs::{Dir, File, Metadata, OpenOptions};

use super::stat::{FLAG_APPEND, RIGHT_READ, RIGHT_WRITE};
use super::table::{Access, Descriptor, Directory, OpenFile};
use super::usage::{Account, Quota, key};
use crate::wasi::{Args, Errno};

const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;

const RIGHT_ALLOCATE: u64 = 1 << 8;
const RIGHT_SET_SIZE: u64 = 1 << 22;

/// How often a file may have become another one while it was opened.
const LOOKS: u32 = 4;

/// What is to be opened, and how.
pub(super) struct How {
    follow: bool,
    flags: u32,
    access: Access,
}

impl How {
    pub(super) fn new(args: Args<'_>) -> Self {
        let (rights, flags) = (args.u64(5), args.u32(7));
        let access = Access {
            read: rights & RIGHT_READ != 0,
            write: rights & (RIGHT_WRITE | RIGHT_ALLOCATE | RIGHT_SET_SIZE) != 0,
            append: flags & FLAG_APPEND != 0,
        };
        Self { follow: follows(args.u32(1)), flags: args.u32(4), access }
    }

    /// Whether something would be changed by it, or may be afterwards.
    pub(super) fn changes(&self) -> bool {
        self.access.write || self.has(CREATE) || self.has(TRUNCATE)
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

/// Whether a link that is the path's last part is followed.
pub(super) fn follows(lookup_flags: u32) -> bool {
    lookup_flags & 1 != 0
}

/// Opens what `path` names below `dir`.
///
/// # Errors
///
/// As the system says, or: it is neither file nor directory, it has a second name that may be
/// anybody's, or the quota is used up.
pub(super) fn open(
    dir: &Dir,
    quota: &Arc<Quota>,
    path: &Path,
    how: &How,
) -> Result<Descriptor, Errno> {
    if how.has(DIRECTORY) {
        if how.has(CREATE) {
            return Err(Errno::Invalid);
        }
        let opened = if how.follow { dir.open_dir(path) } else { dir.open_dir_nofollow(path) };
        return Ok(directory(opened?, quota));
    }
    let mut account = if how.changes() { quota.change()? } else { quota.lock() };
    let mut looks = 0;
    let (file, metadata) = loop {
        let file = existing_or_new(dir, quota, &mut account, path, how)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            if how.changes() {
                return Err(Errno::IsDirectory);
            }
            return Ok(directory(Dir::from_std_file(file.into_std()), quota));
        }
        // A pipe would hold up the thread, a device is nobody's file, and a file with a second name
        // may be one from outside that somebody linked here.
        if !metadata.is_file() || metadata.nlink() > 1 {
            return Err(Errno::NotPermitted);
        }
        if has_its_name(dir, path, how, &metadata) {
            break (file, metadata);
        }
        // Somebody put another file there, which is not wrong; whoever does so again and again has
        // something else in mind.
        looks += 1;
        if looks == LOOKS {
            return Err(Errno::NotPermitted);
        }
    };
    if how.has(TRUNCATE) && metadata.len() > 0 {
        file.set_len(0)?;
        account.resized(metadata.len(), 0);
    }
    let key = key(&metadata);
    account.opened(key);
    drop(account);
    Ok(Descriptor::File(OpenFile { file, key, quota: Arc::clone(quota), access: how.access }))
}

/// Whether a file that was opened by this path, and had one name then, still has that one. The name that it
/// was opened by may have been a second one, which was gone before the names were counted.
fn has_its_name(dir: &Dir, path: &Path, how: &How, opened: &Metadata) -> bool {
    let found = if how.follow { dir.metadata(path) } else { dir.symlink_metadata(path) };
    found.is_ok_and(|found| key(&found) == key(opened) && found.nlink() == 1)
}

fn directory(dir: Dir, quota: &Arc<Quota>) -> Descriptor {
    let quota = Arc::clone(quota);
    Descriptor::Directory(Directory { dir: Arc::new(dir), quota, is_root: false, listing: None })
}

fn existing_or_new(
    dir: &Dir,
    quota: &Quota,
    account: &mut Account,
    path: &Path,
    how: &How,
) -> Result<File, Errno> {
    let follow = if how.follow { FollowSymlinks::Yes } else { FollowSymlinks::No };
    let mut options = OpenOptions::new();
    // Without waiting for the other end of a pipe, should it be one.
    options.follow(follow).nonblock(true);
    if !(how.has(CREATE) && how.has(EXCLUSIVE)) {
        let write = how.access.write || how.has(TRUNCATE);
        let mut existing = options.clone();
        existing.read(how.access.read || !write).write(write);
        match dir.open_with(path, &existing) {
            Err(error) if how.has(CREATE) && error.kind() == std::io::ErrorKind::NotFound => {}
            opened => return Ok(opened?),
        }
    }
    quota.allows_file(account)?;
    options.read(how.access.read).write(true).create_new(true);
    let file = dir.open_with(path, &options)?;
    account.created();
    Ok(file)
}
