//! `conductor check`: what is wrong with a configuration, and what of it cannot work here.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use plugbay::find_program;
use plugbay_midi::config::{Action, Config, ConfigError, Report, Severity};
use plugbay_midi::sink::Outputs;
use serde::Serialize;

use crate::exit::Outcome;
use crate::options::{BackendOptions, read_bytes};
use crate::services::{self, ServiceOptions};
use crate::ui::{ERROR, GOOD, TITLE, WARN, errln, outln, printable};

/// Say what is wrong with a configuration, and which of its mappings cannot work on this machine.
///
/// Plugins are looked at and not run. No port is opened, and no program started.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conductor check pads.toml\n  conductor check pads.toml --json | jq .errors\n\nExit codes: 0 all of it works; 1 something in it cannot work here; 2 it does not load."
)]
pub(super) struct Check {
    /// The configuration
    #[arg(value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    backend: BackendOptions,
    #[command(flatten)]
    services: ServiceOptions,
}

#[derive(Serialize, Default)]
struct Findings {
    file: String,
    ok: bool,
    modes: usize,
    mappings: usize,
    plugins: usize,
    errors: Vec<Place>,
    warnings: Vec<Place>,
    /// What cannot work on this machine.
    unusable: Vec<Unusable>,
}

#[derive(Serialize)]
struct Place {
    line: usize,
    column: usize,
    message: String,
    help: Option<String>,
}

#[derive(Serialize)]
struct Unusable {
    /// Of the first mapping that it concerns.
    line: usize,
    column: usize,
    what: String,
    why: String,
}

impl Check {
    pub(super) fn run(self) -> Result<Outcome> {
        let (found, config) = match Config::load(&self.config) {
            Ok(loaded) => (loaded.warnings, Some(loaded.config)),
            Err(ConfigError::Invalid(report)) => (report, None),
            Err(error) => return Err(error.into()),
        };
        let mut findings = Findings { file: self.config.display().to_string(), ..places(&found) };
        if let Some(config) = &config {
            findings.modes = config.modes.len();
            let own = config.modes.iter().map(|mode| mode.mappings.len()).sum::<usize>();
            findings.mappings = own + config.global_mappings.len();
            findings.plugins = config.plugins.len();
            findings.unusable = self.unusable(config)?;
        }
        findings.ok = config.is_some() && findings.unusable.is_empty();
        if self.json {
            outln!("{}", serde_json::to_string_pretty(&findings)?);
        } else {
            if !found.is_empty() {
                errln!("{}", found.to_ansi());
            }
            print(&findings, config.is_some());
        }
        Ok(match config {
            None => Outcome::Unusable,
            Some(_) if findings.ok => Outcome::Success,
            Some(_) => Outcome::Failure,
        })
    }

    fn unusable(&self, config: &Config) -> Result<Vec<Unusable>> {
        let host = self.backend.host(std::sync::Arc::new(plugbay::Discard))?;
        let actions = config.actions();
        let column = |line| config.column(line);
        let mut unusable = Vec::new();
        for (place, plugin) in config.plugins.iter().enumerate() {
            let is_it = |action: &Action| matches!(action, Action::WasmPlugin { plugin, .. } if plugin.0 == place);
            let line =
                actions.iter().find(|(_, action)| is_it(action)).map_or(0, |(line, _)| *line);
            let why = match read_bytes(&plugin.path) {
                Err(error) => Some(format!("{error:#}")),
                Ok(wasm) => match host.inspect(&wasm) {
                    Err(error) => Some(error.to_string()),
                    Ok(inspection) => wrong_with(&inspection),
                },
            };
            let what = format!("plugin {}", plugin.path.display());
            unusable.extend(why.map(|why| Unusable { line, column: column(line), what, why }));
        }
        let outputs = self.services.midi();
        for (line, action) in actions {
            let found = wrong_with_action(&action, &outputs);
            unusable.extend(found.map(|(what, why)| Unusable {
                line,
                column: column(line),
                what,
                why,
            }));
        }
        unusable.sort_by_key(|one| one.line);
        Ok(unusable)
    }
}

/// What an action is about, and why it cannot work here, if it cannot.
fn wrong_with_action(action: &Action, outputs: &Outputs) -> Option<(String, String)> {
    match action {
        Action::SendMidi { port, .. } => {
            let error = outputs.find(port).err()?;
            let why = format!("{error}; `--midi-out {port}=PATH` sends to a device or a file");
            Some((format!("MIDI output {port:?}"), why))
        }
        Action::Shell(command) => {
            let error = find_program(&command.program).err()?;
            Some((format!("program {:?}", command.program), error.to_string()))
        }
        Action::Desktop { operation, argument } => {
            let why = services::wrong_with(*operation, argument)?;
            Some((format!("{operation} {argument:?}"), why))
        }
        _ => None,
    }
}

fn wrong_with(inspection: &plugbay::Inspection) -> Option<String> {
    match &inspection.interface {
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Some(problems.join("; "))
        }
        Ok(_) if inspection.unlinkable.is_some() => {
            inspection.unlinkable.as_ref().map(ToString::to_string)
        }
        Ok(interface) if !interface.is_action_plugin() => Some(
            "it is no action plugin: it exports neither `execute_with_context` nor `execute`"
                .to_owned(),
        ),
        Ok(_) => None,
    }
}

fn places(report: &Report) -> Findings {
    let mut findings = Findings::default();
    for finding in report.findings() {
        let (line, column) = report.position(finding.span.start);
        let (message, help) = (finding.message.clone(), finding.help.clone());
        let list = match finding.severity {
            Severity::Error => &mut findings.errors,
            Severity::Warning => &mut findings.warnings,
        };
        list.push(Place { line, column, message, help });
    }
    findings
}

fn print(findings: &Findings, loads: bool) {
    let Findings { file, ok, modes, mappings, plugins, unusable, .. } = findings;
    if !loads {
        outln!("{ERROR}{file} does not load{ERROR:#}");
        return;
    }
    outln!("{TITLE}{file}{TITLE:#}: modes: {modes}, mappings: {mappings}, plugins: {plugins}");
    for Unusable { line, column, what, why } in unusable {
        outln!(
            "  {WARN}line {line}, column {column}{WARN:#}: {} cannot work here: {}",
            printable(what),
            printable(why)
        );
    }
    if *ok {
        outln!("{GOOD}ok{GOOD:#}");
    }
}
