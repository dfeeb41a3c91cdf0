//! Where the control socket is.
//!
//! A lock beside the socket says whether its conductor lives: it ends with its process, however that does. Whoever has
//! the lock takes the place of a socket that is left from before.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

/// A socket that is listened on. Dropped, it is gone.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    listener: Option<UnixListener>,
    /// Held for as long as the socket is there.
    _lock: File,
    /// Whether nobody else ever wants this place, because it goes by this process's number.
    is_private: bool,
}

/// A socket that cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// A conductor that lives has it.
    #[error("another conductor listens on {}", .path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("{} is there and is no socket", .path.display())]
    NoSocket {
        /// What is there.
        path: PathBuf,
    },
    /// The directory is somebody else's, or open to others.
    #[error("the directory {} is not this user's alone", .path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// The system does not let it be made.
    #[error("the control socket {} cannot be made: {source}", .path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Place {
    /// Takes a place, in which only this user can connect. Call it while the program has one thread: it sets
    /// the mode that new files get for a moment.
    ///
    /// # Errors
    ///
    /// When a conductor that lives has it, or it cannot be made.
    pub fn take(path: &Path) -> Result<Self, PlaceError> {
        let failed = |source| PlaceError::Io { path: path.to_owned(), source };
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(lock_path(path))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(PlaceError::Taken { path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // Nobody else comes past the lock.
        match std::fs::symlink_metadata(path) {
            Ok(found) if rustix::fs::FileType::from_raw_mode(found.mode()).is_socket() => {
                std::fs::remove_file(path).map_err(failed)?;
            }
            Ok(_) => return Err(PlaceError::NoSocket { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let before = rustix::process::umask(Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(path);
        rustix::process::umask(before);
        let listener = listener.map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self { path: path.to_owned(), listener: Some(listener), _lock: lock, is_private: false })
    }

    /// The first free place of the user's own directory: `conductor.sock`, or the same with the process's number
    /// where another conductor has that.
    ///
    /// # Errors
    ///
    /// When there is no such directory and none can be made.
    pub fn take_default() -> Result<Self, PlaceError> {
        let folder = directory();
        let failed = |source| PlaceError::Io { path: folder.clone(), source };
        let mut maker = std::fs::DirBuilder::new();
        maker.mode(0o700).recursive(true).create(&folder).map_err(failed)?;
        let found = std::fs::symlink_metadata(&folder).map_err(failed)?;
        if !is_own(&found) {
            return Err(PlaceError::Foreign { path: folder });
        }
        match Self::take(&folder.join("conductor.sock")) {
            Err(PlaceError::Taken { .. }) => {
                let name = format!("conductor-{}.sock", std::process::id());
                let mut place = Self::take(&folder.join(name))?;
                place.is_private = true;
                Ok(place)
            }
            taken => taken,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What clients connect to, for tokio's runtime, once.
    ///
    /// # Errors
    ///
    /// When it was handed out before, or the runtime does not take it.
    pub fn listener(&mut self) -> io::Result<tokio::net::UnixListener> {
        let listener = self.listener.take().ok_or(io::ErrorKind::NotFound)?;
        tokio::net::UnixListener::from_std(listener)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever has the lock replaces what could not be removed. The lock stays: who removes it while another one
        // opens it has two of them.
        let _: io::Result<()> = std::fs::remove_file(&self.path);
        if self.is_private {
            let _: io::Result<()> = std::fs::remove_file(lock_path(&self.path));
        }
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    path.with_file_name(name)
}

/// The user's own directory for such sockets: below `XDG_RUNTIME_DIR`, or else in the directory for temporary files by the
/// user's number.
pub fn directory() -> PathBuf {
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match named.filter(|path| path.is_absolute() && path.is_dir()) {
        Some(runtime) => runtime.join("plugbay"),
        None => {
            let user = rustix::process::geteuid().as_raw();
            std::env::temp_dir().join(format!("plugbay-{user}"))
        }
    }
}

/// Whether it is a directory of this user's, in which nobody else can put anything.
fn is_own(found: &std::fs::Metadata) -> bool {
    let own = found.uid() == rustix::process::geteuid().as_raw();
    found.is_dir() && own && found.mode() & 0o077 == 0
}

/// The sockets in a directory at whose other end somebody is, by name.
///
/// # Errors
///
/// When others can put sockets there, or it cannot be looked at. One that is not there has none.
pub fn find(directory: &Path) -> Result<Vec<(PathBuf, UnixStream)>, PlaceError> {
    match std::fs::symlink_metadata(directory) {
        Ok(found) if is_own(&found) => {}
        Ok(_) => return Err(PlaceError::Foreign { path: directory.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(PlaceError::Io { path: directory.to_owned(), source }),
    }
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let named = entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("conductor") && name.ends_with(".sock")
    });
    let mut sockets: Vec<PathBuf> = named.collect();
    sockets.sort();
    let live = sockets.into_iter().filter_map(|path| {
        let stream = UnixStream::connect(&path).ok()?;
        Some((path, stream))
    });
    Ok(live.collect())
}
