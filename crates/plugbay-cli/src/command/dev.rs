//! `plugbay dev`: after each change of a plugin's sources it is built, tried, and loaded again where it runs.

mod reload;
mod sources;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Args;
use plugbay::FileWatch;
use serde::Serialize;

use self::reload::ReloadOptions;
use self::sources::Sources;
use super::build::warn_of_signature;
use super::signals::stop_signal;
use crate::exit::{Outcome, chain};
use crate::project::Project;
use crate::project::build::{self, Built, CompilerFailed, Options};
use crate::ui::{self, DIM, ERROR, GOOD, TITLE, WARN, errln, outln, printable};

/// Build a plugin and try its cases after each change, and load it again into a gateway or a conductor that runs.
///
/// All that is in the project counts, but for what builds make (build, target, node_modules, lock files), logs, hidden files and what .gitignore names. What does not compile or
/// fails its cases is told and loaded nowhere: build/NAME.wasm stays as it was. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay dev\n  plugbay dev --gateway     # whose admin API is at 127.0.0.1:9091\n  plugbay dev --gateway http://127.0.0.1:9000 \\\n    --token-env GATEWAY_ADMIN_TOKEN --as polite\n  plugbay dev --conductor\n\nExit codes: 0 ended by Ctrl-C, or with --once: all went well; 1 with --once: something failed; 2 wrong usage, or a tool is missing."
)]
pub(crate) struct Dev {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    reload: ReloadOptions,
    /// What Rust builds for [default: as plugbay build]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Do it once and end
    #[arg(long)]
    once: bool,
    /// Print one line of JSON for each round instead of text
    #[arg(long)]
    json: bool,
}

/// What one round came to.
#[derive(Debug, Default, Serialize)]
struct Round {
    number: u64,
    /// A file that was changed, of those that were; none in the first round.
    changed: Option<String>,
    built: bool,
    /// The module's length.
    bytes: Option<u64>,
    /// Whether the project's cases passed; none where it has none, or it was not built.
    cases: Option<bool>,
    /// Where it was loaded again.
    reloaded: Vec<String>,
    error: Option<String>,
    seconds: f64,
}

impl Dev {
    pub(crate) fn run(self) -> Result<Outcome> {
        let project = Project::find(&self.folder)?;
        if !self.once {
            ui::ends_with_its_reader();
        }
        crate::logging::start("off,plugbay=warn");
        super::call::block_on(async {
            let mut stop = std::pin::pin!(stop_signal()?);
            let this = Arc::new((self, project));
            let (dev, project) = (&this.0, &this.1);
            let mut watch = FileWatch::new()?;
            let mut sources = Sources::of(&project.folder)?;
            watch.look_in(sources.folders());
            let (mut number, mut changed) = (0, None);
            loop {
                number += 1;
                let of_round = Arc::clone(&this);
                let round = move || of_round.0.round(&of_round.1, number, changed);
                let round = tokio::select! {
                    biased;
                    () = &mut stop => {
                        // A compiler has had Ctrl-C from the terminal, too; nothing of it comes to where hosts look.
                        errln!("{DIM}ended{DIM:#}");
                        std::process::exit(0);
                    }
                    round = tokio::task::spawn_blocking(round) => round.context("a round failed")??,
                };
                dev.print(&round)?;
                if dev.once {
                    let failed = round.error.is_some();
                    return Ok(if failed { Outcome::Failure } else { Outcome::Success });
                }
                loop {
                    tokio::select! {
                        biased;
                        () = &mut stop => {
                            errln!("{DIM}ended{DIM:#}");
                            return Ok(Outcome::Success);
                        }
                        () = watch.changed() => {}
                    }
                    let now = Sources::of(&project.folder)?;
                    watch.look_in(now.folders());
                    if now != sources {
                        let name = now.changed_since(&sources);
                        let name =
                            name.map(|name| name.strip_prefix(&project.folder).unwrap_or(name));
                        changed = name.map(|name| name.display().to_string());
                        sources = now;
                        break;
                    }
                }
            }
        })
    }

    /// Builds, tries and loads. The error is one that no change of a source mends.
    fn round(&self, project: &Project, number: u64, changed: Option<String>) -> Result<Round> {
        let begun = Instant::now();
        if let (Some(name), false) = (&changed, self.json) {
            errln!("{DIM}changed: {}{DIM:#}", printable(name));
        }
        let mut round = Round { number, changed, ..Round::default() };
        let done = self.steps(project, &mut round);
        round.seconds = begun.elapsed().as_secs_f64();
        match done {
            Ok(()) => Ok(round),
            // The first round tells whether tools are there; later ones tell what was broken meanwhile.
            Err(error) if number == 1 && !error.is::<CompilerFailed>() && !round.built => {
                Err(error)
            }
            Err(error) => Ok(Round { error: Some(chain(&error)), ..round }),
        }
    }

    fn steps(&self, project: &Project, round: &mut Round) -> Result<()> {
        let options = Options { target: self.target.clone(), ..Options::default() };
        let built = build::build(project, &options)?;
        round.built = true;
        round.bytes = Some(built.after.bytes);
        if let Some(problem) = built.problems.first() {
            anyhow::bail!("{}: it is no plugin: {problem}", built.module.display());
        }
        round.cases = cases(project, &built)?;
        if round.cases == Some(false) {
            anyhow::bail!("not all cases passed");
        }
        built.place()?;
        warn_of_signature(&built);
        self.reload.run(project, &mut round.reloaded)
    }

    fn print(&self, round: &Round) -> Result<()> {
        if self.json {
            outln!("{}", serde_json::to_string(round)?);
            return Ok(());
        }
        let seconds = round.seconds;
        if let Some(bytes) = round.bytes {
            outln!("{TITLE}built{TITLE:#}     {} {DIM}{seconds:.1} s{DIM:#}", ui::bytes(bytes));
        }
        match round.cases {
            Some(true) => outln!("{GOOD}passed{GOOD:#}    the cases in tests/"),
            None if round.built => outln!("{WARN}untried{WARN:#}   there are no cases in tests/"),
            _ => {}
        }
        for place in &round.reloaded {
            outln!("{GOOD}reloaded{GOOD:#}  {}", printable(place));
        }
        if let Some(error) = &round.error {
            outln!("{ERROR}failed{ERROR:#}    {}", printable(error));
        }
        if !self.once {
            outln!("{DIM}waiting for a change; Ctrl-C ends it{DIM:#}");
        }
        Ok(())
    }
}

/// Runs the project's cases, by the program itself: what they do to it, they do to a process of their own. They are played
/// on a copy: where hosts look for the module, it is only when they have passed.
fn cases(project: &Project, built: &Built) -> Result<Option<bool>> {
    if !project.has_cases() || !super::has("test") {
        return Ok(None);
    }
    let copy = tempfile::tempdir().context("cannot make a folder for the new module")?;
    let module = copy.path().join(built.module.file_name().unwrap_or_default());
    std::fs::write(&module, &built.wasm)
        .with_context(|| format!("cannot write {}", module.display()))?;
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let status = Command::new(program)
        .arg("test")
        .arg(&module)
        .arg("--fixtures")
        .arg(project.folder.join("tests"))
        .stdin(Stdio::null())
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .context("cannot run `plugbay test`")?;
    Ok(Some(status.success()))
}
