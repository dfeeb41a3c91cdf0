//! A Python of the project's own, with the official clients that the end-to-end tests drive.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

/// Makes `target/venv` with what tests/python/requirements.txt pins, if it is not there already, and returns
/// its interpreter. The tests find it at the same place.
pub(crate) fn prepare(sh: &Shell, root: &Path) -> Result<PathBuf> {
    let requirements = root.join("tests/python/requirements.txt");
    let venv = root.join("target/venv");
    let python = venv.join("bin/python");
    let marker = venv.join("requirements.txt");
    let wanted = sh.read_file(&requirements)?;
    if sh.path_exists(&python) && sh.read_file(&marker).is_ok_and(|have| have == wanted) {
        println!("    target/venv is up to date");
        return Ok(python);
    }
    println!("    making target/venv with {}", wanted.lines().collect::<Vec<_>>().join(", "));
    sh.remove_path(&venv)?;
    cmd!(sh, "python3 -m venv {venv}")
        .run()
        .context("cannot make a venv; on Debian: apt-get install python3-venv")?;
    cmd!(sh, "{python} -m pip install --quiet --disable-pip-version-check -r {requirements}")
        .run()?;
    sh.write_file(&marker, wanted)?;
    Ok(python)
}
