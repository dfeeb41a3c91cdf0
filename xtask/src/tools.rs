//! Programs and headers that a check needs beyond cargo and node: found, or installed and said so.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

const CARGO_DENY: &str = "0.20.2";

/// `cargo-deny`: the one on the machine, or one built into `target/tools`.
pub(crate) fn cargo_deny(sh: &Shell, root: &Path) -> Result<PathBuf> {
    if let Ok(version) = cmd!(sh, "cargo-deny --version").quiet().ignore_stderr().read() {
        println!("    {version} is installed");
        return Ok(PathBuf::from("cargo-deny"));
    }
    let tools = root.join("target").join("tools");
    let program = tools.join("bin").join("cargo-deny");
    let have = cmd!(sh, "{program} --version").quiet().ignore_stderr().read().unwrap_or_default();
    if have != format!("cargo-deny {CARGO_DENY}") {
        println!(
            "    building cargo-deny {CARGO_DENY} into target/tools: once, about three minutes"
        );
        cmd!(sh, "cargo install cargo-deny --locked --quiet --version {CARGO_DENY} --root {tools}")
            .run()
            .context(
                "cannot install cargo-deny; `cargo install cargo-deny --locked` does it by hand",
            )?;
    }
    Ok(program)
}

/// Headers that crates need on Linux: ALSA's for midir and rodio, JACK's for jack, xkbcommon's for enigo.
pub(crate) fn headers(sh: &Shell) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let known = [
        ("alsa", "libasound2-dev"),
        ("jack", "libjack-jackd2-dev"),
        ("xkbcommon", "libxkbcommon-dev"),
    ];
    let is_there =
        |name: &str| cmd!(sh, "pkg-config --exists {name}").quiet().ignore_stderr().run();
    let missing = known.iter().filter(|(name, _)| is_there(name).is_err());
    let mut missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    missing.push("pkg-config");
    apt_install(sh, &missing)
}

/// A JACK server and players for it, an X server, and a window that tells what reaches it.
pub(crate) fn servers(sh: &Shell) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let known = [("jackd", "jackd2"), ("Xvfb", "xvfb"), ("xev", "x11-utils")];
    let is_there =
        |name: &str| cmd!(sh, "which {name}").quiet().ignore_stdout().ignore_stderr().run();
    let missing = known.iter().filter(|(name, _)| is_there(name).is_err());
    let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    apt_install(sh, &missing)
}

/// tmux, on whose terminal `conductor monitor` is looked at.
pub(crate) fn tmux(sh: &Shell) -> Result<()> {
    if let Ok(version) = cmd!(sh, "tmux -V").quiet().ignore_stderr().read() {
        println!("    {version} is installed");
        return Ok(());
    }
    apt_install(sh, &["tmux"])
}

/// clang and the linker for wasm that it calls.
pub(crate) fn clang(sh: &Shell) -> Result<()> {
    let targets = cmd!(sh, "clang --print-targets").quiet().ignore_stderr().read();
    let has_wasm = targets.is_ok_and(|targets| targets.contains("wasm32"));
    if has_wasm
        && cmd!(sh, "wasm-ld --version").quiet().ignore_stdout().ignore_stderr().run().is_ok()
    {
        let version = cmd!(sh, "clang --version").quiet().read()?;
        println!("    {} is installed", version.lines().next().unwrap_or("clang"));
        return Ok(());
    }
    apt_install(sh, &["clang", "lld"])
}

/// valgrind, which counts instructions.
pub(crate) fn valgrind(sh: &Shell) -> Result<()> {
    if let Ok(version) = cmd!(sh, "valgrind --version").quiet().ignore_stderr().read() {
        println!("    {version} is installed");
        return Ok(());
    }
    apt_install(sh, &["valgrind"])
}

/// Installs Debian packages where this process may, and says what to type where it may not.
pub(crate) fn apt_install(sh: &Shell, packages: &[&str]) -> Result<()> {
    let line = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    let is_root = cmd!(sh, "id -u").quiet().read().is_ok_and(|id| id == "0");
    if !is_root {
        bail!("missing packages; run: sudo {line}");
    }
    println!("    {line}");
    let _env = sh.push_env("DEBIAN_FRONTEND", "noninteractive");
    cmd!(sh, "apt-get update -qq").quiet().run().context("apt-get update failed")?;
    cmd!(sh, "apt-get install -y -qq --no-install-recommends {packages...}")
        .quiet()
        .ignore_stdout()
        .run()
        .with_context(|| format!("failed: {line}"))?;
    Ok(())
}
