//! Projects in Zig: `zig build`, told where to put the module, or `make` where there is no build.zig.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::tool::{self, Tool};
use super::{NEW, c, left};
use crate::project::Project;

const CURE: &str =
    "https://ziglang.org/download, `brew install zig` or `pip install ziglang` brings it";

/// What lets Zig leave its own tools unoptimised.
const UNOPTIMISED: &str = "ZIG_DEBUG_CMD";

pub(super) fn build(project: &Project) -> Result<PathBuf> {
    let folder = &project.folder;
    let zig = zig(folder)?;
    if !folder.join("build.zig").is_file() {
        return c::make(project, &[&format!("ZIG={}", zig.join(" "))]);
    }
    let (program, arguments) = zig.split_first().unwrap_or((&"zig", &[]));
    let mut command = tool::command(program, folder);
    command.args(arguments).args(["build", "--prefix", NEW, "--release=small"]);
    // Before its first build Zig compiles what runs build.zig: optimised, that takes minutes, and saves none here.
    if std::env::var_os(UNOPTIMISED).is_none() {
        command.env(UNOPTIMISED, "1");
    }
    tool::run(&mut command)?;
    left(project, "zig build")
}

/// What is typed for `zig`. As a package of PyPI's it is a module of Python's, and no program.
fn zig(folder: &Path) -> Result<&'static [&'static str]> {
    let zig = Tool { program: "zig".as_ref(), version: &["version"], cure: CURE };
    let Err(error) = zig.ask(folder) else { return Ok(&["zig"]) };
    let version = ["-m", "ziglang", "version"];
    let python = Tool { program: "python3".as_ref(), version: &version, cure: CURE };
    python.ask(folder).map(|_| &["python3", "-m", "ziglang"][..]).map_err(|_| error)
}
