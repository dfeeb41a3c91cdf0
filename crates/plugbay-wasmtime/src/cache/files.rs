//! Files that only this user can have written, and files that are there whole or not at all.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::error::{CacheError, Refused};

/// Makes the directory, or checks that only its owner, this user, can write to it.
pub(super) fn private_directory(path: &Path) -> Result<(), CacheError> {
    let io_error = |source| CacheError::Io { path: path.to_owned(), source };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(io_error)?;
    let metadata = fs::metadata(path).map_err(io_error)?;
    match access(&metadata) {
        Access::Private => Ok(()),
        Access::Foreign { owner, user } => {
            Err(CacheError::Foreign { path: path.to_owned(), owner, user })
        }
        Access::Open { mode } => Err(CacheError::Open { path: path.to_owned(), mode }),
    }
}

/// Opens a regular file that only this user can write to.
pub(super) fn open(path: &Path) -> Result<File, Refused> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        // Nothing is followed, and nothing but a file is waited for.
        let flags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits();
        options.custom_flags(flags.cast_signed());
    }
    let file = options.open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Refused::Missing,
        // Said of a link, by each system in words of its own.
        _ if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) => Refused::NoFile,
        _ => Refused::Unreadable(error),
    })?;
    // Of what was opened, whatever its name stands for by now.
    let metadata = file.metadata().map_err(Refused::Unreadable)?;
    if !metadata.is_file() {
        return Err(Refused::NoFile);
    }
    match access(&metadata) {
        Access::Private => Ok(file),
        Access::Foreign { owner, user } => Err(Refused::Foreign { owner, user }),
        Access::Open { mode } => Err(Refused::Open { mode }),
    }
}

/// Refuses a file that others can read.
pub(super) fn is_unreadable_to_others(file: &File) -> Result<(), Refused> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().map_err(Refused::Unreadable)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(Refused::Open { mode });
        }
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

enum Access {
    Private,
    #[cfg_attr(not(unix), expect(dead_code, reason = "there, the folder's own rules protect it"))]
    Foreign {
        owner: u32,
        user: u32,
    },
    #[cfg_attr(not(unix), expect(dead_code, reason = "there, the folder's own rules protect it"))]
    Open {
        mode: u32,
    },
}

#[cfg(unix)]
fn access(metadata: &Metadata) -> Access {
    use std::os::unix::fs::MetadataExt as _;
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    let mode = metadata.mode() & 0o7777;
    if owner != user {
        Access::Foreign { owner, user }
    } else if mode & 0o022 != 0 {
        Access::Open { mode }
    } else {
        Access::Private
    }
}

#[cfg(not(unix))]
fn access(_: &Metadata) -> Access {
    Access::Private
}

/// Files on their way to a name of their own.
const PREFIX: &str = "tmp-";

/// Whether a file's name is one that a file has while it is written.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Writes a file whole, in place of any other of that name.
pub(super) fn write(directory: &Path, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    let written = Temporary::with(directory, parts)?;
    fs::rename(&written.0, directory.join(name))
}

/// Writes a file whole, if there is none of that name.
pub(super) fn write_if_new(directory: &Path, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    let written = Temporary::with(directory, parts)?;
    fs::hard_link(&written.0, directory.join(name))
}

/// A file that is gone at the end, unless it has got another name.
struct Temporary(PathBuf);

impl Temporary {
    fn with(directory: &Path, parts: &[&[u8]]) -> io::Result<Self> {
        // By chance, not by process: containers that share a directory have the same numbers.
        let number = getrandom::u64().map_err(io::Error::other)?;
        let path = directory.join(format!("{PREFIX}{number:016x}"));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // Entries are mapped: whoever could write to one by accident would change code that runs.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o400);
        let mut file = options.open(&path)?;
        let temporary = Self(path);
        for part in parts {
            file.write_all(part)?;
        }
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Renamed, it is no longer there.
        let _ = fs::remove_file(&self.0);
    }
}
