//! The file: one database of redb's, opened when it is needed, given up when it fails, and kept from growing.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase as _, ReadableTable, TableDefinition};

use super::change::{Change, Changed, Usage, apply};
use super::error::StateError;
use crate::grants::private_folder;

/// The values by key.
pub(super) const VALUES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("values");

/// Numbers about the values, written in the transactions that change them.
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");

/// What the numbers are called.
const FORMAT: &str = "format";
const BYTES: &str = "bytes";
const KEYS: &str = "keys";

/// The format of the tables above.
const CURRENT: u64 = 1;

/// What one database keeps in memory of its file. A plugin's state is small, and there are many plugins.
const CACHE: usize = 4 << 20;

/// A file that may be opened again. All of redb is called in here.
///
/// redb checks what it reads, but not against everything that a damaged file can have: the whole file is checked
/// when it is opened, and a panic of redb's ends with the call that it came in.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    slot: RwLock<Slot>,
    /// Bytes that were written since the file was last compacted.
    written: AtomicU64,
}

#[derive(Debug)]
enum Slot {
    Open(Database),
    /// Not open yet, or given up after the disk failed: redb wants it opened again then.
    Closed,
    /// Nothing more is tried.
    Unusable(StateError),
}

/// What went wrong inside.
enum Problem {
    Redb(redb::Error),
    Format(u64),
}

impl<E: Into<redb::Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

impl StateFile {
    /// Opens the file, or makes it, readable by its user alone.
    pub(super) fn open(path: PathBuf) -> Result<Self, StateError> {
        let file = Self { path, slot: RwLock::new(Slot::Closed), written: AtomicU64::default() };
        file.reopen()?;
        Ok(file)
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.with(|database| {
            let table = database.begin_read()?.open_table(VALUES)?;
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        })
    }

    /// How much there is.
    #[cfg(test)]
    pub(super) fn usage(&self) -> Result<Usage, StateError> {
        self.with(|database| usage(&database.begin_read()?.open_table(NUMBERS)?))
    }

    /// Makes changes in one transaction, and returns when they are on the disk. Those that are refused change
    /// nothing for the others.
    pub(super) fn change(
        &self,
        changes: &[Change],
    ) -> Result<Vec<Result<Changed, StateError>>, StateError> {
        let (results, written) = self.with(|database| {
            let transaction = database.begin_write()?;
            let mut values = transaction.open_table(VALUES)?;
            let mut numbers = transaction.open_table(NUMBERS)?;
            let before = usage(&numbers)?;
            let mut usage = before;
            let (mut results, mut written) = (Vec::new(), 0_u64);
            for change in changes {
                let (result, bytes) = apply(&mut values, &mut usage, change)?;
                results.push(result);
                written = written.saturating_add(bytes);
            }
            if usage != before {
                numbers.insert(BYTES, usage.bytes)?;
                numbers.insert(KEYS, usage.keys)?;
            }
            drop((values, numbers));
            // What changes nothing need not wait for the disk.
            match written {
                0 => transaction.abort()?,
                _ => transaction.commit()?,
            }
            Ok((results, written))
        })?;
        self.written.fetch_add(written, Ordering::Relaxed);
        Ok(results)
    }

    /// Makes the file small again where it is longer than `most`.
    ///
    /// It may have to write all that is live, and is left alone until as much was written as that may be, so that
    /// a file that cannot be made smaller is not tried at each change.
    pub(super) fn bound(&self, most: u64, live: u64) {
        let is_due = || fs::metadata(&self.path).is_ok_and(|data| data.len() > most);
        if self.written.load(Ordering::Relaxed) < live || !is_due() {
            return;
        }
        let mut slot = self.write();
        let Slot::Open(database) = &mut *slot else { return };
        let compacted = self.contained(|| Ok(database.compact()?));
        self.written.store(0, Ordering::Relaxed);
        drop(slot);
        if let Err(error) = compacted {
            // The changes before it are on the disk, and their callers need not know.
            tracing::warn!("a plugin's state could not be made smaller: {error}");
            self.give_up(&error);
        }
    }

    /// Ends it; the file is anybody's then.
    pub(super) fn close(&self) {
        let mut slot = self.write();
        self.replace(&mut slot, Slot::Closed);
    }

    /// Calls redb, on a database that is opened for it where none is.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, Problem>) -> Result<T, StateError> {
        loop {
            match &*self.read() {
                Slot::Open(database) => {
                    let result = self.contained(|| work(database));
                    let Err(error) = result else { return result };
                    break Err(error);
                }
                Slot::Unusable(error) => return Err(error.clone()),
                Slot::Closed => {}
            }
            self.reopen()?;
        }
        .inspect_err(|error| self.give_up(error))
    }

    fn reopen(&self) -> Result<(), StateError> {
        let mut slot = self.write();
        if !matches!(*slot, Slot::Closed) {
            return Ok(());
        }
        match self.contained(|| open(&self.path)) {
            Ok(database) => {
                *slot = Slot::Open(database);
                Ok(())
            }
            Err(error) => {
                if error.is_lasting() {
                    *slot = Slot::Unusable(error.clone());
                }
                Err(error)
            }
        }
    }

    /// After an error redb does nothing more until the file is opened again.
    fn give_up(&self, error: &StateError) {
        let mut slot = self.write();
        let next = if error.is_lasting() { Slot::Unusable(error.clone()) } else { Slot::Closed };
        self.replace(&mut slot, next);
    }

    fn replace(&self, slot: &mut Slot, next: Slot) {
        let before = std::mem::replace(slot, next);
        // Closing writes, and what is wrong with the file may be found there.
        if let Err(error) = self.contained(|| {
            drop(before);
            Ok(())
        }) {
            tracing::warn!("a plugin's state was not closed: {error}");
        }
    }

    fn contained<T>(&self, work: impl FnOnce() -> Result<T, Problem>) -> Result<T, StateError> {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(result) => result.map_err(|problem| match problem {
                Problem::Redb(error) => StateError::redb(&self.path, &error),
                Problem::Format(found) => {
                    StateError::Format { path: self.path.clone(), found, wanted: CURRENT }
                }
            }),
            Err(panic) => Err(StateError::panicked(&self.path, &*panic)),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Slot> {
        self.slot.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Slot> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> Result<Database, Problem> {
    let folder = path.parent().unwrap_or(Path::new("."));
    private_folder(folder)?;
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let is_new = file.metadata()?.len() == 0;
    let database = Builder::new()
        .set_cache_size(CACHE)
        // Without it a damaged page is noticed when it is read, or not at all.
        .set_check_integrity_on_open(true)
        .create_with_backend(FileBackend::new(file)?)?;
    prepare(&database)?;
    if is_new {
        lasting(folder)?;
    }
    Ok(database)
}

/// Makes the tables, and sees whether those that are there are ours.
fn prepare(database: &Database) -> Result<(), Problem> {
    let transaction = database.begin_write()?;
    let mut numbers = transaction.open_table(NUMBERS)?;
    let format = numbers.get(FORMAT)?.map(|format| format.value());
    match format {
        None => {
            numbers.insert(FORMAT, CURRENT)?;
            transaction.open_table(VALUES)?;
            drop(numbers);
            transaction.commit()?;
        }
        Some(CURRENT) => {
            transaction.open_table(VALUES)?;
            drop(numbers);
            transaction.abort()?;
        }
        Some(found) => return Err(Problem::Format(found)),
    }
    Ok(())
}

/// Has the disk know a new file by its name.
fn lasting(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    for folder in [Some(folder), folder.parent()].into_iter().flatten() {
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

fn usage(numbers: &impl ReadableTable<&'static str, u64>) -> Result<Usage, Problem> {
    let number = |name| Ok(numbers.get(name)?.map_or(0, |number| number.value()));
    number(BYTES).and_then(|bytes| Ok(Usage { bytes, keys: number(KEYS)? }))
}
