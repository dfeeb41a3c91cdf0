//! `cargo xtask tidy`: the structure's own rules, read off `cargo metadata` and the tree.
//!
//! Which crate may depend on which is a table here, and the table is exact: an edge too many fails, and so does an
//! edge too few, so that the picture in ARCHITECTURE.md cannot drift from the code.

pub(crate) mod book;
mod errors;
mod named_tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::examples;

/// Who depends on whom among our own crates, development dependencies left out.
const EDGES: &[(&str, &[&str])] = &[
    ("plugbay-abi", &[]),
    ("plugbay-policy", &[]),
    ("plugbay-signing", &[]),
    ("plugbay-runtime", &["plugbay-abi", "plugbay-policy"]),
    ("plugbay-wasmtime", &["plugbay-runtime"]),
    ("plugbay-wasmi", &["plugbay-runtime"]),
    ("plugbay-conformance", &["plugbay-runtime"]),
    ("plugbay-guest", &["plugbay-guest-macros"]),
    ("plugbay-guest-macros", &[]),
    (
        "plugbay",
        &[
            "plugbay-policy",
            "plugbay-runtime",
            "plugbay-signing",
            "plugbay-wasmi",
            "plugbay-wasmtime",
        ],
    ),
    ("plugbay-hooks", &["plugbay"]),
    ("plugbay-gateway", &["plugbay", "plugbay-hooks"]),
    ("plugbay-midi", &["plugbay"]),
    ("plugbay-cli", &["plugbay", "plugbay-gateway", "plugbay-midi"]),
];

/// Engines: held against every package of the workspace, tests and tools too. The benches are the one
/// exception: what the host adds to an engine is measured against that engine by itself.
const ENGINES: &[(&str, &[&str], &str)] = &[
    ("wasmtime", &["plugbay-wasmtime", "benches"], "an engine is reached through the seam"),
    ("wasmi", &["plugbay-wasmi", "benches"], "an engine is reached through the seam"),
];

/// Other people's crates that belong in one of ours, and why anywhere else would be wrong.
const HOMES: &[(&str, &[&str], &str)] = &[
    ("cap-std", &["plugbay-runtime"], "one crate confines what plugins do to files"),
    ("wasmtime-wizer", &["plugbay"], "it works on bytes: the host takes snapshots of any engine"),
    ("redb", &["plugbay"], "what plugins keep by key is the host's `state`"),
    ("ed25519-dalek", &["plugbay-signing"], "one crate knows what a signature is"),
    ("pkcs8", &["plugbay-signing"], "one crate knows what a key is"),
    ("wasmsign2", &[], "it signs for tests and benches, and is linked into nothing"),
    ("landlock", &["plugbay-cli"], "what a process gives up is its program's to say"),
    ("seccompiler", &["plugbay-cli"], "what a process gives up is its program's to say"),
    ("enigo", &["plugbay-cli"], "what a host lends is its program's to bring"),
    ("jack", &["plugbay-midi"], "real ports are the MIDI engine's"),
    ("midir", &["plugbay-midi"], "real ports are the MIDI engine's"),
    ("rodio", &["plugbay-cli"], "what a host lends is its program's to bring"),
    ("syn", &["plugbay-guest-macros"], "attributes are the SDK's; hosts have none"),
    ("midly", &["plugbay-midi"], "MIDI is the MIDI engine's"),
    (
        "hyper",
        &["plugbay", "plugbay-gateway"],
        "the pipeline knows no sockets; the host's `network` does",
    ),
    (
        "hyper-util",
        &["plugbay", "plugbay-gateway"],
        "the pipeline knows no sockets; the host's `network` does",
    ),
    ("hyper-rustls", &["plugbay-gateway"], "the pipeline knows no sockets"),
    ("opentelemetry", &["plugbay-gateway"], "spans are made where requests are served"),
    ("opentelemetry_sdk", &["plugbay-gateway"], "spans are made where requests are served"),
    ("opentelemetry-proto", &["plugbay-gateway"], "spans are made where requests are served"),
    (
        "rustls",
        &["plugbay", "plugbay-gateway"],
        "the pipeline knows no sockets; the host's `network` does",
    ),
    (
        "tokio",
        &["plugbay", "plugbay-hooks", "plugbay-gateway", "plugbay-midi", "plugbay-cli"],
        "below the host nothing assumes an async runtime",
    ),
];

/// The single modules that may hold `unsafe`. Their crates deny it in their first lines, which is the
/// most that can be said where one module is to be an exception.
const UNSAFE_MODULES: &[(&str, &str)] = &[
    ("plugbay-guest", "src/abi.rs"),
    ("plugbay-guest", "src/alloc.rs"),
    ("plugbay-wasmtime", "src/cache/map.rs"),
];

pub(crate) fn run(sh: &Shell, root: &Path) -> Result<()> {
    let problems = problems(sh, root)?;
    if problems.is_empty() {
        println!("tidy: the structure is as ARCHITECTURE.md says");
        return Ok(());
    }
    bail!("{}", problems.join("\n"));
}

/// Everything that breaks a rule, one line each.
fn problems(sh: &Shell, root: &Path) -> Result<Vec<String>> {
    sh.change_dir(root);
    let json = cmd!(sh, "cargo metadata --no-deps --format-version 1 --locked").quiet().read()?;
    let metadata: Value = serde_json::from_str(&json).context("cargo metadata is no JSON")?;
    let packages = Package::all(&metadata)?;
    let mut problems = Vec::new();
    edges(&packages, &mut problems);
    homes(&packages, &mut problems);
    folders(&packages, root, &mut problems)?;
    sources(root, &mut problems)?;
    architecture(root, &packages, &mut problems)?;
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    examples::check(root, &mut problems)?;
    book::check(root, &mut problems)?;
    errors::check(root, &mut problems)?;
    named_tests::check(root, &names, &mut problems)?;
    Ok(problems)
}

struct Package {
    name: String,
    manifest: String,
    /// Normal and build dependencies by name, optional ones included.
    dependencies: BTreeSet<String>,
}

impl Package {
    fn all(metadata: &Value) -> Result<Vec<Self>> {
        let packages =
            metadata["packages"].as_array().context("cargo metadata lists no packages")?;
        packages.iter().map(Self::read).collect()
    }

    fn read(package: &Value) -> Result<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned).context("not a string");
        let dependencies = package["dependencies"].as_array().context("no dependencies")?;
        let dependencies = dependencies
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| text(&dependency["name"]))
            .collect::<Result<_>>()?;
        Ok(Self {
            name: text(&package["name"])?,
            manifest: text(&package["manifest_path"])?,
            dependencies,
        })
    }

    fn is_ours(&self) -> bool {
        self.name.starts_with("plugbay")
    }
}

fn edges(packages: &[Package], problems: &mut Vec<String>) {
    let table: BTreeMap<&str, BTreeSet<&str>> =
        EDGES.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    let ours: BTreeSet<&str> =
        packages.iter().filter(|p| p.is_ours()).map(|p| p.name.as_str()).collect();
    for package in packages.iter().filter(|package| package.is_ours()) {
        let name = package.name.as_str();
        let found: BTreeSet<&str> =
            package.dependencies.iter().map(String::as_str).filter(|d| ours.contains(d)).collect();
        let Some(wanted) = table.get(name) else {
            problems.push(format!("{name}: not in the table of edges in xtask/src/tidy.rs"));
            continue;
        };
        for extra in found.difference(wanted) {
            problems.push(format!("{name} -> {extra}: an edge that the layout does not have"));
        }
        for missing in wanted.difference(&found) {
            problems
                .push(format!("{name} -> {missing}: the layout has this edge, the manifest not"));
        }
    }
    for gone in table.keys().filter(|name| !ours.contains(**name)) {
        problems.push(format!(
            "{gone}: in the table of edges in xtask/src/tidy.rs, not in the workspace"
        ));
    }
}

fn homes(packages: &[Package], problems: &mut Vec<String>) {
    let rules = ENGINES.iter().map(|rule| (rule, true));
    let rules = rules.chain(HOMES.iter().map(|rule| (rule, false)));
    for ((dependency, homes, why), everywhere) in rules {
        for package in packages.iter().filter(|package| everywhere || package.is_ours()) {
            let is_home = homes.contains(&package.name.as_str());
            if package.dependencies.contains(*dependency) && !is_home {
                problems.push(format!("{} -> {dependency}: {why}", package.name));
            }
        }
    }
}

/// A crate's folder has the crate's name.
fn folders(packages: &[Package], root: &Path, problems: &mut Vec<String>) -> Result<()> {
    for package in packages.iter().filter(|package| package.is_ours()) {
        let wanted = root.join("crates").join(&package.name).join("Cargo.toml");
        if Path::new(&package.manifest) != wanted {
            problems.push(format!("{}: its folder is not crates/{0}", package.name));
        }
    }
    Ok(())
}

/// Every module says what it is for, and every crate forbids `unsafe`.
fn sources(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let folders = ["crates", "xtask", "benches", "tests"];
    for file in folders.into_iter().flat_map(|folder| rust_files(&root.join(folder))) {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let shown = file.strip_prefix(root).unwrap_or(&file).display();
        let first = text.lines().next().unwrap_or_default();
        if !first.starts_with("//!") && !first.starts_with("#![doc = include_str!(") {
            problems.push(format!("{shown}: does not open with `//!`"));
        }
        let is_exception = UNSAFE_MODULES
            .iter()
            .any(|(name, module)| file == root.join("crates").join(name).join(module));
        // In two pieces, so that this file does not find itself.
        if text.contains(concat!("allow(", "unsafe_code")) != is_exception {
            problems.push(match is_exception {
                true => format!("{shown}: allows no unsafe code; it need not be an exception"),
                false => {
                    format!("{shown}: allows unsafe code, and is not in the table of exceptions")
                }
            });
        }
        let is_crate_root = file.ends_with("src/lib.rs") && file.starts_with(root.join("crates"));
        let has_exception =
            UNSAFE_MODULES.iter().any(|(name, _)| file.starts_with(root.join("crates").join(name)));
        let wanted = if has_exception { "deny" } else { "forbid" };
        if is_crate_root && !text.contains(&format!("#![{wanted}(unsafe_code)]")) {
            problems.push(format!("{shown}: does not {wanted} unsafe code"));
        }
    }
    Ok(())
}

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // A folder that is not there has no files to complain about.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            // What is behind a link is looked at where it is.
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The crate list of ARCHITECTURE.md is the list of crates.
fn architecture(root: &Path, packages: &[Package], problems: &mut Vec<String>) -> Result<()> {
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md"))
        .context("cannot read ARCHITECTURE.md")?;
    let listed: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("### `crates/"))
        .filter_map(|rest| rest.strip_suffix('`'))
        .collect();
    let there: BTreeSet<&str> =
        packages.iter().filter(|p| p.is_ours()).map(|p| p.name.as_str()).collect();
    for name in there.difference(&listed) {
        problems.push(format!("ARCHITECTURE.md: no section \"### `crates/{name}`\""));
    }
    for name in listed.difference(&there) {
        problems.push(format!("ARCHITECTURE.md: a section for crates/{name}, which is not there"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            manifest: String::new(),
            dependencies: dependencies.iter().map(|&d| d.to_owned()).collect(),
        }
    }

    #[test]
    fn the_layout_is_as_documented() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let problems = problems(&Shell::new().unwrap(), root).unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    #[test]
    fn an_extra_and_a_missing_edge_are_both_found() {
        let mut all: Vec<Package> = EDGES.iter().map(|(name, to)| package(name, to)).collect();
        let mut problems = Vec::new();
        edges(&all, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");

        all[0].dependencies.insert("plugbay".to_owned());
        all[4].dependencies.clear();
        edges(&all, &mut problems);
        assert_eq!(
            problems,
            [
                "plugbay-abi -> plugbay: an edge that the layout does not have",
                "plugbay-wasmtime -> plugbay-runtime: the layout has this edge, the manifest not",
            ]
        );
    }

    #[test]
    fn an_engine_outside_its_home_is_found() {
        let mut problems = Vec::new();
        let packages = [
            package("plugbay-gateway", &["wasmtime", "hyper"]),
            package("benches", &["wasmtime", "wasmi", "tokio"]),
            package("tests", &["wasmi", "tokio"]),
        ];
        homes(&packages, &mut problems);
        assert_eq!(
            problems,
            [
                "plugbay-gateway -> wasmtime: an engine is reached through the seam",
                "tests -> wasmi: an engine is reached through the seam",
            ]
        );
    }
}
