//! `plugbay check`: whether a file is a plugin, and what is wrong with it.

mod cures;
mod facts;
mod language;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use plugbay::abi::interface::{Abi, Problem, World};
use plugbay::{ImportUse, Inspection};
use serde::Serialize;

use self::cures::{Cure, cures};
use self::facts::Facts;
use self::language::Language;
use crate::exit::Outcome;
use crate::harden::HardenOption;
use crate::options::{BackendOptions, read_bytes};
use crate::ui::{DIM, ERROR, GOOD, TITLE, WARN, outln, printable};

/// Tell whether a module is a plugin that this host can load, without running it.
///
/// Lists the exports of its contract that were found, that are missing and that have a wrong
/// signature, and each import with the capability that it needs. What is wrong comes with how it is mended: the
/// command or the lines, in the language that the module was written in.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay check target/plugins/redactor.wasm --strict\n  plugbay check my_plugin.wasm --json | jq .missing\n\nExit codes: 0 it can be loaded (with --strict: and lacks nothing); 1 it cannot; 2 wrong usage or file."
)]
pub(crate) struct Check {
    /// The module, or - for standard input
    file: PathBuf,
    /// Demand every export of the contract, optional ones too
    #[arg(long)]
    strict: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    backend: BackendOptions,
    #[command(flatten)]
    harden: HardenOption,
}

#[derive(Serialize)]
struct Report {
    file: String,
    ok: bool,
    world: Option<String>,
    /// Which generation of the hook contract; none where only running it would tell, and for what
    /// is no hook plugin.
    abi: Option<u8>,
    hooks: Vec<&'static str>,
    found: Vec<Signature>,
    missing: Vec<&'static str>,
    problems: Vec<String>,
    imports: Vec<Import>,
    /// What it was written in, where it tells.
    language: Option<Language>,
    /// How it is mended, what to begin with first.
    cures: Vec<Cure>,
}

#[derive(Serialize)]
struct Signature {
    name: String,
    signature: String,
}

#[derive(Serialize)]
struct Import {
    module: String,
    field: String,
    signature: String,
    status: &'static str,
    capability: Option<&'static str>,
}

impl Check {
    pub(crate) fn run(self) -> Result<Outcome> {
        let wasm = read_bytes(&self.file)?;
        self.harden.apply(|| self.backend.places())?;
        let host = self.backend.host(std::sync::Arc::new(plugbay::Discard))?;
        let (facts, inspected) = (Facts::read(&wasm), host.inspect(&wasm));
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let cures = cures(&facts, &name, inspected.as_ref().ok());
        let report = match &inspected {
            Ok(inspection) => self.report(inspection),
            Err(error) => Report {
                file: self.file.display().to_string(),
                ok: false,
                world: None,
                abi: None,
                hooks: Vec::new(),
                found: Vec::new(),
                missing: Vec::new(),
                problems: vec![error.to_string()],
                imports: Vec::new(),
                language: None,
                cures: Vec::new(),
            },
        };
        // What no engine objects to may be of no use all the same.
        let ok = report.ok && !cures.iter().any(|cure| cure.needed);
        let report = Report { ok, language: facts.language, cures, ..report };
        if self.json {
            outln!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print(&report, self.strict);
        }
        Ok(if report.ok { Outcome::Success } else { Outcome::Failure })
    }

    fn report(&self, inspection: &Inspection) -> Report {
        let interface = inspection.interface.as_ref().ok();
        let mut problems: Vec<String> = match &inspection.interface {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(Problem::to_string).collect(),
        };
        problems.extend(inspection.unlinkable.as_ref().map(ToString::to_string));
        let found = inspection.exports.iter().map(|export| Signature {
            name: export.name.clone(),
            signature: export.ty.to_string(),
        });
        // Engines list exports in orders of their own; the report is to be the same.
        let mut found: Vec<_> = found.collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        let imports = inspection.imports.iter().map(|report| {
            let (status, capability) = match report.usage {
                ImportUse::Always => ("offered", None),
                ImportUse::Needs(capability) => ("needs", Some(capability.name())),
                ImportUse::OtherSignature => ("wrong signature", None),
                _ => ("unknown", None),
            };
            Import {
                module: report.import.module.clone(),
                field: report.import.field.clone(),
                signature: report.import.ty.to_string(),
                status,
                capability,
            }
        });
        let complete = !self.strict || inspection.missing.is_empty();
        Report {
            file: self.file.display().to_string(),
            ok: inspection.is_loadable() && complete,
            world: World::of(&inspection.exports).map(|world| world.to_string()),
            abi: interface
                .filter(|interface| interface.is_hook_plugin() && interface.abi.is_none())
                .map(|_| Abi::V1.number()),
            hooks: interface
                .map(|i| i.hooks().map(|hook| hook.export()).collect())
                .unwrap_or_default(),
            found,
            missing: inspection.missing.clone(),
            problems,
            imports: imports.collect(),
            language: None,
            cures: Vec::new(),
        }
    }
}

fn print(report: &Report, strict: bool) {
    let Report { file, ok, world, found, missing, problems, imports, cures, language, .. } = report;
    match world {
        Some(world) => outln!("{TITLE}{file}{TITLE:#}: {world} plugin"),
        None => outln!("{TITLE}{file}{TITLE:#}"),
    }
    for problem in problems {
        outln!("  {ERROR}wrong{ERROR:#}    {}", printable(problem));
    }
    for export in found {
        let name = printable(&export.name);
        let note = match &*export.name {
            "plugbay_abi" if world.as_deref().is_some_and(|world| world != "action") => {
                ", returns the plugin's ABI: `plugbay inspect` calls it"
            }
            _ => "",
        };
        outln!("  {GOOD}found{GOOD:#}    {name} {DIM}{}{note}{DIM:#}", export.signature);
    }
    for name in missing {
        let (style, note) = if strict { (ERROR, "") } else { (WARN, " (optional)") };
        // A required export that is missing is among the problems already.
        if !problems.iter().any(|problem| problem.contains(&format!("`{name}`"))) {
            outln!("  {style}missing{style:#}  {name}{note}");
        }
    }
    for import in imports {
        let (module, field) = (printable(&import.module), printable(&import.field));
        let signature = &import.signature;
        match (import.status, import.capability) {
            (_, Some(capability)) => outln!(
                "  {WARN}import{WARN:#}   {module}.{field}: refused when called unless {capability} is granted"
            ),
            ("offered", None) => outln!("  {GOOD}import{GOOD:#}   {module}.{field}"),
            (status, None) => outln!(
                "  {ERROR}import{ERROR:#}   {module}.{field} {signature}: {status}, nobody offers this"
            ),
        }
    }
    if !cures.is_empty() {
        let language = language.map(|it| format!(", written in {}", it.name())).unwrap_or_default();
        outln!("{TITLE}how to mend it{TITLE:#}{language}");
    }
    for cure in cures {
        let (style, word) = if cure.needed { (ERROR, "mend") } else { (WARN, "better") };
        outln!("  {style}{word:<7}{style:#}  {}.", printable(&cure.problem));
        outln!("           {}", printable(&cure.mend));
        for line in cure.code.iter().flat_map(|code| code.lines()) {
            outln!("             {DIM}|{DIM:#} {}", printable(line));
        }
    }
    if *ok {
        outln!("{GOOD}ok{GOOD:#}");
    } else {
        outln!("{ERROR}this module cannot be used as it is{ERROR:#}");
    }
}
