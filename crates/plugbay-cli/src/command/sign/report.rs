//! What `verify` and `inspect` say of a signature, as text and as JSON.

use plugbay::signing::{
    EmbeddedSignature, ModuleHash, PluginInfo, Signature, SignatureFile, VerifiedModule,
};
use serde::Serialize;

use crate::ui::{DIM, WARN, outln, printable};

#[derive(Serialize)]
pub(super) struct SignatureReport {
    /// `file` for one beside the module, `module` for one in it.
    place: &'static str,
    /// Of the file's format.
    version: Option<u8>,
    /// Without where it could not be told.
    public_key: Option<String>,
    fingerprint: Option<String>,
    /// What a signature in a module has as the identifier of its key, in hexadecimal; it is not covered.
    key_id: Option<String>,
    sha256: String,
    size: u64,
    plugin: Option<PluginInfo>,
    developer: Option<DeveloperReport>,
    signed_at: Option<String>,
    expires_at: Option<String>,
}

#[derive(Serialize)]
struct DeveloperReport {
    name: String,
    email: String,
    /// Whether the signature covers these fields; otherwise anybody may have written them.
    covered: bool,
}

impl SignatureReport {
    /// What the signature of a verified module says.
    pub(super) fn of(module: &VerifiedModule) -> Self {
        match module.signature() {
            Signature::File(signature) => Self::new(signature),
            Signature::Embedded(signature) => {
                let size = module.bytes().len() as u64;
                Self::embedded(Some(signature), module.hash(), size)
            }
        }
    }

    /// One in a module, by a key that is known or not.
    pub(super) fn embedded(
        signature: Option<&EmbeddedSignature>,
        hash: ModuleHash,
        size: u64,
    ) -> Self {
        let key = signature.map(EmbeddedSignature::public_key);
        let key_id = signature.map(EmbeddedSignature::key_id).filter(|id| !id.is_empty());
        Self {
            place: "module",
            version: None,
            public_key: key.map(|key| key.to_string()),
            fingerprint: key.map(|key| key.fingerprint().to_string()),
            key_id: key_id.map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect()),
            sha256: hash.to_string(),
            size,
            plugin: None,
            developer: None,
            signed_at: None,
            expires_at: None,
        }
    }

    /// What a file says.
    pub(super) fn new(signature: &SignatureFile) -> Self {
        let developer = signature.developer();
        Self {
            place: "file",
            version: Some(signature.version().number()),
            public_key: Some(signature.public_key().to_string()),
            fingerprint: Some(signature.public_key().fingerprint().to_string()),
            key_id: None,
            sha256: signature.hash().to_string(),
            size: signature.size(),
            plugin: signature.plugin().cloned(),
            developer: Some(DeveloperReport {
                name: developer.name.clone(),
                email: developer.email.clone(),
                covered: signature.covers_developer(),
            }),
            signed_at: Some(signature.signed_at()),
            expires_at: signature.expires_at().map(|time| time.to_string()),
        }
    }

    pub(super) fn print(&self) {
        let row = |name: &str, value: &str| outln!("  {DIM}{name:<10}{DIM:#} {}", printable(value));
        row("key", self.fingerprint.as_deref().unwrap_or("unknown"));
        if let Some(plugin) = &self.plugin {
            let version = plugin.version.as_ref().map(|version| format!(" {version}"));
            row("plugin", &format!("{}{}", plugin.name, version.unwrap_or_default()));
            if let Some(abi) = &plugin.abi {
                row("abi", abi);
            }
            if !plugin.capabilities.is_empty() {
                row("asks for", &plugin.capabilities.join(", "));
            }
        }
        if let Some(DeveloperReport { name, email, .. }) = &self.developer {
            row("developer", &format!("{name} <{email}>"));
        }
        if let Some(time) = &self.signed_at {
            row("signed at", time);
        }
        if let Some(time) = &self.expires_at {
            row("expires at", time);
        }
        match &self.developer {
            Some(DeveloperReport { covered: true, .. }) => {}
            Some(_) => outln!(
                "  {WARN}version 1{WARN:#}  developer fields not covered by the signature, nor when it was made"
            ),
            None => outln!(
                "  {WARN}embedded{WARN:#}   the signature is in the module, and states no developer, no version and no time"
            ),
        }
    }
}
