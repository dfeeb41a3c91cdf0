//! What is wrong with a configuration, shown as a compiler would show it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

/// How many findings one report shows; the rest are only counted.
const SHOWN: usize = 50;

/// How many lines of a long span are underlined.
const LINES: usize = 3;

/// Whether a finding keeps the configuration from loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing loads.
    Error,
    /// It loads; something in it does not do what it seems to say.
    Warning,
}

/// One finding, with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Error or warning.
    pub severity: Severity,
    /// Byte range in the text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Whether the line is not for everybody to see.
    is_secret: bool,
}

impl Finding {
    pub(super) fn error(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            span,
            message: message.into(),
            help: None,
            is_secret: false,
        }
    }

    pub(super) fn warning(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            span,
            message: message.into(),
            help: None,
            is_secret: false,
        }
    }

    /// The line is not shown: it has values that are nobody's business.
    pub(super) fn hide(&mut self) {
        self.is_secret = true;
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// All findings of one configuration, in the order of the text.
///
/// `Display` renders each with file, line, column and the offending line
/// underlined, without colours; [`to_ansi`](Self::to_ansi) has colours.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    name: String,
    text: Arc<str>,
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(name: String, text: Arc<str>, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
        Self { name, text, findings }
    }

    /// Whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// The findings, in the order of the text.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Line and column of a byte of the text, both from 1, columns in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        (line, column)
    }

    /// The report with terminal colours.
    pub fn to_ansi(&self) -> String {
        self.render(&Renderer::styled())
    }

    /// The first error in one line, and how many more there are.
    pub fn brief(&self) -> String {
        let is_error = |finding: &&Finding| finding.severity == Severity::Error;
        let mut errors = self.findings.iter().filter(is_error);
        let Some(first) = errors.next() else { return String::new() };
        let (line, column) = self.position(first.span.start);
        let more = match errors.count() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let message = first.message.lines().next().unwrap_or_default();
        format!("{}:{line}:{column}: {message}{more}", self.name)
    }

    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut rendered = String::new();
        for finding in self.findings.iter().take(SHOWN) {
            if !rendered.is_empty() {
                rendered.push_str("\n\n");
            }
            rendered.push_str(&self.render_one(renderer, finding));
        }
        if self.findings.len() > SHOWN {
            rendered.push_str(&format!("\n\nand {} more", self.findings.len() - SHOWN));
        }
        rendered
    }

    fn render_one(&self, renderer: &Renderer, finding: &Finding) -> String {
        let (lines, within) = self.excerpt(&finding.span);
        let (first_line, _) = self.position(lines.start);
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(&finding.message);
        let mut group = if finding.is_secret {
            let (line, column) = self.position(finding.span.start);
            title.element(Origin::path(&self.name).line(line).char_column(column))
        } else {
            let snippet = Snippet::source(self.text.get(lines).unwrap_or_default());
            let snippet = snippet.line_start(first_line).path(&self.name);
            title.element(snippet.annotation(AnnotationKind::Primary.span(within)))
        };
        if let Some(help) = &finding.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }

    /// The whole lines that a span touches, at most [`LINES`], and the span within them.
    fn excerpt(&self, span: &Range<usize>) -> (Range<usize>, Range<usize>) {
        let text = &*self.text;
        let floor = |offset: usize| {
            let offset = offset.min(text.len());
            (0..=offset).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
        };
        let start = floor(span.start);
        let end = floor(span.end).max(start);
        let line_start = text.get(..start).and_then(|t| t.rfind('\n')).map_or(0, |at| at + 1);
        let newline_from = |from: usize, nth: usize| {
            let rest = text.get(from..).unwrap_or_default();
            rest.match_indices('\n').nth(nth).map_or(text.len(), |(at, _)| from + at)
        };
        let line_end = newline_from(end, 0).min(newline_from(start, LINES - 1));
        (line_start..line_end, start - line_start..end.min(line_end) - line_start)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A name from the configuration, made safe to print within one line.
pub(super) fn shown(name: &str) -> String {
    format!("`{}`", escaped(name))
}

/// The same, without quotes.
pub(super) fn escaped(name: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = name.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if name.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    shown
}

/// The known name that `name` was most likely meant to be.
pub(super) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A long name is not a typing error of a short one, and comparing it costs its square.
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let name = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&name, &known.to_lowercase()), known))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}
