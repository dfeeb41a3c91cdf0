//! `plugbay pack`: a plugin as it is given to others.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use plugbay::signing::{Candidate, Developer, PluginInfo, Release, SignatureFile, signature_path};
use serde::Serialize;

use super::sign::now;
use super::sign::sign_module::{capability, sign, version};
use crate::exit::Outcome;
use crate::options::read_bytes;
use crate::project::Project;
use crate::project::build::inspect;
use crate::project::name::ident;
use crate::project::package::{self, Files, Package};
use crate::ui::{self, DIM, GOOD, TITLE, WARN, errln, outln, printable};

/// Pack a plugin for others: module, signature, README, LICENSE and examples in one archive, with their sums.
///
/// The archive is the same for the same files, whoever packs them and when. Without --key the signature that is beside the module is packed, if there is one.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay pack\n  plugbay pack --key ~/.conductor/my-key \\\n    --name \"Your Name\" --email you@example.com\n  plugbay pack plugins/polite --out polite.tar.gz --json | jq -r .sha256\n\nExit codes: 0 packed; 2 wrong usage, or a file is missing."
)]
pub(crate) struct Pack {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The archive [default: build/NAME-VERSION.tar.gz]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Sign the module by this key pair
    #[arg(long, requires = "name", requires = "email")]
    key: Option<PathBuf>,
    /// The developer's name
    #[arg(long, requires = "key")]
    name: Option<String>,
    /// Where the developer can be reached
    #[arg(long, requires = "key")]
    email: Option<String>,
    /// The plugin's version, such as 1.2.0 [default: what Cargo.toml or package.json says]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    plugin_version: Option<String>,
    /// What it will ask for; once for each. With one or more, a plugin that asks for others is not loaded
    #[arg(long = "capability", value_name = "CAPABILITY", value_parser = capability, requires = "key")]
    capabilities: Vec<String>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    archive: String,
    bytes: usize,
    /// Of the archive.
    sha256: String,
    name: &'a str,
    version: Option<&'a str>,
    /// The fingerprint of the key; none for one that is not signed.
    signer: Option<String>,
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    path: &'a str,
    bytes: usize,
    sha256: String,
}

impl Pack {
    pub(crate) fn run(self) -> Result<Outcome> {
        let project = Project::find(&self.folder)?;
        let module = project.module()?;
        let stem = module.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = if ident(&project.name) == stem { project.name.clone() } else { stem };
        let version = self.plugin_version.clone().or_else(|| project.version.clone());
        self.sign(&module, version.as_deref())?;
        let (package, signer) = collect(&project, &module, &name)?;
        let archive = package::write(&package)?;
        let out = self.out.clone().unwrap_or_else(|| {
            let version = version.as_ref().map(|version| format!("-{version}"));
            project.folder.join(format!("build/{name}{}.tar.gz", version.unwrap_or_default()))
        });
        write(&out, &archive)?;
        let report = Report {
            archive: out.display().to_string(),
            bytes: archive.len(),
            sha256: plugbay::module_hash(&archive).to_string(),
            name: &name,
            version: version.as_deref(),
            signer,
            files: package.files.iter().map(|(path, bytes)| file(path, bytes)).collect(),
        };
        if self.json {
            outln!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print(&report);
        }
        Ok(Outcome::Success)
    }

    fn sign(&self, module: &Path, version: Option<&str>) -> Result<()> {
        let (Some(key), Some(name), Some(email)) = (&self.key, &self.name, &self.email) else {
            return Ok(());
        };
        let mut capabilities = self.capabilities.clone();
        capabilities.sort();
        capabilities.dedup();
        let stem = module.file_stem().context("the module has no file name")?;
        let version = version.map(PluginInfo::version_of).transpose();
        let version = version.context("the version that is to be signed")?;
        let plugin =
            PluginInfo { version, capabilities, ..PluginInfo::named(stem.to_string_lossy()) };
        let developer = Developer { name: name.clone(), email: email.clone() };
        let release = Release { plugin, developer, signed_at: now()?, expires_at: None };
        sign(module, key, &release).map(drop)
    }
}

/// What is in the package, and by whose key it is signed.
fn collect(project: &Project, module: &Path, name: &str) -> Result<(Package, Option<String>)> {
    let wasm = read_bytes(module)?;
    let (_, problems) = inspect(&wasm)?;
    if let Some(problem) = problems.first() {
        bail!("{} is no plugin: {problem}", module.display());
    }
    let mut files = Files::new();
    let (own, signature) = (format!("{}.wasm", ident(name)), signature_path(module));
    let mut signer = None;
    if signature.is_file() {
        let json = read_bytes(&signature)?;
        signer = Some(fits(wasm.clone(), &json, &signature)?);
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

/// Holds a signature that is there against the module. Whose key it is, is for others to judge.
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
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let rest = name.strip_prefix(word);
        let is_one = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']));
        if is_one && path.is_file() {
            found.insert(name, read_bytes(&path)?);
        }
    }
    Ok(found)
}

/// The files of `examples`; else the configuration that the project is run with.
fn examples(folder: &Path) -> Result<Files> {
    let mut found = Files::new();
    let examples = folder.join("examples");
    if let Ok(entries) = std::fs::read_dir(&examples) {
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read {}", examples.display()))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_file() && !name.starts_with('.') {
                found.insert(format!("examples/{name}"), read_bytes(&path)?);
            }
        }
    }
    if found.is_empty() {
        for (own, packed) in [("config.json", "config.json"), ("conductor.toml", "config.toml")] {
            let path = folder.join(own);
            if path.is_file() {
                found.insert(format!("examples/{packed}"), read_bytes(&path)?);
            }
        }
    }
    Ok(found)
}

fn write(path: &Path, archive: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let failed = || format!("cannot write {}", path.display());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder).with_context(failed)?;
    std::fs::write(file.path(), archive).with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(())
}

fn file<'a>(path: &'a str, bytes: &[u8]) -> File<'a> {
    File { path, bytes: bytes.len(), sha256: plugbay::module_hash(bytes).to_string() }
}

fn print(report: &Report<'_>) {
    outln!("{TITLE}{}{TITLE:#}: {}", printable(&report.archive), ui::bytes(report.bytes as u64));
    for file in &report.files {
        let bytes = ui::bytes(file.bytes as u64);
        outln!("  {DIM}{}{DIM:#} {:>10}  {}", file.sha256, bytes, file.path);
    }
    outln!("  {DIM}sha256{DIM:#} {}", report.sha256);
    match &report.signer {
        Some(key) => outln!("{GOOD}signed{GOOD:#} by the key {key}"),
        None => outln!(
            "{WARN}not signed{WARN:#}: --key signs it; others install it with --require-signature=false alone"
        ),
    }
}
