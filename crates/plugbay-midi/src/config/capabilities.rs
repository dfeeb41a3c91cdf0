//! `[plugins."PATH".capabilities]`: a list of names, or a table of them with what each may reach.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use plugbay::policy::{
    ArgPattern, Audio, Capability, Filesystem, Grant, Midi, Names, Network, Operation,
    ProgramGrant, ProgramName, Subprocess, SystemControl,
};
use toml::de::DeValue;

use super::reader::{Findings, Table, Value, list};
use super::report::{Finding, nearest, shown};

pub(super) fn grant(value: Value<'_, '_>, findings: &mut Findings) -> Grant {
    let mut grant = Grant::none();
    if let DeValue::Table(_) = value.get() {
        let entries = value.table("`capabilities`", findings).map(Table::into_entries);
        for (name, span, arguments) in entries.unwrap_or_default() {
            let Some(capability) = capability(name, span.clone(), findings) else { continue };
            if grant.has(capability) {
                let message = format!("`{capability}` is there a second time");
                findings.push(Finding::error(span, message));
                continue;
            }
            with_arguments(&mut grant, capability, arguments, findings);
        }
        return grant;
    }
    if !matches!(value.get(), DeValue::Array(_)) {
        value.mismatch(
            "an array of capabilities, or a table of them with their arguments",
            findings,
        );
        return grant;
    }
    for value in value.array(findings).unwrap_or_default() {
        let Some(name) = value.string(findings) else { continue };
        let Some(capability) = capability(name, value.span(), findings) else { continue };
        if let Some(problem) = capability.alone() {
            let example = match capability {
                Capability::Subprocess => {
                    "Subprocess.programs = [{ program = \"/usr/bin/tool\", args = [\"{text}\"] }]"
                }
                _ => "SystemControl.operations = [\"volume\"]",
            };
            let help = format!("under [plugins.\"PATH\".capabilities]: {example}");
            findings.push(Finding::error(value.span(), problem).help(help));
            continue;
        }
        grant = grant.with(capability);
    }
    grant
}

fn capability(name: &str, span: Range<usize>, findings: &mut Findings) -> Option<Capability> {
    if let Ok(capability) = name.parse() {
        return Some(capability);
    }
    let known = Capability::ALL.map(Capability::name);
    let help = match nearest(name, known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("capabilities: {}", list(&known)),
    };
    let message = format!("there is no capability {}", shown(name));
    findings.push(Finding::error(span, message).help(help));
    None
}

fn with_arguments(
    grant: &mut Grant,
    capability: Capability,
    value: Value<'_, '_>,
    findings: &mut Findings,
) {
    let what = match capability {
        Capability::Network => "`Network`",
        Capability::Audio => "`Audio`",
        Capability::Midi => "`Midi`",
        Capability::Filesystem => "`Filesystem`",
        Capability::Subprocess => "`Subprocess`",
        _ => "`SystemControl`",
    };
    let Some(mut table) = value.table(what, findings) else { return };
    match capability {
        Capability::Network => grant.network = Some(network(&mut table, findings)),
        Capability::Audio => {
            let mut audio = Audio::default();
            audio.sounds = names(table.optional("sounds"), findings);
            grant.audio = Some(audio);
        }
        Capability::Midi => {
            let mut midi = Midi::default();
            midi.outputs = names(table.optional("outputs"), findings);
            grant.midi = Some(midi);
        }
        Capability::Filesystem => grant.filesystem = Some(filesystem(&mut table, findings)),
        Capability::Subprocess => grant.subprocess = Some(subprocess(&mut table, findings)),
        Capability::SystemControl => {
            grant.system_control = Some(system_control(value, &mut table, findings));
        }
        // A capability that this version of the configuration does not know takes no arguments.
        _ => *grant = std::mem::take(grant).with(capability),
    }
    table.finish(findings);
}

fn network(table: &mut Table<'_, '_>, findings: &mut Findings) -> Network {
    let mut network = Network::default();
    network.hosts = parsed(table.optional("hosts"), findings).collect();
    network.allow_private = parsed_as(
        table.optional("allow_private"),
        |text| {
            text.parse().map_err(|_| {
                format!("found {text:?}, wanted an address with its port such as 127.0.0.1:9000")
            })
        },
        findings,
    )
    .collect();
    for (key, number) in [
        ("timeout_ms", &mut network.timeout_ms),
        ("max_request_bytes", &mut network.max_request_bytes),
        ("max_response_bytes", &mut network.max_response_bytes),
    ] {
        let value = table.optional(key).and_then(|value| value.integer(0..=u64::MAX, findings));
        *number = value.unwrap_or(*number);
    }
    let redirects = table.optional("max_redirects");
    let redirects = redirects.and_then(|value| value.integer(0..=u32::MAX, findings));
    network.max_redirects = redirects.unwrap_or(network.max_redirects);
    network
}

fn filesystem(table: &mut Table<'_, '_>, findings: &mut Findings) -> Filesystem {
    let mut files = Filesystem::default();
    if let Some(value) = table.optional("read_only") {
        files.read_only = value.boolean(findings).unwrap_or_default();
    }
    for (key, number) in
        [("quota_bytes", &mut files.quota_bytes), ("max_files", &mut files.max_files)]
    {
        let value = table.optional(key).and_then(|value| value.integer(0..=u64::MAX, findings));
        *number = value.unwrap_or(*number);
    }
    files
}

fn subprocess(table: &mut Table<'_, '_>, findings: &mut Findings) -> Subprocess {
    let mut subprocess = Subprocess::default();
    let programs = table.required("programs", findings).and_then(|value| value.array(findings));
    for value in programs.unwrap_or_default() {
        let Some(mut entry) = value.table("a program", findings) else { continue };
        let program = entry.required("program", findings);
        let program: Option<ProgramName> = program.and_then(|value| one(value, findings));
        let args: Vec<ArgPattern> = parsed(entry.optional("args"), findings).collect();
        entry.finish(findings);
        let Some(program) = program else { continue };
        match ProgramGrant::new(program, args) {
            Ok(program) => drop(subprocess.programs.insert(program)),
            Err(error) => findings.push(Finding::error(value.span(), error.to_string())),
        }
    }
    subprocess
}

fn system_control(
    value: Value<'_, '_>,
    table: &mut Table<'_, '_>,
    findings: &mut Findings,
) -> SystemControl {
    let mut control = SystemControl::default();
    let before = findings.len();
    let operations = table.required("operations", findings);
    control.operations = parsed::<Operation>(operations, findings).collect();
    control.applications = names(table.optional("applications"), findings);
    if let Some(problem) = control.incomplete().filter(|_| findings.len() == before) {
        findings.push(Finding::error(value.span(), problem));
    }
    control
}

fn names(value: Option<Value<'_, '_>>, findings: &mut Findings) -> Names {
    parsed::<String>(value, findings).collect()
}

/// Every text of a list as what it means; what means nothing is told where it stands.
fn parsed<T: FromStr<Err: Display>>(
    value: Option<Value<'_, '_>>,
    findings: &mut Findings,
) -> impl Iterator<Item = T> + use<T> {
    parsed_as(value, |text| text.parse::<T>().map_err(|error| error.to_string()), findings)
}

fn parsed_as<T>(
    value: Option<Value<'_, '_>>,
    parse: impl Fn(&str) -> Result<T, String>,
    findings: &mut Findings,
) -> std::vec::IntoIter<T> {
    let items = value.and_then(|value| value.array(findings)).unwrap_or_default();
    let items: Vec<T> = items
        .into_iter()
        .filter_map(|value| {
            let parsed = parse(value.string(findings)?);
            parsed.map_err(|why| findings.push(Finding::error(value.span(), why))).ok()
        })
        .collect();
    items.into_iter()
}

fn one<T: FromStr<Err: Display>>(value: Value<'_, '_>, findings: &mut Findings) -> Option<T> {
    let parsed = value.string(findings)?.parse::<T>();
    parsed.map_err(|why| findings.push(Finding::error(value.span(), why.to_string()))).ok()
}
