//! What the documentation shows of the programs, done again: each command of a page's transcripts is run, and what
//! it prints is held against what the page says that it prints.
//!
//! A transcript is a fenced block with the language `console`: lines that begin with `$ ` are commands, which `\` at
//! the end of a line continues, and what is below one is what it prints. The blocks of a page are one session, from
//! top to bottom, in a folder that has `target/plugins` and `examples` in it. A block of any other language below a
//! line that ends with a name, as in "`config.json`:", is that file; one in WebAssembly text is also there as binary, as
//! `wat2wasm` makes it.
//!
//! `plugbay gateway` goes on serving until the page starts another one, and what it prints is waited for, in any
//! order. It gets free ports in place of the usual ones: 8080, 9090 for metrics, 9091 for operators. Where a page's
//! file names a provider at `http://127.0.0.1:8000`, that is the scripted one of `tests/python`.
//!
//! What differs each time is written as `<id>`, `<date>`, `<number>` or `<hash>`, and `…` is any text on a line; a
//! line that is `…` alone is any number of lines. White space between the tokens of JSON does not count, so that a
//! page may break long answers.

mod matching;
mod page;
mod session;

use std::path::{Path, PathBuf};

use crate::support::root;
use page::Page;
use session::Session;

/// Makes a test of each page.
macro_rules! pages {
    ($($name:ident: $path:literal,)*) => {
        /// The pages that are run.
        const PAGES: &[&str] = &[$($path),*];

        $(
            #[test]
            fn $name() {
                run($path);
            }
        )*
    };
}

pages! {
    readme: "README.md",
    admin: "docs/admin.md",
    cookbook_ab_routing: "docs/cookbook/ab-routing.md",
    cookbook_budget: "docs/cookbook/budget.md",
    cookbook_caching: "docs/cookbook/caching.md",
    cookbook_chords: "docs/cookbook/chords.md",
    cookbook_moderation: "docs/cookbook/moderation.md",
    cookbook_prompts: "docs/cookbook/prompts.md",
    cookbook_redaction: "docs/cookbook/redaction.md",
    cookbook_velocity_curves: "docs/cookbook/velocity-curves.md",
    endpoints: "docs/endpoints.md",
    debugging: "docs/debugging.md",
    example: "examples/gateway/README.md",
    gateway: "docs/gateway.md",
    hooks: "docs/hooks.md",
    observing: "docs/observing.md",
    providers: "docs/providers.md",
    reload: "docs/reload.md",
    troubleshooting: "docs/troubleshooting.md",
    testing: "docs/testing.md",
}

#[track_caller]
fn run(path: &str) {
    let page = Page::read(&root().join(path));
    assert!(page.has_transcripts(), "{path} has no transcripts");
    let mut session = Session::begin(path);
    for part in &page.parts {
        session.goes_on(part);
    }
    session.end();
}

/// All Markdown of the project but what others wrote.
fn markdown(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&name) {
                markdown(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

#[test]
fn every_curl_command_and_every_transcript_of_a_page_is_run() {
    let mut files = Vec::new();
    markdown(&root(), &mut files);
    assert!(files.len() > PAGES.len(), "{files:?}");
    let mut wrong = Vec::new();
    for file in files {
        let page = Page::read(&file);
        let name = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        // What a program says of itself, `curl` included, is another test's; and what the page of a new project says is of a
        // gateway that its author has started.
        let others = name == "docs/cli.md" || name.starts_with("crates/plugbay-cli/templates/");
        let strays = if others { &[][..] } else { &page.strays[..] };
        for line in strays {
            wrong.push(format!("{name}:{line}: `curl` in a block that is not `console`"));
        }
        if page.has_transcripts() && !PAGES.contains(&name.as_str()) {
            wrong.push(format!("{name}: a transcript that no test runs: add the page to `PAGES`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
