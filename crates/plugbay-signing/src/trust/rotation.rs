//! A key that hands its trust on: a statement signed by the old key.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::file::{self, FileError};
use crate::hex::{self, EncodingError};
use crate::key::{InvalidKey, PublicKey, SecretKey};
use crate::statement;
use crate::time::{Time, TimeError};

/// What a key's owner signs so that another key takes its place. As a file: `NEW.rotation`, JSON.
///
/// One that exists was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    old: PublicKey,
    new: PublicKey,
    signed_at: Time,
    signature: [u8; 64],
}

/// A rotation that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// It is no JSON document of the wanted shape.
    #[error("not a rotation's JSON: {0}")]
    Json(String),
    /// It is of another generation, or made with another algorithm.
    #[error("found version {version} with algorithm `{}`, wanted version 1 with `Ed25519`", .algorithm.escape_default())]
    Version {
        /// The version found.
        version: u64,
        /// The algorithm found.
        algorithm: String,
    },
    /// A key is none.
    #[error("{field}: {source}")]
    Key {
        /// Where.
        field: &'static str,
        /// Why.
        source: InvalidKey,
    },
    /// The time is none.
    #[error("signed_at: {0}")]
    Time(#[from] TimeError),
    /// The signature is none.
    #[error("signature: {0}")]
    Signature(#[from] EncodingError),
    /// A key would follow itself.
    #[error("the old key and the new one are the same")]
    SameKey,
    /// The old key did not sign this.
    #[error("the signature is not one of the old key {} over this rotation", .0.fingerprint())]
    NotSigned(PublicKey),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    algorithm: String,
    old_key: String,
    new_key: String,
    signed_at: String,
    signature: String,
}

impl Rotation {
    /// Signs that `new` takes the place of `old`.
    ///
    /// # Errors
    ///
    /// When both are the same key.
    pub fn sign(old: &SecretKey, new: PublicKey, signed_at: Time) -> Result<Self, RotationError> {
        let public = old.public_key();
        if public == new {
            return Err(RotationError::SameKey);
        }
        let signature = old.sign(&statement::of_rotation(public, new, signed_at));
        Ok(Self { old: public, new, signed_at, signature })
    }

    /// Reads and verifies a rotation's file.
    ///
    /// # Errors
    ///
    /// When it is not of the form that docs/signing.md describes, or the old key did not sign it.
    pub fn parse(json: &[u8]) -> Result<Self, RotationError> {
        let file: File =
            serde_json::from_slice(json).map_err(|error| RotationError::Json(error.to_string()))?;
        if file.version != 1 || file.algorithm != "Ed25519" {
            let (version, algorithm) = (file.version, file.algorithm);
            return Err(RotationError::Version { version, algorithm });
        }
        let key = |field, text: &str| {
            text.parse::<PublicKey>().map_err(|source| RotationError::Key { field, source })
        };
        let rotation = Self {
            old: key("old_key", &file.old_key)?,
            new: key("new_key", &file.new_key)?,
            signed_at: file.signed_at.parse()?,
            signature: hex::decode(&file.signature)?,
        };
        if rotation.old == rotation.new {
            return Err(RotationError::SameKey);
        }
        let message = statement::of_rotation(rotation.old, rotation.new, rotation.signed_at);
        if !rotation.old.verifies(&message, &rotation.signature) {
            return Err(RotationError::NotSigned(rotation.old));
        }
        Ok(rotation)
    }

    /// The file's content.
    pub fn to_json(&self) -> String {
        let file = File {
            version: 1,
            algorithm: "Ed25519".to_owned(),
            old_key: self.old.to_string(),
            new_key: self.new.to_string(),
            signed_at: self.signed_at.to_string(),
            signature: hex::encode(&self.signature),
        };
        // A struct of texts and a number is always JSON.
        serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
    }

    /// Writes it to a file, at once.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        file::replace(path, self.to_json().as_bytes())
    }

    /// The key that hands its trust on.
    pub fn old_key(&self) -> PublicKey {
        self.old
    }

    /// The key that takes its place.
    pub fn new_key(&self) -> PublicKey {
        self.new
    }
}
