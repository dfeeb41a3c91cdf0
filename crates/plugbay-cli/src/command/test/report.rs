//! What is told of all cases: for people, for TAP and JUnit, and as JSON.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;
use serde_json::{Value, json};

pub(super) use super::compare::Difference;
use crate::outputs::{OutputFile, refuse_inputs};
use crate::ui::{DIM, ERROR, GOOD, outln, printable};

/// A case on one engine.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line {
    pub(super) file: String,
    pub(super) name: String,
    pub(super) engine: String,
    pub(super) ok: bool,
    pub(super) differences: Vec<Difference>,
    /// Of its costliest call.
    pub(super) fuel: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    #[serde(skip)]
    pub(super) took: Duration,
}

/// How it is told on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// The Test Anything Protocol, version 14
    Tap,
    /// One document
    Json,
}

/// `--report KIND=FILE`.
#[derive(Debug, Clone)]
pub(super) struct ReportFile {
    kind: Kind,
    path: PathBuf,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Junit,
    Tap,
    Json,
}

impl ReportFile {
    /// What an option says.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "wanted junit=FILE, tap=FILE or json=FILE".to_owned();
        let (kind, path) = text.split_once('=').ok_or_else(wrong)?;
        let kind = match kind {
            "junit" => Kind::Junit,
            "tap" => Kind::Tap,
            "json" => Kind::Json,
            _ => return Err(wrong()),
        };
        if path.is_empty() {
            return Err(wrong());
        }
        if path == "-" {
            return Err("stdout is what --format is for: wanted a file".to_owned());
        }
        Ok(Self { kind, path: path.into() })
    }

    /// Where it is written.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses one that would be written over a file that is read, or over another report.
    pub(super) fn check(reports: &[Self], inputs: &[&Path]) -> Result<()> {
        for (index, report) in reports.iter().enumerate() {
            refuse_inputs("--report", &report.path, inputs)?;
            let before = reports.iter().take(index).map(|before| &before.path);
            if before.into_iter().any(|path| *path == report.path) {
                bail!("--report: two reports go to {}", report.path.display());
            }
        }
        Ok(())
    }

    pub(super) fn write(&self, lines: &[Line]) -> Result<()> {
        let text = match self.kind {
            Kind::Junit => junit(lines)?,
            Kind::Tap => tap(lines),
            Kind::Json => document(lines) + "\n",
        };
        OutputFile::new(&self.path)?.write(text.as_bytes())
    }
}

/// One line a case, when it has been played, and what differs below it.
pub(super) fn print(line: &Line) {
    let (style, word) = if line.ok { (GOOD, "ok") } else { (ERROR, "FAIL") };
    let Line { file, name, engine, .. } = line;
    let (file, name) = (printable(file), printable(name));
    outln!("{style}{word:<4}{style:#} {file}: {name} {DIM}[{engine}]{DIM:#}");
    for difference in &line.differences {
        outln!("       {}", printable(&difference.place));
        outln!("         {GOOD}wanted{GOOD:#} {}", text(&difference.wanted));
        outln!("         {ERROR}found{ERROR:#}  {}", text(&difference.found));
    }
}

/// A long text over several lines, below the first.
fn text(text: &str) -> String {
    masked(text).replace('\n', "\n                ")
}

/// The last line.
pub(super) fn print_sum(lines: &[Line]) {
    let failed = lines.iter().filter(|line| !line.ok).count();
    let passed = lines.len() - failed;
    if failed == 0 {
        outln!("{GOOD}{passed} passed{GOOD:#}");
    } else {
        outln!("{ERROR}{failed} failed{ERROR:#}, {passed} passed");
    }
}

pub(super) fn document(lines: &[Line]) -> String {
    let failed = lines.iter().filter(|line| !line.ok).count();
    let document = json!({"passed": lines.len() - failed, "failed": failed, "cases": lines});
    plugbay::escaped_json(&format!("{document:#}"))
}

/// A text as a string of JSON, and so of YAML, in which every character shows as itself.
fn quoted(text: &str) -> String {
    plugbay::escaped_json(&Value::from(text).to_string())
}

/// Several lines of a text, of which no character is anything but what it looks like.
fn masked(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(printable).collect();
    lines.join("\n")
}

pub(super) fn tap(lines: &[Line]) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", lines.len());
    for (index, line) in lines.iter().enumerate() {
        let not = if line.ok { "" } else { "not " };
        // `#` begins a directive, and `\` escapes.
        let name = format!("{}: {} [{}]", line.file, line.name, line.engine);
        let name = printable(&name).replace('\\', "\\\\").replace('#', "\\#");
        text.push_str(&format!("{not}ok {} - {name}\n", index + 1));
        if !line.ok {
            text.push_str("  ---\n  differences:\n");
            for Difference { place, wanted, found, .. } in &line.differences {
                let [place, wanted, found] = [place, wanted, found].map(|it| quoted(it));
                text.push_str(&format!(
                    "    - place: {place}\n      wanted: {wanted}\n      found: {found}\n"
                ));
            }
            text.push_str("  ...\n");
        }
    }
    text
}

fn junit(lines: &[Line]) -> Result<String> {
    let mut report = Junit::new("plugbay test");
    let mut suites: Vec<(String, TestSuite)> = Vec::new();
    for line in lines {
        let mut status = TestCaseStatus::success();
        if !line.ok {
            status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let told: Vec<String> = line
                .differences
                .iter()
                .map(|it| format!("{}\n  wanted {}\n  found  {}", it.place, it.wanted, it.found))
                .collect();
            let first = line.differences.first().map(|it| it.place.clone()).unwrap_or_default();
            status
                .set_message(printable(&format!("differs at {first}")))
                .set_description(masked(&told.join("\n")));
        }
        let mut case = TestCase::new(printable(&line.name), status);
        case.set_classname(printable(&line.file)).set_time(line.took);
        let name = printable(&format!("{} [{}]", line.file, line.engine));
        match suites.iter_mut().find(|(known, _)| *known == name) {
            Some((_, suite)) => drop(suite.add_test_case(case)),
            None => {
                let mut suite = TestSuite::new(name.as_str());
                suite.add_test_case(case);
                suites.push((name, suite));
            }
        }
    }
    report.add_test_suites(suites.into_iter().map(|(_, suite)| suite));
    match report.to_string() {
        Ok(text) => Ok(text),
        Err(error) => bail!("cannot write JUnit's report: {error}"),
    }
}
