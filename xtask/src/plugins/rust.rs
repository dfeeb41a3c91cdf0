//! Samples in Rust: crates of a workspace of their own.

use std::path::Path;

use anyhow::Result;
use xshell::Shell;

use super::{install, samples::Sample};
use crate::toolchain::{Toolchain, WasmTarget};

/// What is called for every chunk of every stream is built for speed, and all else for size.
const FAST: [&str; 1] = ["redactor"];

/// Builds a crate.
///
/// # Errors
///
/// The compiler's, or the module is not what its ABI says.
pub(super) fn build(
    sh: &Shell,
    root: &Path,
    toolchain: &Toolchain,
    target: WasmTarget,
    sample: &Sample,
) -> Result<()> {
    let name = sample.name;
    let _dir = sh.push_dir(root.join("plugins/rust"));
    let speed: &[&str] = match FAST.contains(&name) {
        true => &["--config", "profile.release.opt-level=3"],
        false => &[],
    };
    toolchain
        .cargo(sh, "build", target)
        .args(["--quiet", "--release", "--locked", "--package", name])
        .args(speed)
        .run()?;
    install(root, sample, &toolchain.artifact(target, name))
}

/// Runs the unit tests on this machine.
///
/// # Errors
///
/// One fails.
pub(super) fn test(sh: &Shell, root: &Path) -> Result<()> {
    let _dir = sh.push_dir(root.join("plugins/rust"));
    Toolchain::native_cargo(sh, root, "test").args(["--workspace", "--lib", "--locked"]).run()?;
    Ok(())
}
