//! What of a project goes into its package: nothing but files, and none from outside of the project.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use plugbay::signing::{Candidate, SignatureFile, signature_path};

use super::{Files, Package};
use crate::options::read_bytes;
use crate::project::Project;
use crate::project::build::inspect;
use crate::project::name::ident;
use crate::ui::{WARN, errln};

/// What is in the package, and by whose key it is signed: by `signature`, or else by the one that lies beside the module.
///
/// # Errors
///
/// The module is no plugin, its signature is another module's, README or LICENSE is missing, or a link leads out of the project.
pub(crate) fn gather(
    project: &Project,
    module: &Path,
    name: &str,
    signature: Option<SignatureFile>,
) -> Result<(Package, Option<String>)> {
    let wasm = read_bytes(module)?;
    let (_, problems) = inspect(&wasm)?;
    if let Some(problem) = problems.first() {
        bail!("{} is no plugin: {problem}", module.display());
    }
    let mut files = Files::new();
    let (own, beside) = (format!("{}.wasm", ident(name)), signature_path(module));
    let json = match signature {
        Some(signature) => signature.to_json().map(String::into_bytes),
        None if beside.is_file() => Some(read_bytes(&beside)?),
        None => None,
    };
    let mut signer = None;
    if let Some(json) = json {
        signer = Some(fits(wasm.clone(), &json, &beside)?);
        files.insert(format!("{own}.sig"), json);
    }
    files.insert(own, wasm);
    for word in ["README", "LICENSE"] {
        let found = documents(&project.folder, word)?;
        if found.is_empty() {
            bail!("{}: found no {word}, which a package has", project.folder.display());
        }
        files.extend(found);
    }
    files.extend(examples(&project.folder)?);
    if !files.keys().any(|path| path.starts_with("examples/")) {
        errln!(
            "{WARN}warning{WARN:#}: there is no example configuration: neither a folder `examples`, nor config.json or conductor.toml"
        );
    }
    Ok((Package::new(name.to_owned(), files)?, signer))
}

/// Holds a signature against the module. Whose key it is, is for others to judge.
fn fits(wasm: Vec<u8>, json: &[u8], path: &Path) -> Result<String> {
    let verified = SignatureFile::parse(json)
        .map_err(anyhow::Error::from)
        .and_then(|signature| Ok(Candidate::from_bytes(wasm).verify(signature)?));
    let module = verified.with_context(|| {
        format!("{} does not fit the module: sign it again, by --key, or remove it", path.display())
    })?;
    Ok(module.signer().fingerprint().to_string())
}

/// README and LICENSE under the names that people give them: `LICENSE-MIT`, `README.md`.
fn documents(folder: &Path, word: &str) -> Result<Files> {
    let mut found = Files::new();
    for (name, path) in entries(folder)? {
        let rest = name.strip_prefix(word);
        let is_one = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']));
        if is_one && path.is_file() {
            found.insert(name, own(folder, &path)?);
        }
    }
    Ok(found)
}

/// The files of `examples`; else the configuration that the project is run with.
fn examples(folder: &Path) -> Result<Files> {
    let mut found = Files::new();
    let examples = folder.join("examples");
    if examples.is_dir() {
        for (name, path) in entries(&examples)? {
            if path.is_file() && !name.starts_with('.') {
                found.insert(format!("examples/{name}"), own(folder, &path)?);
            }
        }
    }
    if found.is_empty() {
        for (own_name, packed) in
            [("config.json", "config.json"), ("conductor.toml", "config.toml")]
        {
            let path = folder.join(own_name);
            if path.is_file() {
                found.insert(format!("examples/{packed}"), own(folder, &path)?);
            }
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let cannot = || format!("cannot read {}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        found.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path));
    }
    Ok(found)
}

/// A file of the project. A link may lead to another place in it, and no further: what is elsewhere is not what its author
/// meant to give away.
fn own(folder: &Path, path: &Path) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let (home, leads) =
        (folder.canonicalize().with_context(cannot)?, path.canonicalize().with_context(cannot)?);
    if !leads.starts_with(&home) {
        bail!(
            "{} leads out of the project, to {}; a package takes what is in it: put a copy there",
            path.display(),
            leads.display()
        );
    }
    read_bytes(&leads)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_nowhere_but_within_the_project() {
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join("secret"), "secret").unwrap();
        let project = tempfile::tempdir().unwrap();
        let at = |name: &str| project.path().join(name);
        std::fs::create_dir(at("docs")).unwrap();
        std::fs::write(at("docs/read.me"), "read").unwrap();
        symlink("docs/read.me", at("README.md")).unwrap();
        let found = documents(project.path(), "README").unwrap();
        assert_eq!(found["README.md"], b"read");

        symlink(elsewhere.path().join("secret"), at("LICENSE")).unwrap();
        let error = documents(project.path(), "LICENSE").unwrap_err().to_string();
        assert!(error.contains("LICENSE leads out of the project, to "), "{error}");
        // The folder itself, too.
        symlink(elsewhere.path(), at("examples")).unwrap();
        let error = examples(project.path()).unwrap_err().to_string();
        assert!(error.contains("examples/secret leads out of the project"), "{error}");
    }
}
