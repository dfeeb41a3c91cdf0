//! How much the directory holds, and what goes when that is too much.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{entry, files};

/// Compiled code in a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachedCode {
    /// Its file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last used, to a day; when it was written, if it was not.
    pub last_used: SystemTime,
}

/// No file is this long in the writing: its process is gone.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// All entries, the longest unused first.
pub(super) fn entries(directory: &Path) -> io::Result<Vec<CachedCode>> {
    list(directory, entry::is_file_name)
}

/// Removes the longest unused entries until all that are left fit into `limit` bytes.
pub(super) fn make(directory: &Path, limit: u64, now: SystemTime) -> io::Result<()> {
    for temporary in list(directory, files::is_temporary)? {
        if now.duration_since(temporary.last_used).is_ok_and(|age| age > ABANDONED_AFTER) {
            remove(&temporary.path)?;
        }
    }
    let entries = entries(directory)?;
    let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
    for entry in entries {
        if total <= limit {
            break;
        }
        remove(&entry.path)?;
        total = total.saturating_sub(entry.bytes);
    }
    Ok(())
}

/// Removes all entries, and what is left of those that were never finished.
pub(super) fn clear(directory: &Path) -> io::Result<usize> {
    for temporary in list(directory, files::is_temporary)? {
        remove(&temporary.path)?;
    }
    let entries = entries(directory)?;
    for entry in &entries {
        remove(&entry.path)?;
    }
    Ok(entries.len())
}

fn list(directory: &Path, wanted: fn(&str) -> bool) -> io::Result<Vec<CachedCode>> {
    let mut found = Vec::new();
    for file in fs::read_dir(directory)? {
        let file = file?;
        if !file.file_name().to_str().is_some_and(wanted) {
            continue;
        }
        // Another process may have removed it since. A directory is none of ours.
        let Ok(metadata) = file.metadata() else { continue };
        if metadata.is_dir() {
            continue;
        }
        let (path, bytes) = (file.path(), metadata.len());
        found.push(CachedCode { path, bytes, last_used: metadata.modified()? });
    }
    found.sort_by(|a, b| (a.last_used, &a.path).cmp(&(b.last_used, &b.path)));
    Ok(found)
}

/// Another process may have been faster.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + 20_000 * DAY
    }

    /// A file of 10 bytes, last used some days ago.
    fn file(directory: &Path, name: &str, days: u32) -> PathBuf {
        let path = directory.join(name);
        fs::write(&path, [0; 10]).unwrap();
        fs::File::open(&path).unwrap().set_modified(now() - days * DAY).unwrap();
        path
    }

    fn entry(directory: &Path, digit: char, days: u32) -> PathBuf {
        file(directory, &format!("{}.code", digit.to_string().repeat(64)), days)
    }

    fn left(directory: &Path) -> Vec<char> {
        let name =
            |entry: &CachedCode| entry.path.file_name().unwrap().to_str().unwrap().to_owned();
        entries(directory).unwrap().iter().map(|e| name(e).chars().next().unwrap()).collect()
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        for (digit, days) in [('a', 2), ('b', 9), ('c', 1), ('d', 5)] {
            entry(directory, digit, days);
        }
        assert_eq!(left(directory), ['b', 'd', 'a', 'c']);
        make(directory, 40, now()).unwrap();
        assert_eq!(left(directory), ['b', 'd', 'a', 'c']);
        make(directory, 39, now()).unwrap();
        assert_eq!(left(directory), ['d', 'a', 'c']);
        make(directory, 15, now()).unwrap();
        assert_eq!(left(directory), ['c']);
        make(directory, 0, now()).unwrap();
        assert_eq!(left(directory), [' '; 0]);
    }

    #[test]
    fn what_is_not_ours_is_neither_counted_nor_removed() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let notes = file(directory, "notes.txt", 400);
        let key = file(directory, "key", 400);
        let folder = directory.join(format!("{}.code", "f".repeat(64)));
        fs::create_dir(&folder).unwrap();
        entry(directory, 'a', 1);
        make(directory, 10, now()).unwrap();
        assert_eq!(left(directory), ['a']);
        assert_eq!(clear(directory).unwrap(), 1);
        assert!(notes.exists() && key.exists() && folder.exists());
        assert_eq!(left(directory), [' '; 0]);
    }

    #[test]
    fn what_a_dead_process_left_goes_once_it_is_old() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let old = file(directory, "tmp-0000000000000001", 1);
        let new = file(directory, "tmp-0000000000000002", 0);
        make(directory, 0, now()).unwrap();
        assert!(!old.exists() && new.exists());
        clear(directory).unwrap();
        assert!(!new.exists());
    }

    #[test]
    fn several_may_make_room_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        for digit in "0123456789abcdef".chars() {
            entry(directory, digit, digit.to_digit(16).unwrap());
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| make(directory, 30, now()))).collect();
            for thread in threads {
                thread.join().unwrap().unwrap();
            }
        });
        // Each removes the oldest it sees: nobody removes one of those that fit.
        assert_eq!(left(directory), ['2', '1', '0']);
    }
}
