//! Signatures that modules carry themselves, in a section `signature`, as the tool `wasmsign2` writes it.
//!
//! Such a signature covers every byte behind its section, and in front of that there is only the header that all
//! modules share. It names no key: who made it is found by trying keys.

mod coverage;
mod section;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::key::{self, InvalidKey, PublicKey};
use crate::module::ModuleHash;

/// The section's name.
pub(crate) const SECTION: &str = "signature";

/// What every signed message begins with: the domain, and the numbers of the format, of modules and of SHA-256.
const DOMAIN: &[u8] = b"wasmsig\x01\x01\x01";

/// A signature that was found in a module and that a key fits.
///
/// It states nothing of the plugin or its developer, and does not expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedSignature {
    key: PublicKey,
    key_id: Vec<u8>,
}

impl EmbeddedSignature {
    /// The key that made it.
    pub fn public_key(&self) -> PublicKey {
        self.key
    }

    /// What the signature has as the identifier of its key, which it does not cover; often nothing.
    pub fn key_id(&self) -> &[u8] {
        &self.key_id
    }
}

/// A signature in a module that is none, or is another module's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// The module has no such section.
    #[error("the module has no section `signature`")]
    Missing,
    /// The section stands where signatures do not.
    #[error(
        "the section `signature` is number {number} of the module's sections, wanted the first and no other"
    )]
    Place {
        /// Where it was found, counted from 1.
        number: usize,
    },
    /// What is behind the section is no module's.
    #[error("the module's sections cannot be told apart at byte {at}: {problem}")]
    Module {
        /// Where.
        at: u64,
        /// What was found there.
        problem: String,
    },
    /// The section ends in the middle of something, or a number in it is none.
    #[error("the section `signature` cannot be read at byte {at} of the module: {problem}")]
    Cut {
        /// Where.
        at: u64,
        /// What was found there.
        problem: String,
    },
    /// A number in the section is not the only one that is known.
    #[error("the section `signature`, {field}: found {found}, wanted {wanted}")]
    Field {
        /// Which one.
        field: &'static str,
        /// What was found.
        found: u64,
        /// What was wanted.
        wanted: u64,
    },
    /// There is more of something than anybody needs.
    #[error("the section `signature` has {found} {what}, more than the limit of {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many it says that there are.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Something follows where nothing may.
    #[error("the section `signature` has {found} bytes too many in {what}")]
    Rest {
        /// In what.
        what: &'static str,
        /// How many.
        found: usize,
    },
    /// There is a section, and nobody signed.
    #[error("the section `signature` holds no signature")]
    Empty,
    /// What was signed is not all of the module.
    #[error(
        "the signature in the module covers only a part of it: {signed} of its {parts} parts were signed"
    )]
    Part {
        /// How many parts were signed.
        signed: usize,
        /// How many there are.
        parts: usize,
    },
    /// The sections are not those that were signed.
    #[error(
        "the module was modified: the SHA-256 of its sections is {found}, and {signed} was signed"
    )]
    Modified {
        /// The hash of all that is behind the signature.
        found: ModuleHash,
        /// The hash that was signed.
        signed: ModuleHash,
    },
    /// The same statement would have several signatures, or one would fit several keys.
    #[error(
        "a signature in the module is not in the one form that there is: its S is too large, or its R has a small order"
    )]
    NotStrict,
    /// The identifier of a key is a key, and one that is no use.
    #[error("the section `signature` names a key: {0}")]
    Key(#[from] InvalidKey),
    /// The signature says whose it is, and is not.
    #[error("the signature in the module is not one of the key {} that it names", .key.fingerprint())]
    Signature {
        /// The key that it names.
        key: PublicKey,
    },
    /// None of the keys that were tried fits.
    #[error("the signature in the module names no key, and is by none of those that are known")]
    Unknown,
}

/// One signature over all of a module, of which it is not known yet whether anybody made it.
#[derive(Debug)]
struct Claim {
    key_id: Vec<u8>,
    signature: [u8; 64],
    /// Which message it is over.
    message: Vec<u8>,
}

/// The signatures in a module that cover all of it.
#[derive(Debug)]
pub(crate) struct Claims(Vec<Claim>);

impl Claims {
    /// Reads what is in the module and holds it against the module's sections; `None` where there is nothing.
    pub(crate) fn find(wasm: &[u8]) -> Result<Option<Self>, EmbeddedError> {
        let Some(layout) = coverage::Layout::of(wasm)? else { return Ok(None) };
        let sets = section::read(layout.signature.clone())?;
        let mut claims = Vec::new();
        for set in layout.covering(wasm, sets)? {
            let message = [DOMAIN, set.hashes.as_flattened()].concat();
            for section::Signed { key_id, signature } in set.signatures {
                if !key::is_strict(&signature) {
                    return Err(EmbeddedError::NotStrict);
                }
                claims.push(Claim { key_id, signature, message: message.clone() });
            }
        }
        if claims.is_empty() { Err(EmbeddedError::Empty) } else { Ok(Some(Self(claims))) }
    }

    /// Whose they are: the first of the `known` keys that made one, or else a key that is named in full and did. `None`
    /// where nobody can tell.
    ///
    /// A claim that says whose it is and is not is an error, whatever the others are worth.
    pub(crate) fn signer(
        &self,
        known: &[PublicKey],
    ) -> Result<Option<EmbeddedSignature>, EmbeddedError> {
        let mut found: Option<(usize, EmbeddedSignature)> = None;
        for claim in &self.0 {
            let Some(key) = claim.signer(known)? else { continue };
            let rank = known.iter().position(|known| *known == key).unwrap_or(known.len());
            if found.as_ref().is_none_or(|(best, _)| rank < *best) {
                found = Some((rank, EmbeddedSignature { key, key_id: claim.key_id.clone() }));
            }
        }
        Ok(found.map(|(_, signature)| signature))
    }
}

impl Claim {
    fn signer(&self, known: &[PublicKey]) -> Result<Option<PublicKey>, EmbeddedError> {
        let fits = |key: PublicKey| key.verifies(&self.message, &self.signature);
        match self.named(known)? {
            Some(key) if fits(key) => Ok(Some(key)),
            Some(key) => Err(EmbeddedError::Signature { key }),
            None => Ok(known.iter().copied().find(|key| fits(*key))),
        }
    }

    /// The key that the identifier stands for: a key's own bytes behind the number of Ed25519, or what `wasmsign2` derives
    /// from one that is known. Any other text is somebody's private affair.
    fn named(&self, known: &[PublicKey]) -> Result<Option<PublicKey>, EmbeddedError> {
        if let Some((&section::ED25519, bytes)) = self.key_id.split_first()
            && let Ok(bytes) = bytes.try_into()
        {
            return Ok(Some(PublicKey::from_bytes(bytes)?));
        }
        Ok(known.iter().copied().find(|key| derived_id(*key) == *self.key_id))
    }
}

/// The identifier that `wasmsign2` gives a key: 12 bytes of an HMAC, whose key it is.
fn derived_id(key: PublicKey) -> [u8; 12] {
    // Keys of any length are taken: this does not fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key.to_bytes()) else { return [0; 12] };
    mac.update(b"key_id");
    mac.finalize().into_bytes().first_chunk().copied().unwrap_or_default()
}
