//! Projects of plugins: how they begin, what they are written in, how they are built and packed.

pub(crate) mod build;
pub(crate) mod name;
pub(crate) mod package;
pub(crate) mod template;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use self::name::ident;

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    #[value(alias = "rs")]
    Rust,
    #[value(alias = "ts", alias = "assemblyscript")]
    Typescript,
    #[value(alias = "golang")]
    Go,
    C,
    Zig,
}

impl Language {
    /// As folders and options have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Typescript => "typescript",
            Self::Go => "go",
            Self::C => "c",
            Self::Zig => "zig",
        }
    }
}

/// A folder with a plugin's sources.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    pub(crate) language: Language,
    /// The plugin's name, as whoever wrote it spells it.
    pub(crate) name: String,
    /// What the project says of its version, where it does.
    pub(crate) version: Option<String>,
}

/// What tells the languages apart, in the order in which it is looked for: a Makefile may be beside anything.
const MARKS: &str = "Cargo.toml, package.json, go.mod, build.zig, a Makefile or a .c file";

impl Project {
    /// Looks at what is in a folder.
    pub(crate) fn find(folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder)
            .with_context(|| format!("{} is no path", folder.display()))?;
        if !folder.is_dir() {
            bail!("{} is no folder", folder.display());
        }
        let has = |name: &str| folder.join(name).is_file();
        let own = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (language, name, version) = if has("Cargo.toml") {
            let package = build::rust::package(&folder)?;
            (Language::Rust, package.name, Some(package.version))
        } else if has("package.json") {
            let (name, version) = npm(&folder)?;
            (Language::Typescript, name.unwrap_or(own), version)
        } else if has("go.mod") {
            (Language::Go, go(&folder)?.unwrap_or(own), None)
        } else if has("build.zig") || (has("Makefile") && !sources(&folder, "zig")?.is_empty()) {
            (Language::Zig, own, None)
        } else if has("Makefile") || !sources(&folder, "c")?.is_empty() {
            (Language::C, own, None)
        } else {
            bail!(
                "{}: found none of {MARKS}; `plugbay new NAME` begins a plugin",
                folder.display()
            );
        };
        Ok(Self { folder, language, name, version })
    }

    /// Where builds put the module.
    pub(crate) fn module(&self) -> Result<PathBuf> {
        let build = self.folder.join("build");
        self.module_in(&build)?.with_context(|| {
            let named = build.join(format!("{}.wasm", ident(&self.name)));
            format!("{} is not there; `plugbay build` makes it", named.display())
        })
    }

    /// The module in a folder, if there is one. Where several are, the one that is named like the project counts.
    fn module_in(&self, folder: &Path) -> Result<Option<PathBuf>> {
        let named = folder.join(format!("{}.wasm", ident(&self.name)));
        if named.is_file() {
            return Ok(Some(named));
        }
        let found = files(folder, "wasm")?;
        match found.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only.clone())),
            several => {
                let names: Vec<_> =
                    several.iter().filter_map(|path| path.file_name()?.to_str()).collect();
                bail!(
                    "found {} in {}, and none is called {}.wasm: which of them is it? Remove the others",
                    names.join(", "),
                    folder.display(),
                    ident(&self.name)
                )
            }
        }
    }

    /// The project's own cases.
    pub(crate) fn has_cases(&self) -> bool {
        files(&self.folder.join("tests"), "json").is_ok_and(|found| !found.is_empty())
    }
}

/// Name and version of a package of npm's that AssemblyScript is built by.
fn npm(folder: &Path) -> Result<(Option<String>, Option<String>)> {
    let path = folder.join("package.json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let package: Value =
        serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    let needs = |kind: &str| package.get(kind).is_some_and(|of| of.get("assemblyscript").is_some());
    let built = package.pointer("/scripts/build").and_then(Value::as_str);
    let by_compiler =
        built.is_some_and(|script| script.split_whitespace().any(|word| word == "asc"));
    if !needs("dependencies") && !needs("devDependencies") && !by_compiler {
        bail!(
            "{}: found a package without `assemblyscript`, which compiles TypeScript to WebAssembly",
            path.display()
        );
    }
    let text = |key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
    // A scope is nobody's file name.
    let name = text("name").map(|name| name.rsplit('/').next().unwrap_or_default().to_owned());
    Ok((name, text("version")))
}

/// The last part of a Go module's path.
fn go(folder: &Path) -> Result<Option<String>> {
    let path = folder.join("go.mod");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let module = text.lines().find_map(|line| line.trim().strip_prefix("module "));
    Ok(module.and_then(|module| module.trim().rsplit('/').next()).map(str::to_owned))
}

/// The sources with an ending of a folder itself and of `src` in it.
pub(crate) fn sources(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = files(folder, ending)?;
    found.extend(files(&folder.join("src"), ending)?);
    Ok(found)
}

/// The files of a folder with an ending, in order. A folder that is not there has none.
pub(crate) fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        if path.extension().is_some_and(|found| found == ending) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Project>) {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("night-lamp");
        std::fs::create_dir_all(home.join("build")).unwrap();
        for (name, text) in files {
            std::fs::write(home.join(name), text).unwrap();
        }
        let found = Project::find(&home);
        (folder, found)
    }

    #[test]
    fn languages_are_told_apart_by_their_build_files() {
        let assemblyscript = r#"{"name": "@me/lamp", "version": "1.2.0", "devDependencies": {"assemblyscript": "0.28"}}"#;
        for (files, language, name, version) in [
            (&[("package.json", assemblyscript)][..], Language::Typescript, "lamp", Some("1.2.0")),
            (&[("go.mod", "module example.org/me/lamp\n\ngo 1.24\n")], Language::Go, "lamp", None),
            (&[("build.zig", ""), ("Makefile", "")], Language::Zig, "night-lamp", None),
            (&[("plugin.zig", ""), ("Makefile", "")], Language::Zig, "night-lamp", None),
            (&[("Makefile", "")], Language::C, "night-lamp", None),
            (&[("plugin.c", "")], Language::C, "night-lamp", None),
        ] {
            let (_folder, found) = project(files);
            let found = found.unwrap();
            assert_eq!((found.language, &*found.name), (language, name));
            assert_eq!(found.version.as_deref(), version);
        }
    }

    #[test]
    fn what_is_none_is_said() {
        let (_folder, found) = project(&[("notes.txt", "")]);
        let error = found.unwrap_err().to_string();
        assert!(error.contains("found none of Cargo.toml, package.json"), "{error}");
        let (_folder, found) = project(&[("package.json", r#"{"name": "site"}"#)]);
        let error = found.unwrap_err().to_string();
        assert!(error.contains("found a package without `assemblyscript`"), "{error}");
    }

    #[test]
    fn the_module_is_the_one_that_is_named_so_or_the_only_one() {
        let (folder, found) = project(&[("plugin.c", "")]);
        let found = found.unwrap();
        let module = |name: &str| folder.path().join("night-lamp/build").join(name);
        assert!(found.module().unwrap_err().to_string().contains("`plugbay build` makes it"));
        std::fs::write(module("other.wasm"), "").unwrap();
        assert_eq!(found.module().unwrap(), module("other.wasm"));
        std::fs::write(module("third.wasm"), "").unwrap();
        let error = found.module().unwrap_err().to_string();
        assert!(error.starts_with("found other.wasm, third.wasm in"), "{error}");
        std::fs::write(module("night_lamp.wasm"), "").unwrap();
        assert_eq!(found.module().unwrap(), module("night_lamp.wasm"));
    }
}
