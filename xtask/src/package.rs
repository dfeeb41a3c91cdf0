//! `cargo xtask package`: the package of each crate that is published, made as for crates.io and looked into.
//!
//! That each compiles from its package alone is asked for by `--verify`: it compiles the engines once more.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::flags;

/// What is in every package.
const NEEDED: [&str; 5] =
    ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/lib.rs"];
/// What crates.io asks for or shows, and the most of those that are lists.
const TEXTS: [&str; 5] = ["description", "license", "repository", "homepage", "readme"];
const LISTS: [&str; 2] = ["categories", "keywords"];
const MOST_OF_A_LIST: usize = 5;
/// crates.io takes ten times as much; more than this is a file that nobody meant to be there.
const MOST_BYTES: u64 = 1 << 20;

pub(crate) fn run(sh: &Shell, root: &Path, flags: &flags::Package) -> Result<()> {
    sh.change_dir(root);
    let json = cmd!(sh, "cargo metadata --no-deps --format-version 1 --locked").quiet().read()?;
    let metadata: Value = serde_json::from_str(&json).context("cargo metadata is no JSON")?;
    let all = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("cargo metadata lists no packages")?;
    let (published, kept): (Vec<_>, Vec<_>) = all.iter().partition(|it| it["publish"].is_null());
    let kept = kept.iter().filter_map(|package| package["name"].as_str());
    let exclude: Vec<&str> = kept.flat_map(|name| ["--exclude", name]).collect();
    let verify = if flags.verify { None } else { Some("--no-verify") };
    // Before a release is committed, and of crates that no registry has: cargo finds them among each other.
    let how = ["--workspace", "--allow-dirty", "--quiet"];
    cmd!(sh, "cargo package {how...} {verify...} {exclude...}").run()?;

    let mut problems = Vec::new();
    for package in published {
        let name = package["name"].as_str().context("a package without a name")?;
        let version = package["version"].as_str().context("a package without a version")?;
        stated(name, package, &mut problems);
        let archive = root.join(format!("target/package/{name}-{version}.crate"));
        let bytes = archive.metadata().with_context(|| format!("no {}", archive.display()))?.len();
        if bytes > MOST_BYTES {
            problems.push(format!("{name}: {bytes} bytes, of at most {MOST_BYTES}"));
        }
        let list = cmd!(sh, "tar -tzf {archive}").quiet().read()?;
        let top = format!("{name}-{version}/");
        let files: BTreeSet<&str> = list.lines().filter_map(|it| it.strip_prefix(&top)).collect();
        let folder = root.join("crates").join(name);
        contents(name, &files, |file| std::fs::read_to_string(folder.join(file)), &mut problems)?;
        println!("    {name} {version}: {} files, {} KiB", files.len(), bytes.div_ceil(1024));
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(())
}

/// Whether the manifest says what crates.io shows.
fn stated(name: &str, package: &Value, problems: &mut Vec<String>) {
    for key in TEXTS {
        if package[key].as_str().unwrap_or_default().is_empty() {
            problems.push(format!("{name}: no `{key}`"));
        }
    }
    for key in LISTS {
        let entries = package[key].as_array().map_or(0, Vec::len);
        if !(1..=MOST_OF_A_LIST).contains(&entries) {
            problems.push(format!("{name}: {entries} {key}, wanted 1 to {MOST_OF_A_LIST}"));
        }
    }
}

/// Whether what is needed is there, and what sources include by its path.
fn contents(
    name: &str,
    files: &BTreeSet<&str>,
    read: impl Fn(&str) -> std::io::Result<String>,
    problems: &mut Vec<String>,
) -> Result<()> {
    for needed in NEEDED {
        if !files.contains(needed) {
            problems.push(format!("{name}: no {needed} in its package"));
        }
    }
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let text = read(file).with_context(|| format!("cannot read {name}'s {file}"))?;
        for included in included(&text) {
            let path = normal(&Path::new(file).join("..").join(included));
            if !path.as_deref().is_some_and(|path| files.contains(path)) {
                problems.push(format!("{name}: {file} includes {included}, not in its package"));
            }
        }
    }
    Ok(())
}

/// What a source includes when it is compiled. What is for the tests of a checkout alone says so on the line before.
fn included(text: &str) -> Vec<&str> {
    let mut before = "";
    let mut found = Vec::new();
    for line in text.lines() {
        let of = |call: &str| line.split_once(call)?.1.split_once('"').map(|(path, _)| path);
        let path = [concat!("include_str", "!(\""), concat!("include_bytes", "!(\"")];
        if !before.contains("cfg(doctest)") && !line.trim_start().starts_with("//") {
            found.extend(path.into_iter().find_map(of));
        }
        before = line;
    }
    found
}

/// A path without `..`, if it stays below where it began.
fn normal(path: &Path) -> Option<String> {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if parts.pop() => {}
            Component::Normal(part) => parts.push(part),
            _ => return None,
        }
    }
    parts.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_in_a_package_is_told() {
        let mut files: BTreeSet<&str> = NEEDED.into_iter().collect();
        let text = "#![doc = include_str!(\"../README.md\")]\n#[cfg(doctest)]\n#[doc = include_str!(\"../../x.md\")]\n";
        let mut problems = Vec::new();
        contents("a", &files, |_| Ok(text.to_owned()), &mut problems).unwrap();
        assert!(problems.is_empty(), "{problems:?}");

        files.remove("README.md");
        let text = format!("{text}\nconst B: &[u8] = include_bytes!(\"../../b.bin\");\n");
        contents("a", &files, |_| Ok(text.clone()), &mut problems).unwrap();
        stated("a", &serde_json::json!({ "license": "MIT", "keywords": ["a"] }), &mut problems);
        assert_eq!(
            problems,
            [
                "a: no README.md in its package",
                "a: src/lib.rs includes ../README.md, not in its package",
                "a: src/lib.rs includes ../../b.bin, not in its package",
                "a: no `description`",
                "a: no `repository`",
                "a: no `homepage`",
                "a: no `readme`",
                "a: 0 categories, wanted 1 to 5",
            ]
        );
    }
}
