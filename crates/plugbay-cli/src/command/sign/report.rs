//! What `verify` and `inspect` say of a signature, as text and as JSON.

use plugbay::signing::{PluginInfo, SignatureFile};
use serde::Serialize;

use crate::ui::{DIM, WARN, outln, printable};

#[derive(Serialize)]
pub(super) struct SignatureReport {
    version: u8,
    public_key: String,
    fingerprint: String,
    sha256: String,
    size: u64,
    plugin: Option<PluginInfo>,
    developer: DeveloperReport,
    signed_at: String,
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
    pub(super) fn new(signature: &SignatureFile) -> Self {
        let developer = signature.developer();
        Self {
            version: signature.version().number(),
            public_key: signature.public_key().to_string(),
            fingerprint: signature.public_key().fingerprint().to_string(),
            sha256: signature.hash().to_string(),
            size: signature.size(),
            plugin: signature.plugin().cloned(),
            developer: DeveloperReport {
                name: developer.name.clone(),
                email: developer.email.clone(),
                covered: signature.covers_developer(),
            },
            signed_at: signature.signed_at(),
            expires_at: signature.expires_at().map(|time| time.to_string()),
        }
    }

    pub(super) fn print(&self) {
        let row = |name: &str, value: &str| outln!("  {DIM}{name:<10}{DIM:#} {}", printable(value));
        row("key", &self.fingerprint);
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
        let DeveloperReport { name, email, covered } = &self.developer;
        row("developer", &format!("{name} <{email}>"));
        row("signed at", &self.signed_at);
        if let Some(time) = &self.expires_at {
            row("expires at", time);
        }
        if !covered {
            outln!(
                "  {WARN}version 1{WARN:#}  developer fields not covered by the signature, nor when it was made"
            );
        }
    }
}
