//! Signatures at the door: what is let in, what is warned of, and what is remembered.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use plugbay_signing::{
    CheckError, Checked, ModuleHash, PublicKey, ReadError, Refusal, Signature, Standing, Time,
    Trust, UnsignedModule, VerifiedModule, check_file, signature_path,
};

use crate::error::LoadErrorKind;
use crate::host::{Host, PluginOptions};
use crate::statement::Statement;

/// Which module it is and who signed it, what a grant is bound to; and what they say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provenance {
    pub(crate) hash: ModuleHash,
    pub(crate) signer: Option<PublicKey>,
    pub(crate) statement: Option<Arc<Statement>>,
}

impl Provenance {
    pub(crate) fn unsigned(wasm: &[u8]) -> Self {
        Self::nobodys(ModuleHash::of(wasm))
    }

    fn nobodys(hash: ModuleHash) -> Self {
        Self { hash, signer: None, statement: None }
    }
}

/// Plugins of which it was said already that nobody vouches for them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Warned(Arc<Mutex<HashSet<String>>>);

impl Warned {
    fn is_new(&self, plugin: &str) -> bool {
        let mut plugins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plugins.insert(plugin.to_owned())
    }
}

/// A module that may be loaded.
pub(crate) enum Admitted {
    Verified(VerifiedModule),
    Nobodys(UnsignedModule),
}

impl Admitted {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Verified(module) => module.bytes(),
            Self::Nobodys(module) => module.bytes(),
        }
    }
}

/// Reads a module and settles whether it may be loaded.
pub(crate) fn read(
    host: &Host,
    path: &Path,
    name: &str,
    options: &PluginOptions,
) -> Result<(Admitted, Provenance), LoadErrorKind> {
    let limit = options.limits.module_bytes;
    let trust = host.trust.as_deref().map_or(Trust::Nobody, Trust::User);
    let checked = check_file(path, limit, name, trust, now());
    match checked.map_err(|error| kind(error, path))? {
        Checked::Verified { module, standing } => {
            let is_inside = matches!(module.signature(), Signature::Embedded(_));
            let file = if is_inside { path.to_owned() } else { signature_path(path) };
            let provenance =
                settle(host, &module, standing, name, options).map_err(|kind| at(&file, kind))?;
            Ok((Admitted::Verified(module), provenance))
        }
        Checked::Unknown(_) if options.require_signature => {
            Err(at(path, refused(Refusal::Unknown)))
        }
        Checked::Unsigned(_) if options.require_signature => {
            Err(at(path, refused(Refusal::NotSigned)))
        }
        Checked::Unknown(module) => {
            let why = "the signature in it is by no key that is known here: \
                       whoever can write this file decides what runs";
            Ok(nobodys(host, path, name, why, module))
        }
        Checked::Unsigned(module) => {
            let why = "not signed: whoever can write this file decides what runs";
            Ok(nobodys(host, path, name, why, module))
        }
    }
}

/// Lets in what nobody vouches for, and warns of it once.
fn nobodys(
    host: &Host,
    path: &Path,
    name: &str,
    why: &str,
    module: UnsignedModule,
) -> (Admitted, Provenance) {
    if host.warned.is_new(name) {
        tracing::warn!(plugin = name, path = %path.display(), "{why}");
    }
    let provenance = Provenance::nobodys(module.hash());
    (Admitted::Nobodys(module), provenance)
}

/// Settles whether a verified module may be loaded.
pub(crate) fn admit(
    host: &Host,
    module: &VerifiedModule,
    name: &str,
    options: &PluginOptions,
) -> Result<Provenance, LoadErrorKind> {
    let refused = |refusal| at(Path::new(name), refused(refusal));
    let standing = match &host.trust {
        Some(trust) => trust.judge(module, name, now())?.map_err(refused)?,
        None => module.standing_without_trust(now()).map_err(refused)?,
    };
    settle(host, module, standing, name, options).map_err(|kind| at(Path::new(name), kind))
}

/// Demands what the options demand, and warns.
fn settle(
    host: &Host,
    module: &VerifiedModule,
    standing: Standing,
    name: &str,
    options: &PluginOptions,
) -> Result<Provenance, LoadErrorKind> {
    let key = module.signer();
    match standing {
        Standing::Trusted { name: signer } => {
            tracing::debug!(plugin = name, signer, key = %key.fingerprint(), "signed by a trusted key");
        }
        Standing::Untrusted if options.require_signature => {
            return Err(refused(Refusal::Untrusted { key }));
        }
        Standing::Untrusted => {
            if host.warned.is_new(name) {
                tracing::warn!(
                    plugin = name,
                    key = %key.fingerprint(),
                    "signed by a key that is not trusted"
                );
            }
        }
    }
    let statement = Statement::new(module.signature()).map(Arc::new);
    Ok(Provenance { hash: module.hash(), signer: Some(key), statement })
}

/// Takes down that a module was loaded, which is when it was used: one that is refused later on, for what it asks for, say,
/// keeps no other version out.
pub(crate) fn remember(
    host: &Host,
    module: &VerifiedModule,
    name: &str,
) -> Result<(), LoadErrorKind> {
    let Some(trust) = &host.trust else { return Ok(()) };
    let remembered = trust.remember(module, name, now())?;
    remembered.map_err(|refusal| at(Path::new(name), refused(refusal)))
}

/// The machine's time. One that is none is taken for a late one: nothing that expires counts then.
fn now() -> Time {
    Time::try_from(SystemTime::now()).unwrap_or(Time::LATEST)
}

fn refused(refusal: Refusal) -> LoadErrorKind {
    LoadErrorKind::Signature { path: std::path::PathBuf::new(), refusal: Box::new(refusal) }
}

/// Names the file that is at fault.
fn at(path: &Path, kind: LoadErrorKind) -> LoadErrorKind {
    match kind {
        LoadErrorKind::Signature { refusal, .. } => {
            LoadErrorKind::Signature { path: path.to_owned(), refusal }
        }
        other => other,
    }
}

fn kind(error: CheckError, module: &Path) -> LoadErrorKind {
    match error {
        CheckError::Refused { path, refusal } => LoadErrorKind::Signature { path, refusal },
        CheckError::Trust(error) => error.into(),
        CheckError::Read(ReadError::TooLarge { path, found, limit }) if path == module => {
            LoadErrorKind::TooLarge { found, limit }
        }
        CheckError::Read(ReadError::Io { path, source }) => LoadErrorKind::Read { path, source },
        other => LoadErrorKind::Read {
            path: signature_path(module),
            source: std::io::Error::other(other.to_string()),
        },
    }
}
