//! `conductor-sign trust`: the user's own list of keys, and what was used before.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use plugbay::signing::{AddError, KeyPaths, Rotation, TrustDirectory, TrustError, TrustedKey};
use serde::Serialize;

use super::{key, now, trust_directory};
use crate::options::read_bytes;
use crate::ui::{DIM, ERROR, GOOD, TITLE, WARN, outln, printable};

/// Say whose signatures count.
///
/// The list is trusted_keys.toml in the user's configuration directory, below conductor; it can be edited by hand
/// too. Beside it, plugin_pins.toml holds which key each plugin had when it was first used.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conductor-sign trust add vendor.public \"A Vendor\" \\\n    --email security@example.com\n  conductor-sign trust list --json | jq .keys"
)]
pub(super) struct Trust {
    #[command(subcommand)]
    command: TrustCommand,
}

#[derive(Debug, Subcommand)]
enum TrustCommand {
    /// Trust a key
    #[command(
        after_help = "Example:\n  conductor-sign trust add ~/.conductor/my-key \"Me\"\n  conductor-sign trust add 3dab8dbf… \"A Vendor\" --email security@example.com"
    )]
    Add {
        /// The public key: its text, or the name or file of a pair
        key: String,
        /// Whose it is, in your own words
        name: String,
        /// Where they can be reached
        #[arg(long)]
        email: Option<String>,
    },
    /// List the keys, and the plugins that were used
    #[command(
        after_help = "Example:\n  conductor-sign trust list\n  conductor-sign trust list --json | jq .pins"
    )]
    List {
        /// Print one JSON document instead of text
        #[arg(long)]
        json: bool,
    },
    /// Forget a key, as if it had never been trusted nor revoked
    #[command(after_help = "Example:\n  conductor-sign trust remove \"A Vendor\"")]
    Remove {
        /// The key, its fingerprint, or its name
        key: String,
    },
    /// Refuse from now on whatever a key signed, whenever it did
    #[command(after_help = "Example:\n  conductor-sign trust revoke \"A Vendor\"")]
    Revoke {
        /// The key, its fingerprint, or its name
        key: String,
    },
    /// Hand trust on from an old key to a new one
    ///
    /// With OLD and NEW, the names of two pairs of yours: signs with the old one that the new one takes its place, writes that
    /// to NEW.rotation, and hands your own trust on if you trust the old one. With the rotation file of somebody whose old key you
    /// trust: trusts the new one.
    #[command(
        after_help = "Example:\n  conductor-sign trust rotate ~/.conductor/my-key ~/.conductor/my-new-key\n  conductor-sign trust rotate vendor-2027.rotation"
    )]
    Rotate {
        /// The old pair, or a rotation file
        old: PathBuf,
        /// The new pair
        new: Option<PathBuf>,
    },
    /// Let a plugin's key and version go: its next signature is the first one again
    #[command(after_help = "Example:\n  conductor-sign trust forget my_plugin")]
    Forget {
        /// The plugin's name
        plugin: String,
    },
}

#[derive(Serialize)]
struct Report {
    file: String,
    keys: Vec<KeyReport>,
    pins: Vec<PinReport>,
}

#[derive(Serialize)]
struct KeyReport {
    name: String,
    email: Option<String>,
    public_key: String,
    fingerprint: String,
    added_at: Option<String>,
    revoked_at: Option<String>,
    rotated_from: Option<String>,
}

#[derive(Serialize)]
struct PinReport {
    plugin: String,
    fingerprint: String,
    first_used: Option<String>,
    version: Option<String>,
}

impl Trust {
    pub(super) fn run(self) -> Result<()> {
        let directory = trust_directory()?;
        match self.command {
            TrustCommand::Add { key, name, email } => {
                let (key, now) = (key::public(&key)?, now()?);
                directory.edit_keys(|keys| keys.add(key, &name, email.as_deref(), now))?;
                said(GOOD, "trusted", &name, &key.fingerprint().to_string());
            }
            TrustCommand::List { json } => list(&directory, json)?,
            TrustCommand::Remove { key } => {
                let entry = directory.edit_keys(|keys| keys.remove(&key))?;
                entry_said(WARN, "forgotten", &entry);
            }
            TrustCommand::Revoke { key } => {
                let now = now()?;
                let entry = directory.edit_keys(|keys| keys.revoke(&key, now))?;
                entry_said(WARN, "revoked", &entry);
            }
            TrustCommand::Rotate { old, new: None } => {
                let rotation = Rotation::parse(&read_bytes(&old)?)
                    .with_context(|| old.display().to_string())?;
                let now = now()?;
                let entry = directory.edit_keys(|keys| keys.rotate(&rotation, now))?;
                entry_said(GOOD, "trusted", &entry);
            }
            TrustCommand::Rotate { old, new: Some(new) } => rotate(&directory, &old, &new)?,
            TrustCommand::Forget { plugin } => {
                let known =
                    directory.edit_pins(|pins| Ok::<_, TrustError>(pins.forget(&plugin)))?;
                let plugin = printable(&plugin);
                match known {
                    true => outln!("{WARN}forgotten{WARN:#}: plugin {plugin}"),
                    false => anyhow::bail!("no plugin `{plugin}` was used with a signature"),
                }
            }
        }
        Ok(())
    }
}

fn said(style: anstyle::Style, what: &str, name: &str, fingerprint: &str) {
    outln!("{style}{what}{style:#}: {} {DIM}{fingerprint}{DIM:#}", printable(name));
}

fn entry_said(style: anstyle::Style, what: &str, entry: &TrustedKey) {
    said(style, what, &entry.name, &entry.public_key.fingerprint().to_string());
}

/// Signs that a key of the user's own takes the place of another one.
fn rotate(directory: &TrustDirectory, old: &Path, new: &Path) -> Result<()> {
    let new = KeyPaths::named(new);
    let new_key = new.read_public()?;
    let old_key = key::secret(&KeyPaths::named(old))?;
    let now = now()?;
    let rotation = Rotation::sign(&old_key, new_key, now)?;
    let path = new.public().with_extension("rotation");
    rotation.write(&path)?;
    outln!("{GOOD}signed{GOOD:#}: {}", printable(&path.to_string_lossy()));
    match directory.edit_keys(|keys| keys.rotate(&rotation, now)) {
        Ok(entry) => entry_said(GOOD, "trusted", &entry),
        // Whoever makes plugins need not trust their own key.
        Err(AddError::Unknown { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn list(directory: &TrustDirectory, json: bool) -> Result<()> {
    let (keys, pins) = (directory.keys()?, directory.pins()?);
    if json {
        let keys = keys.all().iter().map(|entry| KeyReport {
            name: entry.name.clone(),
            email: entry.email.clone(),
            public_key: entry.public_key.to_string(),
            fingerprint: entry.public_key.fingerprint().to_string(),
            added_at: entry.added_at.clone(),
            revoked_at: entry.revoked_at.clone(),
            rotated_from: entry.rotated_from.map(|key| key.to_string()),
        });
        let pins = pins.all().iter().map(|pin| PinReport {
            plugin: pin.plugin.clone(),
            fingerprint: pin.public_key.fingerprint().to_string(),
            first_used: pin.first_used.clone(),
            version: pin.version.as_ref().map(ToString::to_string),
        });
        let file = directory.keys_path().display().to_string();
        let report = Report { file, keys: keys.collect(), pins: pins.collect() };
        outln!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    for entry in keys.all() {
        let email = entry.email.as_ref().map(|email| format!(" <{email}>")).unwrap_or_default();
        let name = printable(&format!("{}{email}", entry.name));
        match &entry.revoked_at {
            None => outln!("{GOOD}trusted{GOOD:#}  {TITLE}{name}{TITLE:#}"),
            Some(at) => {
                outln!("{ERROR}revoked{ERROR:#}  {TITLE}{name}{TITLE:#} at {}", printable(at));
            }
        }
        outln!("         {DIM}{} {}{DIM:#}", entry.public_key, entry.public_key.fingerprint());
    }
    for pin in pins.all() {
        let version = pin.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let name = printable(&pin.plugin);
        outln!(
            "used     {TITLE}{name}{TITLE:#}{version} {DIM}{}{DIM:#}",
            pin.public_key.fingerprint()
        );
    }
    let (keys, pins) = (keys.all().len(), pins.all().len());
    let file = printable(&directory.keys_path().to_string_lossy());
    outln!("{DIM}keys: {keys}, plugins used: {pins}; {file}{DIM:#}");
    Ok(())
}
