//! Plugins from URLs: fetched into a folder in which a module is found by its hash, and loaded from there.
//!
//! What is fetched is no more trusted than what lies there: whoever loads it holds it against its pin and its signature,
//! the last good copy, too.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use plugbay::module_hash;
use plugbay::network::{HttpRequest, HttpResponse, Network, NetworkError};
use plugbay::policy::ModuleHash;
use serde::{Deserialize, Serialize};

use super::download::{self, shown};

/// Longest signature beside a module, in bytes.
const SIGNATURE: u64 = 64 << 10;

/// Why a module is not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There is nowhere to put it.
    #[error("there is no folder for downloads (--no-cache, or a user without a cache directory)")]
    NoFolder,
    /// It is no URL that files are fetched from.
    #[error("found `{url}`, wanted https")]
    Scheme {
        /// Where from, without what may be secret in it.
        url: String,
    },
    /// It cannot be had, and neither can an older copy.
    #[error("{url}: {source}")]
    Network {
        /// Where from, without what may be secret in it.
        url: String,
        /// Why.
        source: Box<NetworkError>,
    },
    /// The server has something else to say.
    #[error("{url}: found status {status}, wanted 200")]
    Status {
        /// Where from, without what may be secret in it.
        url: String,
        /// What it answered.
        status: u16,
    },
    /// It cannot be kept.
    #[error("cannot use {}: {source}", .path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What one plugin's URL may lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) url: String,
    /// Addresses that may be reached though they are not public.
    pub(crate) allow_private: Vec<SocketAddr>,
    /// Longest module, in bytes.
    pub(crate) limit: u64,
}

/// Fetches modules.
#[derive(Debug)]
pub(super) struct Fetcher {
    network: Network,
    folder: Option<PathBuf>,
}

/// A module that is there now, and what to note once it has turned out to be good.
pub(super) struct Fetched {
    pub(super) file: PathBuf,
    note: Option<(PathBuf, Note)>,
}

/// The last good copy of what a URL led to.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    etag: Option<String>,
    sha256: ModuleHash,
}

impl Fetcher {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { network: Network::new(), folder }
    }

    /// The module of now, or where it cannot be had, the last good one.
    pub(super) async fn fetch(&self, plugin: &str, remote: &Remote) -> Result<Fetched, FetchError> {
        let folder = self.folder.as_deref().ok_or(FetchError::NoFolder)?;
        let index = folder.join(format!("{}.json", module_hash(remote.url.as_bytes())));
        let known = known(folder, &index);
        let error = match self.ask(folder, &index, known.as_ref(), remote).await {
            Ok(fetched) => return Ok(fetched),
            Err(error) => error,
        };
        match known {
            Some(note) => {
                tracing::warn!(plugin, %error, sha256 = %note.sha256, "not fetched: the last good copy is used");
                Ok(Fetched { file: module(folder, note.sha256), note: None })
            }
            None => Err(error),
        }
    }

    async fn ask(
        &self,
        folder: &Path,
        index: &Path,
        known: Option<&Note>,
        remote: &Remote,
    ) -> Result<Fetched, FetchError> {
        let mut request = HttpRequest::get(&remote.url);
        if let Some(etag) = known.and_then(|note| note.etag.as_ref()) {
            request = request.with_header("if-none-match", etag.as_str());
        }
        let answer = self.get(request, remote, remote.limit).await?;
        let (note, is_new) = match (answer.status, known) {
            (200, _) => {
                let sha256 = module_hash(&answer.body);
                put(&module(folder, sha256), &answer.body)?;
                (Note { etag: answer.header("etag").map(str::to_owned), sha256 }, true)
            }
            (304, Some(note)) => (Note { etag: note.etag.clone(), sha256: note.sha256 }, false),
            (status, _) => return Err(FetchError::Status { url: shown(&remote.url), status }),
        };
        let file = module(folder, note.sha256);
        // It may be signed later, and the signature taken back.
        let signature = self.get(HttpRequest::get(beside(&remote.url)), remote, SIGNATURE).await?;
        let signature_file = plugbay::signing::signature_path(&file);
        match signature.status {
            200 => put(&signature_file, &signature.body)?,
            404 | 410 => remove(&signature_file)?,
            status => {
                return Err(FetchError::Status { url: shown(&beside(&remote.url)), status });
            }
        }
        Ok(Fetched { file, note: is_new.then(|| (index.to_owned(), note)) })
    }

    async fn get(
        &self,
        request: HttpRequest,
        remote: &Remote,
        limit: u64,
    ) -> Result<HttpResponse, FetchError> {
        download::get(&self.network, request, &remote.allow_private, limit).await
    }
}

impl Fetched {
    /// It was loaded: from now on, it is the last good one.
    pub(super) fn is_good(&self) {
        let Some((index, note)) = &self.note else { return };
        // Text can always be written.
        let json = serde_json::to_vec(note).unwrap_or_default();
        if let Err(error) = put(index, &json) {
            tracing::warn!(%error, "the copy of a plugin cannot be noted");
        }
    }
}

/// The last good copy, if it is still what it was.
fn known(folder: &Path, index: &Path) -> Option<Note> {
    let note: Note = serde_json::from_slice(&std::fs::read(index).ok()?).ok()?;
    let bytes = std::fs::read(module(folder, note.sha256)).ok()?;
    (module_hash(&bytes) == note.sha256).then_some(note)
}

fn module(folder: &Path, hash: ModuleHash) -> PathBuf {
    folder.join(format!("{hash}.wasm"))
}

/// Puts a file in the place of another as a whole.
fn put(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let failed = |source| FetchError::Folder { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new(""));
    private(folder).map_err(failed)?;
    let mut name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Text can always be added to.
    let _: std::fmt::Result = write!(name, ".{}", uuid::Uuid::new_v4());
    let new = folder.join(name);
    let written = std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, path));
    written.map_err(|error| {
        // What is left of it is in nobody's way.
        drop(std::fs::remove_file(&new));
        failed(error)
    })
}

/// Makes a folder that is its user's alone, as compiled code beside it wants to have it.
fn private(folder: &Path) -> std::io::Result<()> {
    let mut made = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut made, 0o700);
    made.recursive(true).create(folder)
}

fn remove(path: &Path) -> Result<(), FetchError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FetchError::Folder { path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// The URL of the signature beside a module.
fn beside(url: &str) -> String {
    match url.split_once('?') {
        Some((path, query)) => format!("{path}.sig?{query}"),
        None => format!("{url}.sig"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_beside_the_module() {
        assert_eq!(beside("https://e.org/p.wasm?a=1"), "https://e.org/p.wasm.sig?a=1");
        assert_eq!(beside("https://e.org/p.wasm"), "https://e.org/p.wasm.sig");
    }
}
