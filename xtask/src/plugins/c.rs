//! Samples in C: a folder of sources each, without a C library. The flags are in files, which any clang
//! takes by hand too.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use xshell::{Shell, cmd};

use super::{install, is_older, samples::Sample};

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
    inputs.extend(files(sh, &dir.join("include"), "h")?);
    inputs.extend([COMPILE_FLAGS, LINK_FLAGS].map(|flags| dir.join(flags)));

    let built = output(root, sample.name)?.with_extension("wasm");
    if is_older(&built, &inputs)? {
        sh.remove_path(&built)?;
        let _dir = sh.push_dir(&dir);
        cmd!(sh, "clang @{COMPILE_FLAGS} @{LINK_FLAGS} -o {built} {sources...}").quiet().run()?;
    }
    install(root, sample, &built)
}

/// Runs what is in `plugins/c/tests`, each a program for this machine.
///
/// # Errors
///
/// One does not compile, or fails.
pub(super) fn test(sh: &Shell, root: &Path) -> Result<()> {
    let dir = root.join("plugins/c");
    for source in files(sh, &dir.join("tests"), "c")? {
        let name = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let program = output(root, &name)?;
        let _dir = sh.push_dir(&dir);
        // What is undefined traps, and needs no library for that.
        cmd!(sh, "clang -std=c11 -O1 -g -Wall -Wextra -Werror -Iinclude")
            .args(["-fsanitize=undefined", "-fsanitize-trap=undefined", "-o"])
            .args([&program, &source])
            .arg("-lm")
            .quiet()
            .run()?;
        cmd!(sh, "{program}").quiet().run()?;
    }
    Ok(())
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
