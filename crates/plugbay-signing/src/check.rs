//! From a file to a module that may be loaded, or to the reason why it may not.

use std::path::{Path, PathBuf};

use crate::file::{self, ReadError};
use crate::module::{Candidate, UnsignedModule, VerifiedModule};
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
    /// Without a signature, and none was there when a plugin of this name was first used.
    Unsigned(UnsignedModule),
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
/// and both against what the user trusts. Nothing is written.
///
/// `plugin` is the name that it is to be loaded under. Without `trust` there is neither a trusted key nor
/// anything that was used before.
///
/// # Errors
///
/// When a file cannot be read or the module is not to be loaded. That its key is not trusted is no error:
/// [`Checked`] says so.
pub fn check_file(
    path: &Path,
    limit: u64,
    plugin: &str,
    trust: Option<&TrustDirectory>,
    now: Time,
) -> Result<Checked, CheckError> {
    let candidate = Candidate::read(path, limit)?;
    let signature = signature_path(path);
    let json = match file::read(&signature, MAX_SIGNATURE_BYTES) {
        Ok(json) => Some(json),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    let at_fault = if json.is_some() { signature } else { path.to_owned() };
    match check_bytes(candidate, json.as_deref(), plugin, trust, now)? {
        Ok(checked) => Ok(checked),
        Err(refusal) => Err(CheckError::Refused { path: at_fault, refusal: Box::new(refusal) }),
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
    trust: Option<&TrustDirectory>,
    now: Time,
) -> Result<Result<Checked, Refusal>, TrustError> {
    let Some(json) = signature else {
        let known = trust.map_or(Ok(Ok(())), |trust| trust.judge_unsigned(plugin))?;
        return Ok(known.map(|()| Checked::Unsigned(candidate.into_unsigned())));
    };
    let verified = SignatureFile::parse(json)
        .map_err(Refusal::from)
        .and_then(|signature| candidate.verify(signature).map_err(Refusal::from));
    let module = match verified {
        Ok(module) => module,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let standing = match trust {
        Some(trust) => trust.judge(&module, plugin, now)?,
        None => module.standing_without_trust(now),
    };
    Ok(standing.map(|standing| Checked::Verified { module, standing }))
}
