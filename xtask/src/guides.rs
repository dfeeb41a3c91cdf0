//! `cargo xtask guides`: the plugin guides, taken at their word.
//!
//! Reads both guides as plain text, takes every code block out of them, builds what is code, parses
//! what is data, and runs the results in the host, on both backends. Nothing of the guides is kept in
//! this repository: `blocks` says where each block begins and ends and what is expected of it,
//! together with the corrections without which it could not compile; everything else is read when
//! the command runs, and written below `target/guides`.

mod blocks;
mod build;
mod extract;
mod run;
mod shapes;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use xshell::Shell;

use self::{
    blocks::{BLOCKS, Guide, Kind},
    extract::Extracted,
};
use crate::{flags, plugins, section::section};

/// Where the guides are unless the command line says otherwise.
pub(crate) const DEFAULT_DIR: &str = "../shared/seeds";

/// Runs the command.
///
/// # Errors
///
/// The guides are not there, a block is not where it should be, or one of them does not do what the guide
/// says it does. Every block is tried before that is reported.
pub(crate) fn run(sh: &Shell, root: &Path, flags: &flags::Guides) -> Result<()> {
    let dir = match &flags.from {
        Some(dir) => dir.clone(),
        None => root.join(DEFAULT_DIR),
    };
    if !dir.is_dir() {
        bail!(
            "no guides at {}: name the folder of {} with --from",
            dir.display(),
            Guide::ALL.map(Guide::file_name).join(" and ")
        );
    }
    let work = Work::new(root)?;
    let _lock = plugins::lock(root)?;

    let extracted = section("taking the code blocks out of the guides", || {
        let mut extracted = Vec::new();
        for guide in Guide::ALL {
            let path = dir.join(guide.file_name());
            let text = fs::read_to_string(&path)
                .with_context(|| format!("could not read {}", path.display()))?;
            let blocks: Vec<_> = BLOCKS.iter().filter(|block| block.guide == guide).collect();
            let found = extract::extract(&text, &blocks)
                .with_context(|| format!("in {}", path.display()))?;
            println!("    {}: {} blocks", guide.file_name(), found.len());
            extracted.extend(found);
        }
        Ok(extracted)
    })?;

    let mut report = Report::default();
    section("building and parsing them", || build::all(sh, root, &work, &extracted, &mut report))?;
    if flags.no_run {
        println!("==> not running them: --no-run");
    } else {
        section("running them in the host", || run::all(sh, root, &work, &extracted, &mut report))?;
    }
    report.print(&extracted);
    report.outcome()
}

/// The folders that the command writes to.
struct Work {
    /// `target/guides`: the modules are here.
    out: PathBuf,
    /// The guides' data, each block a file.
    samples: PathBuf,
    /// The sources, each block a package.
    sources: PathBuf,
}

impl Work {
    fn new(root: &Path) -> Result<Self> {
        let out = root.join("target/guides");
        let work = Self { samples: out.join("samples"), sources: out.join("sources"), out };
        for dir in [&work.samples, &work.sources] {
            fs::create_dir_all(dir)?;
        }
        Ok(work)
    }

    fn module(&self, id: &str) -> PathBuf {
        self.out.join(format!("{id}.wasm"))
    }

    fn sample(&self, id: &str, extension: &str) -> PathBuf {
        self.samples.join(format!("{id}.{extension}"))
    }
}

/// What became of each block.
#[derive(Debug, Default)]
struct Report {
    /// What worked, by the block's name, in the order in which it was done.
    done: BTreeMap<&'static str, Vec<String>>,
    failed: BTreeMap<&'static str, String>,
}

impl Report {
    /// Does one step for a block, unless an earlier one failed.
    fn step(&mut self, id: &'static str, step: impl FnOnce() -> Result<String>) {
        if self.failed.contains_key(id) {
            return;
        }
        match step() {
            Ok(what) => {
                let done = self.done.entry(id).or_default();
                if !done.contains(&what) {
                    done.push(what);
                }
            }
            Err(error) => {
                println!("    {id} failed: {error:#}");
                self.failed.insert(id, format!("{error:#}"));
            }
        }
    }

    fn print(&self, extracted: &[Extracted]) {
        println!("==> every code block of the guides");
        for block in extracted {
            let (first, last) = (block.lines.start() + 1, block.lines.end() + 1);
            let status = match self.failed.get(block.id) {
                Some(_) => "FAILED".to_owned(),
                None => match block.kind {
                    Kind::Shown(what) => format!("shown only: {what}"),
                    Kind::NotRunnable(reason) => format!("not runnable: {reason}"),
                    _ => self.done.get(block.id).map_or_else(
                        || "nothing was done with it".to_owned(),
                        |steps| steps.join(", "),
                    ),
                },
            };
            println!("    {} {first:>3}-{last:<3} {:<18} {status}", block.guide.name(), block.id);
            for reason in &block.corrected {
                println!("    {:14} corrected: {reason}", "");
            }
        }
    }

    fn outcome(&self) -> Result<()> {
        if self.failed.is_empty() {
            return Ok(());
        }
        let list: Vec<_> = self.failed.iter().map(|(id, why)| format!("\n  {id}: {why}")).collect();
        bail!("{} blocks do not do what the guide says:{}", list.len(), list.concat())
    }
}
