//! `cargo xtask bench`: runs the benches and prints one table of medians, engine beside engine.
//!
//! The times are criterion's own, read from its files; a row is a case, a column is whoever did the
//! work. What a run says is in its ratios: on a machine that does other work too, the times move.
//!
//! `measured` reads, `table` and `targets` show, `chart` draws, `machine` says where the numbers come
//! from, `beside` measures what is no time of a bench, `page` puts them into docs/performance.md. `peers` is a run of its own.

mod beside;
mod chart;
mod machine;
mod measured;
mod page;
mod peers;
mod table;
mod targets;
mod text;

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use xshell::{Shell, cmd};

use crate::{flags, plugins, section::section};
use measured::Row;

/// Runs the command.
///
/// # Errors
///
/// A sample cannot be built, a bench fails, or the page has no place for the tables.
pub(crate) fn run(sh: &Shell, root: &Path, flags: &flags::Bench) -> Result<()> {
    if flags.quick && flags.write {
        bail!("--quick is too rough to be written down: leave out --quick or --write");
    }
    if flags.peers {
        return peers::run(sh, root, flags);
    }
    engines(sh, root, flags)
}

fn engines(sh: &Shell, root: &Path, flags: &flags::Bench) -> Result<()> {
    plugins::without_toolboxes(sh, root)?;
    let load_before = machine::load_average();
    let title = "the benches (the first time, the engines take some minutes to compile)";
    let rows =
        section(title, || measure(sh, root, &["--locked", "--package", "benches"], flags.quick))?;

    let versions = machine::versions(&root.join("Cargo.lock"), &["wasmtime", "wasmi"])?;
    let run = machine::describe(sh, &versions, load_before.as_deref())?;
    let (times, targets) =
        (table::table(&rows, table::RATIOS), targets::table(targets::TARGETS, &rows));
    let beside = beside::run(sh, root)?;
    println!("\n{run}\n\n{times}\n{targets}\n{beside}");
    if flags.write {
        page::write(root, "bench", &format!("{run}\n\n{times}"))?;
        page::write(root, "targets", &targets)?;
        page::write(root, "beside", &beside)?;
        chart::write(root, &rows)?;
    }
    Ok(())
}

/// Runs `cargo bench` with `args` in `folder`, and reads what it measured.
fn measure(sh: &Shell, folder: &Path, args: &[&str], quick: bool) -> Result<Vec<Row>> {
    let _folder = sh.push_dir(folder);
    let criterion = target_directory(sh)?.join("criterion");
    let quick: &[&str] = match quick {
        true => &["--warm-up-time=0.1", "--measurement-time=0.1", "--sample-size=100"],
        false => &[],
    };
    let started = SystemTime::now();
    let _home = sh.push_env("CRITERION_HOME", &criterion);
    cmd!(sh, "cargo bench {args...} -- --quiet {quick...}").run()?;
    measured::read_rows(&criterion, started)
}

/// Where cargo builds to, which the environment or a configuration may have moved.
///
/// # Errors
///
/// cargo cannot say.
pub(crate) fn target_directory(sh: &Shell) -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Metadata {
        target_directory: PathBuf,
    }
    let json = cmd!(sh, "cargo metadata --no-deps --format-version 1").quiet().read()?;
    let metadata: Metadata =
        serde_json::from_str(&json).context("cannot read what `cargo metadata` says")?;
    Ok(metadata.target_directory)
}
