//! Whom the user trusts: a directory with the keys and with what was used before.

mod document;
mod keys;
mod pins;
mod rotation;

use std::path::{Path, PathBuf};

pub use keys::{AddError, TrustedKey, TrustedKeys};
pub use pins::{Pin, Pins};
pub use rotation::{Rotation, RotationError};

use crate::file::{self, FileError, ReadError};
use crate::key::PublicKey;
use crate::module::VerifiedModule;
use crate::refusal::Refusal;
use crate::time::Time;

/// A trust store that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] FileError),
    /// It is no TOML.
    #[error("{}: {message}", .path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// An entry is not of the form that it has to have.
    #[error("{}: entry {number} of `{table}`: {problem}", .path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The array of tables.
        table: &'static str,
        /// Which of them, from 1.
        number: usize,
        /// What was found and what was wanted.
        problem: String,
    },
}

/// How a valid signature stands with the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// By a key that the user trusts, under this name.
    Trusted {
        /// The name in the trust store.
        name: String,
    },
    /// By a key that the user does not know.
    Untrusted,
}

/// Where trust is kept: `trusted_keys.toml` and, beside it, `plugin_pins.toml`.
///
/// A directory or file that is not there is an empty one. Whoever edits waits for others who do, reads what is
/// there then, and replaces the file at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustDirectory {
    keys: PathBuf,
    pins: PathBuf,
}

/// The most that is read of either file, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

impl TrustDirectory {
    /// Trust that is kept in this directory.
    pub fn new(directory: impl AsRef<Path>) -> Self {
        let directory = directory.as_ref();
        Self { keys: directory.join("trusted_keys.toml"), pins: directory.join("plugin_pins.toml") }
    }

    /// The file with the keys.
    pub fn keys_path(&self) -> &Path {
        &self.keys
    }

    /// The file with what was used before.
    pub fn pins_path(&self) -> &Path {
        &self.pins
    }

    /// The keys.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or an entry in it is not whole: half a trust store is none.
    pub fn keys(&self) -> Result<TrustedKeys, TrustError> {
        TrustedKeys::parse(&text(&self.keys)?, &self.keys)
    }

    /// What was used before.
    ///
    /// # Errors
    ///
    /// As [`keys`](Self::keys).
    pub fn pins(&self) -> Result<Pins, TrustError> {
        Pins::parse(&text(&self.pins)?, &self.pins)
    }

    /// Changes the keys.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written; or what `change` fails with, and then nothing is written.
    pub fn edit_keys<T, E: From<TrustError>>(
        &self,
        change: impl FnOnce(&mut TrustedKeys) -> Result<T, E>,
    ) -> Result<T, E> {
        let lock = file::lock(&self.keys).map_err(TrustError::from)?;
        let mut keys = self.keys()?;
        let result = change(&mut keys)?;
        file::replace(&self.keys, keys.to_toml().as_bytes()).map_err(TrustError::from)?;
        drop(lock);
        Ok(result)
    }

    /// Changes what was used before.
    ///
    /// # Errors
    ///
    /// As [`edit_keys`](Self::edit_keys).
    pub fn edit_pins<T, E: From<TrustError>>(
        &self,
        change: impl FnOnce(&mut Pins) -> Result<T, E>,
    ) -> Result<T, E> {
        let lock = file::lock(&self.pins).map_err(TrustError::from)?;
        let mut pins = self.pins()?;
        let result = change(&mut pins)?;
        file::replace(&self.pins, pins.to_toml().as_bytes()).map_err(TrustError::from)?;
        drop(lock);
        Ok(result)
    }

    /// How a module that goes by `plugin` stands at this time. Nothing is written.
    ///
    /// # Errors
    ///
    /// The outer one when trust cannot be read; the inner one when the module is not to be loaded.
    pub fn judge(
        &self,
        module: &VerifiedModule,
        plugin: &str,
        now: Time,
    ) -> Result<Result<Standing, Refusal>, TrustError> {
        let keys = self.keys()?;
        let standing = match keys.standing(module, now) {
            Ok(standing) => standing,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(self.pins()?.check(module, plugin, &keys).map(|()| standing))
    }

    /// Remembers that a module was used under the name `plugin`: its key, and its version where it is the highest.
    ///
    /// # Errors
    ///
    /// As [`judge`](Self::judge): what was remembered meanwhile counts.
    pub fn remember(
        &self,
        module: &VerifiedModule,
        plugin: &str,
        now: Time,
    ) -> Result<Result<(), Refusal>, TrustError> {
        let keys = self.keys()?;
        let mut pins = self.pins()?;
        if let Err(refusal) = pins.check(module, plugin, &keys) {
            return Ok(Err(refusal));
        }
        if !pins.remember(module, plugin, now) {
            // All of it is known: the usual case takes no lock and writes nothing.
            return Ok(Ok(()));
        }
        self.edit_pins(|pins| {
            Ok(pins.check(module, plugin, &keys).map(|()| {
                pins.remember(module, plugin, now);
            }))
        })
    }

    /// The keys that a signature is tried with which names none, for a plugin of this name: revoked ones first, since
    /// what one of them signed is refused whoever else signed it; then the key that the plugin had before; then the others.
    ///
    /// # Errors
    ///
    /// When the trust store cannot be used.
    pub fn known_keys(&self, plugin: &str) -> Result<Vec<PublicKey>, TrustError> {
        let (keys, pins) = (self.keys()?, self.pins()?);
        let (revoked, others): (Vec<_>, Vec<_>) = keys
            .all()
            .iter()
            .map(|entry| entry.public_key)
            .partition(|key| keys.get(*key).is_some_and(|entry| entry.revoked_at.is_some()));
        let pinned = pins.get(plugin).map(|pin| pin.public_key);
        Ok(revoked.into_iter().chain(pinned).chain(others).collect())
    }

    /// Whether a plugin of this name may come with a signature that none of the known keys made.
    ///
    /// # Errors
    ///
    /// The outer one when what was used before cannot be read; the inner one when a known key signed it then.
    pub fn judge_unknown(&self, plugin: &str) -> Result<Result<(), Refusal>, TrustError> {
        Ok(match self.pins()?.get(plugin) {
            None => Ok(()),
            Some(pin) => Err(Refusal::UnknownKey {
                plugin: plugin.to_owned(),
                pinned: pin.public_key.fingerprint(),
            }),
        })
    }

    /// Whether a key may sign at all, beside another one that vouches.
    pub(crate) fn judge_cosigner(&self, key: PublicKey) -> Result<Result<(), Refusal>, TrustError> {
        Ok(self.keys()?.not_revoked(key))
    }

    /// Whether a plugin of this name may come without a signature.
    ///
    /// # Errors
    ///
    /// The outer one when what was used before cannot be read; the inner one when it was signed then.
    pub fn judge_unsigned(&self, plugin: &str) -> Result<Result<(), Refusal>, TrustError> {
        Ok(match self.pins()?.get(plugin) {
            None => Ok(()),
            Some(pin) => Err(Refusal::SignatureGone {
                plugin: plugin.to_owned(),
                key: pin.public_key.fingerprint(),
            }),
        })
    }
}

fn text(path: &Path) -> Result<String, TrustError> {
    match file::read(path, MAX_BYTES) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| TrustError::Toml {
            path: path.to_owned(),
            message: error.utf8_error().to_string(),
        }),
        Err(error) if error.is_not_found() => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}
