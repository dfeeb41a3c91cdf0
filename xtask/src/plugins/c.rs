//! Samples in C: a folder of sources each, without a C library, and the one header of the SDK, `sdk/c`. The flags
//! are in files, which any clang takes by hand too.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use xshell::{Shell, cmd};

use super::{install, is_older, samples::Sample};
use crate::tools;

/// Below `plugins/c`: one flag in each line. Editors know the first by its name.
const COMPILE_FLAGS: &str = "compile_flags.txt";
const LINK_FLAGS: &str = "link_flags.txt";

/// Compiles a folder into one module.
///
/// # Errors
///
/// The compiler's, or the module is not what its ABI says.
pub(super) fn build(sh: &Shell, root: &Path, sample: &Sample) -> Result<()> {
    let dir = root.join("plugins/c");
    let sources = files(sh, &dir.join(sample.name), "c")?;
    let mut inputs = sources.clone();
    inputs.extend(files(sh, &dir.join(sample.name), "h")?);
    inputs.extend(files(sh, &root.join("sdk/c"), "h")?);
    inputs.extend([COMPILE_FLAGS, LINK_FLAGS].map(|flags| dir.join(flags)));

    let built = output(root, sample.name)?.with_extension("wasm");
    if is_older(&built, &inputs)? {
        sh.remove_path(&built)?;
        let _dir = sh.push_dir(&dir);
        cmd!(sh, "clang @{COMPILE_FLAGS} @{LINK_FLAGS} -o {built} {sources...}").quiet().run()?;
    }
    install(root, sample, &built)
}

/// Runs what is in `sdk/c/tests`, each a program for this machine, whose memory and arithmetic are watched.
///
/// # Errors
///
/// One does not compile, or fails.
pub(super) fn test(sh: &Shell, root: &Path) -> Result<()> {
    let sanitizers = sanitizers(sh, root)?;
    let dir = root.join("sdk/c");
    for source in files(sh, &dir.join("tests"), "c")? {
        let name = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let program = output(root, &name)?;
        let _dir = sh.push_dir(&dir);
        cmd!(sh, "clang -std=c11 -O1 -g -Wall -Wextra -Wpedantic -Werror -I.")
            .args(sanitizers)
            .arg("-o")
            .args([&program, &source])
            .arg("-lm")
            .quiet()
            .run()?;
        cmd!(sh, "{program}").quiet().run()?;
    }
    for page in ["docs/sdk-c.md", "sdk/c/README.md"] {
        compile_blocks(sh, root, page)?;
    }
    Ok(())
}

/// Builds a plugin of each C block of a page.
fn compile_blocks(sh: &Shell, root: &Path, page: &str) -> Result<()> {
    let text = sh.read_file(root.join(page))?;
    let blocks: Vec<_> = text.split("\n```c\n").skip(1).collect();
    ensure!(!blocks.is_empty(), "{page} has no C any more");
    let source = output(root, "block.c")?;
    let built = source.with_extension("wasm");
    for block in blocks {
        let code = block.split("\n```").next().unwrap_or_default();
        fs::write(&source, format!("{code}\n"))?;
        let _dir = sh.push_dir(root.join("plugins/c"));
        cmd!(sh, "clang @{COMPILE_FLAGS} @{LINK_FLAGS} -o {built} {source}")
            .quiet()
            .run()
            .with_context(|| format!("a plugin of {page} does not compile"))?;
    }
    Ok(())
}

/// What watches a program: memory and what is undefined, where clang has its library for that; otherwise what is
/// undefined traps, which needs none.
fn sanitizers(sh: &Shell, root: &Path) -> Result<&'static [&'static str]> {
    const ALL: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    const FEW: &[&str] = &["-fsanitize=undefined", "-fsanitize-trap=undefined"];
    let probe = output(root, "probe")?;
    let source = probe.with_extension("c");
    fs::write(&source, "int main(void) { return 0; }\n")?;
    let works = || {
        cmd!(sh, "clang").args(ALL).arg("-o").args([&probe, &source]).quiet().ignore_stderr().run()
    };
    if works().is_ok() {
        return Ok(ALL);
    }
    // Debian has the library in a package of its own.
    if let Err(error) = tools::apt_install(sh, &["libclang-rt-dev"]) {
        println!("    without the address sanitizer: {error:#}");
    }
    Ok(if works().is_ok() { ALL } else { FEW })
}

fn files(sh: &Shell, dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = sh.read_dir(dir)?;
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    Ok(files)
}

fn output(root: &Path, name: &str) -> Result<PathBuf> {
    let folder = root.join("target/plugins-build/c");
    fs::create_dir_all(&folder)?;
    Ok(folder.join(name))
}
