//! Projects in Zig: `zig build`, which puts the module into `build/`.

use std::path::PathBuf;

use anyhow::Result;

use super::left;
use super::tool::{self, Tool};
use crate::project::Project;

const CURE: &str = "https://ziglang.org/download, `brew install zig`, or `pip install ziglang` (as `python -m ziglang`) has it";

pub(super) fn build(project: &Project) -> Result<PathBuf> {
    let folder = &project.folder;
    Tool { program: "zig".as_ref(), version: &["version"], cure: CURE }.ask(folder)?;
    tool::run(tool::command("zig", folder).args(["build", "--release=small"]))?;
    left(project, "zig build")
}
