//! `plugbay new`: a project that builds, tests and runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Serialize;

use crate::exit::Outcome;
use crate::project::template::{self, Kind};
use crate::project::{Language, name};
use crate::ui::{DIM, GOOD, outln};

/// Begin a plugin: a folder with sources, tests, an example configuration and the SDK, which builds as it is.
///
/// Nothing is fetched. What compiles the language is looked for by `plugbay build`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay new polite\n  plugbay new polite --lang typescript\n  plugbay new pad-lights --lang c --kind action\n\nExit codes: 0 it is there; 2 wrong usage, or the folder is not empty."
)]
pub(crate) struct New {
    /// What it is called, and its folder: lower case letters, digits and `-`
    name: String,
    /// What it is written in
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    lang: Language,
    /// What it is for: hooks of the gateway, or an action of conductor
    #[arg(long, value_name = "KIND", default_value = "hook")]
    kind: Kind,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    name: &'a str,
    folder: String,
    language: Language,
    kind: Kind,
    files: Vec<&'a str>,
}

impl New {
    pub(crate) fn run(self) -> Result<Outcome> {
        name::check(&self.name)?;
        let folder = PathBuf::from(&self.name);
        let year = jiff::Zoned::now().year();
        let files = template::files(&self.name, self.lang, self.kind, year)?;
        write(&folder, &files)?;
        if self.json {
            let report = Report {
                name: &self.name,
                folder: std::path::absolute(&folder)?.display().to_string(),
                language: self.lang,
                kind: self.kind,
                files: files.keys().map(String::as_str).collect(),
            };
            outln!("{}", serde_json::to_string_pretty(&report)?);
            return Ok(Outcome::Success);
        }
        outln!("{GOOD}created{GOOD:#}: {}", folder.display());
        for path in files.keys().filter(|path| !path.starts_with("vendor/")) {
            outln!("  {DIM}{path}{DIM:#}");
        }
        outln!("  {DIM}vendor/plugbay: the SDK{DIM:#}");
        outln!("next:");
        outln!("  cd {}", self.name);
        outln!("  plugbay build    # build/{}.wasm", name::ident(&self.name));
        outln!("  plugbay test     # the cases in tests/");
        outln!("  plugbay dev      # both, after each change");
        Ok(Outcome::Success)
    }
}

/// Puts all of it into a folder that was not there, or was empty; or nothing.
fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    let shown = folder.display();
    match std::fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                bail!("{shown} is there and not empty: found files in it, wanted a new folder");
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot use {shown}")),
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let beside = tempfile::Builder::new()
        .prefix(".plugbay-new-")
        .tempdir_in(parent.unwrap_or(Path::new(".")))
        .with_context(|| format!("cannot write beside {shown}"))?;
    // The folder for the time being is its maker's alone; this one is as any other.
    let made = beside.path().join("project");
    for (path, bytes) in files {
        let path = path.split('/').fold(made.clone(), |at, part| at.join(part));
        let below = path.parent().unwrap_or(&made);
        std::fs::create_dir_all(below)
            .and_then(|()| std::fs::write(&path, bytes))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    // A folder takes the place of an empty one on Unix alone.
    if folder.is_dir() {
        std::fs::remove_dir(folder).with_context(|| format!("cannot use {shown}"))?;
    }
    std::fs::rename(&made, folder).with_context(|| format!("cannot make {shown}"))
}
