#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod check;
mod embedded;
mod file;
mod hex;
mod key;
mod key_file;
mod module;
mod refusal;
mod release;
mod signature;
mod statement;
mod time;
mod trust;

pub use check::{CheckError, Checked, Trust, check_bytes, check_file, signature_path};
pub use embedded::{EmbeddedError, EmbeddedSignature};
pub use file::{FileError, ReadError};
pub use hex::EncodingError;
pub use key::{Fingerprint, InvalidKey, PublicKey, SecretKey};
pub use key_file::{EncryptedKey, KeyFileError, KeyPaths, StoredKey};
pub use module::{Candidate, ModuleHash, Signature, UnsignedModule, VerifiedModule, VerifyError};
pub use refusal::{Refusal, Status};
pub use release::{Developer, PluginInfo, Release, ReleaseError};
/// A plugin's version, which is public in [`PluginInfo`] and [`Pin`].
pub use semver::Version;
pub use signature::{FormatVersion, MAX_SIGNATURE_BYTES, SignatureError, SignatureFile};
pub use time::{Time, TimeError};
pub use trust::{
    AddError, Pin, Pins, Rotation, RotationError, Standing, TrustDirectory, TrustError, TrustedKey,
    TrustedKeys,
};
