//! Puts the SDKs and the templates of `plugbay new` into the program: it works from any folder, and offline.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is made by builds and tests, and what is of use to nobody who writes a plugin.
const LEFT_OUT: [&str; 10] = [
    "node_modules",
    "target",
    "build",
    ".zig-cache",
    "zig-cache",
    "zig-out",
    ".DS_Store",
    "__pycache__",
    ".git",
    "tests.rs",
];

/// Tests of an SDK's own; those of a template are the author's to begin with.
const TESTS: [&str; 4] = ["tests", "test", "__tests__", "testdata"];

fn main() -> io::Result<()> {
    let home = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let mut sdk = home.join("sdk");
    // Where links are not made, as by git on Windows, the link is a file.
    if !sdk.is_dir() {
        sdk = home.join("../../sdk");
    }
    let mut text = String::new();
    table(&mut text, "TEMPLATES", &home.join("templates"), false)?;
    table(&mut text, "SDKS", &sdk, true)?;
    println!("cargo::rerun-if-changed=build.rs");
    fs::write(Path::new(&variable("OUT_DIR")?).join("embedded.rs"), text)
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

/// A table of paths, with `/` on every system, and contents; ordered by path, so that builds are the same.
fn table(text: &mut String, name: &str, root: &Path, is_sdk: bool) -> io::Result<()> {
    let mut files = BTreeMap::new();
    collect(root, "", is_sdk, &mut files)?;
    let mut line = |line: String| {
        writeln!(text, "{line}").map_err(|error| io::Error::other(error.to_string()))
    };
    line(format!("pub(super) const {name}: &[(&str, &[u8])] = &["))?;
    for (path, file) in files {
        line(format!("    ({path:?}, include_bytes!({:?})),", fs::canonicalize(file)?))?;
    }
    line("];".to_owned())
}

/// What is in a folder, with links followed. Cargo looks at whole folders below what it is told to look at, so that only
/// those of which everything is taken are named to it.
fn collect(
    folder: &Path,
    at: &str,
    is_sdk: bool,
    files: &mut BTreeMap<String, PathBuf>,
) -> io::Result<bool> {
    let mut takes_all = true;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_test = TESTS.contains(&&*name) || name.ends_with("_test.go");
        if LEFT_OUT.contains(&&*name) || (is_sdk && is_test) {
            takes_all = false;
            continue;
        }
        let below = if at.is_empty() { name } else { format!("{at}/{name}") };
        if path.is_dir() {
            takes_all &= collect(&path, &below, is_sdk, files)?;
        } else {
            println!("cargo::rerun-if-changed={}", path.display());
            files.insert(below, path);
        }
    }
    if takes_all {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    Ok(takes_all)
}
