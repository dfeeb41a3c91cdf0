//! Pythons of the project's own: one with the official clients that the end-to-end tests drive, and whatever else
//! comes from PyPI.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

/// Makes `target/venv` with what tests/python/requirements.txt pins, if it is not there already, and returns
/// its interpreter. The tests find it at the same place.
pub(crate) fn prepare(sh: &Shell, root: &Path) -> Result<PathBuf> {
    let requirements = sh.read_file(root.join("tests/python/requirements.txt"))?;
    venv(sh, root, "target/venv", &requirements)
}

/// Makes a venv below `root` with what `requirements` pin, if it is not there already, and returns its
/// interpreter.
pub(crate) fn venv(sh: &Shell, root: &Path, folder: &str, requirements: &str) -> Result<PathBuf> {
    let venv = root.join(folder);
    let python = venv.join("bin/python");
    let marker = venv.join("requirements.txt");
    if sh.path_exists(&python) && sh.read_file(&marker).is_ok_and(|have| have == requirements) {
        println!("    {folder} is up to date");
        return Ok(python);
    }
    println!("    making {folder} with {}", requirements.lines().collect::<Vec<_>>().join(", "));
    sh.remove_path(&venv)?;
    cmd!(sh, "python3 -m venv {venv}")
        .run()
        .context("cannot make a venv; on Debian: apt-get install python3-venv")?;
    // Under another name until all of it is there.
    let wanted = venv.join("wanted.txt");
    sh.write_file(&wanted, requirements)?;
    cmd!(sh, "{python} -m pip install --quiet --disable-pip-version-check -r {wanted}").run()?;
    sh.write_file(&marker, requirements)?;
    Ok(python)
}
