//! What a new project begins with: a template of its language, and the language's SDK, both part of the program.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::Serialize;

use super::Language;
use super::name::ident;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Hooks, for the gateway
    Hook,
    /// An action, for conductor
    Action,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Action => "action",
        }
    }
}

/// What stands for what in a template.
struct Words {
    name: String,
    ident: String,
    year: String,
}

impl Words {
    fn put_in(&self, text: &str) -> String {
        text.replace("{{name}}", &self.name)
            .replace("{{ident}}", &self.ident)
            .replace("{{year}}", &self.year)
    }
}

/// The files of a new project by their paths, which have `/` on every system.
pub(crate) fn files(
    name: &str,
    language: Language,
    kind: Kind,
    year: i16,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let words = Words { name: name.to_owned(), ident: ident(name), year: year.to_string() };
    let (language, kind) = (language.name(), kind.name());
    let mut files = BTreeMap::new();
    // What is further down takes the place of what is further up.
    let layers = ["common/all".to_owned(), format!("common/{kind}"), format!("{language}/{kind}")];
    for layer in &layers {
        let found = below(embedded::TEMPLATES, layer);
        if found.is_empty() {
            bail!("this program has no template for a plugin in {language} with the kind {kind}");
        }
        for (path, bytes) in found {
            let bytes = match std::str::from_utf8(bytes) {
                Ok(text) => words.put_in(text).into_bytes(),
                Err(_) => bytes.to_vec(),
            };
            files.insert(words.put_in(&plain(path)), bytes);
        }
    }
    let sdk = below(embedded::SDKS, language);
    if sdk.is_empty() {
        bail!("this program has no SDK for {language}");
    }
    for (path, bytes) in sdk {
        files.insert(format!("vendor/plugbay/{}", plain(path)), bytes.to_vec());
    }
    Ok(files)
}

/// The files of one folder, without its path.
fn below(
    all: &'static [(&'static str, &'static [u8])],
    folder: &str,
) -> Vec<(&'static str, &'static [u8])> {
    let inside = |path: &'static str| path.strip_prefix(folder)?.strip_prefix('/');
    all.iter().filter_map(|(path, bytes)| Some((inside(path)?, *bytes))).collect()
}

/// A manifest that cargo would take for one of this crate's own has `.in` behind its name.
fn plain(path: &str) -> String {
    path.strip_suffix(".in").unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(files: &BTreeMap<String, Vec<u8>>, path: &str) -> String {
        let bytes = files.get(path).unwrap_or_else(|| panic!("{path} of {:?}", files.keys()));
        String::from_utf8(bytes.clone()).unwrap()
    }

    #[test]
    fn every_project_has_what_a_package_has() {
        for language in Language::value_variants() {
            for kind in Kind::value_variants() {
                let found = files("night-lamp", *language, *kind, 2031).unwrap();
                let example = match kind {
                    Kind::Hook => ["config.json", "examples/config.json"],
                    Kind::Action => ["conductor.toml", "examples/config.toml"],
                };
                for path in example {
                    let example = text(&found, path);
                    assert!(example.contains("night_lamp.wasm"), "{path}: {example}");
                }
                for path in [".gitignore", ".github/workflows/ci.yml", "README.md"] {
                    text(&found, path);
                }
                assert!(text(&found, "LICENSE").contains("(c) 2031 The authors of night-lamp"));
                let cases = found.keys().filter(|path| path.starts_with("tests/"));
                let cases = cases.filter(|path| path.ends_with(".json"));
                assert!(cases.count() > 0, "{language:?} {kind:?} has no cases");
                for (path, bytes) in &found {
                    assert!(!path.contains("{{") && !path.ends_with(".in"), "{path}");
                    let left = ["{{name}}", "{{ident}}", "{{year}}"];
                    let text = String::from_utf8_lossy(bytes);
                    assert!(!left.iter().any(|word| text.contains(word)), "{path}: {text}");
                    let strange = path.split('/').any(|part| part == ".." || part.is_empty());
                    assert!(!strange && !path.contains('\\'), "{path}");
                }
                assert!(found.keys().any(|path| path.starts_with("vendor/plugbay/")));
            }
        }
    }

    #[test]
    fn the_vendored_sdk_of_rust_is_what_the_workspace_builds() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
        let workspace = read("Cargo.toml");
        let found = files("lamp", Language::Rust, Kind::Hook, 2031).unwrap();
        for name in ["plugbay-guest", "plugbay-guest-macros"] {
            let vendored = text(&found, &format!("vendor/plugbay/{name}/Cargo.toml"));
            let own = read(&format!("crates/{name}/Cargo.toml"));
            for key in ["version", "edition", "rust-version", "license"] {
                let line = workspace.lines().find(|line| line.starts_with(&format!("{key} = ")));
                assert!(vendored.contains(line.unwrap()), "{name}: {key}");
            }
            let of = |manifest: &str| -> Vec<String> {
                let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
                let lines = lines.take_while(|line| !line.starts_with('['));
                let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
                lines.map(str::to_owned).collect()
            };
            let (own, vendored) = (of(&own), of(&vendored));
            assert_eq!(own.len(), vendored.len(), "{own:?} {vendored:?}");
            for line in own {
                let dependency = line.strip_suffix(".workspace = true").unwrap();
                let wanted = match dependency {
                    "plugbay-guest-macros" => {
                        format!("{dependency} = {{ path = \"../{dependency}\" }}")
                    }
                    _ => {
                        let is = |line: &&str| line.starts_with(&format!("{dependency} = "));
                        workspace.lines().find(is).unwrap().to_owned()
                    }
                };
                assert!(vendored.contains(&wanted), "{wanted} in {vendored:?}");
            }
            for (path, bytes) in &found {
                let Some(source) = path.strip_prefix(&format!("vendor/plugbay/{name}/src/")) else {
                    continue;
                };
                let own = std::fs::read(root.join("crates").join(name).join("src").join(source));
                assert!(*bytes == own.unwrap(), "{path} is another one");
            }
        }
    }
}
