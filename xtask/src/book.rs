//! `cargo xtask book`: the pages of `docs` as a book, by mdBook, in `target/book`.
//!
//! Links that lead out of `docs` lead to the repository there. What is wrong with pages and links, `tidy` says without mdBook.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::tidy::book::{DOCS, joined};

const INSTALL: &str = "cargo install mdbook --locked --version 0.5.4";
const REPOSITORY: &str = "https://github.com/plugbay/plugbay/blob/main/";

pub(crate) fn run(sh: &Shell, root: &Path) -> Result<()> {
    if cmd!(sh, "mdbook --version").quiet().ignore_stderr().ignore_stdout().run().is_err() {
        bail!("mdbook is not installed; run: {INSTALL}");
    }
    let source = root.join("target/book-source");
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    copy(root, &root.join(DOCS), &source)?;
    let to = root.join("target/book");
    let said = cmd!(sh, "mdbook build {source} --dest-dir {to}").quiet().read_stderr()?;
    if let Some(line) = said.lines().find(|line| line.contains("WARN") || line.contains("ERROR")) {
        bail!("mdbook: {line}");
    }
    println!("{}", to.join("index.html").display());
    Ok(())
}

fn copy(root: &Path, from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("a file has a name")?);
        if path.is_dir() {
            copy(root, &path, &target)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let page = path.strip_prefix(root)?.to_string_lossy().into_owned();
            fs::write(target, outward(&page, &fs::read_to_string(&path)?))?;
        } else {
            fs::copy(&path, target)?;
        }
    }
    Ok(())
}

/// A page whose links out of `docs` are the repository's.
fn outward(page: &str, text: &str) -> String {
    let mut pieces = text.split("](");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push_str("](");
        let (target, rest) = piece.split_once(')').unwrap_or((piece, ""));
        let leads_out = target.starts_with("../").then(|| joined(page, target)).flatten();
        match leads_out.filter(|path| !Path::new(path).starts_with(DOCS)) {
            Some(path) => out.push_str(&format!("{REPOSITORY}{path})")),
            None if rest.is_empty() && !piece.ends_with(')') => out.push_str(target),
            None => out.push_str(&format!("{target})")),
        }
        out.push_str(rest);
    }
    out
}

#[test]
fn links_out_of_the_book_lead_to_the_repository() {
    let text = "[a](../README.md#x) [b](../hooks.md) [c](d.md), [e](https://x.org) `f(](g`";
    assert_eq!(
        outward("docs/cookbook/a.md", &text.replace("../README", "../../README")),
        text.replace("../README.md#x", &format!("{REPOSITORY}README.md#x"))
    );
}
