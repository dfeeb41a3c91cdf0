//! Builds what is code, and parses what is data.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use plugbay_policy::Capability;
use serde_json::Value;
use xshell::{Cmd, Shell, cmd};

use super::{
    Report, Work,
    blocks::{Kind, Rust},
    extract::{Extracted, quoted},
    shapes,
};
use crate::{
    plugins::{
        assemblyscript::{is_stale, npm_ci},
        kib, write_if_changed,
    },
    toolchain::{Toolchain, WasmTarget},
    wasm::Interface,
};

/// Does what can be done with each block short of running it.
pub(super) fn all(
    sh: &Shell,
    root: &Path,
    work: &Work,
    blocks: &[Extracted],
    report: &mut Report,
) -> Result<()> {
    let toolchain = Toolchain::detect(sh, root)?;
    println!("    building with {}", toolchain.describe());
    let cx = Cx { sh, root, work, blocks, toolchain };
    for block in blocks {
        match block.kind {
            Kind::Shown(_) | Kind::NotRunnable(_) => {}
            Kind::Package => report.step(block.id, || {
                parse_json(&block.text)?;
                Ok("parsed, and its build line used".to_owned())
            }),
            Kind::TypeScript => report.step(block.id, || cx.typescript(block)),
            Kind::Input(hook) => report.step(block.id, || {
                shapes::check_input(hook, &parse_json(&block.text)?)?;
                write_if_changed(&work.sample(block.id, "json"), block.text.as_bytes())?;
                Ok("is what the host writes".to_owned())
            }),
            Kind::Output(hook, wanted) => report.step(block.id, || {
                let outcome = shapes::outcome(hook, &block.text, &cx.input(hook)?)?;
                ensure!(outcome == wanted, "the host makes {outcome:?} of it, not {wanted:?}");
                write_if_changed(&work.sample(block.id, "json"), block.text.as_bytes())?;
                Ok(format!("understood ({outcome:?})"))
            }),
            Kind::Gateway => report.step(block.id, || {
                let value = parse_json(&block.text)?;
                let plugins = value.get("plugins").and_then(Value::as_array);
                ensure!(plugins.is_some_and(|plugins| !plugins.is_empty()), "no plugins in it");
                write_if_changed(&work.sample(block.id, "json"), block.text.as_bytes())?;
                Ok("parsed".to_owned())
            }),
            Kind::Manifest => {
                report.step(block.id, || Ok("used for every Rust block".to_owned()));
            }
            Kind::Profile => report.step(block.id, || {
                let first = cx.text("first_plugin")?;
                cx.rust(block.id, &with_profile(&cx.manifest(block.id)?, &block.text)?, first)
            }),
            Kind::Rust(rust) => report.step(block.id, || {
                let manifest = with_dependencies(&cx.manifest(block.id)?, rust.dependencies)?;
                let built = cx.rust(block.id, &manifest, &cx.source(block, rust)?)?;
                Ok(match rust.dependencies.trim_end() {
                    "" => built,
                    added => format!("{built}, with {added} among the dependencies"),
                })
            }),
            Kind::UnitTests => report.step(block.id, || cx.unit_tests(block)),
            Kind::Midi(_) => report.step(block.id, || {
                write_if_changed(&work.sample(block.id, "toml"), block.text.as_bytes())?;
                Ok("extracted".to_owned())
            }),
            Kind::Capabilities(count) => report.step(block.id, || {
                let names = quoted(&block.text);
                ensure!(names.len() == count, "{count} names are expected, not {names:?}");
                for name in &names {
                    let known = name.parse::<Capability>();
                    known.map_err(|_| anyhow!("the host has no capability {name}"))?;
                }
                Ok(format!("all known: {}", names.join(" ")))
            }),
        }
    }
    Ok(())
}

/// What every build needs.
struct Cx<'a> {
    sh: &'a Shell,
    root: &'a Path,
    work: &'a Work,
    blocks: &'a [Extracted],
    toolchain: Toolchain,
}

impl Cx<'_> {
    fn text(&self, id: &str) -> Result<&str> {
        let block = self.blocks.iter().find(|block| block.id == id);
        Ok(&block.with_context(|| format!("there is no block {id}"))?.text)
    }

    /// The sample of what a hook is given.
    fn input(&self, hook: &str) -> Result<Value> {
        let mut blocks = self.blocks.iter();
        let input = blocks.find(|block| matches!(block.kind, Kind::Input(of) if of == hook));
        parse_json(&input.with_context(|| format!("no sample of {hook}'s input"))?.text)
    }

    /// The guide's `Cargo.toml`, for a package named after a block.
    fn manifest(&self, id: &str) -> Result<String> {
        rename(self.text("manifest")?, id)
    }

    /// A block's code, after the one that it is a part of.
    fn source(&self, block: &Extracted, rust: Rust) -> Result<String> {
        Ok(match rust.after {
            Some(first) => format!("{}\n{}", self.text(first)?, block.text),
            None => block.text.clone(),
        })
    }

    /// Builds a package of one source file as the guide does, and keeps the module.
    fn rust(&self, id: &str, manifest: &str, source: &str) -> Result<String> {
        let dir = self.package(id, manifest, source)?;
        let _dir = self.sh.push_dir(dir);
        let build = self.toolchain.cargo(self.sh, "build", WasmTarget::Wasip1);
        silently(build.args(["--quiet", "--release"]))?;
        self.keep(id, &self.toolchain.artifact(WasmTarget::Wasip1, id))
    }

    fn package(&self, id: &str, manifest: &str, source: &str) -> Result<PathBuf> {
        let dir = self.work.sources.join(id);
        write_if_changed(&dir.join("Cargo.toml"), manifest.as_bytes())?;
        write_if_changed(&dir.join("src/lib.rs"), source.as_bytes())?;
        // The guide names no exact versions; the samples' will do, so that nothing is compiled twice.
        let lockfile = dir.join("Cargo.lock");
        if !lockfile.is_file() {
            fs::copy(self.root.join("plugins/rust/Cargo.lock"), lockfile)?;
        }
        Ok(dir)
    }

    fn keep(&self, id: &str, built: &Path) -> Result<String> {
        let wasm = fs::read(built).with_context(|| format!("no {}", built.display()))?;
        let interface = Interface::read(&wasm)?;
        ensure!(interface.memory, "the compiler left a module without memory");
        write_if_changed(&self.work.module(id), &wasm)?;
        Ok(format!("built ({:.1} KiB)", kib(wasm.len())))
    }

    fn unit_tests(&self, block: &Extracted) -> Result<String> {
        let source = format!("{}\n{}", self.text("first_plugin")?, block.text);
        let dir = self.package(block.id, &self.manifest(block.id)?, &source)?;
        let _dir = self.sh.push_dir(dir);
        let test = Toolchain::native_cargo(self.sh, self.root, "test");
        let output = silently(test.args(["--quiet", "--lib"]))?;
        ensure!(output.contains("1 passed"), "one test was expected to pass: {output}");
        Ok("built for this machine and passed".to_owned())
    }

    /// Builds the TypeScript plugin with the guide's build line, and the compiler that the lockfile beside this file
    /// names.
    fn typescript(&self, block: &Extracted) -> Result<String> {
        let package = self.root.join("xtask/src/guides/typescript");
        let dir = self.work.sources.join(block.id);
        let manifest = fs::read_to_string(package.join("package.json"))?;
        let manifest = with_build_line(&manifest, self.text("package")?)?;
        write_if_changed(&dir.join("package.json"), manifest.as_bytes())?;
        let lockfile = fs::read(package.join("package-lock.json"))?;
        write_if_changed(&dir.join("package-lock.json"), &lockfile)?;
        write_if_changed(&dir.join("assembly/plugin.ts"), block.text.as_bytes())?;
        npm_ci(self.sh, &dir)?;

        let built = dir.join("build/plugin.wasm");
        if is_stale(self.sh, &dir, &built)? {
            self.sh.remove_path(&built)?;
            let _dir = self.sh.push_dir(&dir);
            silently(cmd!(self.sh, "npm run --silent build"))?;
        }
        self.keep(block.id, &built)
    }
}

/// Runs a compiler without its warnings: what a guide leaves unused is its own affair.
fn silently(command: Cmd<'_>) -> Result<String> {
    let command = command.quiet().ignore_status();
    let output = command.output()?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{command} failed: {}{stdout}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(stdout)
}

fn parse_json(text: &str) -> Result<Value> {
    serde_json::from_str(text).context("it is not JSON")
}

/// A manifest with another package name.
fn rename(manifest: &str, name: &str) -> Result<String> {
    let line = manifest.lines().find(|line| line.starts_with("name = "));
    let line = line.context("the manifest has no name")?;
    Ok(manifest.replacen(line, &format!("name = \"{name}\""), 1))
}

fn with_dependencies(manifest: &str, added: &str) -> Result<String> {
    const TABLE: &str = "[dependencies]\n";
    ensure!(manifest.contains(TABLE), "the manifest has no dependencies");
    Ok(manifest.replacen(TABLE, &format!("{TABLE}{added}"), 1))
}

/// A manifest with another release profile, which comes last in it.
fn with_profile(manifest: &str, profile: &str) -> Result<String> {
    let (rest, _) = manifest.split_once("[profile.release]").context("there is no profile")?;
    Ok(format!("{rest}{profile}"))
}

/// A package's manifest with the build line of another.
fn with_build_line(manifest: &str, other: &str) -> Result<String> {
    let mut manifest = parse_json(manifest)?;
    let line = parse_json(other)?.pointer("/scripts/build").cloned();
    let scripts = manifest.get_mut("scripts").context("no scripts in the package")?;
    *scripts = serde_json::json!({ "build": line.context("no build line in the guide")? });
    Ok(format!("{manifest:#}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str =
        "[package]\nname = \"a\"\n\n[dependencies]\nx = \"1\"\n\n[profile.release]\nlto = true\n";

    #[test]
    fn manifests_are_changed_in_place() {
        assert!(rename(MANIFEST, "b").unwrap().contains("name = \"b\"\n"));
        assert!(
            with_dependencies(MANIFEST, "y = \"2\"\n").unwrap().contains("]\ny = \"2\"\nx = \"1\"")
        );
        let small = with_profile(MANIFEST, "[profile.release]\nopt-level = \"z\"\n").unwrap();
        assert!(small.ends_with("x = \"1\"\n\n[profile.release]\nopt-level = \"z\"\n"), "{small}");
        rename("[package]", "b").unwrap_err();
    }

    #[test]
    fn the_build_line_alone_is_taken_over() {
        let ours = r#"{"name": "a", "scripts": {"build": "x", "test": "y"}}"#;
        let line = with_build_line(ours, r#"{"scripts": {"build": "z"}}"#).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line, serde_json::json!({"name": "a", "scripts": {"build": "z"}}));
        with_build_line(ours, "{}").unwrap_err();
    }
}
