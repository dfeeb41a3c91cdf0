//! The secret that entries are sealed with: 32 random bytes, made once for a directory.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::error::{CacheError, Refused};
use super::files;

const FILE: &str = "key";
const BYTES: usize = blake3::KEY_LEN;

/// Who has it can write entries that are run.
pub(super) struct Secret([u8; BYTES]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// The secret of a directory, which is made where there is none.
    ///
    /// One that is damaged, or that others may have read or chosen, is replaced; entries sealed with
    /// it are then compiled again.
    pub(super) fn of(directory: &Path) -> Result<Self, CacheError> {
        let path = directory.join(FILE);
        let io_error = |source| CacheError::Io { path: path.clone(), source };
        match read(&path) {
            Ok(secret) => return Ok(secret),
            Err(Refused::Missing) => {}
            Err(Refused::Unreadable(source)) => return Err(io_error(source)),
            Err(refused) => {
                tracing::warn!(
                    "the key of the cache, {}, is replaced: {refused}; what is in the cache is compiled again",
                    path.display()
                );
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(io_error(error));
                    }
                    _ => {}
                }
            }
        }
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|error| CacheError::NoRandom {
            path: directory.to_owned(),
            message: error.to_string(),
        })?;
        // A link comes into being whole and only where there is nothing: of several processes that
        // get here together one makes the secret, and all of them read that one.
        let written = files::write_if_new(directory, FILE, &[&bytes]);
        match written {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(io_error(error)),
            _ => {}
        }
        read(&path).map_err(|refused| match refused {
            Refused::Unreadable(source) => io_error(source),
            refused => io_error(std::io::Error::other(refused.to_string())),
        })
    }

    pub(super) fn mac(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }
}

fn read(path: &Path) -> Result<Secret, Refused> {
    let file = files::open(path)?;
    files::is_unreadable_to_others(&file)?;
    let mut bytes = Vec::with_capacity(BYTES);
    file.take(BYTES as u64 + 1).read_to_end(&mut bytes).map_err(Refused::Unreadable)?;
    bytes.try_into().map(Secret).map_err(|_| Refused::NoSecret)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    fn secret(directory: &Path) -> [u8; BYTES] {
        Secret::of(directory).unwrap().0
    }

    #[test]
    fn it_is_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let made = secret(directory.path());
        assert_ne!(made, [0; BYTES]);
        assert_eq!(secret(directory.path()), made);
        assert_eq!(fs::read(directory.path().join(FILE)).unwrap(), made);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert_ne!(secret(tempfile::tempdir().unwrap().path()), made);
    }

    #[test]
    fn all_who_come_together_get_the_same() {
        for _ in 0..50 {
            let directory = tempfile::tempdir().unwrap();
            let barrier = Barrier::new(4);
            let all: Vec<_> = std::thread::scope(|scope| {
                let get = || {
                    barrier.wait();
                    secret(directory.path())
                };
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(get)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        }
    }

    #[test]
    fn one_that_is_damaged_is_replaced() {
        for damaged in [&b""[..], b"short", &[7; BYTES + 1]] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join(FILE);
            secret(directory.path());
            fs::remove_file(&path).unwrap();
            fs::write(&path, damaged).unwrap();
            let made = secret(directory.path());
            assert_eq!(fs::read(&path).unwrap(), made);
            assert_eq!(secret(directory.path()), made);
        }
    }

    #[cfg(unix)]
    #[test]
    fn one_that_others_can_read_or_choose_is_replaced() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        let first = secret(directory.path());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o400);
        for mode in [0o440, 0o404, 0o602] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_ne!(secret(directory.path()), first, "{mode:o}");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o400);
        }
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        fs::write(elsewhere.path(), [7; BYTES]).unwrap();
        fs::remove_file(&path).unwrap();
        symlink(elsewhere.path(), &path).unwrap();
        assert_ne!(secret(directory.path()), [7; BYTES]);
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(fs::read(elsewhere.path()).unwrap(), [7; BYTES]);
    }

    #[test]
    fn it_is_not_printed() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(format!("{:?}", Secret::of(directory.path()).unwrap()), "Secret(..)");
    }
}
