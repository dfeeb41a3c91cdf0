//! How large a file gets for what is in it.

use std::fs;

use super::*;

/// Numbers that look random and are the same each time.
pub(super) fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn bytes(len: u64) -> Vec<u8> {
    vec![0x5a; usize::try_from(len).unwrap()]
}

fn len(folder: &Folder) -> u64 {
    fs::metadata(folder.path()).unwrap().len()
}

/// Sets and deletes, and holds the file against its bound after each.
fn is_bounded(limits: StateLimits, steps: impl IntoIterator<Item = (u8, Option<u64>)>) {
    let folder = Folder::new();
    let store = folder.store();
    for (key, value) in steps {
        match value {
            // Some do not fit any more.
            Some(len) => drop(store.set(&[key], &bytes(len), limits)),
            None => drop(store.delete(&[key]).unwrap()),
        }
        assert!(len(&folder) <= longest_file(&limits), "{} bytes", len(&folder));
    }
    assert!(usage(&store).0 <= limits.quota_bytes);
}

#[test]
fn large_values_that_come_and_go() {
    let limits = StateLimits { quota_bytes: 1 << 20, max_keys: 100 };
    assert_eq!(longest_file(&limits), 12 * (1 << 20) + 6_400);
    let mut random = numbers(1);
    let steps = (0..2_000).map(|_| {
        let key = u8::try_from(random(20)).unwrap();
        (key, (random(3) > 0).then(|| random(300 << 10)))
    });
    is_bounded(limits, steps);
}

#[test]
fn the_largest_values_in_turn() {
    let limits = StateLimits { quota_bytes: 2 << 20, max_keys: 100 };
    is_bounded(limits, (0..60).map(|n| (n % 2, Some((1 << 20) - 1))));
}

#[test]
fn what_became_too_large_is_made_small() {
    let folder = Folder::new();
    let store = folder.store();
    let limits = quota(8 << 20);
    for key in 0..60 {
        store.set(&[key], &bytes(100_000), limits).unwrap();
    }
    for key in (0..60).filter(|key| key % 10 != 0) {
        store.delete(&[key]).unwrap();
    }
    let before = len(&folder);
    let file = &store.shared.file;
    file.bound(before, 0);
    file.bound(0, 1 << 40);
    assert_eq!(len(&folder), before, "it is not too long, or so little was written");
    file.bound(before - 1, 1 << 20);
    let after = len(&folder);
    assert!(after < before / 2, "{before} bytes, and {after} after");
    file.bound(0, 1);
    assert_eq!(len(&folder), after, "nothing was written since");
    for key in (0..60).step_by(10) {
        assert_eq!(store.get(&[key]).unwrap().unwrap(), bytes(100_000));
    }
    store.set(b"new", b"", limits).unwrap();
    assert_eq!(usage(&store), (6 * 100_001 + 3, 7));
}
