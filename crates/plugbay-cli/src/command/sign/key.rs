//! Keys as they are named on the command line.

use std::path::Path;

use anyhow::{Result, bail};
use plugbay::signing::{KeyPaths, PublicKey, SecretKey, StoredKey};

use super::passphrase;
#[cfg(unix)]
use crate::ui::{WARN, errln};

/// A public key: its text, or the name of a key pair or its file.
pub(super) fn public(named: &str) -> Result<PublicKey> {
    let error = match named.parse() {
        Ok(key) => return Ok(key),
        Err(error) => error,
    };
    let paths = KeyPaths::named(Path::new(named));
    if !paths.public().exists() {
        bail!(
            "`{named}` is no public key ({error}), and there is no file {}",
            paths.public().display()
        );
    }
    Ok(paths.read_public()?)
}

/// The half of a key pair that signs, opened.
pub(super) fn secret(paths: &KeyPaths) -> Result<SecretKey> {
    warn_of_readers(paths.private());
    let stored = match paths.read_private() {
        Err(_) if !paths.private().exists() => {
            bail!("{} is not there: `generate-key` makes a key pair", paths.private().display())
        }
        read => read?,
    };
    Ok(match stored {
        StoredKey::Plain(key) => key,
        StoredKey::Encrypted(key) => key.decrypt(&passphrase::for_key(paths.private())?)?,
    })
}

/// Says so where others than its owner can read a private key.
fn warn_of_readers(path: &Path) {
    #[cfg(unix)]
    if let Ok(file) = path.metadata() {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            let path = path.display();
            errln!(
                "{WARN}warning{WARN:#}: {path} has mode {mode:04o}: others can read it, wanted 0600"
            );
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}
