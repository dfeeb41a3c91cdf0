//! Other processes: this program again, with one test of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use super::*;

/// Where a child finds its file, and how many threads it is to have.
const FILE: &str = "PLUGBAY_TEST_STATE";
const THREADS: &str = "PLUGBAY_TEST_THREADS";

/// What it says of a value that it was told is on the disk.
const KEPT: &str = "kept ";

const KEYS: u64 = 5;

fn key(thread: usize, n: u64) -> Vec<u8> {
    format!("{thread}/{}", n % KEYS).into_bytes()
}

/// The number, and enough behind it that a value takes more than a page.
fn value(n: u64) -> Vec<u8> {
    let mut value = n.to_le_bytes().to_vec();
    value.resize(8 + usize::try_from(n % 9_000).unwrap(), n.to_le_bytes()[0]);
    value
}

#[test]
#[ignore = "other tests start it"]
fn child() {
    let path = PathBuf::from(std::env::var_os(FILE).unwrap());
    let threads: usize = std::env::var(THREADS).unwrap().parse().unwrap();
    let store = StateStore::open(&path).unwrap();
    let told = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").unwrap();
        out.flush().unwrap();
    };
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (store, told) = (&store, &told);
            scope.spawn(move || {
                let read = |n| store.get(&key(thread, n)).unwrap();
                let number = |value: Vec<u8>| u64::from_le_bytes(value[..8].try_into().unwrap());
                let last = (0..KEYS).filter_map(read).map(number).max();
                for n in last.map_or(0, |last| last + 1).. {
                    store.set(&key(thread, n), &value(n), LIMITS).unwrap();
                    told(format!("{KEPT}{thread} {n}"));
                }
            });
        }
    });
}

fn start(path: &Path, threads: usize) -> (Child, impl Iterator<Item = (usize, u64)> + use<>) {
    let name = concat!(module_path!(), "::child").split_once("::").unwrap().1;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(FILE, path)
        .env(THREADS, threads.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let kept = lines.map_while(Result::ok).filter_map(|line| {
        let (thread, n) = line.strip_prefix(KEPT)?.split_once(' ')?;
        Some((thread.parse().ok()?, n.parse().ok()?))
    });
    (child, kept)
}

#[test]
fn what_was_acknowledged_outlives_a_process_that_is_killed() {
    let folder = Folder::new();
    for round in 0..12 {
        let threads = [1, 4][round % 2];
        let (mut child, mut kept) = start(&folder.path(), threads);
        // The first round is killed as soon as there is anything.
        let mut seen: Vec<_> = kept.by_ref().take(1 + round * 7).collect();
        child.kill().unwrap();
        seen.extend(kept);
        child.wait().unwrap();
        assert!(!seen.is_empty(), "round {round}: the child kept nothing");

        let store = folder.store();
        for (thread, n) in seen {
            let found = store.get(&key(thread, n)).unwrap().unwrap();
            let number = u64::from_le_bytes(found[..8].try_into().unwrap());
            assert!(number >= n, "round {round}: {n} was acknowledged, {number} is there");
            assert_eq!(found, value(number), "and it is whole");
        }
        let (mut bytes, mut keys) = (0, 0);
        for key in (0..4).flat_map(|thread| (0..KEYS).map(move |n| key(thread, n))) {
            if let Some(value) = store.get(&key).unwrap() {
                keys += 1;
                bytes += (key.len() + value.len()) as u64;
            }
        }
        assert_eq!(usage(&store), (bytes, keys), "round {round}");
    }
}

#[test]
fn another_process_is_told_of() {
    let folder = Folder::new();
    let (mut child, mut kept) = start(&folder.path(), 1);
    kept.next().unwrap();
    let error = StateStore::open(&folder.path()).unwrap_err();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(matches!(error, StateError::Busy { .. }), "{error:?}");
    let told = error.to_string();
    assert!(told.contains("lights.redb is in use by another process; one at a time"), "{told}");
    assert_eq!(error.class(), "failed");
    assert_eq!(error.guest_message(), "the state is in use by another process");
    // It is free again.
    folder.store();
}
