//! `plugbay pack`: a plugin as it is given to others.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use plugbay::policy::Limits;
use plugbay::signing::{Candidate, Developer, PluginInfo, Release, SignatureFile};
use serde::Serialize;

use super::sign::now;
use super::sign::sign_module::{capability, sign, version};
use crate::exit::Outcome;
use crate::outputs::OutputFile;
use crate::project::Project;
use crate::project::name::ident;
use crate::project::package;
use crate::ui::{self, DIM, GOOD, TITLE, WARN, outln, printable};

/// Pack a plugin for others: module, signature, README, LICENSE and examples in one archive, with their sums.
///
/// The archive is the same for the same files, whoever packs them and when. With --key its signature is in the archive alone; without, the one that is beside the module is packed, if there is one.
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
        let signature = self.sign(&module, version.as_deref())?;
        let (package, signer) = package::gather(&project, &module, &name, signature)?;
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

    /// For the package alone: a signature beside the module would be another module's after the next build.
    fn sign(&self, module: &Path, version: Option<&str>) -> Result<Option<SignatureFile>> {
        let (Some(key), Some(name), Some(email)) = (&self.key, &self.name, &self.email) else {
            return Ok(None);
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
        let candidate = Candidate::read(module, Limits::default().module_bytes)?;
        Ok(Some(sign(candidate, key, &release)?.0))
    }
}

/// Puts the archive in the place of one that was packed before, or where nothing is.
fn write(path: &Path, archive: &[u8]) -> Result<()> {
    let shown = path.display();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        bail!("cannot write {shown}: there is no folder {}", folder.display());
    }
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot look at {shown}")),
        Ok(found) if found.is_file() && starts_as_an_archive(path) => {}
        Ok(_) => {
            bail!("{shown} is there and is no package, so it stays; name another file by --out")
        }
    }
    OutputFile::new(path)?.write(archive)
}

fn starts_as_an_archive(path: &Path) -> bool {
    let mut start = [0; 2];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start == package::GZIP
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
