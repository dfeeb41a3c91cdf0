//! Projects in TypeScript, compiled by AssemblyScript: `npm run build`.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::tool::{self, Tool};
use super::{NEW, left, read};
use crate::project::Project;
use crate::project::name::ident;

const CURE: &str = "Node.js 20 or newer brings it: https://nodejs.org, `brew install node`, or `apt-get install nodejs npm`";

pub(super) fn build(project: &Project) -> Result<PathBuf> {
    let folder = &project.folder;
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    Tool { program: npm.as_ref(), version: &["--version"], cure: CURE }.ask(folder)?;
    let manifest = folder.join("package.json");
    let package: serde_json::Value = serde_json::from_slice(&read(&manifest)?)?;
    let Some(script) = package.pointer("/scripts/build") else {
        bail!(
            "{}: found no script `build`, wanted one that leaves a module in build/",
            manifest.display()
        );
    };
    if !folder.join("node_modules").is_dir() {
        let install = if folder.join("package-lock.json").is_file() { "ci" } else { "install" };
        let mut command = tool::command(npm, folder);
        tool::run(command.args([install, "--no-audit", "--no-fund", "--ignore-scripts"]))?;
    }
    let mut command = tool::command(npm, folder);
    command.args(["run", "--silent", "build"]);
    if is_the_compiler(script.as_str().unwrap_or_default()) {
        // Of several, the last counts.
        let module = format!("{NEW}/{}.wasm", ident(&project.name));
        command.args(["--", "--outFile", &module]);
    }
    tool::run(&mut command)?;
    left(project, "npm run build")
}

/// Whether what is added to a script goes to the compiler. Others write where they say themselves.
fn is_the_compiler(script: &str) -> bool {
    script.split_whitespace().next() == Some("asc") && !script.contains(['&', '|', ';', '>'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_script_that_is_the_compiler_is_told_more() {
        assert!(is_the_compiler("asc assembly/plugin.ts --outFile build/lamp.wasm --optimize"));
        for other in ["npm run asc", "asc a.ts -o build/a.wasm && node after.js", "", "ascii"] {
            assert!(!is_the_compiler(other), "{other}");
        }
    }
}
