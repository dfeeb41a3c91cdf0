//! Files that are not as they were written.

use std::fs;

use super::size::numbers;
use super::*;

/// A file with small and large values in it, and what they are.
fn filled(folder: &Folder) -> Vec<(Vec<u8>, Vec<u8>)> {
    let store = folder.store();
    let mut random = numbers(7);
    let values: Vec<_> = (0..24_u8)
        .map(|n| {
            let len = usize::try_from(random([40, 3_000, 30_000][usize::from(n % 3)])).unwrap();
            (vec![b'k', n], vec![n; len])
        })
        .collect();
    for (key, value) in &values {
        store.set(key, value, LIMITS).unwrap();
    }
    values
}

/// Opens what somebody wrote to, and reads all of it.
fn look(path: &Path, values: &[(Vec<u8>, Vec<u8>)]) -> Result<(), StateError> {
    let store = StateStore::open(path)?;
    for (key, value) in values {
        let found = store.get(key)?;
        assert!(found.as_ref() == Some(value), "{key:?} has another value and nobody says so");
    }
    store.set(b"new", b"new", LIMITS)?;
    store.delete(b"new").map(drop)
}

fn is_told(error: &StateError, path: &Path) {
    assert!(matches!(error, StateError::Damaged { .. }), "{error:?}");
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(error.to_string().contains(&format!("{name} is damaged: ")), "{error}");
    assert_eq!(error.class(), "failed");
    assert_eq!(error.guest_message(), "the state is damaged");
}

#[test]
fn what_is_no_database_stays_as_it_is() {
    let folder = Folder::new();
    let path = folder.path();
    fs::create_dir(path.parent().unwrap()).unwrap();
    let mut random = numbers(1);
    for len in [1, 9, 100, 4_096, 100_000] {
        let garbage: Vec<u8> = (0..len).map(|_| u8::try_from(random(256)).unwrap()).collect();
        fs::write(&path, &garbage).unwrap();
        is_told(&StateStore::open(&path).unwrap_err(), &path);
        assert!(fs::read(&path).unwrap() == garbage, "{len} bytes");
    }
    fs::write(&path, "{\"tempo\": 120}").unwrap();
    is_told(&StateStore::open(&path).unwrap_err(), &path);
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"tempo\": 120}");
}

#[test]
fn a_file_that_was_cut_is_told_of() {
    let folder = Folder::new();
    let path = folder.path();
    let values = filled(&folder);
    let whole = fs::read(&path).unwrap();
    for len in [whole.len() - 1, whole.len() / 2, whole.len() / 3, 8_192, 4_096, 300, 64, 9] {
        fs::write(&path, &whole[..len]).unwrap();
        is_told(&StateStore::open(&path).unwrap_err(), &path);
        assert_eq!(fs::metadata(&path).unwrap().len(), len as u64, "nothing is made of it");
    }
    // With what was cut off, it is what it was.
    fs::write(&path, &whole).unwrap();
    look(&path, &values).unwrap();
}

#[test]
fn a_byte_that_is_another_gives_no_other_value() {
    let folder = Folder::new();
    let path = folder.path();
    let values = filled(&folder);
    let whole = fs::read(&path).unwrap();
    let mut random = numbers(3);
    // Each byte of the header and some of each page.
    let header = 0..320;
    let pages = (320..whole.len() as u64).step_by(1_021).map(|at| at + random(1_021));
    let (mut told, mut all) = (0, 0);
    for at in header.chain(pages) {
        let at = usize::try_from(at).unwrap();
        let mut changed = whole.clone();
        let Some(byte) = changed.get_mut(at) else { continue };
        *byte ^= 1 << (at % 8);
        fs::write(&path, &changed).unwrap();
        if let Err(error) = look(&path, &values) {
            is_told(&error, &path);
            told += 1;
        }
        all += 1;
    }
    println!("{told} of {all} were told of");
    assert!(told > 100, "{told} of {all}");
}

#[test]
fn a_file_that_changes_while_it_is_open_takes_nothing_else_down() {
    let mut random = numbers(5);
    for round in 0..40 {
        let folder = Folder::new();
        let values = filled(&folder);
        let store = folder.store();
        let mut bytes = fs::read(folder.path()).unwrap();
        let from = usize::try_from(random(bytes.len() as u64)).unwrap();
        for byte in bytes.iter_mut().skip(from).step_by(1 + round % 5) {
            *byte = u8::try_from(random(256)).unwrap();
        }
        fs::write(folder.path(), &bytes).unwrap();
        // What comes is anything but a panic: pages that are in memory are read from there.
        let mut failed = None;
        for (key, _) in &values {
            failed = store.get(key).err().or(failed);
            failed = store.set(key, b"new", LIMITS).err().or(failed);
        }
        // Once it is told of, it is told of always.
        if let Some(StateError::Damaged { .. }) = failed {
            is_told(&store.get(b"k").unwrap_err(), &folder.path());
            is_told(&store.delete(b"k").unwrap_err(), &folder.path());
        }
    }
}

#[test]
fn what_is_of_another_program_or_version_is_left_alone() {
    let folder = Folder::new();
    let path = folder.path();
    drop(folder.store());
    let write = |name: &str, number: u64| {
        let database = redb::Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let table = redb::TableDefinition::<&str, u64>::new("numbers");
        transaction.open_table(table).unwrap().insert(name, number).unwrap();
        transaction.commit().unwrap();
    };
    write("format", 2);
    let error = StateStore::open(&path).unwrap_err();
    assert!(error.to_string().ends_with("lights.redb is of format 2, wanted 1"), "{error}");
    assert_eq!(error.guest_message(), "the state is of another version");
    write("format", 1);
    folder.store();

    fs::remove_file(&path).unwrap();
    let database = redb::Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(redb::TableDefinition::<u64, u64>::new("numbers")).unwrap();
    transaction.commit().unwrap();
    drop(database);
    is_told(&StateStore::open(&path).unwrap_err(), &path);
}

#[test]
fn what_the_disk_refuses_is_tried_again() {
    let folder = Folder::new();
    let path = folder.path();
    fs::create_dir_all(&path).unwrap();
    let error = StateStore::open(&path).unwrap_err();
    assert!(matches!(error, StateError::Disk { .. }), "{error:?}");
    assert!(error.to_string().contains("lights.redb: "), "{error}");
    assert_eq!(error.guest_message(), "the state cannot be read or written");
    fs::remove_dir(&path).unwrap();

    let store = folder.store();
    store.set(b"k", b"v", LIMITS).unwrap();
    // As after an error of the disk: the file is given up, and opened again by the next call.
    store.shared.file.close();
    assert_eq!(store.get(b"k").unwrap().unwrap(), b"v");
    store.shared.file.close();
    store.set(b"k", b"w", LIMITS).unwrap();
    // Meanwhile it may be somebody else's.
    store.shared.file.close();
    let other = redb::Database::open(&path).unwrap();
    assert!(matches!(store.get(b"k").unwrap_err(), StateError::Busy { .. }));
    drop(other);
    assert_eq!(store.get(b"k").unwrap().unwrap(), b"w");
}
