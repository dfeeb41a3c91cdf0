//! Projects in Zig: `zig build`, told to put the module into `build/`.

use std::path::PathBuf;

use anyhow::Result;

use super::tool::{self, Tool};
use super::{left, put, read};
use crate::project::{Project, files};

const CURE: &str =
    "https://ziglang.org/download, `brew install zig` or `pip install ziglang` brings it";

pub(super) fn build(project: &Project) -> Result<PathBuf> {
    let folder = &project.folder;
    let zig = Tool { program: "zig".as_ref(), version: &["version"], cure: CURE };
    // As a package of PyPI's it is a module of Python's, and no program.
    let python = Tool {
        program: "python3".as_ref(),
        version: &["-m", "ziglang", "version"],
        cure: CURE,
    };
    let mut command = match zig.ask(folder) {
        Ok(_) => tool::command("zig", folder),
        Err(error) => {
            python.ask(folder).map_err(|_| error)?;
            let mut command = tool::command("python3", folder);
            command.args(["-m", "ziglang"]);
            command
        }
    };
    tool::run(command.args(["build", "--prefix", "build", "--release=small"]))?;
    // Where programs are installed, when nothing else is said.
    for module in files(&folder.join("build/bin"), "wasm")? {
        let name = module.file_name().unwrap_or_default();
        put(&folder.join("build").join(name), &read(&module)?)?;
    }
    left(project, "zig build")
}
