//! Samples in Zig: a folder each, and the package of the SDK, `sdk/zig`. The compiler comes from PyPI, pinned, into a
//! venv below `target`: the language changes with each version, so the one on the PATH is not asked.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use xshell::{Cmd, Shell, cmd};

use super::{
    install,
    samples::{SAMPLES, Sample, Source},
};
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
        for tests in ["sdk_test", "mock_test"] {
            self.run_tests(sh, root, &sdk_folder.join("tests").join(tests).with_extension("zig"))?;
        }
        for sample in SAMPLES.iter().filter(|sample| sample.source == Source::Zig) {
            self.run_tests(sh, root, &samples.join(sample.name).join("plugin.zig"))?;
        }
        for page in ["docs/sdk-zig.md", "sdk/zig/README.md"] {
            self.build_blocks(sh, root, page)?;
        }
        for kind in ["hook", "action"] {
            self.try_template(sh, root, &templates.join(kind))
                .with_context(|| format!("the template {kind} fails"))?;
        }
        Ok(())
    }

    /// Runs the tests in a file on this machine, of which there is at least one.
    fn run_tests(&self, sh: &Shell, root: &Path, file: &Path) -> Result<()> {
        let has_tests = sh.read_file(file)?.contains("\ntest \"");
        ensure!(has_tests, "{} has no tests", file.display());
        let mut tests = OsString::from("-Mroot=");
        tests.push(file);
        self.zig(sh, "test").args(["--dep", "plugbay"]).args([tests, sdk(root)]).run()?;
        Ok(())
    }

    /// Builds and tests a new project as its author does, by its own `build.zig`.
    fn try_template(&self, sh: &Shell, root: &Path, template: &Path) -> Result<()> {
        let project = self.cache.join("template");
        sh.remove_path(&project)?;
        for name in ["build.zig", "build.zig.zon", "src/plugin.zig"] {
            let text = sh.read_file(template.join(name))?;
            let text = text.replace("{{name}}", "block").replace("{{ident}}", "block");
            sh.write_file(project.join(name), text)?;
        }
        let (from, to) = (root.join("sdk/zig"), project.join("vendor/plugbay"));
        for name in ["build.zig", "build.zig.zon"] {
            sh.create_dir(&to)?;
            sh.copy_file(from.join(name), to.join(name))?;
        }
        for file in sh.read_dir(from.join("src"))? {
            let name = file.file_name().unwrap_or_default();
            sh.write_file(to.join("src").join(name), sh.read_file(&file)?)?;
        }
        let _dir = sh.push_dir(&project);
        self.zig(sh, "build").args(["--prefix", "build"]).run()?;
        ensure!(project.join("build/block.wasm").is_file(), "`zig build` left no module");
        self.zig(sh, "build").arg("test").run()?;
        Ok(())
    }

    /// Builds a plugin of each Zig block of a page. Tests go on from the plugin before them, and are run.
    fn build_blocks(&self, sh: &Shell, root: &Path, page: &str) -> Result<()> {
        let text = sh.read_file(root.join(page))?;
        let blocks: Vec<_> = text.split("\n```zig\n").skip(1).collect();
        ensure!(!blocks.is_empty(), "{page} has no Zig any more");
        for block in blocks {
            let code = block.split("\n```").next().unwrap_or_default();
            if code.starts_with("test \"") {
                let source = self.cache.join("block.zig");
                let plugin = sh.read_file(&source)?;
                sh.write_file(&source, format!("{plugin}\n{code}\n"))?;
                self.run_tests(sh, root, &source)
                    .with_context(|| format!("a test of {page} fails"))?;
                continue;
            }
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
            // What runs a build.zig is compiled first, which takes minutes where it is optimised.
            .env("ZIG_DEBUG_CMD", "1")
    }
}

fn sdk(root: &Path) -> OsString {
    let mut module = OsString::from("-Mplugbay=");
    module.push(root.join("sdk/zig/src/root.zig"));
    module
}
