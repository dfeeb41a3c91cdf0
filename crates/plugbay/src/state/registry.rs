//! Which files are open: one database for each in the whole process, whoever asks for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use super::change::{Change, Changed};
use super::database::StateFile;
use super::error::StateError;
use super::together::Together;
use crate::grants::private_folder;

/// A file that is open, for all that use it. The last one to go closes it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) file: StateFile,
    pub(super) changes: Together<Change, Result<Changed, StateError>>,
    place: Arc<Place>,
}

/// Where one file's database is, or was.
#[derive(Debug, Default)]
struct Place {
    /// It stays here until the file is closed, and so longer than anybody uses it.
    held: Mutex<Option<Weak<Shared>>>,
    closed: Condvar,
}

static PLACES: Mutex<BTreeMap<PathBuf, Arc<Place>>> = Mutex::new(BTreeMap::new());

impl Shared {
    /// The database of a file.
    pub(super) fn of(path: &Path) -> Result<Arc<Self>, StateError> {
        let path = resolved(path)?;
        let place = {
            let mut places = lock(&PLACES);
            // Those that nobody has any more: a clone is taken only here.
            places.retain(|_, place| Arc::strong_count(place) > 1);
            Arc::clone(places.entry(path.clone()).or_default())
        };
        let mut held = lock(&place.held);
        while let Some(shared) = &*held {
            if let Some(shared) = shared.upgrade() {
                return Ok(shared);
            }
            // The last one is gone and is about to close the file, which it cannot be opened before.
            held = place.closed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        let file = StateFile::open(path)?;
        let shared = Arc::new(Self { file, changes: Together::new(), place: Arc::clone(&place) });
        *held = Some(Arc::downgrade(&shared));
        drop(held);
        Ok(shared)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let mut held = lock(&self.place.held);
        self.file.close();
        *held = None;
        drop(held);
        self.place.closed.notify_all();
    }
}

/// One name for each file, whichever way it was named.
fn resolved(path: &Path) -> Result<PathBuf, StateError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let folder = private_folder(folder).and_then(|()| folder.canonicalize());
    let folder = folder.map_err(|error| StateError::disk(path, &error))?;
    Ok(folder.join(path.file_name().unwrap_or_default()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
