//! `plugbay test`: a plugin's own test cases, played in the sandbox.

mod bytes;
mod compare;
mod find;
mod fixture;
mod paths;
mod play;
mod pretty;
mod report;
mod schema;
mod scripted;
mod stream;
mod update;
mod verdict;
mod world;

pub(super) use self::find::fixtures;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use plugbay::runtime::Backend;

pub(super) use self::fixture::{Case, Step, parse as parse_cases, read as read_cases};
use self::play::play;
pub(super) use self::play::{Came, Module, Stage, call, load};
use self::report::{Format, Line, ReportFile};
use crate::exit::Outcome;
use crate::harden::{HardenOption, Places};
use crate::options::CacheOptions;
use crate::ui::{ERROR, errln, outln, plain};

/// Play a plugin's test cases, and tell what differs.
///
/// A case is a JSON file: a call, its input, what the plugin is granted, what its host answers, and what has to come of
/// it. Nothing of it reaches a network, a device or a program. docs/testing.md has the format, --schema prints it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay test\n  plugbay test my-plugin --filter greets --engine wasmi\n  plugbay test build/my_plugin.wasm --fixtures tests --report junit=report.xml\n  plugbay test --update && git diff tests\n\nExit codes: 0 all cases passed, or were updated; 1 some did not; 2 wrong usage or file, or no case was played."
)]
pub(crate) struct Test {
    /// The plugin's folder, or its module
    #[arg(default_value = ".")]
    path: PathBuf,
    /// A file of cases, or a folder of such: repeat it for several [default: tests, in the folder or beside the module]
    #[arg(long, value_name = "PATH")]
    fixtures: Vec<PathBuf>,
    /// The engine that the cases are played on
    #[arg(long, value_name = "NAME", default_value = "both", value_parser = ["both", "wasmtime", "wasmi"])]
    engine: String,
    /// Play the cases whose names, or whose files' names, have this in them: repeat it for several
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// Write what came into the cases that differ
    #[arg(long)]
    update: bool,
    /// How it is told on stdout
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write a report beside: junit=FILE, tap=FILE or json=FILE
    #[arg(long, value_name = "KIND=FILE", value_parser = ReportFile::parse)]
    report: Vec<ReportFile>,
    /// Print the JSON Schema of test cases instead
    #[arg(long)]
    schema: bool,
    #[command(flatten)]
    cache: CacheOptions,
    #[command(flatten)]
    harden: HardenOption,
}

/// A file, and those of its cases that are played.
struct File {
    path: PathBuf,
    shown: String,
    cases: Vec<Case>,
}

impl Test {
    pub(crate) fn run(self) -> Result<Outcome> {
        if self.schema {
            outln!("{:#}", schema::schema());
            return Ok(Outcome::Success);
        }
        let module = find::module(&self.path)?;
        let paths = fixtures(&self.path, &self.fixtures)?;
        let inputs: Vec<&Path> = paths.iter().chain([&module]).map(PathBuf::as_path).collect();
        ReportFile::check(&self.report, &inputs)?;
        let files = self.files(&paths)?;
        self.harden.apply(|| self.places(&module, &files))?;
        let module = Module::read(&module)?;
        let engines = match &*self.engine {
            "both" => &["wasmtime", "wasmi"][..],
            "wasmi" => &["wasmi"],
            _ => &["wasmtime"],
        };
        let engines: Result<Vec<(&str, Arc<dyn Backend>)>> =
            engines.iter().map(|name| Ok((*name, self.cache.engine(name)?))).collect();
        let (engines, mut lines, mut updates) = (engines?, Vec::new(), Updates::default());
        for file in &files {
            let mut wrong = Vec::new();
            for case in &file.cases {
                for (engine, backend) in &engines {
                    let begun = Instant::now();
                    let came = super::call::block_on(play(case, &module, backend))?;
                    let line = Line { took: begun.elapsed(), ..line(file, case, engine, &came) };
                    if self.format == Format::Text && (!self.update || line.ok) {
                        report::print(&line);
                    }
                    if !line.ok && self.update {
                        wrong.push(Played { case, engine, came, line: line.clone() });
                    }
                    lines.push(line);
                }
            }
            updates.make(file, &wrong)?;
        }
        self.print(&lines);
        for file in &self.report {
            file.write(&lines)?;
        }
        if self.update {
            return Ok(updates.tell());
        }
        let passed = lines.iter().all(|line| line.ok);
        Ok(if passed { Outcome::Success } else { Outcome::Failure })
    }

    /// What is read and written once the cases are known.
    fn places(&self, module: &Path, files: &[File]) -> Places {
        let mut places = self.cache.places();
        places.reads(module);
        for file in files {
            if self.update {
                places.keeps_file(&file.path);
            }
            // A plugin with files has them in a directory of its case's own.
            if file.cases.iter().any(Case::has_files) {
                places.keeps(&std::env::temp_dir());
            }
        }
        self.report.iter().for_each(|report| places.keeps_file(report.path()));
        places
    }

    /// The files that have cases to play.
    fn files(&self, paths: &[PathBuf]) -> Result<Vec<File>> {
        let mut files = Vec::new();
        let mut all = 0;
        for path in paths {
            let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let mut cases = read_cases(path)?;
            if cases.is_empty() {
                bail!("{} has no test cases: found an empty list", path.display());
            }
            all += cases.len();
            let has = |text: &str, part: &String| text.contains(&**part);
            cases.retain(|case| {
                self.filter.is_empty()
                    || self.filter.iter().any(|part| has(&case.name, part) || has(&shown, part))
            });
            if !cases.is_empty() {
                files.push(File { path: path.clone(), shown, cases });
            }
        }
        if files.is_empty() {
            bail!("none of {all} cases fits --filter {}", self.filter.join(" --filter "));
        }
        Ok(files)
    }

    fn print(&self, lines: &[Line]) {
        match self.format {
            Format::Text => report::print_sum(lines),
            Format::Tap => outln!("{}", report::tap(lines).trim_end()),
            Format::Json => outln!("{}", report::document(lines)),
        }
    }
}

fn line(file: &File, case: &Case, engine: &str, came: &[Came]) -> Line {
    let differences = verdict::verdict(case, came);
    Line {
        file: file.shown.clone(),
        name: case.name.clone(),
        engine: engine.to_owned(),
        ok: differences.is_empty(),
        differences,
        fuel: came.iter().filter_map(|came| came.fuel).max(),
        memory_bytes: came.iter().filter_map(|came| came.memory_bytes).max(),
        took: Duration::ZERO,
    }
}

/// A case that differs, on an engine.
struct Played<'a> {
    case: &'a Case,
    engine: &'a str,
    came: Vec<Came>,
    line: Line,
}

/// What `--update` did.
#[derive(Default)]
struct Updates {
    written: usize,
    /// What differs still.
    left: Vec<Line>,
}

impl Updates {
    /// Writes a file anew where its cases differ in what came, and sees what that leaves.
    fn make(&mut self, file: &File, wrong: &[Played<'_>]) -> Result<()> {
        let mut results: update::Results<'_> = Vec::new();
        for played in wrong {
            // Of two engines the first counts; whether the other agrees is seen below.
            let is_new = !results.iter().any(|(name, _)| *name == played.case.name);
            if is_new && played.line.differences.iter().any(|it| !it.is_bound) {
                results.push((&played.case.name, &played.came));
            }
        }
        if results.is_empty() {
            self.left.extend(wrong.iter().map(|played| played.line.clone()));
            return Ok(());
        }
        self.written += results.len();
        let cases = update::update(&file.path, &results)?;
        for Played { case, engine, came, .. } in wrong {
            let now = cases.iter().find(|now| now.name == case.name).unwrap_or(case);
            let line = line(file, now, engine, came);
            if !line.ok {
                self.left.push(line);
            }
        }
        Ok(())
    }

    /// Says what was written and what was not.
    fn tell(&self) -> Outcome {
        match self.written {
            0 => {}
            1 => errln!("1 case updated: see what changed before you keep it"),
            several => errln!("{several} cases updated: see what changed before you keep it"),
        }
        if self.left.is_empty() {
            return Outcome::Success;
        }
        for Line { file, name, engine, differences, .. } in &self.left {
            for report::Difference { place, wanted, found, .. } in differences {
                let told =
                    format!("{file}: {name} [{engine}]: {place}: wanted {wanted}, found {found}");
                errln!("{ERROR}left{ERROR:#} {}", plain(&told));
            }
        }
        let bounds = self.left.iter().flat_map(|line| &line.differences).any(|it| it.is_bound);
        errln!(
            "not all cases pass now: {}",
            match bounds {
                true => "max_fuel and max_memory_bytes stay as they are, which is yours to decide",
                false => "the engines differ, or the plugin was not loaded",
            }
        );
        Outcome::Failure
    }
}
