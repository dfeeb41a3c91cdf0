//! Grants on disk.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use plugbay_policy::Capability;
use serde::{Deserialize, Serialize};

use super::document::{GrantFile, Identity};
use super::file::{self, Seen};

/// The format that this version writes, and the only one that it reads.
const VERSION: u64 = 1;

/// A file of grants, which several processes may read and change.
///
/// It is looked at whenever it is asked, and read anew where it was replaced since: what another process revokes
/// is revoked here with the next question.
#[derive(Debug)]
pub struct GrantStore {
    path: PathBuf,
    seen: Mutex<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    seen: Seen,
    revision: u64,
    file: Arc<GrantFile>,
    /// What was wrong with it, once it was said.
    wrong: bool,
}

/// A file of grants that cannot be used. It is never replaced by an empty one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantStoreError {
    /// It cannot be read.
    #[error("cannot read the grants in {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no file of grants any more.
    #[error(
        "the grants in {} are damaged: {problem}; mend the file, or move it away to begin anew without grants",
        .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found, and where.
        problem: String,
    },
    /// A later version of this program wrote it.
    #[error(
        "the grants in {} are of version {found}, this program reads version {VERSION}: a later one wrote them",
        .path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// It cannot be written; the old one is still there.
    #[error("cannot write the grants in {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[derive(Serialize)]
struct Written<'a> {
    version: u64,
    #[serde(flatten)]
    file: &'a GrantFile,
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl GrantStore {
    /// The grants in a file, which need not be there yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), seen: Mutex::default() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says now.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is damaged, or is of a later version.
    pub fn read(&self) -> Result<GrantFile, GrantStoreError> {
        self.read_seen().1
    }

    /// What the file says now, for deciding: what cannot be read grants nothing, which is said once. The number
    /// is another one whenever the file is.
    pub(super) fn current(&self) -> (u64, Arc<GrantFile>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = seen.as_ref().filter(|known| known.seen.is_current(&self.path)) {
            return (known.revision, Arc::clone(&known.file));
        }
        let (revision, told) =
            seen.as_ref().map_or((0, false), |known| (known.revision, known.wrong));
        let (found, file) = self.read_seen();
        let wrong = file.is_err();
        let file = Arc::new(file.unwrap_or_else(|error| {
            if !told {
                tracing::error!("{error}; until then nothing in it counts");
            }
            GrantFile::default()
        }));
        // Where nothing is there, it is looked at again and again, and is nothing new.
        let same = seen.as_ref().is_some_and(|known| known.file == file);
        let revision = if same { revision } else { revision + 1 };
        *seen = Some(Known { seen: found, revision, file: Arc::clone(&file), wrong });
        (revision, file)
    }

    /// Changes the file: nobody else changes it meanwhile, and readers see it before or after.
    /// Where `change` leaves it as it was, nothing is written.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written. Then it is as it was.
    pub fn update<R>(
        &self,
        change: impl FnOnce(&mut GrantFile) -> R,
    ) -> Result<R, GrantStoreError> {
        let write_error = |source| GrantStoreError::Write { path: self.path.clone(), source };
        let _lock = file::lock(&self.path).map_err(write_error)?;
        let before = self.read()?;
        let mut after = before.clone();
        let result = change(&mut after);
        if after != before {
            let written = Written { version: VERSION, file: &after };
            let mut text = serde_json::to_string_pretty(&written)
                .map_err(|error| write_error(io::Error::other(error)))?;
            text.push('\n');
            file::replace(&self.path, &text).map_err(write_error)?;
        }
        Ok(result)
    }

    /// Notes what a plugin lacks, where that is news.
    pub(super) fn ask(
        &self,
        identity: &Identity,
        lacking: &[Capability],
    ) -> Result<(), GrantStoreError> {
        // A start that is like the one before writes nothing, and needs no place to write to.
        if !self.read()?.ask(identity, lacking) {
            return Ok(());
        }
        self.update(|file| file.ask(identity, lacking)).map(|_| ())
    }

    fn read_seen(&self) -> (Seen, Result<GrantFile, GrantStoreError>) {
        match file::read(&self.path) {
            Ok(None) => (Seen::Nothing, Ok(GrantFile::default())),
            Ok(Some((text, seen))) => (seen, self.parse(&text)),
            Err(source) => {
                (Seen::Nothing, Err(GrantStoreError::Read { path: self.path.clone(), source }))
            }
        }
    }

    fn parse(&self, text: &str) -> Result<GrantFile, GrantStoreError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Read {
            #[serde(rename = "version")]
            _version: u64,
            #[serde(default)]
            grants: Vec<super::GrantEntry>,
            #[serde(default)]
            requests: Vec<super::GrantRequest>,
        }
        let damaged = |error: serde_json::Error| GrantStoreError::Damaged {
            path: self.path.clone(),
            problem: error.to_string(),
        };
        match serde_json::from_str::<Versioned>(text).map_err(damaged)?.version {
            VERSION => {}
            found if found > VERSION => {
                return Err(GrantStoreError::Version { path: self.path.clone(), found });
            }
            found => {
                let problem = format!("found version {found}, wanted {VERSION}");
                return Err(GrantStoreError::Damaged { path: self.path.clone(), problem });
            }
        }
        let Read { grants, requests, .. } = serde_json::from_str(text).map_err(damaged)?;
        Ok(GrantFile { grants, requests })
    }
}
