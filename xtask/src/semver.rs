//! `cargo xtask semver`: the crates' public items held against those of the last release, by cargo-semver-checks.
//!
//! It documents each crate twice, so it is not part of `ci`, and nothing installs it unasked: it takes minutes to build.

use std::path::Path;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

const INSTALL: &str = "cargo install cargo-semver-checks --locked";

pub(crate) fn run(sh: &Shell, root: &Path) -> Result<()> {
    sh.change_dir(root);
    let tag = cmd!(sh, "git describe --tags --abbrev=0 --match v*").quiet().ignore_stderr().read();
    let Some(tag) = tag.ok().filter(|tag| !tag.is_empty()) else {
        println!(
            "nothing to compare with: no tag `v*` is an ancestor of this commit, so nothing was released yet"
        );
        return Ok(());
    };
    if cmd!(sh, "cargo semver-checks --version").quiet().ignore_stderr().read().is_err() {
        bail!("cargo-semver-checks is not installed; run: {INSTALL}");
    }
    println!("comparing with {tag}");
    // Packages that are not published are left out by themselves, and so are crates of macros.
    cmd!(sh, "cargo semver-checks --workspace --baseline-rev {tag}").run()?;
    Ok(())
}
