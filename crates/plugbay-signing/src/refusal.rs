//! Why a module is not to be loaded, in words that name the key and what was wanted.

use semver::Version;

use crate::embedded::EmbeddedError;
use crate::key::{Fingerprint, PublicKey};
use crate::module::VerifyError;
use crate::signature::SignatureError;
use crate::time::Time;

/// How a module's signature came out. The commands exit with [`code`](Self::code).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Valid, by a key that the user trusts.
    Trusted,
    /// There is no signature.
    Unsigned,
    /// The signature is broken, or the module was modified.
    Invalid,
    /// Valid, by a key that the user does not trust for this.
    Untrusted,
    /// Valid once, by a key that was revoked since.
    Revoked,
    /// Valid once, until a time that is over.
    Expired,
}

impl Status {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Unsigned => "unsigned",
            Self::Invalid => "invalid",
            Self::Untrusted => "untrusted",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// Its exit code; 1 is left for wrong usage and unreadable files.
    pub fn code(self) -> u8 {
        match self {
            Self::Trusted => 0,
            Self::Unsigned => 2,
            Self::Invalid => 3,
            Self::Untrusted => 4,
            Self::Revoked | Self::Expired => 5,
        }
    }
}

/// Why a module is not to be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A signature is demanded, and there is none.
    #[error("it is not signed, and `require_signature` wants a signature by a trusted key")]
    NotSigned,
    /// There was a signature when this plugin was loaded for the first time, and now there is none.
    #[error(
        "it is not signed, and plugin `{plugin}` was signed by the key {key} when it was first used: \
         restore the signature, or let it go with `conductor-sign trust forget {plugin}`"
    )]
    SignatureGone {
        /// The plugin.
        plugin: String,
        /// The key it is pinned to.
        key: Fingerprint,
    },
    /// The file beside the module is no signature.
    #[error("the signature cannot be read: {0}")]
    Unreadable(#[from] SignatureError),
    /// The signature is not this module's.
    #[error(transparent)]
    Invalid(#[from] VerifyError),
    /// The signature that the module carries itself is none, or is another module's.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The module carries a signature of which nobody here can tell whose it is.
    #[error(
        "the signature in it is by none of the keys that are known here, and `require_signature` wants a trusted one: \
         `conductor-sign trust add KEY NAME` if you know whose it is"
    )]
    Unknown,
    /// The same, and the plugin was signed by a known key before.
    #[error(
        "the signature in it is not one of the key {pinned}, which signed plugin `{plugin}` when it was first used: \
         if the change is meant, `conductor-sign trust forget {plugin}`"
    )]
    UnknownKey {
        /// The plugin.
        plugin: String,
        /// The key it is pinned to.
        pinned: Fingerprint,
    },
    /// The key is one that the user does not know.
    #[error(
        "it is signed by the key {}, which is not trusted, and `require_signature` wants a trusted one: \
         `conductor-sign trust add {key} NAME` if you know whose it is",
        .key.fingerprint()
    )]
    Untrusted {
        /// The key.
        key: PublicKey,
    },
    /// The key was revoked.
    #[error("it is signed by the key {key} of `{name}`, which was revoked at {at}")]
    Revoked {
        /// The key.
        key: Fingerprint,
        /// Whose it was.
        name: String,
        /// When it was revoked.
        at: String,
    },
    /// The signature's time is over.
    #[error("its signature by the key {key} expired at {at}")]
    Expired {
        /// The key.
        key: Fingerprint,
        /// When.
        at: Time,
    },
    /// The plugin was signed by somebody else before.
    #[error(
        "it is signed by the key {found}, and plugin `{plugin}` was signed by {pinned} when it was first \
         used: if the change is meant, `conductor-sign trust forget {plugin}`"
    )]
    OtherKey {
        /// The plugin.
        plugin: String,
        /// The key it is pinned to.
        pinned: Fingerprint,
        /// The key that signed this module.
        found: Fingerprint,
    },
    /// The plugin came with a signature that says more before.
    #[error(
        "its signature by {key} says nothing of what it may ask for and how long it counts, and plugin `{plugin}` came \
         with one that does before: restore that, or let it go with `conductor-sign trust forget {plugin}`"
    )]
    SaysLess {
        /// The plugin.
        plugin: String,
        /// The key that signed this module.
        key: Fingerprint,
    },
    /// The plugin was newer before.
    #[error(
        "its signature by {key} says {}, and plugin `{plugin}` was at version {floor} before: if going \
         back is meant, `conductor-sign trust forget {plugin}`",
        version(.found.as_ref())
    )]
    Rollback {
        /// The plugin.
        plugin: String,
        /// The key that signed this module.
        key: Fingerprint,
        /// The version that is loaded now; `None` where the signature states none.
        found: Option<Version>,
        /// The highest version that was loaded.
        floor: Version,
    },
}

fn version(found: Option<&Version>) -> String {
    found.map_or_else(|| "no version".to_owned(), |found| format!("version {found}"))
}

impl Refusal {
    /// Which class of outcome it is.
    pub fn status(&self) -> Status {
        match self {
            Self::NotSigned | Self::SignatureGone { .. } => Status::Unsigned,
            Self::Unreadable(_) | Self::Invalid(_) | Self::Embedded(_) => Status::Invalid,
            Self::Unknown
            | Self::UnknownKey { .. }
            | Self::Untrusted { .. }
            | Self::OtherKey { .. }
            | Self::SaysLess { .. }
            | Self::Rollback { .. } => Status::Untrusted,
            Self::Revoked { .. } => Status::Revoked,
            Self::Expired { .. } => Status::Expired,
        }
    }
}
