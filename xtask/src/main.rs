//! `cargo xtask`: the project's own commands.
//!
//! `main` dispatches, `flags` parses, and every command has a file of its own. What a command needs
//! from the machine it says itself, with the line to type when that is missing.

mod bench;
mod bench_http;
mod book;
mod ci;
mod demo;
mod examples;
mod five_minutes;
mod flags;
mod guides;
mod instructions;
mod package;
mod plugins;
mod python;
mod section;
mod semver;
mod tidy;
mod toolchain;
mod tools;
mod wasm;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use xshell::Shell;

fn main() -> ExitCode {
    let flags = flags::Xtask::from_env_or_exit();
    match run(flags.subcommand) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without the backtrace: what failed is a command, not this program.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: flags::XtaskCmd) -> Result<()> {
    let root = project_root()?;
    let sh = Shell::new()?;
    sh.change_dir(&root);
    match command {
        flags::XtaskCmd::Demo(_) => demo::run(&sh, &root),
        flags::XtaskCmd::Ci(flags) => ci::run(&sh, &root, &flags),
        flags::XtaskCmd::Bench(flags) if flags.http => bench_http::run(&sh, &root, &flags),
        flags::XtaskCmd::Bench(flags) => bench::run(&sh, &root, &flags),
        flags::XtaskCmd::Instructions(flags) => instructions::run(&sh, &root, &flags),
        flags::XtaskCmd::Book(_) => book::run(&sh, &root),
        flags::XtaskCmd::Examples(_) => examples::run(&sh, &root),
        flags::XtaskCmd::Package(flags) => package::run(&sh, &root, &flags),
        flags::XtaskCmd::Semver(_) => semver::run(&sh, &root),
        flags::XtaskCmd::Tidy(_) => tidy::run(&sh, &root),
        flags::XtaskCmd::Plugins(flags) => plugins::run(&sh, &root, &flags),
        flags::XtaskCmd::FiveMinutes(flags) => five_minutes::run(&sh, &root, &flags),
        flags::XtaskCmd::Guides(flags) => guides::run(&sh, &root, &flags),
    }
}

/// The workspace's folder, wherever the command was typed.
fn project_root() -> Result<PathBuf> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(xtask.parent().context("xtask has no parent folder")?.to_path_buf())
}
