//! Compiled code on disk: found by what it was compiled from, run only if it is what was written.
//!
//! An entry is one file, named by the hash of the module and of everything about the engine that
//! code depends on. Its last bytes seal the rest with a secret of the directory's owner. Entries
//! are written elsewhere and renamed, and are never changed after that.

mod entry;
mod error;
mod files;
mod map;
mod room;
mod secret;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use wasmtime::{Engine, Module};

use entry::EntryId;
pub use error::CacheError;
use error::Refused;
pub use room::CachedCode;
use secret::Secret;

/// How much a cache may hold unless it is told otherwise, in bytes: 512 MiB.
pub const DEFAULT_CACHE_BYTES: u64 = 512 << 20;

/// Compiled code in a directory of the user's own. Cheap to clone, safe among threads and processes.
///
/// An entry that was damaged, swapped with another or put there by somebody else is not run: it is
/// removed with a warning, and the module is compiled again. A directory that cannot be written
/// is told of once; modules are compiled as if there were no cache.
#[derive(Debug, Clone)]
pub struct CodeCache {
    shared: Arc<Shared>,
    limit: u64,
}

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    secret: Secret,
    /// Whether it was said that nothing can be written.
    complained: AtomicBool,
}

impl CodeCache {
    /// The cache in `directory`, which is made if it is not there, with mode 0700.
    ///
    /// # Errors
    ///
    /// When the directory or the secret in it cannot be made or read, when it belongs to another
    /// user, or when others can write to it.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, CacheError> {
        let directory = directory.into();
        files::private_directory(&directory)?;
        let secret = Secret::of(&directory)?;
        let shared = Shared { directory, secret, complained: AtomicBool::new(false) };
        Ok(Self { shared: Arc::new(shared), limit: DEFAULT_CACHE_BYTES })
    }

    /// The same cache, holding at most `bytes`. What was not used for the longest time goes first.
    #[must_use]
    pub fn with_limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }

    /// How much it may hold, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// What it holds, the longest unused first.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn entries(&self) -> Result<Vec<CachedCode>, CacheError> {
        room::entries(self.directory()).map_err(|source| self.io_error(source))
    }

    /// Removes every entry and returns how many there were. The secret stays: another process may use it.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read, or an entry cannot be removed.
    pub fn clear(&self) -> Result<usize, CacheError> {
        room::clear(self.directory()).map_err(|source| self.io_error(source))
    }

    fn io_error(&self, source: std::io::Error) -> CacheError {
        CacheError::Io { path: self.directory().to_owned(), source }
    }

    /// The code of an entry, if there is one that may be run.
    fn load(&self, engine: &Engine, id: &EntryId) -> Option<Module> {
        let path = self.directory().join(id.file_name());
        let loaded = files::open(&path)
            .and_then(|file| self.shared.secret.verify(file, id))
            .and_then(|entry| {
                entry.mark_used(SystemTime::now(), USED_AGAIN_AFTER);
                map::module(engine, entry)
            });
        match loaded {
            Ok(module) => return Some(module),
            Err(Refused::Missing) => {}
            Err(refused) => {
                tracing::warn!(
                    "{} is not run: {refused}; the module is compiled again",
                    path.display()
                );
                if refused.is_of_no_use() {
                    // Where it cannot be removed, the new entry may still take its place.
                    let _ = std::fs::remove_file(&path);
                }
            }
        }
        None
    }

    fn store(&self, id: &EntryId, code: &[u8]) {
        let seal = self.shared.secret.seal(id, code);
        let bytes = code.len().saturating_add(seal.len()) as u64;
        if bytes > self.limit {
            return;
        }
        let stored = files::write(self.directory(), &id.file_name(), &[code, &seal])
            .and_then(|()| room::make(self.directory(), self.limit, SystemTime::now()));
        if let Err(error) = stored
            && !self.shared.complained.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                "compiled code cannot be kept in {}: {error}; modules are compiled at every start",
                self.directory().display()
            );
        }
    }
}

/// An entry in use is marked so at most this often: a mark is a write.
const USED_AGAIN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A module, from the cache if it has it; otherwise compiled, and left there.
pub(crate) fn module(
    engine: &Engine,
    cache: Option<&CodeCache>,
    wasm: &[u8],
) -> wasmtime::Result<Module> {
    let Some(cache) = cache else { return Module::from_binary(engine, wasm) };
    let id = EntryId::new(&engine.precompile_compatibility_hash(), wasm);
    if let Some(module) = cache.load(engine, &id) {
        return Ok(module);
    }
    let module = Module::from_binary(engine, wasm)?;
    match module.serialize() {
        Ok(code) => cache.store(&id, &code),
        Err(error) => tracing::warn!("compiled code is not kept: {error:#}"),
    }
    Ok(module)
}
