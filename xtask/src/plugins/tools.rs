//! What whoever builds plugins on this machine has to have in the environment, beside what is on the path: for tests and commands that build
//! new projects by `plugbay build`, as users do.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;
use xshell::Shell;

use super::go::Go;
use super::write_if_changed;
use super::zig::Zig;
use crate::toolchain::Toolchain;
use crate::tools;

/// Variables, and folders that come first on the path.
pub(crate) struct Tools {
    variables: Vec<(String, String)>,
    path: Vec<PathBuf>,
}

impl Tools {
    /// Finds or installs the compilers of all languages.
    pub(super) fn detect(sh: &Shell, root: &Path) -> Result<Self> {
        let toolchain = Toolchain::detect(sh, root)?;
        tools::clang(sh)?;
        let mut path: Vec<_> = Go::detect(sh, root)?.folder().into_iter().collect();
        path.extend(Zig::prepare(sh, root)?.folder());
        Ok(Self { variables: toolchain.variables(), path })
    }

    /// Gives them to a command.
    pub(crate) fn apply(&self, command: &mut Command) {
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        let rest = env::var_os("PATH").unwrap_or_default();
        let all = self.path.iter().cloned().chain(env::split_paths(&rest));
        // One that cannot be in a path was in none.
        if let Ok(path) = env::join_paths(all) {
            command.env("PATH", path);
        }
    }

    /// Puts them where the tests look: `target/plugins/tools.json`.
    pub(super) fn write(&self, root: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&json!({
            "variables": self.variables.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "path": self.path,
        }))?;
        let to = root.join("target/plugins/tools.json");
        write_if_changed(&to, text.as_bytes()).context("the tools cannot be written down")
    }
}
