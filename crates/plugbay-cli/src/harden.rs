//! `--harden`: the program keeps itself to what it needs, so that a hole in it, or in what it runs on, opens less.
//!
//! What it needs is put together in [`Places`] from the command line and the configuration. How it is kept to it is
//! Linux's affair: landlock for files, ports and signals, seccomp for system calls.

#[cfg(target_os = "linux")]
mod linux;
mod places;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

pub(crate) use places::Places;

use crate::ui::{DIM, WARN, errln};

/// `--harden`.
#[derive(Debug, Args)]
pub(crate) struct HardenOption {
    /// On Linux, keep this program itself to the files, ports and system calls that it needs, by landlock and
    /// seccomp: best-effort does without what the kernel lacks and says so, require starts only with all of it
    #[arg(
        long,
        value_name = "MODE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "best-effort"
    )]
    harden: Option<Mode>,
}

/// What becomes of a kernel that lacks something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    BestEffort,
    Require,
}

impl HardenOption {
    /// Gives up what `places` does not name, for good, and says on stderr what came of it.
    ///
    /// This is for the moment at which all paths are known, nothing of a plugin was read and there is one thread:
    /// threads that are there already keep their files.
    pub(crate) fn apply(&self, places: impl FnOnce() -> Places) -> Result<()> {
        let Some(mode) = self.harden else { return Ok(()) };
        let report = restrict(&places());
        report.print();
        if mode == Mode::Require && !report.missing.is_empty() {
            bail!("--harden=require, and not everything is there: {}", report.missing.join("; "));
        }
        Ok(())
    }
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    /// What holds from now on.
    enforced: Vec<String>,
    /// What does not, because the kernel lacks it.
    missing: Vec<String>,
    /// What is good to know beside that.
    notes: Vec<String>,
}

impl Report {
    fn print(&self) {
        if !self.enforced.is_empty() {
            errln!("{DIM}hardening: {}{DIM:#}", self.enforced.join("; "));
        }
        for note in &self.notes {
            errln!("{DIM}hardening: {}{DIM:#}", crate::ui::printable(note));
        }
        for missing in &self.missing {
            errln!("{WARN}hardening{WARN:#}: {missing}");
        }
    }
}

#[cfg(target_os = "linux")]
use linux::restrict;

#[cfg(not(target_os = "linux"))]
fn restrict(_places: &Places) -> Report {
    let missing = "landlock and seccomp are Linux's: nothing is restricted on this system";
    Report { missing: vec![missing.to_owned()], ..Report::default() }
}
