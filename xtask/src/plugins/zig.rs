//! Samples in Zig: a folder each, and the package of the SDK, `sdk/zig`. The compiler comes from PyPI, pinned, into a
//! venv below `target`: the language changes with each version, so the one on the PATH is not asked.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use xshell::{Cmd, Shell, cmd};

use super::{install, samples::Sample};
use crate::python;

/// The distribution of Zig on PyPI.
const PACKAGE: &str = "ziglang==0.17.1\n";

/// The pinned Zig.
pub(super) struct Zig {
    python: PathBuf,
    cache: PathBuf,
}

impl Zig {
    /// Installs it, if it is not there.
    ///
    /// # Errors
    ///
    /// There is no Python that could install it.
    pub(super) fn prepare(sh: &Shell, root: &Path) -> Result<Self> {
        let python = python::venv(sh, root, "target/zig-venv", PACKAGE)?;
        Ok(Self { python, cache: root.join("target/plugins-build/zig") })
    }

    /// The folder of the program `zig`, which PyPI's package has among its files.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        let versions = fs::read_dir(self.python.parent()?.parent()?.join("lib")).ok()?;
        versions
            .flatten()
            .map(|version| version.path().join("site-packages/ziglang"))
            .find(|folder| folder.join("zig").is_file())
    }

    /// Builds a sample. What is up to date is left to Zig's own cache.
    ///
    /// # Errors
    ///
    /// The compiler's, or the module is not what its ABI says.
    pub(super) fn build(&self, sh: &Shell, root: &Path, sample: &Sample) -> Result<()> {
        let built = self.cache.join(sample.name).with_extension("wasm");
        let source = root.join("plugins/zig").join(sample.name).join("plugin.zig");
        self.module(sh, root, &source, &built)?;
        install(root, sample, &built)
    }

    fn module(&self, sh: &Shell, root: &Path, source: &Path, built: &Path) -> Result<()> {
        let mut module = OsString::from("-Mroot=");
        module.push(source);
        let mut emit = OsString::from("-femit-bin=");
        emit.push(built);
        self.zig(sh, "build-exe")
            .args(["-target", "wasm32-freestanding", "-O", "ReleaseSmall"])
            .args(["-fno-entry", "-rdynamic", "-fstrip", "--dep", "plugbay"])
            .args([module, sdk(root), emit])
            .run()?;
        Ok(())
    }

    /// Looks at the formatting, runs the tests of the SDK and of the samples on this machine, and builds a plugin of
    /// each Zig block of the pages that are about it.
    ///
    /// # Errors
    ///
    /// A file is formatted otherwise, or a test fails.
    pub(super) fn test(&self, sh: &Shell, root: &Path) -> Result<()> {
        let (sdk_folder, samples) = (root.join("sdk/zig"), root.join("plugins/zig"));
        let templates = root.join("crates/plugbay-cli/templates/zig");
        self.zig(sh, "fmt")
            .arg("--check")
            .args([&sdk_folder, &samples])
            .run()
            .context("zig fmt would change a file")?;
        let mut tests = OsString::from("-Mroot=");
        tests.push(sdk_folder.join("tests/sdk_test.zig"));
        self.zig(sh, "test").args(["--dep", "plugbay"]).args([tests, sdk(root)]).run()?;
        for page in ["docs/sdk-zig.md", "sdk/zig/README.md"] {
            self.build_blocks(sh, root, page)?;
        }
        for kind in ["hook", "action"] {
            let text = sh.read_file(templates.join(kind).join("src/plugin.zig"))?;
            self.build_text(sh, root, &text.replace("{{name}}", "block"))
                .with_context(|| format!("the template {kind} does not build"))?;
        }
        Ok(())
    }

    fn build_blocks(&self, sh: &Shell, root: &Path, page: &str) -> Result<()> {
        let text = sh.read_file(root.join(page))?;
        let blocks: Vec<_> = text.split("\n```zig\n").skip(1).collect();
        ensure!(!blocks.is_empty(), "{page} has no Zig any more");
        for block in blocks {
            let code = block.split("\n```").next().unwrap_or_default();
            self.build_text(sh, root, code)
                .with_context(|| format!("a plugin of {page} does not build"))?;
        }
        Ok(())
    }

    fn build_text(&self, sh: &Shell, root: &Path, code: &str) -> Result<()> {
        fs::create_dir_all(&self.cache)?;
        let source = self.cache.join("block.zig");
        fs::write(&source, format!("{code}\n"))?;
        self.module(sh, root, &source, &source.with_extension("wasm"))
    }

    /// `zig SUBCOMMAND`, which keeps what it caches below `target`.
    fn zig<'sh>(&self, sh: &'sh Shell, subcommand: &str) -> Cmd<'sh> {
        let python = &self.python;
        cmd!(sh, "{python} -m ziglang {subcommand}")
            .quiet()
            .env("ZIG_GLOBAL_CACHE_DIR", self.cache.join("global"))
            .env("ZIG_LOCAL_CACHE_DIR", self.cache.join("cache"))
    }
}

fn sdk(root: &Path) -> OsString {
    let mut module = OsString::from("-Mplugbay=");
    module.push(root.join("sdk/zig/src/root.zig"));
    module
}
