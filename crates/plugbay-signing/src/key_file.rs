//! Key pairs on disk: `NAME.private`, which only its owner can read, and `NAME.public`.
//!
//! The private half is a PKCS#8 document in PEM, encrypted (PBES2: scrypt and AES-256-CBC) where there is a passphrase: what
//! OpenSSL and everybody else reads too. A file of 32 bytes, as earlier tools wrote it, is read as the seed.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::pkcs5::scrypt;
use pkcs8::{LineEnding, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::file::{self, FileError, ReadError};
use crate::key::{InvalidKey, PublicKey, SecretKey};

/// Where the halves of a key pair lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPaths {
    private: PathBuf,
    public: PathBuf,
}

/// A private key as it was found.
#[derive(Debug)]
pub enum StoredKey {
    /// Anybody who can read the file has it.
    Plain(SecretKey),
    /// It takes a passphrase.
    Encrypted(EncryptedKey),
}

/// A private key that takes a passphrase.
#[derive(Debug)]
pub struct EncryptedKey {
    path: PathBuf,
    pem: String,
}

/// A key file that cannot be used or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] FileError),
    /// It is there already. No key is ever overwritten.
    #[error("{} is there already, and keys are not overwritten: choose another name", .0.display())]
    Exists(PathBuf),
    /// It is no private key.
    #[error("{}: found no private key, wanted a PKCS#8 document in PEM with an Ed25519 key", .0.display())]
    NoPrivateKey(PathBuf),
    /// It is no public key.
    #[error("{}: {source}", .path.display())]
    NoPublicKey {
        /// The file.
        path: PathBuf,
        /// What was found.
        source: InvalidKey,
    },
    /// It cannot be encrypted; the passphrase or the machine's memory is at fault.
    #[error("the key cannot be encrypted: {0}")]
    Encrypt(String),
    /// The passphrase is not the one that it was encrypted with, or what it opens is no key.
    #[error("{}: the passphrase is not the one of this key, or the file is damaged", .0.display())]
    WrongPassphrase(PathBuf),
}

/// A key file has a few hundred bytes.
const MAX_BYTES: u64 = 64 * 1024;
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

impl KeyPaths {
    /// The pair called `name`; the path of either half will do.
    pub fn named(name: &Path) -> Self {
        let is_half = name.extension().is_some_and(|half| half == "private" || half == "public");
        let stem = if is_half { name.with_extension("") } else { name.to_owned() };
        let half = |suffix| {
            let mut path = stem.clone().into_os_string();
            path.push(suffix);
            PathBuf::from(path)
        };
        Self { private: half(".private"), public: half(".public") }
    }

    /// The file with the half that signs.
    pub fn private(&self) -> &Path {
        &self.private
    }

    /// The file with the half that is shown.
    pub fn public(&self) -> &Path {
        &self.public
    }

    /// Writes both halves, into files that were not there before; the private one with mode 0600.
    ///
    /// # Errors
    ///
    /// When one of them is there or cannot be written; then neither is left.
    pub fn write(&self, key: &SecretKey, passphrase: Option<&str>) -> Result<(), KeyFileError> {
        let private = private_pem(key, passphrase)?;
        if let Some(folder) = self.private.parent() {
            create_folder(folder)
                .map_err(|source| FileError { path: folder.to_owned(), source })?;
        }
        let mut first = create(&self.private, 0o600)?;
        let public = || {
            let mut second = create(&self.public, 0o644)?;
            write(&self.public, &mut second, format!("{}\n", key.public_key()).as_bytes())
                .inspect_err(|_| remove(&self.public))
        };
        write(&self.private, &mut first, private.as_bytes())
            .and_then(|()| public())
            .inspect_err(|_| remove(&self.private))
    }

    /// Reads the private half.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is no key.
    pub fn read_private(&self) -> Result<StoredKey, KeyFileError> {
        let bytes = Zeroizing::new(file::read(&self.private, MAX_BYTES)?);
        if let Ok(seed) = <&[u8; 32]>::try_from(bytes.as_slice()) {
            return Ok(StoredKey::Plain(SecretKey::from_seed(seed)));
        }
        let no_key = || KeyFileError::NoPrivateKey(self.private.clone());
        let pem = std::str::from_utf8(&bytes).map_err(|_| no_key())?;
        if pem.contains(ENCRYPTED) {
            let path = self.private.clone();
            return Ok(StoredKey::Encrypted(EncryptedKey { path, pem: pem.to_owned() }));
        }
        let key = SigningKey::from_pkcs8_pem(pem).map_err(|_| no_key())?;
        Ok(StoredKey::Plain(SecretKey::from_inner(key)))
    }

    /// Reads the public half.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is no key.
    pub fn read_public(&self) -> Result<PublicKey, KeyFileError> {
        let bytes = file::read(&self.public, MAX_BYTES)?;
        String::from_utf8_lossy(&bytes)
            .parse()
            .map_err(|source| KeyFileError::NoPublicKey { path: self.public.clone(), source })
    }
}

impl EncryptedKey {
    /// The key.
    ///
    /// # Errors
    ///
    /// When the passphrase is another one, or the file is damaged or no Ed25519 key.
    pub fn decrypt(&self, passphrase: &str) -> Result<SecretKey, KeyFileError> {
        // One time in 256 a wrong passphrase opens something, which is no key then.
        SigningKey::from_pkcs8_encrypted_pem(&self.pem, passphrase)
            .map(SecretKey::from_inner)
            .map_err(|_| KeyFileError::WrongPassphrase(self.path.clone()))
    }
}

fn private_pem(
    key: &SecretKey,
    passphrase: Option<&str>,
) -> Result<Zeroizing<String>, KeyFileError> {
    let failed = |error: &dyn std::fmt::Display| KeyFileError::Encrypt(error.to_string());
    // Without the public half, which older readers do not know in such a document.
    let pair = KeypairBytes { secret_key: key.inner().to_bytes(), public_key: None };
    let der = pair.to_pkcs8_der().map_err(|error| failed(&error))?;
    let Some(passphrase) = passphrase else {
        return der.to_pem("PRIVATE KEY", LineEnding::LF).map_err(|error| failed(&error));
    };
    let (mut salt, mut vector) = ([0; 16], [0; 16]);
    getrandom::fill(&mut salt).map_err(|error| failed(&error))?;
    getrandom::fill(&mut vector).map_err(|error| failed(&error))?;
    let how = Parameters::generate_scrypt_aes256cbc(scrypt::Params::RECOMMENDED, &salt, vector)
        .map_err(|error| failed(&error))?;
    let info = PrivateKeyInfoRef::try_from(der.as_bytes()).map_err(|error| failed(&error))?;
    let encrypted = info.encrypt_with_params(how, passphrase).map_err(|error| failed(&error))?;
    encrypted.to_pem(ENCRYPTED, LineEnding::LF).map_err(|error| failed(&error))
}

/// Makes a file that was not there, for its owner's eyes where `mode` says so.
fn create(path: &Path, mode: u32) -> Result<File, KeyFileError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
        _ => FileError { path: path.to_owned(), source }.into(),
    })
}

/// Makes a folder for keys; one that is there stays as it is.
fn create_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    if folder.as_os_str().is_empty() { Ok(()) } else { builder.create(folder) }
}

fn write(path: &Path, file: &mut File, content: &[u8]) -> Result<(), KeyFileError> {
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(|source| FileError { path: path.to_owned(), source }.into())
}

/// Takes away what was just made, so that the next attempt is not told that it is there.
fn remove(path: &Path) {
    // The error that led here is the one that is told.
    let _ = std::fs::remove_file(path);
}
