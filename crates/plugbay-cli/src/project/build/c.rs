//! Projects in C: `make` where there is a Makefile, else clang on all sources.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use super::tool::{self, Tool};
use super::{NEW, left};
use crate::project::name::ident;
use crate::project::{Project, sources};

const CURE: &str =
    "`apt-get install clang lld`, `dnf install clang lld` or `brew install llvm lld` brings it";

/// What a plugin without a Makefile is compiled with.
const FLAGS: [&str; 10] = [
    "--target=wasm32-unknown-unknown",
    "-std=c99",
    "-Os",
    "-Wall",
    "-ffreestanding",
    "-fvisibility=hidden",
    "-nostdlib",
    "-Wl,--no-entry",
    "-Wl,--strip-all",
    "-Wl,--stack-first",
];

pub(super) fn build(project: &Project) -> Result<PathBuf> {
    let folder = &project.folder;
    if folder.join("Makefile").is_file() {
        // The Makefile may name another compiler; where nobody names one, this is what is missing.
        if std::env::var_os("CC").is_none() {
            has_clang(project)?;
        }
        return make(project, &[]);
    }
    has_clang(project)?;
    let module = folder.join(NEW).join(format!("{}.wasm", ident(&project.name)));
    let mut command = tool::command("clang", folder);
    command.args(FLAGS);
    for headers in ["include", "vendor/plugbay", "vendor/plugbay/include"] {
        if folder.join(headers).is_dir() {
            command.arg(format!("-I{headers}"));
        }
    }
    command.arg("-o").arg(module).args(sources(folder, "c")?);
    tool::run(&mut command)?;
    left(project, "clang")
}

/// Builds by a Makefile, which is given these variables, and `BUILD` for where the module goes; one that does not heed it writes
/// to `build` itself.
pub(super) fn make(project: &Project, variables: &[&str]) -> Result<PathBuf> {
    let folder = &project.folder;
    let cure = "`apt-get install make`, or Xcode's command line tools, bring it";
    Tool { program: "make".as_ref(), version: &["--version"], cure }.ask(folder)?;
    let build = format!("BUILD={NEW}");
    tool::run(tool::command("make", folder).args(variables).arg(build))?;
    left(project, "make")
}

/// clang with wasm among its targets, and the linker that it calls.
fn has_clang(project: &Project) -> Result<()> {
    let folder = &project.folder;
    Tool { program: "clang".as_ref(), version: &["--version"], cure: CURE }.ask(folder)?;
    let targets = Command::new("clang").arg("--print-targets").stdin(Stdio::null()).output();
    if !targets.is_ok_and(|found| String::from_utf8_lossy(&found.stdout).contains("wasm32")) {
        bail!("found a `clang` that does not compile for wasm32; {CURE}");
    }
    Tool { program: "wasm-ld".as_ref(), version: &["--version"], cure: CURE }.ask(folder)?;
    Ok(())
}
