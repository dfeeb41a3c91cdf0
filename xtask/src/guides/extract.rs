//! Finds blocks in text that has lost its markdown: no fences, no indentation.

use std::{iter, ops::RangeInclusive};

use anyhow::{Context as _, Result, bail};

use super::blocks::{Block, Guide, Kind};

/// Where a block is. Blocks are listed in the order of the file, and each is looked for after the end
/// of the one before, so that a mark need not be unique.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Find {
    /// The lines after one that begins with the first mark, up to one that begins with the second.
    /// An empty mark is a blank line.
    Between(&'static str, &'static str),
    /// The lines from one that begins with the first mark, up to one that begins with the second.
    From(&'static str, &'static str),
    /// From the next line that is `{` to the brace that closes it.
    Json,
}

/// A change without which a block could not be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Correction {
    /// Why, for the report.
    pub(crate) reason: &'static str,
    pub(crate) edit: Edit,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit {
    Before(&'static str),
    After(&'static str),
    /// Every occurrence, of which there must be one.
    Replace(&'static str, &'static str),
    /// Every occurrence, if there is any.
    ReplaceIfThere(&'static str, &'static str),
    TrimEnd(&'static str),
}

/// A block's text, ready for use.
#[derive(Debug)]
pub(crate) struct Extracted {
    pub(crate) id: &'static str,
    pub(crate) guide: Guide,
    pub(crate) kind: Kind,
    /// Line numbers in the guide, from zero.
    pub(crate) lines: RangeInclusive<usize>,
    /// With its corrections.
    pub(crate) text: String,
    /// The reasons of the corrections that changed something.
    pub(crate) corrected: Vec<&'static str>,
}

/// Takes `blocks` out of `text`.
///
/// # Errors
///
/// A block or a correction's place is not found, or something that looks like code is in no block.
pub(crate) fn extract(text: &str, blocks: &[&Block]) -> Result<Vec<Extracted>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut extracted = Vec::new();
    let mut cursor = 0;
    for block in blocks {
        let found = locate(&lines, cursor, block.find)
            .with_context(|| format!("block {} is not where it should be", block.id))?;
        let mut text = slice(&lines, &found).join("\n");
        text.push('\n');
        let corrections = block.kind.common_corrections().iter().chain(block.corrections);
        let mut corrected = Vec::new();
        for correction in corrections {
            let edited = apply(&text, correction.edit)
                .with_context(|| format!("block {}: {}", block.id, correction.reason))?;
            if edited != text && !corrected.contains(&correction.reason) {
                corrected.push(correction.reason);
            }
            text = edited;
        }
        cursor = found.end() + 1;
        extracted.push(Extracted {
            id: block.id,
            guide: block.guide,
            kind: block.kind,
            lines: found,
            text,
            corrected,
        });
    }
    let forgotten = lines.iter().enumerate().find(|(number, line)| {
        looks_like_code(line) && !extracted.iter().any(|block| block.lines.contains(number))
    });
    if let Some((number, line)) = forgotten {
        bail!("line {} looks like code, and no block covers it: {line}", number + 1);
    }
    Ok(extracted)
}

fn slice<'a, 'b>(lines: &'a [&'b str], range: &RangeInclusive<usize>) -> &'a [&'b str] {
    lines.get(range.clone()).unwrap_or_default()
}

fn locate(lines: &[&str], cursor: usize, find: Find) -> Result<RangeInclusive<usize>> {
    let search = |from: usize, mark: &str| {
        let mut rest = lines.iter().enumerate().skip(from);
        let is_it =
            |line: &str| if mark.is_empty() { line.is_empty() } else { line.starts_with(mark) };
        rest.find(|(_, line)| is_it(line)).map(|(number, _)| number)
    };
    let (start, end) = match find {
        Find::Between(after, before) => {
            let start = search(cursor, after).with_context(|| format!("no line {after:?}"))? + 1;
            let end = search(start, before).with_context(|| format!("no line {before:?}"))?;
            (start, end)
        }
        Find::From(first, before) => {
            let start = search(cursor, first).with_context(|| format!("no line {first:?}"))?;
            // A text may end with its last block.
            (start, search(start, before).unwrap_or(lines.len()))
        }
        Find::Json => {
            let mut rest = lines.iter().enumerate().skip(cursor);
            let start = rest
                .find(|(_, line)| **line == "{")
                .map(|(number, _)| number)
                .context("no further line is an opening brace")?;
            (start, closing_brace(lines, start).context("the brace is never closed")? + 1)
        }
    };
    if start >= end {
        bail!("nothing is between the marks");
    }
    Ok(start..=end - 1)
}

/// The line whose brace closes the one that opens `start`.
fn closing_brace(lines: &[&str], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_string = false;
    for (number, line) in lines.iter().enumerate().skip(start) {
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' if in_string => {
                    chars.next();
                }
                '"' => in_string = !in_string,
                '{' if !in_string => depth += 1,
                '}' if !in_string => depth = depth.checked_sub(1)?,
                _ => {}
            }
        }
        if depth == 0 {
            return Some(number);
        }
    }
    None
}

fn apply(text: &str, edit: Edit) -> Result<String> {
    Ok(match edit {
        Edit::Before(code) => format!("{code}{text}"),
        Edit::After(code) => format!("{text}{code}"),
        Edit::Replace(from, to) if text.contains(from) => text.replace(from, to),
        Edit::Replace(from, _) => bail!("there is no {from:?} to correct"),
        Edit::ReplaceIfThere(from, to) => text.replace(from, to),
        Edit::TrimEnd(end) => match text.trim_end().strip_suffix(end) {
            Some(rest) => format!("{rest}\n"),
            None => bail!("it does not end with {end:?}"),
        },
    })
}

/// Lines that prose does not have: so that a guide which gains a block is noticed.
fn looks_like_code(line: &str) -> bool {
    let starts = ["{", "}", "#[", "[[", "use ", "fn ", "pub ", "let ", "export ", "import "];
    starts.iter().any(|start| line.starts_with(start)) || line.ends_with(';')
}

/// The strings in double quotes in a text, one after the other.
pub(crate) fn quoted(text: &str) -> Vec<&str> {
    let mut pieces = text.split('"');
    iter::from_fn(|| {
        pieces.next();
        pieces.next()
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const TEXT: &str = "\
A made-up guide
Shell
make
make install

Data:

{
\"a\": \"}\\\"\",
\"b\": {
}
}

1. Code
fn a() {}
2. More code
fn b() {}
";

    const fn block(id: &'static str, find: Find, corrections: &'static [Correction]) -> Block {
        Block { id, guide: Guide::Midi, kind: Kind::Shown("test"), find, corrections }
    }

    fn check(blocks: &[&Block], expected: Expect) {
        let found = match extract(TEXT, blocks) {
            Ok(found) => found
                .iter()
                .map(|block| format!("{} {:?}\n{}", block.id, block.lines, block.text))
                .collect(),
            Err(error) => format!("{error:#}"),
        };
        expected.assert_eq(&found);
    }

    const SHELL: Block = block("shell", Find::Between("Shell", ""), &[]);
    const DATA: Block = block("data", Find::Json, &[]);
    const CODE: Block = block("code", Find::Between("1.", "2."), &[]);
    const MORE: Block = block(
        "more",
        Find::From("fn", "3."),
        &[
            Correction { reason: "needs a type", edit: Edit::Replace("b()", "b() -> i32") },
            Correction { reason: "not there", edit: Edit::ReplaceIfThere("z", "y") },
            Correction { reason: "needs a module", edit: Edit::Before("mod m;\n") },
        ],
    );

    #[test]
    fn blocks_are_found_in_the_order_of_the_file() {
        check(
            &[&SHELL, &DATA, &CODE, &MORE],
            expect![[r#"
                shell 2..=3
                make
                make install
                data 7..=11
                {
                "a": "}\"",
                "b": {
                }
                }
                code 14..=14
                fn a() {}
                more 16..=16
                mod m;
                fn b() -> i32 {}
            "#]],
        );
    }

    #[test]
    fn only_corrections_that_change_something_are_reported() {
        let found = extract(TEXT, &[&DATA, &CODE, &MORE]).unwrap();
        assert_eq!(found.last().unwrap().corrected, ["needs a type", "needs a module"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        check(
            &[&SHELL, &DATA, &CODE],
            expect!["line 17 looks like code, and no block covers it: fn b() {}"],
        );
        check(
            &[&CODE, &DATA],
            expect!["block data is not where it should be: no further line is an opening brace"],
        );
        check(
            &[&block("lost", Find::Between("Lost", ""), &[])],
            expect![[r#"block lost is not where it should be: no line "Lost""#]],
        );
        const WRONG: Block = block(
            "code",
            Find::Between("1.", "2."),
            &[Correction { reason: "why", edit: Edit::Replace("absent", "") }],
        );
        check(&[&WRONG], expect![[r#"block code: why: there is no "absent" to correct"#]]);
    }

    #[test]
    fn quoted_strings_are_taken_in_turn() {
        assert_eq!(quoted(r#"x "one" // "two""#), ["one", "two"]);
    }
}
