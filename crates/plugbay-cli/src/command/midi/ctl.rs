//! `conductorctl`: a running conductor, asked and told.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use plugbay_midi::control::Request;
use serde_json::Value;

use super::client::SocketOption;
use super::monitor::Monitor;
use super::stats::{self, text};
use crate::exit::{self, Outcome};
use crate::ui::{ERROR, GOOD, TITLE, WARN, errln, outln, printable};

/// Ask a running conductor, and tell it what to do.
///
/// Without --socket it is the one that runs; where several do, they are listed.
#[derive(Debug, Parser)]
#[command(
    name = "conductorctl",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Example:\n  conductorctl status\n  conductorctl mode Break\n  conductorctl reload\n  conductorctl stats --json | jq '.[].to_call.p99_us'\n\nExit codes: 0 done; 1 conductor refused, and said why; 2 wrong usage, or no conductor to talk to."
)]
pub(crate) struct Conductorctl {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say how it goes: the mode, what came and what was done
    #[command(
        after_help = "Example:\n  conductorctl status\n  conductorctl status --json | jq -r .mode"
    )]
    Status(Asked),
    /// Read the configuration again, and load what has changed
    #[command(
        after_help = "Example:\n  conductorctl reload && echo taken over\n\nExit codes: 0 taken over; 1 not, or a plugin's new version does not load; 2 no conductor to talk to."
    )]
    Reload(Asked),
    /// Change the mode
    #[command(after_help = "Example:\n  conductorctl mode Break")]
    Mode {
        /// One of the configuration's
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        asked: Asked,
    },
    /// Show what happens, as it happens: the same as `conductor monitor`
    #[command(
        after_help = "Example:\n  conductorctl events\n  conductorctl events --json | jq 'select(.kind == \"done\")'"
    )]
    Events(Monitor),
    /// List the plugins, and what became of their calls
    #[command(
        after_help = "Example:\n  conductorctl plugins\n  conductorctl plugins --json | jq '.[] | {name, failed}'"
    )]
    Plugins(Asked),
    /// Show how long the calls of plugins waited and took, by mapping: the same as `conductor stats`
    #[command(
        after_help = "Example:\n  conductorctl stats\n  conductorctl stats --json | jq '.[].to_call.p99_us'"
    )]
    Stats(Asked),
    /// Have it end, as by SIGTERM, and wait until it has
    #[command(after_help = "Example:\n  conductorctl stop")]
    Stop(Asked),
}

/// What all of them have.
#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    #[command(flatten)]
    socket: SocketOption,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

impl Conductorctl {
    /// The whole program.
    pub(crate) fn main() -> ExitCode {
        match Self::try_parse() {
            Ok(parsed) => exit::code("conductorctl", parsed.command.run()),
            Err(error) => exit::usage(&error, 2),
        }
    }
}

impl Command {
    fn run(self) -> Result<Outcome> {
        match self {
            Self::Status(asked) => asked.ask(&Request::Status, print_status),
            Self::Reload(asked) => asked.ask(&Request::Reload, print_reload),
            Self::Mode { name, asked } => asked.ask(&Request::Mode { name }, |mode| {
                outln!("{GOOD}mode {}{GOOD:#}", text(mode, "mode"));
                Outcome::Success
            }),
            Self::Events(monitor) => monitor.run(),
            Self::Plugins(asked) => asked.ask(&Request::Plugins, print_plugins),
            Self::Stats(asked) => asked.stats(),
            Self::Stop(asked) => asked.stop(),
        }
    }
}

impl Asked {
    fn ask(&self, request: &Request, print: impl FnOnce(&Value) -> Outcome) -> Result<Outcome> {
        let answer = self.socket.connect()?.ask(request)?;
        Ok(self.show(answer, print))
    }

    fn show(
        &self,
        answer: std::result::Result<Value, String>,
        print: impl FnOnce(&Value) -> Outcome,
    ) -> Outcome {
        match answer {
            Ok(answer) if self.json => {
                outln!("{answer:#}");
                Outcome::Success
            }
            Ok(answer) => print(&answer),
            Err(error) => {
                errln!("{ERROR}error{ERROR:#}: {}", printable(&error));
                Outcome::Failure
            }
        }
    }

    /// `conductor stats`, too.
    pub(super) fn stats(&self) -> Result<Outcome> {
        self.ask(&Request::Stats, |mappings| {
            let mappings: Vec<&Value> = mappings.as_array().into_iter().flatten().collect();
            if mappings.is_empty() {
                outln!("no mapping has called a plugin yet");
            }
            stats::table(&mappings, usize::MAX).iter().for_each(|line| outln!("{line}"));
            Outcome::Success
        })
    }

    fn stop(&self) -> Result<Outcome> {
        let mut client = self.socket.connect()?;
        let answer = client.ask(&Request::Stop)?;
        // It ends when what is under way has, and so does the connection.
        if answer.is_ok() {
            while client.line()?.is_some() {}
        }
        Ok(self.show(answer, |_| {
            outln!("{GOOD}stopped{GOOD:#}");
            Outcome::Success
        }))
    }
}

fn print_status(status: &Value) -> Outcome {
    let number = |key: &str| status.get(key).and_then(Value::as_u64).unwrap_or_default();
    let modes: Vec<String> = list(status, "modes");
    outln!("{TITLE}mode {}{TITLE:#} of {}", text(status, "mode"), modes.join(", "));
    let plugins = list(status, "plugins");
    let plugins = if plugins.is_empty() { "none".to_owned() } else { plugins.join(", ") };
    outln!(
        "configuration  {}: mappings: {}, plugins: {plugins}",
        text(status, "config"),
        number("mappings")
    );
    outln!("since          {} s, process {}", number("uptime_ms") / 1_000, number("pid"));
    outln!("events         {}, bad input skipped: {}", number("events"), number("notices"));
    outln!(
        "actions        {}, failed: {}, dropped: {}",
        number("fired"),
        number("failed"),
        number("dropped")
    );
    outln!(
        "now            keys down: {}, actions waiting for their time: {}",
        number("held_keys"),
        number("waiting")
    );
    outln!("reloads        {}", number("reloads"));
    if let Some(error) = status.get("reload_error").and_then(Value::as_str) {
        outln!("{WARN}the last reload changed nothing{WARN:#}: {}", printable(error));
    }
    Outcome::Success
}

fn print_reload(reloaded: &Value) -> Outcome {
    outln!("{GOOD}taken over{GOOD:#}: {}", text(reloaded, "text"));
    let broken = reloaded.get("broken").and_then(Value::as_array);
    for failure in broken.into_iter().flatten() {
        errln!(
            "{WARN}warning{WARN:#}: the new version of {} does not load, the last good one runs on: {}",
            text(failure, "plugin"),
            text(failure, "error")
        );
    }
    for key in list(reloaded, "needs_restart") {
        errln!("{WARN}warning{WARN:#}: `{key}` counts from the next start only");
    }
    if broken.is_none_or(Vec::is_empty) { Outcome::Success } else { Outcome::Failure }
}

fn print_plugins(plugins: &Value) -> Outcome {
    for plugin in plugins.as_array().into_iter().flatten() {
        let number = |key: &str| plugin.get(key).and_then(Value::as_u64).unwrap_or_default();
        outln!(
            "{TITLE}{}{TITLE:#}  calls: {}, failed: {}, dropped: {}, waiting: {}  {}",
            text(plugin, "name"),
            number("fired"),
            number("failed"),
            number("overflowed"),
            number("waiting"),
            text(plugin, "path")
        );
    }
    Outcome::Success
}

fn list(value: &Value, key: &str) -> Vec<String> {
    let all = value.get(key).and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|one| one.as_str().map(printable)).collect()
}
