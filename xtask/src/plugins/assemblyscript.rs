//! Samples in AssemblyScript, a folder each, and what they are written with: `sdk/typescript`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use super::{install, is_older, samples::Sample};

/// Where the SDK is.
const SDK: &str = "sdk/typescript";

/// In `node_modules`, a copy of the lockfile that it was made from.
const INSTALLED_FROM: &str = ".installed-from";

/// Builds a package.
///
/// # Errors
///
/// A tool is missing, the build fails, or the module is not what its ABI says.
pub(super) fn build(sh: &Shell, root: &Path, sample: &Sample) -> Result<()> {
    let all = root.join("plugins/typescript");
    let (dir, sdk) = (all.join(sample.name), root.join(SDK));
    let built = dir.join("build/plugin.wasm");
    npm_ci(sh, &all)?;
    let mut inputs = sources(sh, &dir)?;
    inputs.extend(sh.read_dir(&sdk)?.into_iter().filter(|path| path.is_file()));
    files_below(sh, &sdk.join("lib"), &mut inputs)?;
    inputs.push(all.join("node_modules").join(INSTALLED_FROM));
    if is_older(&built, &inputs)? {
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
    let marker = dir.join("node_modules").join(INSTALLED_FROM);
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

/// Whether anything that goes into `built` is newer than it, of a package with a lockfile of its own.
///
/// # Errors
///
/// An input is not there.
pub(crate) fn is_stale(sh: &Shell, dir: &Path, built: &Path) -> Result<bool> {
    let mut inputs = sources(sh, dir)?;
    inputs.push(dir.join("node_modules").join(INSTALLED_FROM));
    is_older(built, &inputs)
}

fn sources(sh: &Shell, dir: &Path) -> Result<Vec<PathBuf>> {
    let mut sources = sh.read_dir(dir.join("assembly"))?;
    sources.push(dir.join("package.json"));
    Ok(sources)
}

fn files_below(sh: &Shell, dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for path in sh.read_dir(dir)? {
        if path.is_dir() {
            files_below(sh, &path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Runs the SDK's own tests, which are compiled to a module of their own first.
///
/// # Errors
///
/// One fails.
pub(super) fn test_sdk(sh: &Shell, root: &Path) -> Result<()> {
    let sdk = root.join(SDK);
    npm_ci(sh, &sdk)?;
    let _dir = sh.push_dir(sdk);
    cmd!(sh, "npm run --silent build").run()?;
    Ok(cmd!(sh, "npm test --silent").run()?)
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
