//! Keys: the half that is shown, compared and stored, and the half that signs.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::pkcs8::DecodePublicKey as _;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::hex::{self, EncodingError};

/// The public half of an Ed25519 key, of which it is known that it is a point of large order.
///
/// As text: 64 hexadecimal digits. Base64 and a PEM document are read too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

/// A text or bytes that are no usable key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The text does not stand for 32 bytes.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The bytes are no point of the curve.
    #[error("found 32 bytes that are no point of the curve, wanted an Ed25519 public key")]
    NoPoint,
    /// The key has a small order: signatures that fit it fit any message.
    #[error("found a key of small order, for which anybody can make signatures")]
    SmallOrder,
    /// The PEM document holds something else.
    #[error("found a PEM document that is no Ed25519 public key")]
    Pem,
}

impl PublicKey {
    /// The key that these 32 bytes are.
    ///
    /// # Errors
    ///
    /// When they are no point, or one of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidKey> {
        Self::checked(VerifyingKey::from_bytes(bytes).map_err(|_| InvalidKey::NoPoint)?)
    }

    fn checked(key: VerifyingKey) -> Result<Self, InvalidKey> {
        if key.is_weak() { Err(InvalidKey::SmallOrder) } else { Ok(Self(key.to_bytes())) }
    }

    /// The 32 bytes of the compressed point.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// What people compare.
    pub fn fingerprint(self) -> Fingerprint {
        let hash = Sha256::digest(self.0);
        Fingerprint(hash.first_chunk().copied().unwrap_or_default())
    }

    /// Whether `signature` is this key's over `message`, and in the one form that there is of it.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

/// The order of the group, least significant byte first (RFC 8032, 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Whether a signature is in its one form, whoever made it: what [`PublicKey::verifies`] demands of it without a key.
pub(crate) fn is_strict(signature: &[u8; 64]) -> bool {
    let Some((r, s)) = signature.split_first_chunk::<32>() else { return false };
    let is_below = s.iter().rev().lt(ORDER.iter().rev());
    is_below && VerifyingKey::from_bytes(r).is_ok_and(|r| !r.is_weak())
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim();
        if text.starts_with("-----BEGIN") {
            let key = VerifyingKey::from_public_key_pem(text).map_err(|_| InvalidKey::Pem)?;
            return Self::checked(key);
        }
        Self::from_bytes(&hex::decode(text)?)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The first 16 bytes of the SHA-256 of a public key; as text, `sha256:` and 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key that signs. Its memory is overwritten when it is dropped, and no way of printing it shows it.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// A new key, from the system's random numbers.
    ///
    /// # Errors
    ///
    /// When the system has none.
    pub fn generate() -> std::io::Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(std::io::Error::other)?;
        Ok(Self::from_seed(&seed))
    }

    /// The key of a seed of 32 bytes, as RFC 8032 derives it.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The other half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    pub(crate) fn inner(&self) -> &SigningKey {
        &self.0
    }

    pub(crate) fn from_inner(key: SigningKey) -> Self {
        Self(key)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_every_form() {
        let key = SecretKey::from_seed(&[7; 32]).public_key();
        let text = key.to_string();
        assert_eq!(text.parse(), Ok(key));
        assert_eq!(format!("  {text}\n").parse(), Ok(key));
        assert_eq!(PublicKey::from_bytes(&key.to_bytes()), Ok(key));
    }

    #[test]
    fn keys_that_fit_any_message_are_refused() {
        // The neutral element, and a point of order 8.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let order_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
        assert_eq!(PublicKey::from_bytes(&neutral), Err(InvalidKey::SmallOrder));
        assert_eq!(order_8.parse::<PublicKey>(), Err(InvalidKey::SmallOrder));
        let mut no_point = [0; 32];
        no_point[0] = 2;
        assert_eq!(PublicKey::from_bytes(&no_point), Err(InvalidKey::NoPoint));
    }

    #[test]
    fn a_secret_key_does_not_show_itself() {
        let key = SecretKey::from_seed(&[7; 32]);
        let shown = format!("{key:?}");
        assert!(!shown.contains("07070707") && shown.contains(&key.public_key().to_string()));
    }
}
