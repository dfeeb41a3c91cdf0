//! Projects in TypeScript, compiled by AssemblyScript: `npm run build`.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::tool::{self, Tool};
use super::{left, read};
use crate::project::Project;

const CURE: &str = "Node.js 20 or newer brings it: https://nodejs.org, `brew install node`, or `apt-get install nodejs npm`";

pub(super) fn build(project: &Project) -> Result<PathBuf> {
    let folder = &project.folder;
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    Tool { program: npm.as_ref(), version: &["--version"], cure: CURE }.ask(folder)?;
    let manifest = folder.join("package.json");
    let package: serde_json::Value = serde_json::from_slice(&read(&manifest)?)?;
    if package.pointer("/scripts/build").is_none() {
        bail!(
            "{}: found no script `build`, wanted one that leaves a module in build/",
            manifest.display()
        );
    }
    if !folder.join("node_modules").is_dir() {
        let install = if folder.join("package-lock.json").is_file() { "ci" } else { "install" };
        let mut command = tool::command(npm, folder);
        tool::run(command.args([install, "--no-audit", "--no-fund", "--ignore-scripts"]))?;
    }
    let mut command = tool::command(npm, folder);
    tool::run(command.args(["run", "--silent", "build"]))?;
    left(project, "npm run build")
}
