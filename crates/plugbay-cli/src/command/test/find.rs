//! Which module is tested, and by which files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Where builds leave a module, below a plugin's folder; the first that has one counts.
const BUILDS: [&str; 5] = [
    "build",
    "target/wasm32-unknown-unknown/release",
    "target/wasm32-wasip1/release",
    "zig-out/bin",
    ".",
];

/// The module of a folder, or the file itself.
pub(super) fn module(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    for build in BUILDS {
        let folder = if build == "." { path.to_owned() } else { path.join(build) };
        let found = files(&folder, "wasm").unwrap_or_default();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one.clone()),
            several => {
                let names: Vec<_> = several.iter().map(|it| it.display().to_string()).collect();
                bail!(
                    "{} has several modules ({}): name one, with --fixtures",
                    folder.display(),
                    names.join(", ")
                );
            }
        }
    }
    bail!(
        "{} has no module: looked for *.wasm in it and in its {}. Build the plugin first, or name the file, with --fixtures",
        path.display(),
        BUILDS.iter().filter(|it| **it != ".").copied().collect::<Vec<_>>().join(", ")
    )
}

/// The files of cases: those that are named, or `tests` below the folder or beside the module.
pub(in crate::command) fn fixtures(path: &Path, named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let beside = if path.is_dir() {
        path.join("tests")
    } else {
        path.parent().unwrap_or(Path::new("")).join("tests")
    };
    let usual = [beside];
    let places = if named.is_empty() { &usual } else { named };
    let mut found = Vec::new();
    for place in places {
        if place.is_dir() {
            let files = files(place, "json")?;
            if files.is_empty() {
                bail!("{} has no test cases: looked for *.json in it", place.display());
            }
            found.extend(files);
        } else if place.is_file() {
            found.push(place.clone());
        } else if named.is_empty() {
            bail!("there is no folder {}: name the test cases with --fixtures", place.display());
        } else if place.exists() {
            bail!("{} is neither a file nor a folder", place.display());
        } else {
            bail!("there is no {}", place.display());
        }
    }
    Ok(found)
}

/// The files of a folder with an extension, by name.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        if path.extension().is_none_or(|found| found != extension) {
            continue;
        }
        match std::fs::metadata(&path) {
            Ok(it) if it.is_file() => found.push(path),
            Ok(it) if it.is_dir() => {}
            // One that is passed over without a word would be missed by nobody.
            Ok(_) => bail!("{} is no file, but a pipe or a device", path.display()),
            Err(error) if path.is_symlink() => {
                bail!("{} is a link that leads nowhere: {error}", path.display())
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        }
    }
    found.sort();
    Ok(found)
}
