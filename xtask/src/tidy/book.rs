//! The book: each page of `docs` is in SUMMARY.md once, each link inside the project leads somewhere, and each block of code
//! is of a language whose blocks are compiled, run or read by a test, or is marked as text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result};

/// The folder of the pages, which is the book's.
pub(crate) const DOCS: &str = "docs";
const SUMMARY: &str = "docs/SUMMARY.md";

/// The languages of blocks in `docs`, and who holds them against the code.
const LANGUAGES: &[(&str, &str)] = &[
    ("console", "tests/it/transcripts.rs runs it"),
    ("json", "tests/it/book.rs reads it"),
    ("toml", "tests/it/book.rs reads it"),
    ("rust", "a doc test, or the cookbook's build; the pages are below"),
    ("c", "`cargo xtask plugins --test` compiles it; the pages are below"),
    ("go", "`cargo xtask plugins --test` compiles it; the pages are below"),
    ("js", "the SDK's own tests run it; the pages are below"),
    ("ts", "the SDK's own tests compile it; the pages are below"),
    ("zig", "`cargo xtask plugins --test` compiles it; the pages are below"),
    ("sh", "commands that other commands of xtask run; the pages are below"),
    ("text", "what is printed, or a drawing"),
];

/// The pages that have blocks in a language of which not every block is tried by itself, and who tries those.
const ONLY_IN: &[(&str, &str, &str)] = &[
    ("rust", "docs/sdk-rust.md", "a doc test of plugbay-guest"),
    ("rust", "docs/cookbook/", "tests/it/cookbook.rs"),
    ("c", "docs/sdk-c.md", "xtask/src/plugins/c.rs"),
    ("go", "docs/sdk-go.md", "xtask/src/plugins/go.rs"),
    ("js", "docs/sdk-typescript.md", "sdk/typescript/tests"),
    ("ts", "docs/sdk-typescript.md", "sdk/typescript/tests"),
    ("zig", "docs/sdk-zig.md", "xtask/src/plugins/zig.rs"),
    ("sh", "docs/performance.md", "`cargo xtask bench` wrote it"),
    ("sh", "docs/http-performance.md", "`cargo xtask bench --http` wrote it"),
];

struct Page {
    /// From the project's folder.
    path: String,
    text: String,
}

pub(super) fn check(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let mut paths = Vec::new();
    markdown(&root.join(DOCS), &mut paths)?;
    let read = |path: &PathBuf| -> Result<Page> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let path = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        Ok(Page { path, text })
    };
    let pages = paths.iter().map(read).collect::<Result<Vec<_>>>()?;
    summary(&pages, problems);
    for page in &pages {
        languages(page, problems);
    }
    links(root, &pages, problems);
    Ok(())
}

fn markdown(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            markdown(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}

/// Each page is linked once, and nothing else is.
fn summary(pages: &[Page], problems: &mut Vec<String>) {
    let Some(summary) = pages.iter().find(|page| page.path == SUMMARY) else {
        problems.push(format!("{SUMMARY}: it is not there"));
        return;
    };
    let mut linked: BTreeMap<String, usize> = BTreeMap::new();
    for target in targets(&summary.text) {
        let path = joined(SUMMARY, target).unwrap_or_else(|| target.to_owned());
        *linked.entry(path).or_default() += 1;
    }
    for page in pages.iter().filter(|page| page.path != SUMMARY) {
        match linked.remove(&page.path) {
            Some(1) => {}
            None => problems.push(format!("{}: not in {SUMMARY}", page.path)),
            Some(times) => problems.push(format!("{}: {times} times in {SUMMARY}", page.path)),
        }
    }
    problems.extend(linked.into_keys().map(|path| format!("{SUMMARY}: {path} is no page")));
}

fn languages(page: &Page, problems: &mut Vec<String>) {
    for (line, language) in fences(&page.text) {
        let place = format!("{}:{line}", page.path);
        let Some((_, why)) = LANGUAGES.iter().find(|(known, _)| *known == language) else {
            let known: Vec<&str> = LANGUAGES.iter().map(|(known, _)| *known).collect();
            problems.push(format!(
                "{place}: a block of `{language}`, which nothing tries; there are {}",
                known.join(", ")
            ));
            continue;
        };
        let homes: Vec<_> = ONLY_IN.iter().filter(|(of, ..)| *of == language).collect();
        if !homes.is_empty() && !homes.iter().any(|(_, home, _)| page.path.starts_with(home)) {
            problems.push(format!("{place}: nothing tries blocks of `{language}` here ({why})"));
        }
    }
}

/// The language of each block of code, with its line.
fn fences(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut open: Option<&str> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let length = line.len() - line.trim_start_matches('`').len();
        let (fence, language) = line.split_at(length);
        match open {
            Some(opened) if line == opened => open = None,
            None if length >= 3 => {
                open = Some(fence);
                found.push((at + 1, language));
            }
            _ => {}
        }
    }
    found
}

/// Each link to a file of the project's leads to one, and each to a heading of a page to one.
fn links(root: &Path, pages: &[Page], problems: &mut Vec<String>) {
    let headings: BTreeMap<&str, BTreeSet<String>> =
        pages.iter().map(|page| (page.path.as_str(), anchors(&page.text))).collect();
    for page in pages {
        for target in targets(&page.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => Some(page.path.clone()),
                _ => joined(&page.path, file),
            };
            let Some(path) = path
                .filter(|path| headings.contains_key(path.as_str()) || root.join(path).exists())
            else {
                problems.push(format!("{}: {target} leads nowhere", page.path));
                continue;
            };
            let known = match headings.get(path.as_str()) {
                Some(known) => known.contains(anchor),
                None if path.ends_with(".md") => std::fs::read_to_string(root.join(&path))
                    .is_ok_and(|text| anchors(&text).contains(anchor)),
                // A line of code, such as `#L3`.
                None => true,
            };
            if !anchor.is_empty() && !known {
                problems.push(format!("{}: {target}: no such heading", page.path));
            }
        }
    }
}

/// A path from the project's folder, of one that a page has.
pub(crate) fn joined(page: &str, target: &str) -> Option<String> {
    let mut parts = PathBuf::from(page);
    parts.pop();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir if parts.pop() => {}
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            _ => return None,
        }
    }
    parts.to_str().map(str::to_owned)
}

/// What the links of a page lead to, code left out.
fn targets(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in prose(text) {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, after)) = after.split_once(')') else { break };
            found.push(target.split(' ').next().unwrap_or_default());
            rest = after;
        }
    }
    found
}

/// The lines of a page that are not in blocks of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        inside ^= is_fence;
        !inside && !is_fence
    })
}

/// What headings are called in links: as GitHub and mdBook make it.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    // Of a link, its words.
    let mut words = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        words.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    words.push_str(rest);
    let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, text: &str) -> Page {
        Page { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_page_that_the_summary_leaves_out_is_found() {
        let pages = [
            page(SUMMARY, "- [A](a.md)\n- [A](./a.md)\n- [C](b/c.md)\n- [D](d.md)\n"),
            page("docs/a.md", ""),
            page("docs/b/c.md", ""),
            page("docs/e.md", ""),
        ];
        let mut problems = Vec::new();
        summary(&pages, &mut problems);
        assert_eq!(
            problems,
            [
                "docs/a.md: 2 times in docs/SUMMARY.md",
                "docs/e.md: not in docs/SUMMARY.md",
                "docs/SUMMARY.md: docs/d.md is no page",
            ]
        );
    }

    #[test]
    fn a_block_that_nothing_tries_is_found() {
        let mut problems = Vec::new();
        let text = "```json\n{}\n```\n\n```ruby\n```\n\n````text\n```lua\n````\n\n```\n```\n\n```rust\n```\n";
        languages(&page("docs/a.md", text), &mut problems);
        languages(&page("docs/cookbook/a.md", "```rust\n```\n"), &mut problems);
        let starts: Vec<&str> =
            problems.iter().map(|problem| problem.split(',').next().unwrap()).collect();
        assert_eq!(
            starts,
            [
                "docs/a.md:5: a block of `ruby`",
                "docs/a.md:12: a block of ``",
                "docs/a.md:15: nothing tries blocks of `rust` here (a doc test",
            ]
        );
    }

    #[test]
    fn dead_links_are_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let text = "# One thing, `two`\n[x](#one-thing-two) [y](../README.md#licence) [z](../Cargo.toml)\n\
                    [no](#three) [no](b.md) [no](../README.md#nothing) [out](https://example.org/#x)\n\
                    ```text\n[code](c.md)\n```\n";
        let mut problems = Vec::new();
        links(root, &[page("docs/a.md", text)], &mut problems);
        assert_eq!(
            problems,
            [
                "docs/a.md: #three: no such heading",
                "docs/a.md: b.md leads nowhere",
                "docs/a.md: ../README.md#nothing: no such heading",
            ]
        );
    }
}
