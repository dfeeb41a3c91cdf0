//! docs/errors.md has a row for each code and class that a program gives out, and no other.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::rust_files;

const PAGE: &str = "docs/errors.md";

/// Where clients' errors are made. A code is a text behind a status, or between the status and the end of a call.
const CODES: (&str, [&str; 2]) = (
    "## What clients of the gateway see",
    ["crates/plugbay-gateway/src", "crates/plugbay-hooks/src"],
);

/// Where failed calls are told apart: the texts in each file's function of this name.
const CLASSES: (&str, [&str; 3]) = (
    "## What a failed call is",
    [
        "crates/plugbay-runtime/src/trap.rs",
        "crates/plugbay-runtime/src/error.rs",
        "crates/plugbay/src/error.rs",
    ],
);
const FUNCTION: &str = "fn class(";

pub(super) fn check(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let page = read(&root.join(PAGE))?;

    let mut codes = BTreeSet::new();
    for file in CODES.1.iter().flat_map(|folder| rust_files(&root.join(folder))) {
        if !file.components().any(|part| part.as_os_str() == "tests") {
            codes.extend(codes_of(&read(&file)?));
        }
    }
    compare(CODES.0, &codes, &rows(&page, CODES.0), problems);

    let mut classes = BTreeSet::new();
    for file in CLASSES.1 {
        let text = read(&root.join(file))?;
        let Some(at) = text.find(FUNCTION) else {
            problems.push(format!("{file}: no `{FUNCTION}`, whose texts {PAGE} lists"));
            continue;
        };
        let body = text.get(at..).unwrap_or_default();
        let body = body.split("\n    }\n").next().unwrap_or_default();
        classes.extend(body.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    compare(CLASSES.0, &classes, &rows(&page, CLASSES.0), problems);
    Ok(())
}

fn compare(
    section: &str,
    emitted: &BTreeSet<String>,
    rows: &BTreeSet<String>,
    problems: &mut Vec<String>,
) {
    for name in emitted.difference(rows) {
        problems.push(format!("{PAGE}: no row for `{name}` below \"{section}\""));
    }
    for name in rows.difference(emitted) {
        problems.push(format!("{PAGE}: `{name}` below \"{section}\", and nothing emits it"));
    }
}

/// The first column of a section's table.
fn rows(page: &str, section: &str) -> BTreeSet<String> {
    let lines = page.lines().skip_while(|line| *line != section).skip(1);
    let lines = lines.take_while(|line| !line.starts_with("## "));
    let names = lines.filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    names.map(str::to_owned).collect()
}

/// The codes that a source has outside of its tests.
fn codes_of(source: &str) -> BTreeSet<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let pieces: Vec<&str> = source.split('"').collect();
    let found = pieces.windows(3).filter_map(|window| {
        let [before, text, after] = window else { return None };
        let is_one = is_code(text) && (follows_status(before) || precedes_status(after));
        is_one.then(|| (*text).to_owned())
    });
    found.collect()
}

fn is_code(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Whether a text ends as in `(404, ` or `server(status, `.
fn follows_status(before: &str) -> bool {
    let Some((call, status)) =
        before.trim_end().strip_suffix(',').and_then(|it| it.rsplit_once('('))
    else {
        return false;
    };
    let is_status = is_error(status.trim());
    is_status
        || status.trim() == "status" && (call.ends_with("server") || call.ends_with("invalid"))
}

/// Whether a text begins as in `, 503)`.
fn precedes_status(after: &str) -> bool {
    after
        .strip_prefix(',')
        .and_then(|it| it.split_once(')'))
        .is_some_and(|(it, _)| is_error(it.trim()))
}

fn is_error(status: &str) -> bool {
    status.parse().is_ok_and(|status: u16| (400..600).contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_wherever_they_are_written() {
        let source = r#"
            invalid(404, "not_here", format!("{x}")); server(status, "of_another", y);
            let it = server(
                502,
                "on_lines",
            );
            ("in_a_pair", 503) refused(403, "refused_so", z)
            match x { 402 => "no_code", "other_text" => 403, _ => error("at", "no_status") }
            #[cfg(test)]
            mod tests { invalid(400, "of_a_test", "") }
        "#;
        let found: Vec<_> = codes_of(source).into_iter().collect();
        assert_eq!(found, ["in_a_pair", "not_here", "of_another", "on_lines", "refused_so"]);
    }

    #[test]
    fn rows_and_sources_are_the_same() {
        let page = "## A\n| code | x |\n|---|---|\n| `one_a` | `no` |\n| `two_b` | |\n## B\n| `three_c` | |\n";
        let mut problems = Vec::new();
        let emitted = ["one_a", "four_d"].map(str::to_owned).into();
        compare("## A", &emitted, &rows(page, "## A"), &mut problems);
        assert_eq!(
            problems,
            [
                "docs/errors.md: no row for `four_d` below \"## A\"",
                "docs/errors.md: `two_b` below \"## A\", and nothing emits it",
            ]
        );
    }
}
