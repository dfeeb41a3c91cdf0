//! Samples in Rust: crates of a workspace of their own.

use std::path::Path;

use anyhow::Result;
use xshell::Shell;

use super::{install, samples::Sample};
use crate::toolchain::{Toolchain, WasmTarget};

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
    toolchain
        .cargo(sh, "build", target)
        .args(["--quiet", "--release", "--locked", "--package", name])
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
