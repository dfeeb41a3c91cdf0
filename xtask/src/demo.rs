//! `cargo xtask demo`: the first thing a newcomer runs. Builds what it needs, then shows both front ends on real input.

use std::path::Path;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::plugins;
use crate::section::section;

pub(crate) fn run(sh: &Shell, root: &Path) -> Result<()> {
    plugins::without_toolboxes(sh, root)?;
    sh.change_dir(root);
    section("the programs (the first time, the engines take some minutes to compile)", || {
        cmd!(sh, "cargo build --release --locked -p plugbay-cli").run()?;
        Ok(())
    })?;
    // Relative, as a newcomer would type it: the demo prints what to try next with it.
    show(sh, root, Path::new("target/release/plugbay"))
}

/// Shows what is built already.
pub(crate) fn show(sh: &Shell, root: &Path, plugbay: &Path) -> Result<()> {
    sh.change_dir(root);
    section("the demo", || {
        cmd!(sh, "{plugbay} demo --plugins target/plugins").quiet().run()?;
        Ok(())
    })
}
