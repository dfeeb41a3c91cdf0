//! The `.sig` file: what it says, read strictly and written in one way.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::file::{self, FileError};
use crate::hex;
use crate::key::{InvalidKey, PublicKey, SecretKey};
use crate::module::ModuleHash;
use crate::release::{Developer, PluginInfo, Release, ReleaseError};
use crate::statement;
use crate::time::{Time, TimeError};

/// The most that is read of a `.sig` file, in bytes.
pub const MAX_SIGNATURE_BYTES: u64 = 256 * 1024;

const ALGORITHM: &str = "Ed25519";

/// The two generations of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FormatVersion {
    /// The signature covers the 32 bytes of the module's hash. The developer fields are anybody's.
    V1,
    /// The signature covers everything that the file says.
    V2,
}

impl FormatVersion {
    /// The number in the file.
    pub fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// What a `.sig` file says. That it is true, only [`Candidate::verify`](crate::Candidate::verify) knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFile {
    hash: ModuleHash,
    size: u64,
    key: PublicKey,
    signature: [u8; 64],
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// Fields that the signature does not cover, as they were found.
    V1 {
        developer: Developer,
        signed_at: String,
    },
    V2(Release),
}

/// A file that is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// It is no JSON document of the wanted shape.
    #[error("not a signature's JSON: {0}")]
    Json(String),
    /// It is of a generation that there is not.
    #[error("version: found {found}, wanted 1 or 2")]
    Version {
        /// What was found.
        found: u64,
    },
    /// It is made with another algorithm.
    #[error("algorithm: found `{}`, wanted `Ed25519`", .found.escape_default())]
    Algorithm {
        /// What was found.
        found: String,
    },
    /// A field does not hold bytes of the wanted length.
    #[error("{field}: {source}")]
    Bytes {
        /// Where.
        field: &'static str,
        /// What was found.
        source: hex::EncodingError,
    },
    /// The key is none.
    #[error("public_key: {0}")]
    Key(#[from] InvalidKey),
    /// A time is not in the one form that is signed.
    #[error("{field}: {source}")]
    Time {
        /// Where.
        field: &'static str,
        /// What was found.
        source: TimeError,
    },
    /// It says something that it may not.
    #[error(transparent)]
    Release(#[from] ReleaseError),
}

#[derive(Deserialize)]
struct AnyVersion {
    version: u64,
}

/// Version 1 was written by others: what they added to it is not looked at.
#[derive(Deserialize)]
struct V1 {
    algorithm: String,
    plugin_hash: String,
    plugin_size: u64,
    public_key: String,
    signature: String,
    #[serde(default)]
    signed_at: String,
    #[serde(default)]
    developer: LooseDeveloper,
}

#[derive(Default, Deserialize)]
struct LooseDeveloper {
    name: Option<String>,
    email: Option<String>,
}

/// A field that the signature does not cover has no place in version 2.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct V2 {
    version: u64,
    algorithm: String,
    plugin_hash: String,
    plugin_size: u64,
    plugin: PluginInfo,
    developer: Developer,
    signed_at: String,
    expires_at: Option<String>,
    public_key: String,
    signature: String,
}

impl SignatureFile {
    pub(crate) fn sign(
        hash: ModuleHash,
        size: u64,
        release: &Release,
        key: &SecretKey,
    ) -> Result<Self, ReleaseError> {
        release.check()?;
        let public = key.public_key();
        let signature = key.sign(&statement::of_module(hash, size, release, public));
        Ok(Self { hash, size, key: public, signature, content: Content::V2(release.clone()) })
    }

    /// Reads a `.sig` file's content.
    ///
    /// # Errors
    ///
    /// When it is not of the form that docs/signing.md describes.
    pub fn parse(json: &[u8]) -> Result<Self, SignatureError> {
        let json_error = |error: serde_json::Error| SignatureError::Json(error.to_string());
        match serde_json::from_slice(json).map_err(json_error)? {
            AnyVersion { version: 1 } => {
                Self::from_v1(serde_json::from_slice(json).map_err(json_error)?)
            }
            AnyVersion { version: 2 } => {
                Self::from_v2(serde_json::from_slice(json).map_err(json_error)?)
            }
            AnyVersion { version: found } => Err(SignatureError::Version { found }),
        }
    }

    fn from_v1(file: V1) -> Result<Self, SignatureError> {
        algorithm(file.algorithm)?;
        let LooseDeveloper { name, email } = file.developer;
        let (name, email) = (name.unwrap_or_default(), email.unwrap_or_default());
        Ok(Self {
            hash: ModuleHash::from_array(bytes("plugin_hash", &file.plugin_hash)?),
            size: file.plugin_size,
            key: key(&file.public_key)?,
            signature: bytes("signature", &file.signature)?,
            content: Content::V1 {
                developer: Developer { name, email },
                signed_at: file.signed_at,
            },
        })
    }

    fn from_v2(file: V2) -> Result<Self, SignatureError> {
        algorithm(file.algorithm)?;
        let time = |field, text: &str| {
            text.parse::<Time>().map_err(|source| SignatureError::Time { field, source })
        };
        let release = Release {
            plugin: file.plugin,
            developer: file.developer,
            signed_at: time("signed_at", &file.signed_at)?,
            expires_at: file.expires_at.map(|text| time("expires_at", &text)).transpose()?,
        };
        release.check()?;
        Ok(Self {
            hash: ModuleHash::from_array(bytes("plugin_hash", &file.plugin_hash)?),
            size: file.plugin_size,
            key: key(&file.public_key)?,
            signature: bytes("signature", &file.signature)?,
            content: Content::V2(release),
        })
    }

    /// The file's content, for a signature of version 2; one of version 1 is only ever read.
    pub fn to_json(&self) -> Option<String> {
        let Content::V2(Release { plugin, developer, signed_at, expires_at }) = &self.content
        else {
            return None;
        };
        let file = V2 {
            version: 2,
            algorithm: ALGORITHM.to_owned(),
            plugin_hash: self.hash.to_string(),
            plugin_size: self.size,
            plugin: plugin.clone(),
            developer: developer.clone(),
            signed_at: signed_at.to_string(),
            expires_at: expires_at.map(|time| time.to_string()),
            public_key: self.key.to_string(),
            signature: hex::encode(&self.signature),
        };
        serde_json::to_string_pretty(&file).ok().map(|json| json + "\n")
    }

    /// Writes a signature of version 2 to a file, at once; one of version 1 is only ever read.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let read_only = || std::io::Error::other("a signature of version 1 is only ever read");
        let json = self.to_json().ok_or_else(read_only);
        let json = json.map_err(|source| FileError { path: path.to_owned(), source })?;
        file::replace(path, json.as_bytes())
    }

    /// Which generation of the format it is.
    pub fn version(&self) -> FormatVersion {
        match self.content {
            Content::V1 { .. } => FormatVersion::V1,
            Content::V2(_) => FormatVersion::V2,
        }
    }

    /// The module's SHA-256.
    pub fn hash(&self) -> ModuleHash {
        self.hash
    }

    /// The module's length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The key that it names as its own.
    pub fn public_key(&self) -> PublicKey {
        self.key
    }

    /// Whether the signature covers the developer fields; in version 1 anybody may have written them.
    pub fn covers_developer(&self) -> bool {
        self.version() == FormatVersion::V2
    }

    /// Who it says that its developer is.
    pub fn developer(&self) -> &Developer {
        match &self.content {
            Content::V1 { developer, .. } => developer,
            Content::V2(release) => &release.developer,
        }
    }

    /// What it says of the plugin; nothing in version 1.
    pub fn plugin(&self) -> Option<&PluginInfo> {
        match &self.content {
            Content::V1 { .. } => None,
            Content::V2(release) => Some(&release.plugin),
        }
    }

    /// When it says that it was made, as it was found.
    pub fn signed_at(&self) -> String {
        match &self.content {
            Content::V1 { signed_at, .. } => signed_at.clone(),
            Content::V2(release) => release.signed_at.to_string(),
        }
    }

    /// From when on it does not count any more.
    pub fn expires_at(&self) -> Option<Time> {
        match &self.content {
            Content::V1 { .. } => None,
            Content::V2(release) => release.expires_at,
        }
    }

    /// The bytes that were signed.
    pub(crate) fn message(&self) -> Vec<u8> {
        match &self.content {
            Content::V1 { .. } => self.hash.as_bytes().to_vec(),
            Content::V2(release) => statement::of_module(self.hash, self.size, release, self.key),
        }
    }

    pub(crate) fn signature(&self) -> &[u8; 64] {
        &self.signature
    }
}

fn algorithm(found: String) -> Result<(), SignatureError> {
    if found == ALGORITHM { Ok(()) } else { Err(SignatureError::Algorithm { found }) }
}

fn bytes<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], SignatureError> {
    hex::decode(text).map_err(|source| SignatureError::Bytes { field, source })
}

fn key(text: &str) -> Result<PublicKey, SignatureError> {
    Ok(PublicKey::from_bytes(&hex::decode(text).map_err(InvalidKey::from)?)?)
}
