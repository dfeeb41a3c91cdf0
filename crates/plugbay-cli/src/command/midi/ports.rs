//! `conductor ports`: which MIDI ports there are, and which systems of them this build has.

use anyhow::Result;
use clap::Args;
use plugbay_midi::ports::{Direction, PortError, System, list_ports, systems};
use serde::Serialize;

use crate::exit::Outcome;
use crate::ui::{DIM, TITLE, WARN, errln, outln, printable};

/// List the MIDI ports, and the systems of them that this build has
///
/// A port's index is its place among the inputs, or among the outputs, of all systems.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conductor ports\n  conductor ports --json | jq -r '.inputs[].name'\n\nExit codes: 0 they are listed; 2 none of the systems can be used."
)]
pub(super) struct Ports {
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listing {
    systems: Vec<Known>,
    inputs: Vec<Found>,
    outputs: Vec<Found>,
}

#[derive(Serialize)]
struct Known {
    name: &'static str,
    usable: bool,
    /// Why it is not.
    why: Option<String>,
}

#[derive(Serialize)]
struct Found {
    index: usize,
    name: String,
    system: &'static str,
}

impl Ports {
    pub(super) fn run(self) -> Result<Outcome> {
        let mut systems = systems();
        if self.json {
            let listing = listing(&mut systems);
            outln!("{}", serde_json::to_string_pretty(&listing)?);
            let usable = listing.systems.iter().any(|system| system.usable);
            return Ok(if usable { Outcome::Success } else { Outcome::Unusable });
        }
        print(&mut systems)
    }
}

/// As text, on standard output.
pub(super) fn list() -> Result<Outcome> {
    print(&mut systems())
}

fn print(systems: &mut [Box<dyn System>]) -> Result<Outcome> {
    // Where none can be used, it says why.
    list_ports(systems, Direction::Input)?;
    let Listing { systems, inputs, outputs } = listing(systems);
    let names: Vec<&str> = systems.iter().filter(|one| one.usable).map(|one| one.name).collect();
    errln!("{DIM}systems of MIDI: {}{DIM:#}", names.join(", "));
    for Known { name, why, .. } in &systems {
        if let Some(why) = why {
            errln!("{WARN}warning{WARN:#}: {name}: {why}");
        }
    }
    for (what, ports) in [("inputs", inputs), ("outputs", outputs)] {
        if ports.is_empty() {
            errln!("{WARN}there are no MIDI {what}{WARN:#}");
            continue;
        }
        outln!("{TITLE}{what}{TITLE:#}");
        for Found { index, name, system } in ports {
            outln!("  {index}: {} {DIM}{system}{DIM:#}", printable(&name));
        }
    }
    Ok(Outcome::Success)
}

fn listing(systems: &mut [Box<dyn System>]) -> Listing {
    let known = systems.iter_mut().map(|system| {
        let why = system.list(Direction::Input).err().map(|error| match error {
            PortError::System { reason, .. } => reason,
            other => other.to_string(),
        });
        Known { name: system.name(), usable: why.is_none(), why }
    });
    let known: Vec<Known> = known.collect();
    let mut ports = |direction| {
        let ports = list_ports(systems, direction).unwrap_or_default();
        let found = ports.into_iter().enumerate().map(|(index, (system, port))| Found {
            index,
            name: port.name,
            system: known.get(system).map_or("", |system| system.name),
        });
        found.collect::<Vec<_>>()
    };
    let (inputs, outputs) = (ports(Direction::Input), ports(Direction::Output));
    Listing { systems: known, inputs, outputs }
}
