//! `conductor-sign generate-key`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use plugbay::signing::{KeyPaths, SecretKey};

use super::passphrase;
use crate::ui::{DIM, TITLE, outln, printable};

/// Make a key pair: NAME.private, which signs, and NAME.public, which others trust.
///
/// The private half is encrypted with a passphrase: CONDUCTOR_SIGN_PASSPHRASE, or one that is asked for twice. Where there is neither
/// that variable nor a terminal, the key is written unencrypted, with a warning. A key that is there is never
/// overwritten.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conductor-sign generate-key ~/.conductor/my-key\n  CONDUCTOR_SIGN_PASSPHRASE=… conductor-sign generate-key ci-key"
)]
pub(super) struct GenerateKey {
    /// The pair's name, without an ending
    name: PathBuf,
    /// Write the private half unencrypted
    #[arg(long)]
    no_passphrase: bool,
}

impl GenerateKey {
    pub(super) fn run(self) -> Result<()> {
        let paths = KeyPaths::named(&self.name);
        // Said before a passphrase is thought up.
        for path in [paths.private(), paths.public()] {
            if path.symlink_metadata().is_ok() {
                return Err(plugbay::signing::KeyFileError::Exists(path.to_owned()).into());
            }
        }
        let passphrase = passphrase::for_new_key(self.no_passphrase)?;
        let key = SecretKey::generate().context("the system gives no random numbers")?;
        paths.write(&key, passphrase.as_ref().map(|passphrase| passphrase.as_str()))?;
        let public = key.public_key();
        outln!("{TITLE}private key{TITLE:#}  {}", printable(&paths.private().to_string_lossy()));
        outln!("{TITLE}public key{TITLE:#}   {}", printable(&paths.public().to_string_lossy()));
        outln!("{DIM}public key   {public}{DIM:#}");
        outln!("{DIM}fingerprint  {}{DIM:#}", public.fingerprint());
        Ok(())
    }
}
