//! `plugbay build`: a plugin's module, whatever it is written in.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::exit::Outcome;
use crate::project::build::size::Function;
use crate::project::build::{self, Built, CompilerFailed, Optimiser, Options};
use crate::project::{Language, Project};
use crate::ui::{self, DIM, ERROR, GOOD, TITLE, WARN, errln, outln, printable};

/// Build a plugin for release, whatever it is written in, and say where its bytes are.
///
/// The language is told by what is in the folder: Cargo.toml, package.json with AssemblyScript, go.mod, build.zig, a Makefile or .c files. Its own compiler
/// builds build/NAME.wasm, wasm-opt makes it smaller where it is there, and the result is held against the contract as by `plugbay check`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay build\n  plugbay build plugins/polite --json | jq .bytes\n  plugbay build --names            # which functions are large\n\nExit codes: 0 built; 1 it does not compile, or is no plugin; 2 wrong usage, or a tool is missing."
)]
pub(crate) struct Build {
    /// The project's folder
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// What Rust builds for [default: package.metadata.plugbay.target of Cargo.toml, or wasm32-unknown-unknown]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Leave what the compiler made as it is
    #[arg(long)]
    no_opt: bool,
    /// Keep the names of functions, so that the largest are listed
    #[arg(long)]
    names: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// How many functions are listed.
const LISTED: usize = 10;

#[derive(Serialize)]
struct Report<'a> {
    language: Language,
    module: String,
    ok: bool,
    world: Option<&'a str>,
    problems: &'a [String],
    /// As the compiler left it.
    bytes_before: u64,
    bytes: u64,
    /// The version of wasm-opt that made it smaller; none where there is none, or it was not to.
    wasm_opt: Option<&'a str>,
    /// Why wasm-opt left it alone, where it ran and failed.
    wasm_opt_error: Option<&'a str>,
    sections: Vec<Section<'a>>,
    functions: Vec<&'a Function>,
    seconds: f64,
}

#[derive(Serialize)]
struct Section<'a> {
    name: &'a str,
    bytes_before: u64,
    bytes: u64,
}

impl Build {
    pub(crate) fn run(self) -> Result<Outcome> {
        let begun = Instant::now();
        let project = Project::find(&self.folder)?;
        let options =
            Options { target: self.target, no_optimiser: self.no_opt, keep_names: self.names };
        let built = match build::build(&project, &options) {
            Ok(built) => built,
            Err(error) if error.is::<CompilerFailed>() => return Ok(ui::failure(&error)),
            Err(error) => return Err(error),
        };
        built.place()?;
        warn_of_signature(&built);
        if self.json {
            let seconds = begun.elapsed().as_secs_f64();
            let report = report(&project, &built, seconds);
            outln!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print(&project, &built);
        }
        Ok(if built.problems.is_empty() { Outcome::Success } else { Outcome::Failure })
    }
}

/// Hosts refuse a module with a signature that is another's, whatever they demand.
pub(super) fn warn_of_signature(built: &Built) {
    if let Some(signature) = built.stale_signature() {
        errln!(
            "{WARN}warning{WARN:#}: {} is an earlier build's, and no host takes this one with it: sign it again, or remove it",
            printable(&signature.display().to_string())
        );
    }
}

fn report<'a>(project: &Project, built: &'a Built, seconds: f64) -> Report<'a> {
    Report {
        language: project.language,
        module: built.module.display().to_string(),
        ok: built.problems.is_empty(),
        world: built.world.as_deref(),
        problems: &built.problems,
        bytes_before: built.before.bytes,
        bytes: built.after.bytes,
        wasm_opt: match &built.optimiser {
            Optimiser::Ran(version) => Some(version),
            _ => None,
        },
        wasm_opt_error: match &built.optimiser {
            Optimiser::Failed(error) => Some(error),
            _ => None,
        },
        sections: sections(built),
        functions: functions(built).iter().take(LISTED).collect(),
        seconds,
    }
}

/// Sections of both, the largest first.
fn sections(built: &Built) -> Vec<Section<'_>> {
    let all = built.before.sections.iter().chain(&built.after.sections);
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (name, _) in all {
        if !sections.iter().any(|section| section.name == name) {
            let (bytes_before, bytes) = (built.before.section(name), built.after.section(name));
            sections.push(Section { name, bytes_before, bytes });
        }
    }
    sections.sort_by(|one, other| {
        let size = |section: &Section<'_>| section.bytes.max(section.bytes_before);
        size(other).cmp(&size(one)).then_with(|| one.name.cmp(other.name))
    });
    sections
}

/// Those of the module as it is; where names are gone, those that the compiler left.
fn functions(built: &Built) -> &[Function] {
    match built.after.functions.is_empty() {
        true => &built.before.functions,
        false => &built.after.functions,
    }
}

/// What a project's build came to, for people.
pub(crate) fn print(project: &Project, built: &Built) {
    let module = built.module.strip_prefix(&project.folder).unwrap_or(&built.module).display();
    let world = built.world.as_ref().map(|world| format!(", {world} plugin")).unwrap_or_default();
    let bytes = ui::bytes;
    outln!("{TITLE}{module}{TITLE:#}: {}{world}", bytes(built.after.bytes));
    match &built.optimiser {
        Optimiser::Ran(version) => outln!(
            "  {DIM}wasm-opt{DIM:#}     {} before, {} after ({})",
            bytes(built.before.bytes),
            bytes(built.after.bytes),
            version
        ),
        Optimiser::Failed(why) => {
            outln!("  {WARN}wasm-opt{WARN:#}     left as the compiler made it: {}", printable(why));
        }
        Optimiser::Absent => outln!(
            "  {WARN}wasm-opt{WARN:#}     not there: `cargo install wasm-opt` or `apt-get install binaryen` makes modules smaller"
        ),
        Optimiser::Off => {}
    }
    for section in sections(built) {
        let name = printable(section.name);
        match section.bytes == section.bytes_before {
            true => outln!("  {DIM}{name:<12}{DIM:#} {}", bytes(section.bytes)),
            false => outln!(
                "  {DIM}{name:<12}{DIM:#} {}, was {}",
                bytes(section.bytes),
                bytes(section.bytes_before)
            ),
        }
    }
    if !functions(built).is_empty() {
        outln!("largest functions");
        for function in functions(built).iter().take(LISTED) {
            outln!("  {:>10} {}", bytes(function.bytes), function.name);
        }
    }
    for problem in &built.problems {
        outln!("  {ERROR}wrong{ERROR:#}    {}", printable(problem));
    }
    match built.problems.is_empty() {
        true => outln!("{GOOD}ok{GOOD:#}"),
        false => outln!("{ERROR}this module cannot be used as it is{ERROR:#}"),
    }
}
