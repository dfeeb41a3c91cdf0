//! Projects in Go, by the standard toolchain: a library for WASI preview 1.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::tool::{self, Tool};
use super::{NEW, Options, left};
use crate::project::Project;
use crate::project::name::ident;

/// From here on there is `//go:wasmexport`.
const OLDEST: (u32, u32) = (1, 24);

const CURE: &str = "Go 1.24 or newer is at https://go.dev/dl, or `brew install go`";

pub(super) fn build(project: &Project, options: &Options) -> Result<PathBuf> {
    let folder = &project.folder;
    let version = Tool { program: "go".as_ref(), version: &["version"], cure: CURE }.ask(folder)?;
    if number(&version).is_some_and(|number| number < OLDEST) {
        bail!("found {version}, wanted Go {}.{} or newer; {CURE}", OLDEST.0, OLDEST.1);
    }
    let module = format!("{NEW}/{}.wasm", ident(&project.name));
    // `-s` leaves out the names of functions, and `-w` what no host reads of Go.
    let linked = if options.keep_names { "-ldflags=-w" } else { "-ldflags=-s -w" };
    let mut command = tool::command("go", folder);
    command
        .args(["build", "-buildmode=c-shared", "-trimpath", linked, "-o"])
        .args([&*module, "."])
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .env("CGO_ENABLED", "0");
    if std::env::var_os("GOFLAGS").is_none() {
        // `vendor` is not Go's kind of vendoring here: go.mod says where the SDK is.
        command.env("GOFLAGS", "-mod=mod");
    }
    tool::run(&mut command)?;
    left(project, "go build")
}

/// The two numbers of `go version go1.24.3 linux/amd64`.
fn number(version: &str) -> Option<(u32, u32)> {
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
        let number = |version: &str| number(&format!("go version {version} linux/amd64"));
        assert_eq!(number("go1.24"), Some(OLDEST));
        assert_eq!(number("go1.27rc1"), Some((1, 27)));
        assert!(number("go1.9.7") < Some(OLDEST));
        assert_eq!(number("devel"), None);
    }
}
