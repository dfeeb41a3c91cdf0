//! `plugbay dev`: after each change of a plugin's sources it is built, tried, and loaded again where it runs.

mod reload;
mod sources;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Args;
use plugbay::FileWatch;
use serde::Serialize;

use self::reload::ReloadOptions;
use self::sources::Sources;
use crate::exit::{Outcome, chain};
use crate::project::Project;
use crate::project::build::{self, CompilerFailed, Options};
use crate::ui::{self, DIM, ERROR, GOOD, TITLE, WARN, errln, outln, printable};

/// Build a plugin and try its cases after each change, and load it again into a gateway or a conductor that runs.
///
/// All that is in the project counts, but for what builds make: build, target, node_modules, lock files and hidden files. What does not compile or fails its cases is told and loaded
/// nowhere. Ctrl-C ends it.
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
            // From now on Ctrl-C ends nothing halfway: a compiler that runs has had it, too.
            let mut interrupt = tokio::spawn(tokio::signal::ctrl_c());
            tokio::task::yield_now().await;
            let mut watch = FileWatch::new()?;
            let mut sources = Sources::of(&project.folder)?;
            watch.look_in(sources.folders());
            let mut number = 0;
            loop {
                number += 1;
                // Nothing else is to be done meanwhile.
                let round = self.round(&project, number)?;
                self.print(&round)?;
                if self.once {
                    let failed = round.error.is_some();
                    return Ok(if failed { Outcome::Failure } else { Outcome::Success });
                }
                loop {
                    // What came during the round is seen.
                    tokio::task::yield_now().await;
                    tokio::select! {
                        biased;
                        ended = &mut interrupt => {
                            ended?.context("Ctrl-C cannot be waited for")?;
                            errln!("{DIM}ended{DIM:#}");
                            return Ok(Outcome::Success);
                        }
                        () = watch.changed() => {}
                    }
                    let now = Sources::of(&project.folder)?;
                    watch.look_in(now.folders());
                    if now != sources {
                        sources = now;
                        break;
                    }
                }
            }
        })
    }

    /// Builds, tries and loads. The error is one that no change of a source mends.
    fn round(&self, project: &Project, number: u64) -> Result<Round> {
        let begun = Instant::now();
        let mut round = Round { number, ..Round::default() };
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
        round.cases = cases(project)?;
        if round.cases == Some(false) {
            anyhow::bail!("not all cases passed");
        }
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

/// Runs the project's cases, by the program itself: what they do to it, they do to a process of their own.
fn cases(project: &Project) -> Result<Option<bool>> {
    if !project.has_cases() || !super::has("test") {
        return Ok(None);
    }
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let status = Command::new(program)
        .arg("test")
        .arg(&project.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .context("cannot run `plugbay test`")?;
    Ok(Some(status.success()))
}
