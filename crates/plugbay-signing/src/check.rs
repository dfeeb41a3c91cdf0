//! From a file to a module that may be loaded, or to the reason why it may not.

use std::path::{Path, PathBuf};

use crate::embedded::{Claims, EmbeddedSignature};
use crate::file::{self, ReadError};
use crate::key::PublicKey;
use crate::module::{Candidate, Signature, UnsignedModule, VerifiedModule};
use crate::refusal::Refusal;
use crate::signature::{MAX_SIGNATURE_BYTES, SignatureFile};
use crate::time::Time;
use crate::trust::{Standing, TrustDirectory, TrustError};

/// A module that may be loaded.
#[derive(Debug, Clone)]
pub enum Checked {
    /// With a signature that fits, neither revoked nor expired nor at odds with what was used before.
    Verified {
        /// The module.
        module: VerifiedModule,
        /// Whether the user trusts its key.
        standing: Standing,
    },
    /// With a signature inside which covers all of it and names no key, and none of those that are known made it. It is
    /// anybody's, and says no more than no signature would.
    Unknown(UnsignedModule),
    /// Without a signature, and none was there when a plugin of this name was first used.
    Unsigned(UnsignedModule),
}

/// Whose signatures count.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// Nobody's, and nothing was used before.
    Nobody,
    /// Those of one key, and nothing was used before.
    Key(PublicKey),
    /// Those that the user trusts, with what was used before.
    User(&'a TrustDirectory),
}

/// Why a module was not checked, or did not pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The module or its signature cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The trust store cannot be used.
    #[error("the trust store cannot be used: {0}")]
    Trust(#[from] TrustError),
    /// It did not pass.
    #[error("{}: {refusal}", .path.display())]
    Refused {
        /// The file that is at fault: the module's, or its signature's.
        path: PathBuf,
        /// Why.
        refusal: Box<Refusal>,
    },
}

/// Where a module's signature lies: beside it, with `.sig` behind the whole name.
pub fn signature_path(module: &Path) -> PathBuf {
    let mut name = module.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Reads a module, at most `limit` bytes, and the signature beside it, each once, and holds one against the other
/// and both against what the user trusts. Without a file beside it, the signature in the module counts; one that is
/// broken keeps the module out either way. Nothing is written.
///
/// `plugin` is the name that it is to be loaded under.
///
/// # Errors
///
/// When a file cannot be read or the module is not to be loaded. That its key is not trusted is no error:
/// [`Checked`] says so.
pub fn check_file(
    path: &Path,
    limit: u64,
    plugin: &str,
    trust: Trust<'_>,
    now: Time,
) -> Result<Checked, CheckError> {
    let candidate = Candidate::read(path, limit)?;
    let signature = signature_path(path);
    let json = match file::read(&signature, MAX_SIGNATURE_BYTES) {
        Ok(json) => Some(json),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    match check_bytes(candidate, json.as_deref(), plugin, trust, now)? {
        Ok(checked) => Ok(checked),
        Err(refusal) => {
            let is_inside = json.is_none() || matches!(refusal, Refusal::Embedded(_));
            let path = if is_inside { path.to_owned() } else { signature };
            Err(CheckError::Refused { path, refusal: Box::new(refusal) })
        }
    }
}

/// The same for bytes that the caller has already.
///
/// # Errors
///
/// The outer one when the trust store cannot be used; the inner one when the module is not to be loaded.
pub fn check_bytes(
    candidate: Candidate,
    signature: Option<&[u8]>,
    plugin: &str,
    trust: Trust<'_>,
    now: Time,
) -> Result<Result<Checked, Refusal>, TrustError> {
    // A broken signature keeps a module out, wherever it is and whatever the other one says.
    let inside = match Inside::of(&candidate, plugin, trust)? {
        Ok(inside) => inside,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Some(json) = signature else {
        return match inside {
            Inside::Signed(embedded) => {
                judge(candidate.verified(Signature::Embedded(embedded)), plugin, trust, now)
            }
            Inside::Unknown => {
                let known = trust.user().map_or(Ok(Ok(())), |user| user.judge_unknown(plugin))?;
                Ok(known.map(|()| Checked::Unknown(candidate.into_unsigned())))
            }
            Inside::Nothing => {
                let known = trust.user().map_or(Ok(Ok(())), |user| user.judge_unsigned(plugin))?;
                Ok(known.map(|()| Checked::Unsigned(candidate.into_unsigned())))
            }
        };
    };
    let verified = SignatureFile::parse(json)
        .map_err(Refusal::from)
        .and_then(|signature| candidate.verify(signature).map_err(Refusal::from));
    let module = match verified {
        Ok(module) => module,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let (Inside::Signed(embedded), Some(user)) = (inside, trust.user())
        && let Err(refusal) = user.judge_cosigner(embedded.public_key())?
    {
        return Ok(Err(refusal));
    }
    judge(module, plugin, trust, now)
}

/// What a module carries itself.
enum Inside {
    Nothing,
    Unknown,
    Signed(EmbeddedSignature),
}

impl Inside {
    fn of(
        candidate: &Candidate,
        plugin: &str,
        trust: Trust<'_>,
    ) -> Result<Result<Self, Refusal>, TrustError> {
        let claims = match Claims::find(candidate.bytes()) {
            Ok(Some(claims)) => claims,
            Ok(None) => return Ok(Ok(Self::Nothing)),
            Err(error) => return Ok(Err(error.into())),
        };
        let known = match trust {
            Trust::Nobody => Vec::new(),
            Trust::Key(key) => vec![key],
            Trust::User(user) => user.known_keys(plugin)?,
        };
        let signer = claims.signer(&known).map_err(Refusal::from);
        Ok(signer.map(|signer| signer.map_or(Self::Unknown, Self::Signed)))
    }
}

impl<'a> Trust<'a> {
    fn user(self) -> Option<&'a TrustDirectory> {
        match self {
            Self::User(user) => Some(user),
            Self::Nobody | Self::Key(_) => None,
        }
    }
}

fn judge(
    module: VerifiedModule,
    plugin: &str,
    trust: Trust<'_>,
    now: Time,
) -> Result<Result<Checked, Refusal>, TrustError> {
    let standing = match trust {
        Trust::User(user) => user.judge(&module, plugin, now)?,
        Trust::Key(key) if key == module.signer() => {
            let trusted = Standing::Trusted { name: key.fingerprint().to_string() };
            module.standing_without_trust(now).map(|_| trusted)
        }
        Trust::Nobody | Trust::Key(_) => module.standing_without_trust(now),
    };
    Ok(standing.map(|standing| Checked::Verified { module, standing }))
}
