//! `trusted_keys.toml`: whose signatures count.

use std::path::Path;

use super::document::{Document, Entry};
use super::{Rotation, RotationError, Standing, TrustError};
use crate::key::{Fingerprint, PublicKey};
use crate::module::VerifiedModule;
use crate::refusal::Refusal;
use crate::time::Time;

const TABLE: &str = "keys";

/// One of `[[keys]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustedKey {
    /// Whose it is, in the user's own words.
    pub name: String,
    /// Where they can be reached.
    pub email: Option<String>,
    /// The key.
    pub public_key: PublicKey,
    /// Since when it is in the store.
    pub added_at: Option<String>,
    /// Since when it does not count any more.
    pub revoked_at: Option<String>,
    /// The key that handed its trust on to this one.
    pub rotated_from: Option<PublicKey>,
}

/// A change that the keys do not allow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] TrustError),
    /// The key is there.
    #[error("the key {key} is there already, as `{name}`")]
    Known {
        /// The key.
        key: Fingerprint,
        /// Its name.
        name: String,
    },
    /// The key was revoked.
    #[error("the key {key} of `{name}` was revoked at {at}; `trust remove` forgets that")]
    Revoked {
        /// The key.
        key: Fingerprint,
        /// Its name.
        name: String,
        /// When.
        at: String,
    },
    /// There is no such key.
    #[error(
        "no key `{wanted}` in the trust store; wanted a key, a fingerprint or a name that only one key has"
    )]
    Unknown {
        /// What was asked for.
        wanted: String,
    },
    /// Several keys have the name.
    #[error("{count} keys are called `{wanted}`; wanted a key or a fingerprint")]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// How many.
        count: usize,
    },
    /// The old key did not sign that the new one takes its place.
    #[error(transparent)]
    Rotation(#[from] RotationError),
}

/// The keys that a user trusts, and trusted once.
#[derive(Debug, Clone)]
pub struct TrustedKeys {
    document: Document,
    keys: Vec<TrustedKey>,
}

impl TrustedKeys {
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, TrustError> {
        let document = Document::parse(text, TABLE, path)?;
        let keys = document.entries(read)?;
        Ok(Self { document, keys })
    }

    /// All of them, in the order of the file.
    pub fn all(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// The entry of a key. Where a key stands there twice and once revoked, it is revoked.
    pub fn get(&self, key: PublicKey) -> Option<&TrustedKey> {
        let mut entries = self.keys.iter().filter(|entry| entry.public_key == key);
        let first = entries.next();
        first
            .filter(|e| e.revoked_at.is_some())
            .or_else(|| entries.find(|entry| entry.revoked_at.is_some()).or(first))
    }

    /// Trusts a key from now on.
    ///
    /// # Errors
    ///
    /// When it is there already, revoked or not.
    pub fn add(
        &mut self,
        key: PublicKey,
        name: &str,
        email: Option<&str>,
        now: Time,
    ) -> Result<(), AddError> {
        self.vacant(key)?;
        self.push(TrustedKey {
            name: name.to_owned(),
            email: email.map(str::to_owned),
            public_key: key,
            added_at: Some(now.to_string()),
            revoked_at: None,
            rotated_from: None,
        });
        Ok(())
    }

    fn vacant(&self, key: PublicKey) -> Result<(), AddError> {
        match self.get(key) {
            None => Ok(()),
            Some(TrustedKey { name, revoked_at: Some(at), .. }) => {
                let (name, at) = (name.clone(), at.clone());
                Err(AddError::Revoked { key: key.fingerprint(), name, at })
            }
            Some(TrustedKey { name, .. }) => {
                Err(AddError::Known { key: key.fingerprint(), name: name.clone() })
            }
        }
    }

    fn push(&mut self, key: TrustedKey) {
        self.document.push(&[
            ("name", Some(key.name.clone())),
            ("email", key.email.clone()),
            ("public_key", Some(key.public_key.to_string())),
            ("added_at", key.added_at.clone()),
            ("rotated_from", key.rotated_from.map(|old| old.to_string())),
        ]);
        self.keys.push(key);
    }

    /// Forgets a key, and that it was revoked. Gives what it was.
    ///
    /// # Errors
    ///
    /// When there is no such key, or several have the name.
    pub fn remove(&mut self, wanted: &str) -> Result<TrustedKey, AddError> {
        let key = self.find(wanted)?;
        let found = self.keys.iter().find(|entry| entry.public_key == key).cloned();
        while let Some(index) = self.keys.iter().position(|entry| entry.public_key == key) {
            self.keys.remove(index);
            self.document.remove(index);
        }
        found.ok_or_else(|| AddError::Unknown { wanted: wanted.to_owned() })
    }

    /// Trusts a key no more, whatever it signed and whenever. Gives its entry.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn revoke(&mut self, wanted: &str, now: Time) -> Result<TrustedKey, AddError> {
        let key = self.find(wanted)?;
        if let Some(entry) = self.get(key).filter(|entry| entry.revoked_at.is_some()) {
            // The first time counts.
            return Ok(entry.clone());
        }
        let mut revoked = None;
        for (index, entry) in self.keys.iter_mut().enumerate() {
            if entry.public_key == key {
                entry.revoked_at = Some(now.to_string());
                self.document.set(index, &[("revoked_at", entry.revoked_at.clone())]);
                revoked = Some(entry.clone());
            }
        }
        revoked.ok_or_else(|| AddError::Unknown { wanted: wanted.to_owned() })
    }

    /// Trusts a new key because a trusted one signed that it takes its place. The old one stays trusted for what
    /// it signed; a plugin that was seen with the new one is refused with the old one. Gives the new entry.
    ///
    /// # Errors
    ///
    /// When the old key is not trusted or was revoked, or the new one is there already.
    pub fn rotate(&mut self, rotation: &Rotation, now: Time) -> Result<TrustedKey, AddError> {
        let (old, new) = (rotation.old_key(), rotation.new_key());
        let wanted = || AddError::Unknown { wanted: old.to_string() };
        let from = self.get(old).ok_or_else(wanted)?.clone();
        if let Some(at) = from.revoked_at {
            return Err(AddError::Revoked { key: old.fingerprint(), name: from.name, at });
        }
        self.vacant(new)?;
        let entry = TrustedKey {
            public_key: new,
            added_at: Some(now.to_string()),
            rotated_from: Some(old),
            ..from
        };
        self.push(entry.clone());
        Ok(entry)
    }

    /// The key that a user means by a key, a fingerprint or a name.
    fn find(&self, wanted: &str) -> Result<PublicKey, AddError> {
        let key = wanted.parse::<PublicKey>().ok();
        let mut found: Vec<PublicKey> = Vec::new();
        for entry in &self.keys {
            let is_meant = key == Some(entry.public_key)
                || entry.public_key.fingerprint().to_string() == wanted
                || entry.name == wanted;
            if is_meant && !found.contains(&entry.public_key) {
                found.push(entry.public_key);
            }
        }
        let wanted = wanted.to_owned();
        match *found {
            [] => Err(AddError::Unknown { wanted }),
            [key] => Ok(key),
            _ => Err(AddError::Ambiguous { wanted, count: found.len() }),
        }
    }

    /// Whether trust went from `old` to `new`, in however many steps.
    pub(super) fn leads_to(&self, old: PublicKey, new: PublicKey) -> bool {
        let mut key = new;
        // A ring of entries is longer than all of them.
        for _ in 0..=self.keys.len() {
            match self.get(key).and_then(|entry| entry.rotated_from) {
                Some(from) if from == old => return true,
                Some(from) => key = from,
                None => return false,
            }
        }
        false
    }

    pub(super) fn standing(&self, module: &VerifiedModule, now: Time) -> Result<Standing, Refusal> {
        let key = module.signer();
        self.not_revoked(key)?;
        if let Some(at) = module.signature().expires_at().filter(|at| *at <= now) {
            return Err(Refusal::Expired { key: key.fingerprint(), at });
        }
        Ok(match self.get(key) {
            Some(entry) => Standing::Trusted { name: entry.name.clone() },
            None => Standing::Untrusted,
        })
    }

    pub(super) fn not_revoked(&self, key: PublicKey) -> Result<(), Refusal> {
        match self.get(key) {
            Some(TrustedKey { name, revoked_at: Some(at), .. }) => {
                let (name, at) = (name.clone(), at.clone());
                Err(Refusal::Revoked { key: key.fingerprint(), name, at })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn to_toml(&self) -> String {
        self.document.to_toml()
    }
}

fn read(entry: &Entry<'_>) -> Result<TrustedKey, String> {
    Ok(TrustedKey {
        name: entry.text("name")?,
        email: entry.optional("email")?,
        public_key: entry.parsed("public_key")?,
        added_at: entry.optional("added_at")?,
        revoked_at: entry.optional("revoked_at")?,
        rotated_from: entry.parsed_optional("rotated_from")?,
    })
}
