//! `plugbay bench`: what a plugin's calls cost, and what another build of it costs beside.

mod figures;
mod measure;
mod typed;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use plugbay::abi::json::RawObject;
use serde::Serialize;

use self::figures::{EngineFigures, print};
use self::measure::{Bounds, measure};
use super::test::{Case, Module, parse_cases, read_cases};
use crate::exit::Outcome;
use crate::harden::HardenOption;
use crate::options::{CacheOptions, parse_json, read_once, read_text};
use crate::ui::{self, outln};

/// Measure a plugin's calls: time, fuel, memory, and how much of a call is reading and writing documents.
///
/// The call is EXPORT with --input, or a test case of --fixtures, whose host answers it. With --against, another build is
/// measured in turn with the first, so that what else the machine does counts for both; the ratio's spread is that of
/// twenty parts of the run. Use a release build of plugbay: the engines of others are many times slower.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay bench target/plugins/redactor.wasm \\\n    --fixtures plugins/rust/redactor/tests\n  plugbay bench build/my_plugin.wasm pre_hook --input input.json \\\n    --engine both --json\n  plugbay bench build/my_plugin.wasm pre_hook --input input.json \\\n    --against old.wasm\n\nExit codes: 0 success; 1 the plugin could not be loaded, or a call failed; 2 wrong usage or file."
)]
pub(crate) struct Bench {
    /// The module
    file: PathBuf,
    /// The hook or the action's export that is called, with --input
    #[arg(conflicts_with = "fixtures")]
    export: Option<String>,
    /// What it is called with: a JSON file, or - for standard input
    #[arg(long, value_name = "FILE", requires = "export")]
    input: Option<PathBuf>,
    /// What init is given: JSON, or @FILE
    #[arg(long, value_name = "JSON", default_value = "{}", conflicts_with = "fixtures")]
    config: String,
    /// A file of test cases, or a folder of such: the first that --filter leaves is measured
    #[arg(long, value_name = "PATH")]
    fixtures: Option<PathBuf>,
    /// Which test case: one whose name has this in it
    #[arg(long, value_name = "TEXT", requires = "fixtures")]
    filter: Option<String>,
    /// Another build of the plugin, measured in turn with it
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// The engine
    #[arg(long, value_name = "NAME", default_value = "wasmtime", value_parser = ["both", "wasmtime", "wasmi"])]
    engine: String,
    /// Most calls of each module on each engine
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,
    /// Most seconds on each engine
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cache: CacheOptions,
    #[command(flatten)]
    harden: HardenOption,
}

#[derive(Serialize)]
struct Report {
    file: String,
    against: Option<String>,
    case: String,
    /// Whether plugbay is one, which says more of the times than the plugin does.
    debug_build: bool,
    engines: Vec<EngineFigures>,
}

impl Bench {
    pub(crate) fn run(self) -> Result<Outcome> {
        let against = self.against.as_deref().into_iter();
        read_once([&*self.file].into_iter().chain(self.input.as_deref()).chain(against))?;
        let case = self.case()?;
        if case.steps().len() > 1 {
            bail!("the case {:?} has several steps, and a call is what is measured", case.name);
        }
        self.harden.apply(|| {
            let mut places = self.cache.places();
            [Some(&self.file), self.against.as_ref()]
                .into_iter()
                .flatten()
                .for_each(|file| places.reads(file));
            if case.has_files() {
                places.keeps(&std::env::temp_dir());
            }
            places
        })?;
        let module = Module::read(&self.file)?;
        let other = self.against.as_deref().map(Module::read).transpose()?;
        let names = match &*self.engine {
            "both" => &["wasmtime", "wasmi"][..],
            "wasmi" => &["wasmi"],
            _ => &["wasmtime"],
        };
        let bounds = Bounds { calls: self.calls, time: Duration::from_secs(self.seconds) };
        let mut engines = Vec::new();
        for name in names {
            let backend = self.cache.engine(name)?;
            let measured = measure(name, &backend, &case, &module, other.as_ref(), bounds);
            match super::call::block_on(measured)? {
                Ok(figures) => engines.push(figures),
                Err(failed) => return Ok(ui::failure(&failed)),
            }
        }
        let report = Report {
            file: self.file.display().to_string(),
            against: self.against.as_ref().map(|file| file.display().to_string()),
            case: case.name,
            debug_build: cfg!(debug_assertions),
            engines,
        };
        if self.json {
            outln!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print(&report.file, report.against.as_deref(), &report.case, &report.engines);
        }
        Ok(Outcome::Success)
    }

    /// What is called.
    fn case(&self) -> Result<Case> {
        if let (Some(export), Some(path)) = (&self.export, &self.input) {
            let input = parse_json(&read_text(path)?, &path.display().to_string())?;
            let config = crate::options::json_argument("config", &self.config)?;
            let key = if export.starts_with("execute") { "action" } else { "hook" };
            let mut case = RawObject::new();
            case.set("name", export)?;
            case.set(key, export)?;
            // As they were written, however deep.
            case.set_raw("input", input);
            case.set_raw("config", config);
            let cases = parse_cases(&case.to_json())?;
            return cases.into_iter().next().context("there is no case");
        }
        match (&self.export, &self.fixtures) {
            (Some(export), _) => bail!(
                "`{export}` needs an --input; without `{export}`, a test case of --fixtures is measured"
            ),
            (None, None) => {
                bail!("found no call, wanted EXPORT with --input, or a test case of --fixtures")
            }
            _ => {}
        }
        let named: Vec<PathBuf> = self.fixtures.iter().cloned().collect();
        let filter = self.filter.as_deref().unwrap_or_default();
        for path in super::test::fixtures(&self.file, &named)? {
            let mut cases = read_cases(&path)?.into_iter();
            if let Some(case) = cases.find(|case| case.name.contains(filter)) {
                return Ok(case);
            }
        }
        bail!("no case's name has {filter:?} in it")
    }
}
