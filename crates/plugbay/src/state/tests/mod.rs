//! States on a real disk, under processes that are killed, and in files that somebody else wrote to.

mod children;
mod damage;
mod model;
mod size;

use std::path::{Path, PathBuf};

use super::*;

const LIMITS: StateLimits = StateLimits { quota_bytes: 1 << 20, max_keys: 100 };

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(".state/lights.redb")
    }

    fn store(&self) -> StateStore {
        StateStore::open(&self.path()).unwrap()
    }
}

fn quota(quota_bytes: u64) -> StateLimits {
    StateLimits { quota_bytes, ..LIMITS }
}

fn usage(store: &StateStore) -> (u64, u64) {
    let usage = store.shared.file.usage().unwrap();
    (usage.bytes, usage.keys)
}

/// What is in the folder of a file, by name.
fn beside(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_was_set_is_there_after_a_restart() {
    let folder = Folder::new();
    let store = folder.store();
    assert_eq!(store.get(b"tempo").unwrap(), None);
    store.set(b"tempo", b"120", LIMITS).unwrap();
    store.set(b"\0\xff", b"", LIMITS).unwrap();
    assert_eq!(store.get(b"tempo").unwrap().unwrap(), b"120");
    assert_eq!(usage(&store), (10, 2));
    drop(store);

    let store = folder.store();
    assert_eq!(store.get(b"tempo").unwrap().unwrap(), b"120");
    assert_eq!(store.get(b"\0\xff").unwrap().unwrap(), b"");
    assert!(store.delete(b"tempo").unwrap());
    assert!(!store.delete(b"tempo").unwrap());
    assert_eq!(store.get(b"tempo").unwrap(), None);
    assert_eq!(usage(&store), (2, 1));
    assert_eq!(beside(&folder.path()), ["lights.redb"], "one file and nothing else");
}

#[test]
#[cfg(unix)]
fn it_is_its_users_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let _store = folder.store();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path()), 0o600);
    assert_eq!(mode(folder.path().parent().unwrap()), 0o700);
}

#[test]
fn keys_and_values_have_bounds() {
    let store = Folder::new().store();
    let limits = quota(8 << 20);
    for key in [&b""[..], &[0; LONGEST_KEY + 1]] {
        let errors = [
            store.get(key).unwrap_err(),
            store.set(key, b"", limits).unwrap_err(),
            store.delete(key).unwrap_err(),
            store.swap(key, None, None, limits).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error, StateError::Key { found: key.len(), limit: LONGEST_KEY });
            assert_eq!(error.class(), "invalid");
        }
    }
    store.set(&[0; LONGEST_KEY], &vec![7; LONGEST_VALUE], limits).unwrap();
    assert_eq!(store.get(&[0; LONGEST_KEY]).unwrap().unwrap(), vec![7; LONGEST_VALUE]);
    let error = store.set(b"k", &vec![7; LONGEST_VALUE + 1], limits).unwrap_err();
    assert_eq!(error.to_string(), "a value of 1048577 bytes, wanted 1048576 at most");
    assert_eq!(error.class(), "too_large");
    assert_eq!(usage(&store).1, 1);
}

#[test]
fn a_quota_counts_what_is_there_and_not_what_was() {
    let store = Folder::new().store();
    let limits = StateLimits { quota_bytes: 100, max_keys: 3 };
    store.set(b"a", &[1; 99], limits).unwrap();
    let error = store.set(b"b", b"", limits).unwrap_err();
    assert_eq!(error, StateError::Quota { wanted: 101, quota: 100 });
    assert_eq!(error.guest_message(), "keys and values would have 101 bytes, 100 are allowed");
    assert_eq!(store.get(b"b").unwrap(), None);

    // Overwritten counts the difference.
    for len in [99, 10, 50] {
        store.set(b"a", &vec![2; len], limits).unwrap();
    }
    assert_eq!(usage(&store), (51, 1));
    store.set(b"b", &[3; 48], limits).unwrap();
    assert_eq!(store.set(b"a", &[2; 51], limits).unwrap_err().class(), "too_large");
    assert_eq!(store.get(b"a").unwrap().unwrap(), [2; 50]);
    store.delete(b"a").unwrap();
    for key in [b"c", b"d"] {
        store.set(key, b"", limits).unwrap();
    }
    let error = store.set(b"e", b"", limits).unwrap_err();
    assert_eq!(error, StateError::Keys { found: 3, limit: 3 });
    assert_eq!(error.class(), "too_large");
    store.set(b"c", b"there already", limits).unwrap();

    // A quota that was lowered since: less may be kept, not more.
    let lowered = StateLimits { quota_bytes: 10, max_keys: 1 };
    store.set(b"b", &[3; 40], lowered).unwrap();
    store.set(b"b", &[4; 40], lowered).unwrap();
    assert_eq!(store.set(b"b", &[4; 41], lowered).unwrap_err().class(), "too_large");
    assert_eq!(usage(&store), (41 + 14 + 1, 3));
}

#[test]
fn a_swap_is_one_step() {
    let store = Folder::new().store();
    let swap = |old, new| store.swap(b"n", old, new, LIMITS).unwrap();
    assert_eq!(swap(Some(b"1"), Some(b"2")), Swapped::Other(None));
    assert_eq!(swap(None, Some(b"1")), Swapped::Done);
    assert_eq!(swap(None, Some(b"2")), Swapped::Other(Some(b"1".to_vec())));
    assert_eq!(swap(Some(b""), Some(b"2")), Swapped::Other(Some(b"1".to_vec())));
    assert_eq!(swap(Some(b"1"), Some(b"22")), Swapped::Done);
    assert_eq!(usage(&store), (3, 1));
    assert_eq!(swap(Some(b"22"), None), Swapped::Done);
    assert_eq!(swap(None, None), Swapped::Done, "nothing was there, and nothing is");
    assert_eq!(usage(&store), (0, 0));
    let error = store.swap(b"n", None, Some(&[0; 100]), quota(100)).unwrap_err();
    assert_eq!(error, StateError::Quota { wanted: 101, quota: 100 });
}

#[test]
fn all_that_name_a_file_share_it() {
    let folder = Folder::new();
    let store = folder.store();
    let around = folder.path().parent().unwrap().join("../.state/lights.redb");
    let other = StateStore::open(&around).unwrap();
    assert!(Arc::ptr_eq(&store.shared, &other.shared));
    drop(store);
    other.set(b"k", b"v", LIMITS).unwrap();
    drop(other);
    assert_eq!(folder.store().get(b"k").unwrap().unwrap(), b"v");
}

#[test]
fn threads_that_count_together_lose_nothing() {
    const THREADS: u32 = 8;
    const EACH: u32 = 25;
    let folder = Folder::new();
    let count = |store: &StateStore| {
        let mut old = store.get(b"n").unwrap();
        loop {
            let number =
                old.as_deref().map_or(0, |old| u32::from_le_bytes(old.try_into().unwrap()));
            let new = (number + 1).to_le_bytes();
            match store.swap(b"n", old.as_deref(), Some(&new), LIMITS).unwrap() {
                Swapped::Done => break,
                Swapped::Other(other) => old = other,
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    // Opened each time: the last to go closes it under the one that comes.
                    count(&folder.store());
                }
            });
        }
    });
    let store = folder.store();
    assert_eq!(store.get(b"n").unwrap().unwrap(), (THREADS * EACH).to_le_bytes());
    assert_eq!(usage(&store), (5, 1));
}

#[test]
fn what_is_refused_costs_the_others_nothing() {
    let store = Folder::new().store();
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..20_u8 {
                    let limits = if thread % 2 == 0 { LIMITS } else { quota(0) };
                    let result = store.set(&[thread, n], &[n], limits);
                    assert_eq!(result.is_ok(), thread % 2 == 0, "{result:?}");
                }
            });
        }
    });
    assert_eq!(usage(&store), (80 * 3, 80));
}
