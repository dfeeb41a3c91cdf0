//! Where a key's passphrase comes from: the environment, or else the terminal.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use zeroize::Zeroizing;

use crate::ui::{WARN, errln};

const VARIABLE: &str = "CONDUCTOR_SIGN_PASSPHRASE";

/// The passphrase that a new key is to have; `None` where it is to have none.
pub(super) fn for_new_key(none: bool) -> Result<Option<Zeroizing<String>>> {
    if none {
        return Ok(None);
    }
    if let Some(passphrase) = from_environment()? {
        return Ok(Some(passphrase));
    }
    if !std::io::stdin().is_terminal() {
        errln!(
            "{WARN}warning{WARN:#}: there is no terminal to ask for a passphrase and {VARIABLE} is not set: the \
             private key is written unencrypted"
        );
        return Ok(None);
    }
    let passphrase = ask("Passphrase for the new key: ")?;
    if passphrase.is_empty() {
        bail!("an empty passphrase encrypts nothing: --no-passphrase says that none is wanted");
    }
    if ask("The same once more: ")? != passphrase {
        bail!("the passphrases differ");
    }
    Ok(Some(passphrase))
}

/// The passphrase of a key that is there.
pub(super) fn for_key(path: &Path) -> Result<Zeroizing<String>> {
    if let Some(passphrase) = from_environment()? {
        return Ok(passphrase);
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "{} is encrypted, there is no terminal to ask for its passphrase, and {VARIABLE} is not set",
            path.display()
        );
    }
    ask(&format!("Passphrase of {}: ", path.display()))
}

fn from_environment() -> Result<Option<Zeroizing<String>>> {
    match std::env::var(VARIABLE) {
        Ok(passphrase) if passphrase.is_empty() => Ok(None),
        Ok(passphrase) => Ok(Some(Zeroizing::new(passphrase))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => bail!("{VARIABLE} is not UTF-8"),
    }
}

fn ask(prompt: &str) -> Result<Zeroizing<String>> {
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .context("cannot read a passphrase from the terminal")
}
