//! wasm-opt, of Binaryen: where it is there, modules become smaller.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::tool::on_path;
use super::{Optimiser, inspect, read};

/// What both engines take, and no more: what it may use to make a module smaller.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-multivalue",
    "--enable-reference-types",
    "--enable-simd",
];

/// What came of it.
pub(super) struct Optimised {
    /// The module, if it is another one now.
    pub(super) wasm: Option<Vec<u8>>,
    pub(super) optimiser: Optimiser,
}

/// Makes a module smaller, where there is a wasm-opt. One that it refuses, or makes larger or unusable, stays as it was.
pub(super) fn run(
    folder: &Path,
    module: &Path,
    compiled: &[u8],
    keep_names: bool,
) -> Result<Optimised> {
    let unchanged = |optimiser| Ok(Optimised { wasm: None, optimiser });
    let Some(program) = find(folder) else { return unchanged(Optimiser::Absent) };
    let scratch = tempfile::tempdir().context("cannot make a folder for wasm-opt")?;
    let new = scratch.path().join("module.wasm");
    let mut command = Command::new(&program);
    command.arg("-Oz").args(FEATURES).args(keep_names.then_some("-g"));
    command.arg(module).arg("-o").arg(&new).stdin(Stdio::null());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return unchanged(Optimiser::Failed(error.to_string())),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let said = format!("{}: {}", output.status, plugbay::plain(said, 200));
        return unchanged(Optimiser::Failed(said));
    }
    let wasm = read(&new)?;
    let (_, before) = inspect(compiled)?;
    let (_, after) = inspect(&wasm)?;
    if let (true, Some(problem)) = (before.is_empty(), after.first()) {
        return unchanged(Optimiser::Failed(format!("what it made is unusable: {problem}")));
    }
    let version = version(&program);
    if wasm.len() >= compiled.len() {
        return unchanged(Optimiser::Ran(version));
    }
    Ok(Optimised { wasm: Some(wasm), optimiser: Optimiser::Ran(version) })
}

/// The project's own, as AssemblyScript's compiler brings it along, or the one on the path.
fn find(folder: &Path) -> Option<PathBuf> {
    let own = folder.join("node_modules/.bin/wasm-opt");
    (!cfg!(windows) && own.is_file()).then_some(own).or_else(|| on_path("wasm-opt"))
}

fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    plugbay::plain(text.as_deref().unwrap_or("wasm-opt"), 80)
}
