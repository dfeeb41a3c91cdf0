//! `conductor`, and `plugbay midi`: fire plugins from MIDI until the source ends.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser};
use plugbay_midi::config::{Config, PortSelector};
use plugbay_midi::run::{End, Runner, Summary, TokioClock};
use plugbay_midi::source::{MidiFileSource, MidiSource, Pace, PortSource, RawSource, list_ports};

use crate::exit::Outcome;
use crate::harden::HardenOption;
use crate::logging;
use crate::options::BackendOptions;
use crate::policy::{AuditSettings, PolicyOptions};
use crate::services::{ProgramDesktop, ServiceOptions};
use crate::ui::{DIM, StderrLines, WARN, outln};

/// Fire WebAssembly plugins from notes, pads and keys.
#[derive(Debug, Parser)]
#[command(name = "conductor", version)]
pub(crate) struct Conductor {
    #[command(flatten)]
    midi: Midi,
}

impl Conductor {
    pub(crate) fn run(self) -> Result<Outcome> {
        self.midi.run()
    }
}

/// Fire plugins from MIDI: the same as the program `conductor`.
///
/// PORT is a MIDI input port: its index, or part of its name. Without a port and without another source, the
/// ports are listed.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conductor --config test_config.toml 0\n  conductor --config test_config.toml --midi-file song.mid --fast\n  cat /dev/snd/midiC1D0 | conductor --config test_config.toml --raw -\n\nWhat plugins print appears on stderr. DEBUG=1 adds the engine's decisions, RUST_LOG what you name.\nExit codes: 0 the source ended or the program was told to stop; 1 an action of a file or raw source failed, or the source broke off; 2 wrong usage or configuration."
)]
pub(crate) struct Midi {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The MIDI input port: an index, or part of a name
    #[arg(value_name = "PORT")]
    port: Option<PortSelector>,
    /// Play a Standard MIDI File in its own time
    #[arg(long, value_name = "FILE", conflicts_with_all = ["port", "raw"])]
    midi_file: Option<PathBuf>,
    /// With --midi-file: do not wait between events
    // A conflict with the file lifts the requirement of one, so that each has to be said.
    #[arg(long, requires = "midi_file", conflicts_with_all = ["port", "raw"])]
    fast: bool,
    /// Read raw MIDI bytes from a device, a FIFO, a file, or - for standard input
    #[arg(long, value_name = "PATH", conflicts_with = "port")]
    raw: Option<PathBuf>,
    #[command(flatten)]
    backend: BackendOptions,
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    services: ServiceOptions,
    #[command(flatten)]
    harden: HardenOption,
}

impl Midi {
    pub(crate) fn run(self) -> Result<Outcome> {
        let chosen = self.port.is_some() || self.midi_file.is_some() || self.raw.is_some();
        let Some(path) = &self.config else {
            if chosen {
                bail!("--config is missing: which plugins are to be fired?");
            }
            return list();
        };
        let loaded = Config::load(path)?;
        if !loaded.warnings.is_empty() {
            anstream::eprintln!("{}", loaded.warnings.to_ansi());
        }
        let config = loaded.config;
        let port = config.device.choose(self.port.clone());
        if !chosen && port.is_none() {
            return list();
        }
        start_logging(&config)?;

        let audit =
            AuditSettings { file: config.audit.file.as_deref(), max_bytes: config.audit.max_bytes };
        // The log is open by now, and stays so.
        self.harden.apply(|| {
            let mut places = self.backend.places();
            self.policy.places(&mut places, &audit);
            self.services.places(&mut places);
            for plugin in &config.plugins {
                places.plugin(&plugin.path);
                places.granted(&plugin.grant);
            }
            for source in [&self.midi_file, &self.raw].into_iter().flatten() {
                places.reads(source);
            }
            if self.midi_file.is_none() && self.raw.is_none() {
                places.midi_ports();
            }
            places
        })?;
        let runner = Runner::new(Arc::new(config.clone()));
        let desktop = ProgramDesktop::with_modes(runner.mode_changer());
        let heeded = |host| self.services.lent(self.policy.heeded(host, &audit), desktop);
        let host = self.backend.host_and(Arc::new(StderrLines), heeded)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        runtime.block_on(async {
            let stop = super::gateway::stop_signal()?;
            let (mut source, finite) = self.source(port)?;
            let summary = runner.run(&mut *source, &host, stop).await?;
            anstream::eprintln!("{DIM}conductor: {summary}{DIM:#}");
            Ok(outcome(&summary, finite))
        })
    }

    /// The source, and whether it has an end.
    fn source(&self, port: Option<PortSelector>) -> Result<(Box<dyn MidiSource>, bool)> {
        if let Some(path) = &self.midi_file {
            let pace = if self.fast { Pace::Fast } else { Pace::Real };
            let clock = Arc::new(TokioClock::new());
            return Ok((Box::new(MidiFileSource::open(path, pace, clock)?), true));
        }
        if let Some(path) = &self.raw {
            return Ok((Box::new(RawSource::open(path)?), true));
        }
        let Some(port) = port else { bail!("no MIDI source was chosen") };
        let source = PortSource::open(&port)?;
        anstream::eprintln!("{DIM}conductor: listening to {}{DIM:#}", source.port_name());
        Ok((Box::new(source), false))
    }
}

/// A script that plays a file wants to know whether its actions succeeded; on stage, one bad
/// plugin is no reason to call the whole evening a failure.
fn outcome(summary: &Summary, finite: bool) -> Outcome {
    let broken = matches!(summary.end, End::Broken(_));
    let lost = matches!(summary.end, End::Source) && summary.failed() + summary.dropped() > 0;
    if broken || (finite && lost) { Outcome::Failure } else { Outcome::Success }
}

fn list() -> Result<Outcome> {
    let ports = list_ports()?;
    if ports.is_empty() {
        anstream::eprintln!("{WARN}there are no MIDI input ports{WARN:#}");
    }
    for (index, name) in ports.iter().enumerate() {
        outln!("{index}: {name}");
    }
    Ok(Outcome::Success)
}

/// `RUST_LOG` over `DEBUG` over the configuration's own level.
fn start_logging(config: &Config) -> Result<()> {
    let level = match config.logging.level {
        _ if logging::debug() => "debug",
        Some(level) => level.name(),
        None => "warn",
    };
    let filter = format!("warn,plugbay::audio=info,conductor={level}");
    match &config.logging.file {
        None => logging::start(&filter),
        Some(path) => logging::start_in(path, &filter)
            .with_context(|| format!("cannot write the log {}", path.display()))?,
    }
    Ok(())
}
