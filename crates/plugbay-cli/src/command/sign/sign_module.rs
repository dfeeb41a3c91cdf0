//! `conductor-sign sign`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use plugbay::policy::{Capability, Limits};
use plugbay::signing::{
    Candidate, Developer, KeyPaths, PluginInfo, PublicKey, Release, SignatureFile, Time,
    signature_path,
};

use super::{key, now};
use crate::ui::{DIM, GOOD, outln, printable};

/// Sign a module: writes MODULE.sig beside it.
///
/// Signed are the module's bytes and everything that the options say. A plugin that states its version cannot be
/// replaced by an older one once it was used.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conductor-sign sign my_plugin.wasm ~/.conductor/my-key \\\n    --name \"Your Name\" --email you@example.com\n  conductor-sign sign my_plugin.wasm ci-key --name CI --email ci@example.com \\\n    --plugin-version 1.2.0 --capability Midi --expires-in-days 365"
)]
pub(super) struct SignModule {
    /// The module
    module: PathBuf,
    /// The key pair's name
    key: PathBuf,
    /// The developer's name
    #[arg(long)]
    name: String,
    /// Where the developer can be reached
    #[arg(long)]
    email: String,
    /// The plugin's name [default: the module's file name without its ending]
    #[arg(long, value_name = "NAME")]
    plugin_name: Option<String>,
    /// The plugin's version, such as 1.2.0
    #[arg(long, value_name = "VERSION", value_parser = version)]
    plugin_version: Option<String>,
    /// The contract that it is written for, such as "hook 2" or "action"; a module of another one is not loaded
    #[arg(long, value_name = "TEXT")]
    abi: Option<String>,
    /// What it will ask for; once for each. With one or more, a plugin that asks for others is not loaded
    #[arg(long = "capability", value_name = "CAPABILITY", value_parser = capability)]
    capabilities: Vec<String>,
    /// Not to be loaded from then on, such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "expires_in_days")]
    expires_at: Option<Time>,
    /// Not to be loaded after that many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
    expires_in_days: Option<u16>,
}

pub(crate) fn version(text: &str) -> Result<String, String> {
    let example = |error| format!("{error}; wanted a version such as 1.2.0");
    PluginInfo::version_of(text).map(|_| text.to_owned()).map_err(example)
}

pub(crate) fn capability(text: &str) -> Result<String, String> {
    let known = || Capability::ALL.map(Capability::name).join(", ");
    match text.parse::<Capability>() {
        Ok(capability) => Ok(capability.name().to_owned()),
        Err(_) => Err(format!("wanted one of {}", known())),
    }
}

impl SignModule {
    pub(super) fn run(self) -> Result<()> {
        let now = now()?;
        let mut capabilities = self.capabilities;
        capabilities.sort();
        capabilities.dedup();
        let stem = self.module.file_stem().context("the module has no file name")?;
        let plugin = PluginInfo {
            version: self.plugin_version.map(|text| PluginInfo::version_of(&text)).transpose()?,
            abi: self.abi,
            capabilities,
            ..PluginInfo::named(self.plugin_name.unwrap_or_else(|| stem.to_string_lossy().into()))
        };
        let in_days =
            |days: u16| Time::from_seconds(now.seconds() + i64::from(days) * 24 * 60 * 60);
        let expires_at = match self.expires_in_days {
            Some(days) => Some(in_days(days)?),
            None => self.expires_at,
        };
        let release = Release {
            plugin,
            developer: Developer { name: self.name, email: self.email },
            signed_at: now,
            expires_at,
        };
        let candidate = Candidate::read(&self.module, Limits::default().module_bytes)?;
        let (signature, key) = sign(candidate, &self.key, &release)?;
        let path = signature_path(&self.module);
        signature.write(&path)?;
        outln!("{GOOD}signed{GOOD:#}: {}", printable(&path.to_string_lossy()));
        outln!("{DIM}key {}{DIM:#}", key.fingerprint());
        Ok(())
    }
}

/// Signs a module by a key pair, which may ask for its passphrase. Returns the signature, and whose it is.
pub(crate) fn sign(
    module: Candidate,
    key: &Path,
    release: &Release,
) -> Result<(SignatureFile, PublicKey)> {
    let key = key::secret(&KeyPaths::named(key))?;
    Ok((module.sign(&key, release)?, key.public_key()))
}
