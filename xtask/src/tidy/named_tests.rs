//! The tests that documentation names are there: a table of what is shown is worth what its tests are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::rust_files;

/// The pages with such tables, and the section that the table is in, where it is not the whole page: what is in
/// the last column of the rows is held against the code.
const PAGES: [(&str, Option<&str>); 2] =
    [("docs/security.md", Some("## Holes of others")), ("docs/hooks-tests.md", None)];

struct Source {
    path: PathBuf,
    text: String,
}

/// Adds a problem for each test of the tables that is none.
pub(super) fn check(root: &Path, packages: &[&str], problems: &mut Vec<String>) -> Result<()> {
    let read = |path: PathBuf| -> Result<Source> {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Source { path, text })
    };
    let files = ["crates", "tests"].into_iter().flat_map(|folder| rust_files(&root.join(folder)));
    let sources = files.map(read).collect::<Result<Vec<_>>>()?;
    for (page, section) in PAGES {
        let text = std::fs::read_to_string(root.join(page))
            .with_context(|| format!("cannot read {page}"))?;
        let tests = named(&text, section);
        if tests.is_empty() {
            let place = section.map(|section| format!(" below \"{section}\"")).unwrap_or_default();
            problems.push(format!("{page}: no tests are named{place}"));
        }
        for name in tests {
            if !name.contains("::") {
                if !packages.contains(&name) {
                    problems.push(format!(
                        "{page}: `{name}`: wanted a package, or the whole path of a test, such as `files::{name}`"
                    ));
                }
            } else if !is_test(&sources, name) {
                problems.push(format!("{page}: `{name}`: there is no such test"));
            }
        }
    }
    Ok(())
}

/// What is in backticks in the last column of the tables of a section, or of the whole page.
fn named<'a>(page: &'a str, section: Option<&str>) -> Vec<&'a str> {
    let lines = page.lines().skip_while(|line| section.is_some_and(|it| !line.starts_with(it)));
    let is_next = |line: &str| section.is_some() && line.starts_with("## ");
    let rows = lines.skip(1).take_while(|line| !is_next(line)).filter(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.trim_end().trim_end_matches('|').rsplit('|').next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

/// Whether a path ends in a module and a test in it.
fn is_test(sources: &[Source], path: &str) -> bool {
    let mut parts = path.rsplit("::");
    let (Some(name), Some(module)) = (parts.next(), parts.next()) else { return false };
    sources.iter().any(|source| {
        source.is_or_has(module)
            && source.text.find(&format!("fn {name}(")).is_some_and(|at| {
                is_attributed(source.text.get(..at).unwrap_or_default())
                    || sources.iter().any(|source| source.lists(name))
            })
    })
}

/// Whether what comes right after this is a test.
fn is_attributed(before: &str) -> bool {
    // The last line is the beginning of the function's own.
    let lines = before.rsplit_once('\n').map_or("", |(lines, _)| lines);
    let own = lines.split('\n').rev().take_while(|line| !line.trim().is_empty());
    own.take(6).any(|line| line.contains("#[test]") || line.contains("#[tokio::test"))
}

impl Source {
    /// Whether a module is this file, the folder that it is in, or a part of it.
    fn is_or_has(&self, module: &str) -> bool {
        let stem = self.path.file_stem().is_some_and(|stem| stem == module);
        let folder = self.path.parent().and_then(Path::file_name).is_some_and(|it| it == module);
        stem || folder || self.text.contains(&format!("mod {module} {{"))
    }

    /// Whether it has a list of tests, as the macros for several engines take them, with this one in it.
    fn lists(&self, name: &str) -> bool {
        let is_entry = |line: &str| line.trim().rsplit(' ').next() == Some(name);
        self.text.lines().any(|line| is_entry(line) && !line.trim_start().starts_with("//"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_test_is_found() {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.to_owned() };
        let sources = [
            source(
                "crates/a/tests/one.rs",
                "#[test]\n#[cfg(unix)]\nfn holds() {}\n\nfn helper() {}\n",
            ),
            source("crates/a/src/cases/files/more.rs", "pub(crate) fn listed() {}\n"),
            source(
                "crates/a/src/cases/mod.rs",
                "cases! {\n    #[cfg(unix)] listed\n    // unlisted\n}\n",
            ),
            source(
                "crates/a/src/b.rs",
                "mod inner {\n    #[tokio::test]\n    async fn waits() {}\n\n    #[test]\n    fn is() {}\n\n    fn helps() {}\n}\n",
            ),
        ];
        for (path, wanted) in [
            ("one::holds", true),
            ("two::holds", false),
            ("one::hold", false),
            ("one::helper", false),
            ("files::listed", true),
            ("files::unlisted", false),
            ("b::inner::waits", true),
            ("b::inner::is", true),
            ("b::inner::helps", false),
        ] {
            assert_eq!(is_test(&sources, path), wanted, "{path}");
        }
    }

    #[test]
    fn only_the_tables_last_column_is_read() {
        let page = "`no::test`\n## Holes of others, and more\n\n| hole | test |\n|---|---|\n\
                    | `x::y` | `pack` `a::b`, also `c::d` |\n\n## Reporting\n\n| a | `no::other` |\n";
        assert_eq!(named(page, Some("## Holes of others")), ["pack", "a::b", "c::d"]);
        assert_eq!(named(page, None), ["pack", "a::b", "c::d", "no::other"]);
    }
}
