//! `conductor`, and `plugbay midi`: fire plugins from MIDI until the source ends.

mod check;
#[cfg(unix)]
pub(super) mod client;
#[cfg(unix)]
mod ctl;
mod learn;
mod live;
#[cfg(unix)]
mod monitor;
mod origin;
mod ports;
mod schema;
mod stats;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand};
use plugbay::policy::Operation;
use plugbay_midi::config::{Action, Config, ConfigError, WallTime};
use plugbay_midi::ports::DEVICE;
use plugbay_midi::run::{End, Journal, Outlets, Runner, Summary};

#[cfg(unix)]
pub(crate) use self::ctl::Conductorctl;
use self::live::{LiveOptions, Told};
use self::origin::Origin;
use crate::exit::Outcome;
use crate::harden::{HardenOption, Places};
use crate::logging;
use crate::options::BackendOptions;
use crate::policy::{AuditSettings, PolicyOptions};
use crate::services::{LoggedPrograms, ProgramDesktop, ServiceOptions, wrong_with};
use crate::ui::{DIM, WARN, errln, printable};

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
/// PORT is a MIDI input port: its index, or part of its name. Several are listened to at once. Without a port and
/// without another source, the ports are listed.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  conductor --config test_config.toml 0\n  conductor --config test_config.toml pads keys\n  conductor --config test_config.toml --virtual Conductor\n  conductor --config test_config.toml --midi-file song.mid --fast\n  cat /dev/snd/midiC1D0 | conductor --config test_config.toml --raw -\n  conductor --config test_config.toml 0 --record evening.jsonl\n  conductor --config test_config.toml --replay evening.jsonl\n\nWhat plugins print appears on stderr. DEBUG=1 adds the engine's decisions, RUST_LOG what you name.\nExit codes: 0 the source ended or the program was told to stop; 1 an action of a file or raw source failed, or the source broke off; 2 wrong usage or configuration."
)]
pub(crate) struct Midi {
    #[command(subcommand)]
    command: Option<MidiCommand>,
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    origin: Origin,
    /// Write down what comes in and what is done, a JSON document a line, in a file that is not there yet
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    #[command(flatten)]
    backend: BackendOptions,
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    services: ServiceOptions,
    #[command(flatten)]
    live: LiveOptions,
    #[command(flatten)]
    harden: HardenOption,
}

#[derive(Debug, Subcommand)]
enum MidiCommand {
    Check(check::Check),
    Learn(learn::Learn),
    #[cfg(unix)]
    Monitor(monitor::Monitor),
    /// Show how long the calls of plugins waited and took, by mapping, of the conductor that runs
    #[cfg(unix)]
    #[command(
        after_help = "Example:\n  conductor stats\n  conductor stats --json | jq '.[].to_call.p99_us'\n\nExit codes: 0 shown; 1 conductor refused; 2 wrong usage, or no conductor to talk to."
    )]
    Stats(ctl::Asked),
    Schema(schema::Schema),
    Ports(ports::Ports),
}

impl Midi {
    pub(crate) fn run(self) -> Result<Outcome> {
        match self.command {
            Some(MidiCommand::Check(check)) => return check.run(),
            Some(MidiCommand::Learn(learn)) => return learn.run(),
            #[cfg(unix)]
            Some(MidiCommand::Monitor(monitor)) => return monitor.run(),
            #[cfg(unix)]
            Some(MidiCommand::Stats(asked)) => return asked.stats(),
            Some(MidiCommand::Schema(schema)) => return schema.run(),
            Some(MidiCommand::Ports(ports)) => return ports.run(),
            None => {}
        }
        let chosen = self.origin.is_chosen();
        let Some(path) = &self.config else {
            if chosen {
                bail!("--config is missing: which plugins are to be fired?");
            }
            return ports::list();
        };
        let loaded = match Config::load(path) {
            Ok(loaded) => loaded,
            Err(ConfigError::Invalid(report)) => {
                errln!("{}", report.to_ansi());
                return Ok(Outcome::Unusable);
            }
            Err(error) => return Err(error.into()),
        };
        if !loaded.warnings.is_empty() {
            errln!("{}", loaded.warnings.to_ansi());
        }
        let config = loaded.config;
        let devices = self.origin.devices_or(&config.device);
        if !chosen && devices.ports.is_empty() {
            return ports::list();
        }
        start_logging(&config)?;
        warn_of_desktop(&config);

        let audit =
            AuditSettings { file: config.audit.file.as_deref(), max_bytes: config.audit.max_bytes };
        let journal = self.record.as_ref().map(|path| {
            let recording = std::fs::File::create_new(path)
                .and_then(|file| Journal::new(std::io::BufWriter::new(file)));
            recording.with_context(|| format!("cannot write the recording {}", path.display()))
        });
        let journal = journal.transpose()?;
        let calendar = calendar();
        let live = self.live.begin()?;
        // The log and the recording are open by now, and stay so.
        self.harden.apply(|| {
            let mut places = self.backend.places();
            self.policy.places(&mut places, &audit);
            self.services.places(&mut places);
            for plugin in &config.plugins {
                places.plugin(&plugin.path);
                places.granted(&plugin.grant);
            }
            for (_, action) in config.actions() {
                reaches(&action, &mut places);
            }
            self.origin.places(&mut places);
            live.places(path, &config, &mut places);
            places
        })?;
        let config = Arc::new(config.clone());
        let mut runner = Runner::new(Arc::clone(&config)).with_calendar(calendar);
        if let Some(journal) = journal {
            runner = runner.with_journal(journal);
        }
        let control = runner.control();
        let midi = self.services.midi();
        let desktop = Arc::new(ProgramDesktop::with_modes(runner.mode_changer()));
        let mut outlets = Outlets::default();
        outlets.midi = Some(midi.clone());
        outlets.desktop = Some(desktop.clone());
        outlets.programs = Some(Arc::new(LoggedPrograms));
        let runner = runner.with_outlets(outlets);
        let heeded = |host| self.services.lent(self.policy.heeded(host, &audit), midi, desktop);
        let host = self.backend.host_and(Arc::new(Told(control.feed().clone())), heeded)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        runtime.block_on(async {
            let told = super::gateway::stop_signal()?;
            let (mut source, finite) = self.origin.source(&devices)?;
            let beside = live.attend(path.clone(), config, Arc::new(host.clone()), control)?;
            let asked = beside.stopped();
            let stop = async {
                tokio::select! {
                    () = told => {}
                    () = asked => {}
                }
            };
            let summary = runner.run(&mut *source, &host, stop).await?;
            drop(beside);
            errln!("{DIM}conductor: {summary}{DIM:#}");
            print_latencies(&summary);
            if let Some(error) = &summary.journal {
                errln!("{WARN}warning{WARN:#}: {error}");
            }
            Ok(outcome(&summary, finite))
        })
    }
}

/// Mappings whose latencies are said at the end.
const SAID: usize = 10;

fn print_latencies(summary: &Summary) {
    let rows: Vec<_> = summary.latencies.iter().map(|row| serde_json::json!(row)).collect();
    for line in stats::table(&rows.iter().collect::<Vec<_>>(), SAID) {
        errln!("{DIM}{line}{DIM:#}");
    }
}

/// A script that plays a file wants to know whether its actions succeeded; on stage, one bad
/// plugin is no reason to call the whole evening a failure.
fn outcome(summary: &Summary, finite: bool) -> Outcome {
    let broken = matches!(summary.end, End::Broken(_));
    let lost = matches!(summary.end, End::Source) && summary.failed() + summary.dropped() > 0;
    let lost = lost || summary.journal.is_some();
    if broken || (finite && lost) { Outcome::Failure } else { Outcome::Success }
}

/// What of the user's session cannot be worked here: each operation once.
fn warn_of_desktop(config: &Config) {
    let mut told = Vec::new();
    for (line, action) in config.actions() {
        let Action::Desktop { operation, argument } = &*action else { continue };
        if told.contains(operation) {
            continue;
        }
        if let Some(why) = wrong_with(*operation, argument) {
            let (what, column) = (printable(argument), config.column(line));
            let why = printable(&why);
            errln!(
                "{WARN}warning{WARN:#}: line {line}, column {column}: {operation} {what:?} cannot work here: {why}"
            );
            told.push(*operation);
        }
    }
}

/// What an action reaches beyond plugins.
fn reaches(action: &Action, places: &mut Places) {
    match action {
        Action::SendMidi { .. } => places.midi_ports(),
        Action::Shell(command) => places.runs_program(&command.program),
        Action::Desktop { operation: Operation::Launch, argument } => places.runs_program(argument),
        // By whichever program the system has for it.
        Action::Desktop { operation: Operation::Volume, .. } => places.runs_program("wpctl"),
        _ => {}
    }
}

/// The time of day where this machine is. The zone is looked up once.
fn calendar() -> impl Fn(u64) -> WallTime + Send + Sync + 'static {
    let zone = jiff::tz::TimeZone::system();
    move |epoch_ms| {
        let ms = i64::try_from(epoch_ms).unwrap_or(i64::MAX);
        let now = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
        let now = now.to_zoned(zone.clone());
        // 0 to 23, 0 to 59, 0 to 6.
        let number = |number: i8| u8::try_from(number).unwrap_or_default();
        WallTime {
            minute: u16::from(number(now.hour())) * 60 + u16::from(number(now.minute())),
            weekday: number(now.weekday().to_monday_zero_offset()),
        }
    }
}

/// `RUST_LOG` over `DEBUG` over the configuration's own level.
fn start_logging(config: &Config) -> Result<()> {
    let level = match config.logging.level {
        _ if logging::debug() => "debug",
        Some(level) => level.name(),
        None => "warn",
    };
    // What plugins were granted is shown with what happens, and what they lack always.
    let grants = if matches!(level, "info" | "debug" | "trace") { "info" } else { "warn" };
    // Somebody who plays wants to know that a device is gone, and that it is back.
    let device = if level == "warn" { "info" } else { level };
    let program = logging::PROGRAM;
    let filter = format!(
        "warn,plugbay::audio=info,plugbay::grants={grants},conductor={level},{program}=info,{DEVICE}={device}"
    );
    match &config.logging.file {
        None => logging::start(&filter),
        Some(path) => logging::start_in(path, &filter)
            .with_context(|| format!("cannot write the log {}", path.display()))?,
    }
    Ok(())
}
