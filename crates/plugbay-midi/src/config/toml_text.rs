//! Parsing TOML 1.1, and the one spelling beyond it: `"key": value`.
//!
//! Plugin authors paste parameters from JSON, so inside an inline table a colon after a
//! quoted key is read as the `=` that TOML wants. Where a colon stands for an equals
//! sign is not guessed from the text: the parser says where it stumbled, that one byte
//! is replaced in a copy, and the parser decides again. Byte positions stay the same.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{Finding, escaped};

/// How often the parser is asked again, and how many bytes it reads for that in all.
const ROUNDS: usize = 200;
const BYTES: usize = 64 << 20;
/// How many colons are replaced at most.
const COLONS: usize = 10_000;

/// A text that the TOML parser accepts, and what was replaced to get there.
pub(super) struct Accepted<'t> {
    pub(super) text: Cow<'t, str>,
    /// Offsets of the colons that were read as equals signs.
    pub(super) colons: BTreeSet<usize>,
}

/// Makes `text` acceptable to the parser, or says why it is not.
pub(super) fn accept(text: &str) -> Result<Accepted<'_>, Vec<Finding>> {
    let errors = match errors_of(text) {
        errors if errors.is_empty() => {
            return Ok(Accepted { text: Cow::Borrowed(text), colons: BTreeSet::new() });
        }
        errors => errors,
    };
    let original = errors.clone();
    let mut copy = text.to_owned();
    let mut colons = BTreeSet::new();
    let mut errors = errors;
    for _ in 0..ROUNDS.min(BYTES / text.len().max(1)) {
        let found: BTreeSet<usize> = errors.iter().filter_map(|e| colon_at(&copy, e)).collect();
        if found.is_empty() || found.len() + colons.len() > COLONS {
            break;
        }
        for at in found {
            copy.replace_range(at..at + 1, "=");
            colons.insert(at);
        }
        errors = errors_of(&copy);
        if errors.is_empty() {
            let (table, _) = DeTable::parse_recoverable(&copy);
            if separate_inline(&copy, table.get_ref(), &colons) {
                drop(table);
                return Ok(Accepted { text: Cow::Owned(copy), colons });
            }
            return Err(findings(original));
        }
    }
    // What is left beside the colons is what has to be mended.
    errors.retain(|error| colons.range(error.span.start..=error.span.end).next().is_none());
    Err(findings(if errors.is_empty() { original } else { errors }))
}

/// One warning for all colons of a text.
pub(super) fn colon_warning(text: &str, colons: &BTreeSet<usize>) -> Option<Finding> {
    const NAMED: usize = 8;
    let first = *colons.first()?;
    let line_of = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    let mut lines: Vec<usize> = colons.iter().take(4 * NAMED).map(|at| line_of(*at)).collect();
    lines.dedup();
    let before = text.get(..first).unwrap_or_default().trim_end();
    let key =
        before.strip_suffix('"').and_then(|b| b.rsplit_once('"')).map_or("key", |(_, key)| key);
    let bare =
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let toml = if bare { key.to_owned() } else { format!("\"{key}\"") };
    let named: Vec<String> = lines.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if lines.len() > NAMED { " and more" } else { "" };
    let plural = if lines.len() == 1 { "line" } else { "lines" };
    Some(
        Finding::warning(
            first..first + 1,
            format!(
                "{plural} {}{more}: `:` after a key is not TOML; it was read as `=`",
                named.join(", ")
            ),
        )
        .help(format!("in TOML: {} = ...", escaped(&toml))),
    )
}

#[derive(Clone)]
struct SyntaxError {
    span: Range<usize>,
    message: String,
}

fn errors_of(text: &str) -> Vec<SyntaxError> {
    let (_, errors) = DeTable::parse_recoverable(text);
    errors
        .into_iter()
        .map(|error| SyntaxError {
            span: error.span().unwrap_or(text.len()..text.len()),
            message: error.message().to_owned(),
        })
        .collect()
}

fn findings(errors: Vec<SyntaxError>) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    errors
        .into_iter()
        // One mistake makes a parser complain several times about one place.
        .filter(|error| seen.insert(error.span.start))
        .map(|error| Finding::error(error.span, format!("not TOML: {}", error.message)))
        .collect()
}

/// The colon at which the parser stumbled, when a quoted key stands before it.
fn colon_at(text: &str, error: &SyntaxError) -> Option<usize> {
    let start = error.span.start;
    let rest = text.get(start..)?;
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let at = start + blank;
    let quoted = text.get(..at)?.trim_end_matches([' ', '\t']).ends_with('"');
    (quoted && text.as_bytes().get(at) == Some(&b':')).then_some(at)
}

/// Whether every colon lies inside an inline table, and none inside a string.
fn separate_inline(text: &str, table: &DeTable<'_>, colons: &BTreeSet<usize>) -> bool {
    let mut outside = colons.clone();
    let mut pending: Vec<&Spanned<DeValue<'_>>> = table.values().collect();
    while let Some(value) = pending.pop() {
        let span = value.span();
        match value.get_ref() {
            DeValue::String(_) if colons.range(span.clone()).next().is_some() => return false,
            DeValue::Table(table) => {
                if text.get(span.clone()).is_some_and(|text| text.starts_with('{')) {
                    let inside: Vec<usize> = outside.range(span).copied().collect();
                    inside.iter().for_each(|at| {
                        outside.remove(at);
                    });
                }
                pending.extend(table.values());
            }
            DeValue::Array(array) => pending.extend(array.iter()),
            _ => {}
        }
    }
    outside.is_empty()
}
