//! Packages: a plugin as it is given to others, in one archive.
//!
//! ```text
//! night-lamp/
//!   LICENSE
//!   README.md
//!   SHA256SUMS            of all the others, as sha256sum writes and checks it
//!   examples/config.json
//!   night_lamp.wasm
//!   night_lamp.wasm.sig   if it is signed
//! ```
//!
//! An archive is a stranger's until its sums and its signature were looked at: it is read within bounds, into memory, and only
//! names that are the same on every system are in it.

mod gather;
mod place;
mod read;
mod write;

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context as _, Result, bail};
use plugbay::policy::Limits;

pub(crate) use gather::gather;
pub(crate) use place::place;
pub(crate) use read::read;
pub(crate) use write::write;

use super::name::{ident, is_a_device};

const SUMS: &str = "SHA256SUMS";

/// How an archive begins.
pub(crate) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Most files in one.
const MOST_FILES: usize = 128;

/// Longest path within one, in bytes: what the oldest kind of archive has room for.
const LONGEST_PATH: usize = 99;

/// Longest of the files that are no module, in bytes.
const LONGEST_TEXT: u64 = 1 << 20;

/// Longest archive as it is, and longest content, in bytes: a module, and as much again as all else may have.
pub(crate) fn longest() -> u64 {
    longest_module() + 16 * LONGEST_TEXT
}

fn longest_module() -> u64 {
    Limits::default().module_bytes
}

/// Files by their paths, which have `/` on every system.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What is in a package, whole and in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Package {
    /// The plugin's name, which is the one folder in it.
    pub(crate) name: String,
    /// By their paths below that folder, without the sums.
    pub(crate) files: Files,
}

impl Package {
    /// Takes files for a package, if they are one.
    pub(crate) fn new(name: String, files: Files) -> Result<Self> {
        let package = Self { name, files };
        component(&package.name)?;
        let module = package.module_name();
        let modules = package.files.keys().filter(|path| path.ends_with(".wasm"));
        let modules: Vec<&str> = modules.map(String::as_str).collect();
        if modules != [module.as_str()] {
            let found = if modules.is_empty() { "none".to_owned() } else { modules.join(", ") };
            bail!(
                "found the modules: {found}; wanted one, {module}, as the package is called {}",
                package.name
            );
        }
        let mut known = HashSet::new();
        for (path, bytes) in &package.files {
            // On some systems names that differ in their case are one file's.
            if !known.insert(path.to_ascii_lowercase()) {
                bail!(
                    "found {path} twice, in upper and in lower case: some systems have one file of it"
                );
            }
            if path.ends_with(".sig") && *path != package.signature_name() {
                bail!("found the signature {path}, wanted {}", package.signature_name());
            }
            let most = if *path == module { longest_module() } else { LONGEST_TEXT };
            if bytes.len() as u64 > most {
                bail!("{path} has {} bytes, wanted at most {most}", bytes.len());
            }
        }
        Ok(package)
    }

    pub(crate) fn module_name(&self) -> String {
        format!("{}.wasm", ident(&self.name))
    }

    pub(crate) fn signature_name(&self) -> String {
        format!("{}.wasm.sig", ident(&self.name))
    }

    /// The module.
    pub(crate) fn module(&self) -> Result<&[u8]> {
        let module = self.files.get(&self.module_name());
        module.map(Vec::as_slice).context("a package has a module")
    }

    /// The signature beside it.
    pub(crate) fn signature(&self) -> Option<&[u8]> {
        self.files.get(&self.signature_name()).map(Vec::as_slice)
    }

    /// The text of the sums.
    fn sums(&self) -> String {
        sums(self.files.iter())
    }

    /// Whether a file is loaded: then it lies beside the plugin's folder once it is installed, and not in it.
    fn is_loaded(&self, path: &str) -> bool {
        path == self.module_name() || path == self.signature_name()
    }
}

fn sums<'a>(files: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) -> String {
    files.map(|(path, bytes)| format!("{}  {path}\n", plugbay::module_hash(bytes))).collect()
}

/// A path of a package: parts that are a plain file's name on every system, and not many of them.
fn path(text: &str) -> Result<()> {
    if text.len() > LONGEST_PATH {
        bail!(
            "found a path of {} bytes, {}, wanted at most {LONGEST_PATH}",
            text.len(),
            plugbay::plain(text, 120)
        );
    }
    text.split('/').try_for_each(component)
}

fn component(part: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let ends = part.starts_with(['.', '-']) || part.ends_with('.');
    if part.is_empty() || ends || is_a_device(part) || !part.chars().all(plain) {
        bail!(
            "found a file called `{}`, wanted letters, digits, `-`, `_` and `.`, neither hidden nor above the package",
            plugbay::plain(part, 80)
        );
    }
    Ok(())
}
