//! Projects in Rust, by cargo.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::tool::{self, Tool};
use super::{CompilerFailed, Options, put, read};
use crate::project::Project;
use crate::project::name::ident;

/// Where neither the manifest nor the command line names one: no system interface at all.
const TARGET: &str = "wasm32-unknown-unknown";

/// What cargo says of a package.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// `package.metadata.plugbay.target`.
    target: Option<String>,
    makes_modules: bool,
}

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Reads what is in the manifest of a folder.
pub(crate) fn package(folder: &Path) -> Result<Package> {
    let cargo = cargo();
    Tool {
        program: &cargo,
        version: &["--version"],
        cure: "Rust is installed by rustup, from https://rustup.rs",
    }
    .ask(folder)?;
    let output = std::process::Command::new(&cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .context("cannot run `cargo metadata`")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("cargo does not take the manifest: {}", said.trim());
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("`cargo metadata` gave no JSON")?;
    let manifest = folder.join("Cargo.toml");
    let manifest = std::fs::canonicalize(&manifest).unwrap_or(manifest);
    let packages = metadata.get("packages").and_then(Value::as_array);
    let is_here = |package: &&Value| {
        let path = package.get("manifest_path").and_then(Value::as_str).unwrap_or_default();
        std::fs::canonicalize(path).is_ok_and(|path| path == manifest)
    };
    let package = packages.into_iter().flatten().find(is_here).with_context(|| {
        format!("{}: found a workspace, wanted the folder of a package", manifest.display())
    })?;
    let text = |key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let target = package.pointer("/metadata/plugbay/target");
    if let Some(target) = target
        && !target.is_string()
    {
        bail!(
            "package.metadata.plugbay.target: found {target}, wanted a text such as \"{TARGET}\""
        );
    }
    let targets = package.get("targets").and_then(Value::as_array);
    Ok(Package {
        name: text("name"),
        version: text("version"),
        target: target.and_then(Value::as_str).map(str::to_owned),
        makes_modules: targets.into_iter().flatten().any(is_cdylib),
    })
}

fn is_cdylib(target: &Value) -> bool {
    let kinds = target.get("kind").and_then(Value::as_array);
    kinds.into_iter().flatten().any(|kind| kind == "cdylib")
}

/// Builds the package in the release profile.
pub(super) fn build(project: &Project, options: &Options) -> Result<PathBuf> {
    let folder = &project.folder;
    let package = package(folder)?;
    if !package.makes_modules {
        bail!(
            "{}: found no library that is a module, wanted `crate-type = [\"cdylib\", \"rlib\"]` in [lib]",
            folder.join("Cargo.toml").display()
        );
    }
    let target = options.target.clone().or(package.target).unwrap_or_else(|| TARGET.to_owned());
    has_std(folder, &target)?;
    let mut command = tool::command(cargo(), folder);
    command.args(["build", "--release", "--lib", "--target", &target]);
    let shown = tool::shown(&command);
    crate::ui::errln!("{}{shown}{:#}", crate::ui::DIM, crate::ui::DIM);
    if options.keep_names {
        command.env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
    }
    // Where the target folder is, cargo knows; it says what it put there.
    command.args(["--message-format", "json-render-diagnostics"]).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run `{shown}`"))?;
    let mut module = None;
    for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
        let line = line.with_context(|| format!("`{shown}` cannot be read"))?;
        if let Ok(message) = serde_json::from_str::<Value>(&line) {
            module = artifact(&message, folder).or(module);
        }
    }
    let status = child.wait().with_context(|| format!("cannot wait for `{shown}`"))?;
    tool::finish(&shown, status)?;
    let Some(module) = module else {
        let status = "it left no module".to_owned();
        return Err(CompilerFailed { command: shown, status }.into());
    };
    let to = folder.join("build").join(format!("{}.wasm", ident(&package.name)));
    put(&to, &read(&module)?)?;
    Ok(to)
}

/// The module among what cargo says that it made.
fn artifact(message: &Value, folder: &Path) -> Option<PathBuf> {
    if message.get("reason")? != "compiler-artifact" || !is_cdylib(message.get("target")?) {
        return None;
    }
    let manifest = std::fs::canonicalize(message.get("manifest_path")?.as_str()?).ok()?;
    if manifest != std::fs::canonicalize(folder.join("Cargo.toml")).ok()? {
        return None;
    }
    let files = message.get("filenames")?.as_array()?.iter().filter_map(Value::as_str);
    files.map(PathBuf::from).find(|file| file.extension() == Some(OsStr::new("wasm")))
}

/// Says early, and with the cure, that the compiler cannot build for a target.
fn has_std(folder: &Path, target: &str) -> Result<()> {
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"));
    let is_elsewhere = ["RUSTFLAGS", &flags].iter().any(|name| {
        std::env::var_os(name).is_some_and(|flags| flags.to_string_lossy().contains("--sysroot"))
    });
    // Whoever names another standard library knows what is in it.
    if is_elsewhere {
        return Ok(());
    }
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = std::process::Command::new(&rustc)
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run `{}`", rustc.to_string_lossy()))?;
    if !asked.status.success() {
        let said = String::from_utf8_lossy(&asked.stderr);
        bail!("the compiler does not know the target `{target}`: {}", said.trim());
    }
    let libraries = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim());
    let entries = std::fs::read_dir(&libraries).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    if { names }.any(|name| name.starts_with("libstd-") && name.ends_with(".rlib")) {
        return Ok(());
    }
    bail!("there is no standard library for {target}; `rustup target add {target}` installs it")
}
