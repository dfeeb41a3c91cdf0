//! Samples in AssemblyScript: a package each, with a lockfile of its own.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use super::{install, is_older, samples::Sample};

/// Builds a package.
///
/// # Errors
///
/// A tool is missing, the build fails, or the module is not what its ABI says.
pub(super) fn build(sh: &Shell, root: &Path, sample: &Sample) -> Result<()> {
    let dir = root.join("plugins/typescript").join(sample.name);
    let built = dir.join("build/plugin.wasm");
    npm_ci(sh, &dir)?;
    if is_stale(sh, &dir, &built)? {
        sh.remove_path(&built)?;
        let _dir = sh.push_dir(&dir);
        cmd!(sh, "npm run --silent build").run()?;
    }
    install(root, sample, &built)
}

/// Installs what the lockfile says, and nothing newer; skipped when that is already there.
///
/// # Errors
///
/// npm is missing or cannot install.
pub(crate) fn npm_ci(sh: &Shell, dir: &Path) -> Result<()> {
    let lockfile = fs::read(dir.join("package-lock.json"))
        .with_context(|| format!("{} has no package-lock.json", dir.display()))?;
    // `npm ci` begins by deleting node_modules, so a copy in there means that it came to its end.
    let marker = dir.join("node_modules/.installed-from");
    if fs::read(&marker).is_ok_and(|installed| installed == lockfile) {
        return Ok(());
    }
    if cmd!(sh, "npm --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        bail!("npm is missing: install Node.js 20 or newer");
    }
    let _dir = sh.push_dir(dir);
    // No package here needs an install script.
    cmd!(sh, "npm ci --no-audit --no-fund --ignore-scripts").ignore_stdout().run()?;
    fs::write(marker, lockfile)?;
    Ok(())
}

/// Whether anything that goes into `built` is newer than it.
///
/// # Errors
///
/// An input is not there.
pub(crate) fn is_stale(sh: &Shell, dir: &Path, built: &Path) -> Result<bool> {
    let mut inputs = sh.read_dir(dir.join("assembly"))?;
    inputs.extend(["package.json", "node_modules/.installed-from"].map(|name| dir.join(name)));
    is_older(built, &inputs)
}

/// Runs a package's own tests, if it has some.
///
/// # Errors
///
/// One fails.
pub(super) fn test(sh: &Shell, root: &Path, sample: &Sample) -> Result<()> {
    let _dir = sh.push_dir(root.join("plugins/typescript").join(sample.name));
    Ok(cmd!(sh, "npm run --silent --if-present test").run()?)
}
