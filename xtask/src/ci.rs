//! `cargo xtask ci`: everything that is checked before a change lands, in one command.
//!
//! The order is by how soon a mistake shows: formatting in seconds, lints, then tests, then what takes a
//! build of its own. Clippy and the tests share one profile and one feature set, so that the
//! engines are compiled once for each.

use std::path::Path;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::section::section;
use crate::{demo, flags, guides, instructions, plugins, python, tidy, tools};

pub(crate) fn run(sh: &Shell, root: &Path, flags: &flags::Ci) -> Result<()> {
    let start = std::time::Instant::now();
    sh.set_var("CARGO_INCREMENTAL", "0");
    let mut ci = Sections::default();
    ci.section("formatting", || format(sh, root));
    ci.section("structure", || tidy::run(sh, root));
    ci.section("lints", || lints(sh, root));
    // What the tests need: without it, all of them would fail.
    plugins::run(sh, root, &flags::Plugins { only: None, test: true })?;
    section("Python with the official clients", || python::prepare(sh, root).map(drop))?;
    section("Node.js with the official client", || {
        plugins::assemblyscript::npm_ci(sh, &root.join("tests/node"))
    })?;
    section("a terminal", || tools::tmux(sh))?;
    ci.section("tests", || tests(sh, root));
    ci.section("landlock", || landlock(sh, root));
    ci.section("features, each alone and all together", || features(sh, root));
    ci.section("sounds, ports, keys and mouse", || devices(sh, root));
    ci.section("documentation", || docs(sh, root));
    ci.section("dependencies", || dependencies(sh, root));
    if root.join(guides::DEFAULT_DIR).is_dir() {
        ci.result("guides", guides::run(sh, root, &flags::Guides { from: None, no_run: false }));
    } else {
        let folder = guides::DEFAULT_DIR;
        println!(
            "==> guides\n    left out: {folder} is not there; `cargo xtask guides --from DIR` runs them"
        );
    }
    if flags.no_demo {
        println!("==> demo\n    left out, as --no-demo says");
    } else {
        // As `cargo xtask demo`, but not of a release: this one was compiled for the tests. That an example is
        // built, too, is what makes cargo take the features that they have.
        ci.section("the programs", || {
            sh.change_dir(root);
            cmd!(sh, "cargo build --locked --workspace --bin plugbay --example fixed_calls")
                .run()?;
            Ok(())
        });
        ci.result("demo", demo::show(sh, root, Path::new("target/debug/plugbay")));
    }
    let instructions = instructions::run(sh, root, &flags::Instructions { write: false });
    ci.result("instructions", instructions);
    ci.end()?;
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    println!("==> all of it passed in {minutes:.1} min");
    Ok(())
}

/// Sections of which each is run whatever became of those before: one run tells all that is wrong.
#[derive(Default)]
struct Sections {
    failed: Vec<String>,
}

impl Sections {
    fn section(&mut self, name: &str, body: impl FnOnce() -> Result<()>) {
        let result = section(name, body);
        self.result(name, result);
    }

    fn result(&mut self, name: &str, result: Result<()>) {
        if let Err(error) = result {
            println!("    {name}: {error:#}");
            self.failed.push(name.to_owned());
        }
    }

    fn end(self) -> Result<()> {
        match self.failed.as_slice() {
            [] => Ok(()),
            failed => bail!("failed: {}", failed.join("; ")),
        }
    }
}

fn format(sh: &Shell, root: &Path) -> Result<()> {
    sh.change_dir(root);
    cmd!(sh, "cargo fmt --all --check").run()?;
    for workspace in ["plugins/rust", "benches/http/guest", "benches/peers"] {
        cmd!(sh, "cargo fmt --all --check --manifest-path {workspace}/Cargo.toml").run()?;
    }
    Ok(())
}

fn lints(sh: &Shell, root: &Path) -> Result<()> {
    sh.change_dir(root);
    cmd!(sh, "cargo clippy --workspace --all-targets --locked -- -D warnings").run()?;
    Ok(())
}

fn tests(sh: &Shell, root: &Path) -> Result<()> {
    sh.change_dir(root);
    // Nextest runs each test in a process of its own, side by side; cargo's own runner does as well.
    if cmd!(sh, "cargo nextest --version").quiet().ignore_stderr().ignore_stdout().run().is_ok() {
        cmd!(sh, "cargo nextest run --workspace --locked").run()?;
        cmd!(sh, "cargo test --workspace --locked --doc").run()?;
    } else {
        cmd!(sh, "cargo test --workspace --locked").run()?;
    }
    Ok(())
}

/// A test of the hardening shows less on a kernel without landlock, and fails there where `CI` is set. Elsewhere
/// what it left out is to be seen, which a runner of tests hides where they pass.
fn landlock(sh: &Shell, root: &Path) -> Result<()> {
    sh.change_dir(root);
    let test = "a_running_gateway_cannot_be_led_elsewhere";
    let tests = ["--workspace", "--locked", "--test", "harden", test, "--", "--nocapture"];
    cmd!(sh, "cargo test --quiet {tests...}").run()?;
    Ok(())
}

/// Features are additive: each alone builds, and so do all of them.
fn features(sh: &Shell, root: &Path) -> Result<()> {
    sh.change_dir(root);
    cmd!(sh, "cargo check --locked -p plugbay --no-default-features").run()?;
    cmd!(sh, "cargo check --locked -p plugbay --no-default-features --features wasmi").run()?;
    cmd!(sh, "cargo check --locked -p plugbay --no-default-features --features wasmtime").run()?;
    cmd!(sh, "cargo check --locked -p plugbay --no-default-features --features state").run()?;
    cmd!(sh, "cargo check --locked -p plugbay --no-default-features --features process").run()?;
    cmd!(sh, "cargo check --locked -p plugbay --no-default-features --features network").run()?;
    cmd!(sh, "cargo check --locked -p plugbay --no-default-features --features watch").run()?;
    tools::headers(sh)?;
    cmd!(sh, "cargo check --locked --workspace --all-features").run()?;
    Ok(())
}

/// What plays sounds, has ports, strikes keys and clicks is in no other build: all of it in one more, held against what a
/// user has. ALSA itself brings a device that hears nothing, JACK a driver that plays nothing; an X server needs no screen.
fn devices(sh: &Shell, root: &Path) -> Result<()> {
    sh.change_dir(root);
    tools::headers(sh)?;
    tools::servers(sh)?;
    let features = ["audio", "desktop", "jack", "midir"].map(|name| format!("plugbay-cli/{name}"));
    let build = ["--locked", "--workspace", "--features", &features.join(",")];
    cmd!(sh, "cargo test {build...} --lib -- services:: ports::").run()?;
    cmd!(sh, "cargo test {build...} --test audio --test desktop --test jack").run()?;
    Ok(())
}

fn docs(sh: &Shell, root: &Path) -> Result<()> {
    sh.change_dir(root);
    let _flags = sh.push_env("RUSTDOCFLAGS", "-D warnings");
    cmd!(sh, "cargo doc --workspace --no-deps --locked").run()?;
    Ok(())
}

fn dependencies(sh: &Shell, root: &Path) -> Result<()> {
    sh.change_dir(root);
    let deny = tools::cargo_deny(sh, root)?;
    cmd!(sh, "{deny} --workspace check bans licenses sources").run()?;
    if !cmd!(sh, "git status --porcelain --untracked-files=no Cargo.lock")
        .quiet()
        .read()?
        .is_empty()
    {
        bail!("Cargo.lock has changes that are not committed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_failure_is_run_and_both_are_told() {
        let mut ci = Sections::default();
        let mut ran = 0;
        for (name, result) in
            [("one", bail_with("broken")), ("two", Ok(())), ("three", bail_with("too"))]
        {
            ci.section(name, || {
                ran += 1;
                result
            });
        }
        assert_eq!(ran, 3);
        assert_eq!(ci.end().unwrap_err().to_string(), "failed: one; three");
        assert!(Sections::default().end().is_ok());
    }

    fn bail_with(message: &str) -> Result<()> {
        Err(anyhow::anyhow!("{message}"))
    }
}
