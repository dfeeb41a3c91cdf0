//! Modules: bytes that were read once, and what is known of those very bytes.

use std::fmt;
use std::io::Read;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::embedded::{Claims, EmbeddedError, EmbeddedSignature};
use crate::file::ReadError;
use crate::hex;
use crate::key::{PublicKey, SecretKey};
use crate::refusal::Refusal;
use crate::release::{PluginInfo, Release, ReleaseError};
use crate::signature::SignatureFile;
use crate::time::Time;
use crate::trust::Standing;

/// The SHA-256 of a module's bytes. As text: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleHash([u8; 32]);

impl ModuleHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn from_array(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for ModuleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for ModuleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes that were read, of which nothing is known yet but their hash.
#[derive(Clone)]
pub struct Candidate {
    bytes: Vec<u8>,
    hash: ModuleHash,
}

/// How much is read before it is hashed: it is still in the processor's cache then.
const PIECE: u64 = 128 * 1024;

impl Candidate {
    /// Reads a file once, at most one byte past `limit`, and hashes it meanwhile.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or has more than `limit` bytes.
    pub fn read(path: &Path, limit: u64) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(failed)?;
        let expected = file.metadata().map_err(failed)?.len().min(limit).saturating_add(1);
        let mut bytes = Vec::new();
        // Of a device that says it has no end, no more than the limit is believed.
        bytes
            .try_reserve_exact(usize::try_from(expected).unwrap_or(usize::MAX))
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let (mut hash, mut rest) = (Sha256::new(), file.take(limit.saturating_add(1)));
        loop {
            let before = bytes.len();
            rest.by_ref().take(PIECE).read_to_end(&mut bytes).map_err(failed)?;
            match bytes.get(before..) {
                Some(piece) if !piece.is_empty() => hash.update(piece),
                _ => break,
            }
        }
        let found = bytes.len() as u64;
        if found > limit {
            return Err(ReadError::TooLarge { path: path.to_owned(), found, limit });
        }
        Ok(Self { bytes, hash: ModuleHash(hash.finalize().into()) })
    }

    /// Bytes that the caller has already.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        let hash = ModuleHash::of(&bytes);
        Self { bytes, hash }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their hash.
    pub fn hash(&self) -> ModuleHash {
        self.hash
    }

    /// Signs these bytes and what `release` says of them, in version 2 of the format.
    ///
    /// # Errors
    ///
    /// When the release says something that a signature cannot say.
    pub fn sign(&self, key: &SecretKey, release: &Release) -> Result<SignatureFile, ReleaseError> {
        SignatureFile::sign(self.hash, self.bytes.len() as u64, release, key)
    }

    /// Holds the bytes against a signature. Whether its key deserves trust is another question.
    ///
    /// # Errors
    ///
    /// When the signature is another module's, or no signature at all.
    pub fn verify(self, signature: SignatureFile) -> Result<VerifiedModule, VerifyError> {
        let size = self.bytes.len() as u64;
        if signature.size() != size {
            return Err(VerifyError::Size { found: size, signed: signature.size() });
        }
        if signature.hash() != self.hash {
            return Err(VerifyError::Hash { found: self.hash, signed: signature.hash() });
        }
        let key = signature.public_key();
        if !key.verifies(&signature.message(), signature.signature()) {
            return Err(VerifyError::Signature { key });
        }
        Ok(self.verified(Signature::File(Box::new(signature))))
    }

    /// Holds the bytes against the signature that they carry themselves, in a section `signature`. It names no key:
    /// those that are `known` are tried, the first that fits is the signer. Whether it deserves trust is another question.
    ///
    /// # Errors
    ///
    /// When there is no such section, it does not cover all of the module, or none of the keys made it.
    pub fn verify_embedded(self, known: &[PublicKey]) -> Result<VerifiedModule, EmbeddedError> {
        let claims = Claims::find(&self.bytes)?.ok_or(EmbeddedError::Missing)?;
        let signature = claims.signer(known)?.ok_or(EmbeddedError::Unknown)?;
        Ok(self.verified(Signature::Embedded(signature)))
    }

    /// For who has just verified it.
    pub(crate) fn verified(self, signature: Signature) -> VerifiedModule {
        VerifiedModule { bytes: self.bytes, hash: self.hash, signature }
    }

    /// Takes the bytes as they are, on nobody's word.
    pub fn into_unsigned(self) -> UnsignedModule {
        UnsignedModule { bytes: self.bytes, hash: self.hash }
    }
}

/// Why a signature does not fit a module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The module has another length.
    #[error("the module was modified: it has {found} bytes, and {signed} were signed")]
    Size {
        /// Bytes found.
        found: u64,
        /// Bytes that were signed.
        signed: u64,
    },
    /// The module has another content.
    #[error("the module was modified: its SHA-256 is {found}, and {signed} was signed")]
    Hash {
        /// The module's hash.
        found: ModuleHash,
        /// The hash that was signed.
        signed: ModuleHash,
    },
    /// The key did not sign what the signature's file says.
    #[error(
        "the signature is not one of the key {} over what its file says", .key.fingerprint()
    )]
    Signature {
        /// The key that the file names.
        key: PublicKey,
    },
}

/// What a module was verified by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// A `.sig` file.
    File(Box<SignatureFile>),
    /// A section of the module itself.
    Embedded(EmbeddedSignature),
}

impl Signature {
    /// The key that made it.
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::File(file) => file.public_key(),
            Self::Embedded(signature) => signature.public_key(),
        }
    }

    /// The `.sig` file, where it is one.
    pub fn file(&self) -> Option<&SignatureFile> {
        match self {
            Self::File(file) => Some(file),
            Self::Embedded(_) => None,
        }
    }

    /// What it states of the plugin, if anything.
    pub fn plugin(&self) -> Option<&PluginInfo> {
        self.file().and_then(SignatureFile::plugin)
    }

    /// From when on it does not count any more.
    pub fn expires_at(&self) -> Option<Time> {
        self.file().and_then(SignatureFile::expires_at)
    }
}

/// A module with the signature that fits it. Verification is the only thing that makes one:
///
/// ```
/// use plugbay_signing::{Candidate, SignatureFile, VerifiedModule, VerifyError};
///
/// fn checked(bytes: Vec<u8>, signature: SignatureFile) -> Result<VerifiedModule, VerifyError> {
///     Candidate::from_bytes(bytes).verify(signature)
/// }
/// ```
///
/// Its parts are nobody else's to put together, also where one has all of them:
///
/// ```compile_fail,E0451
/// use plugbay_signing::VerifiedModule;
///
/// fn forged(bytes: Vec<u8>, other: &VerifiedModule) -> VerifiedModule {
///     VerifiedModule { bytes, hash: other.hash(), signature: other.signature().clone() }
/// }
/// ```
///
/// And nothing that is not one passes for one:
///
/// ```compile_fail,E0277
/// use plugbay_signing::{UnsignedModule, VerifiedModule};
///
/// fn passed(module: UnsignedModule) -> VerifiedModule {
///     module.into()
/// }
/// ```
#[derive(Clone)]
pub struct VerifiedModule {
    bytes: Vec<u8>,
    hash: ModuleHash,
    signature: Signature,
}

impl VerifiedModule {
    /// The very bytes that were verified.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their SHA-256.
    pub fn hash(&self) -> ModuleHash {
        self.hash
    }

    /// The key that signed them.
    pub fn signer(&self) -> PublicKey {
        self.signature.public_key()
    }

    /// The same bytes by themselves, for who will keep them.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How the module stands with a user of whom no trust is known: with nobody's, unless it has expired.
    ///
    /// # Errors
    ///
    /// When its time is over.
    pub fn standing_without_trust(&self, now: Time) -> Result<Standing, Refusal> {
        match self.signature.expires_at().filter(|at| *at <= now) {
            Some(at) => Err(Refusal::Expired { key: self.signer().fingerprint(), at }),
            None => Ok(Standing::Untrusted),
        }
    }

    /// What they were verified by, and what that states.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

/// A module that is loaded on nobody's word. That takes a call of its own, [`Candidate::into_unsigned`].
#[derive(Clone)]
pub struct UnsignedModule {
    bytes: Vec<u8>,
    hash: ModuleHash,
}

impl UnsignedModule {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same bytes by themselves.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Their SHA-256.
    pub fn hash(&self) -> ModuleHash {
        self.hash
    }
}

/// Modules are large: what is shown of one is what tells it from others.
macro_rules! short_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (name, bytes) = (stringify!($name), self.bytes.len());
                write!(f, "{name} {{ {bytes} bytes, SHA-256 {} }}", self.hash())
            }
        }
    )*};
}
short_debug!(Candidate, VerifiedModule, UnsignedModule);
