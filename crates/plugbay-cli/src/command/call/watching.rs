//! `plugbay call --trace` and `--profile`: what the plugin does, and where its fuel goes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use plugbay::abi::Value;
use plugbay::policy::Limits;
use plugbay::{
    GuestEvent, GuestTrace, HostAnswer, HostBuilder, HostCallTrace, HostTrace, Plugin, Profile,
};
use serde_json::{Map, json};

use crate::harden::Places;
use crate::outputs::{OutputFile, refuse_inputs};
use crate::ui::{DIM, TITLE, errln, plain, printable};

/// Who watches is slow: time is given so much more.
const LONGER: u64 = 20;
/// Functions that are named after a profile.
const SHOWN: usize = 10;

/// `--trace`, `--profile`.
#[derive(Debug, Args)]
pub(super) struct Watching {
    /// Show on stderr, in order and with the fuel used so far: each call of an export by the host (the hook or action,
    /// malloc, free), each call of the plugin into the host, each growth of its memory. With --json, a JSON object a line
    #[arg(long)]
    trace: bool,
    /// Write a profile of the call by function, in fuel, as speedscope (https://www.speedscope.app) opens it
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

impl Watching {
    /// The profile that is to be written, which is none of what is read.
    pub(super) fn profile(&self, inputs: &[&Path]) -> Result<Option<ProfileFile>> {
        let made = self.profile.as_ref().map(|path| -> Result<_> {
            if path.as_os_str() == "-" {
                bail!("--profile: `-` is stdout, which has the output: name a file");
            }
            refuse_inputs("--profile", path, inputs)?;
            let file = OutputFile::new(path).context("--profile")?;
            Ok(ProfileFile { path: path.clone(), file, profile: Arc::default() })
        });
        made.transpose()
    }

    /// What `--harden` leaves writable for the profile.
    pub(super) fn places(&self, places: &mut Places) {
        self.profile.iter().for_each(|path| places.keeps_file(path));
    }

    pub(super) fn watched(
        &self,
        host: HostBuilder,
        json: bool,
        profile: &Option<ProfileFile>,
    ) -> HostBuilder {
        let host = match profile {
            Some(profile) => host.profile(Arc::clone(&profile.profile)),
            None => host,
        };
        match self.trace {
            true => host.trace(Arc::new(StderrTrace { json, depth: AtomicUsize::new(0) })),
            false => host,
        }
    }

    /// Fuel counts without what watching takes; time cannot be counted so.
    pub(super) fn limits(&self, mut limits: Limits) -> Limits {
        if self.trace || self.profile.is_some() {
            limits.timeout_ms = limits.timeout_ms.saturating_mul(LONGER);
        }
        limits
    }
}

/// A profile, and the file that it goes to.
pub(super) struct ProfileFile {
    path: PathBuf,
    file: OutputFile,
    profile: Arc<Profile>,
}

impl ProfileFile {
    /// What loading used is not of the call.
    pub(super) fn begin(&self) {
        self.profile.clear();
    }

    pub(super) fn write(self, plugin: &Plugin, export: &str) -> Result<()> {
        let Self { path, file, profile } = self;
        let name = format!("{} {export}", plugin.name());
        let document = profile.speedscope(&name, plugin.symbols());
        file.write(&serde_json::to_vec(&document)?).context("--profile")?;
        let total = profile.total();
        errln!(
            "{TITLE}profile:{TITLE:#} {}, {total} units of fuel; the most used by",
            path.display()
        );
        for function in profile.functions(plugin.symbols()).iter().take(SHOWN) {
            let share = u128::from(function.fuel) * 1000 / u128::from(total.max(1));
            errln!(
                "{:>5}.{} % {:>12} fuel {:>9} calls  {}",
                share / 10,
                share % 10,
                function.fuel,
                function.calls,
                printable(&function.name)
            );
        }
        Ok(())
    }
}

/// Shows what a plugin does, on stderr.
struct StderrTrace {
    json: bool,
    /// Exports under way: what happens in one is indented.
    depth: AtomicUsize,
}

impl StderrTrace {
    fn line(&self, fuel: Option<u64>, depth: usize, text: &str) {
        let fuel = fuel.map_or_else(|| "-".to_owned(), |fuel| fuel.to_string());
        let indent = 2 * depth;
        errln!("{DIM}trace {fuel:>12}{DIM:#} {:indent$}{}", "", printable(text));
    }
}

impl HostTrace for StderrTrace {
    fn call(&self, call: &HostCallTrace) {
        if !self.json {
            let depth = self.depth.load(Ordering::Relaxed);
            return self.line(call.fuel_used, depth, &call.to_string());
        }
        let mut line = json!({
            "event": "host_call",
            "plugin": plain(&call.plugin),
            "fuel_used": call.fuel_used,
            "module": call.module,
            "field": call.field,
            "args": values(&call.args),
            "decision": plain(&call.decision),
        });
        add(&mut line, answer(&call.answer));
        errln!("{line}");
    }

    fn watches_guest(&self) -> bool {
        true
    }

    fn guest(&self, event: &GuestTrace) {
        let GuestTrace { plugin, fuel_used, event, .. } = event;
        let depth = match event {
            GuestEvent::Called { .. } => self.depth.fetch_add(1, Ordering::Relaxed),
            // Set rather than counted down: whatever came before, the host is back at its own.
            GuestEvent::Returned { .. } => {
                self.depth.store(0, Ordering::Relaxed);
                0
            }
            _ => self.depth.load(Ordering::Relaxed),
        };
        if !self.json {
            return self.line(*fuel_used, depth, &event.to_string());
        }
        let mut line = json!({"plugin": plain(plugin), "fuel_used": fuel_used});
        add(
            &mut line,
            match event {
                GuestEvent::Called { export, args } => {
                    json!({"event": "call", "export": plain(export), "args": values(args)})
                }
                GuestEvent::Returned { export, answer: answered } => {
                    let mut told = json!({"event": "return", "export": plain(export)});
                    add(&mut told, answer(answered));
                    told
                }
                GuestEvent::MemoryGrew { pages, before } => {
                    json!({"event": "memory_grow", "pages": pages, "pages_before": before})
                }
                _ => json!({"event": "other"}),
            },
        );
        errln!("{line}");
    }
}

fn add(line: &mut serde_json::Value, more: serde_json::Value) {
    if let (serde_json::Value::Object(line), serde_json::Value::Object(more)) = (line, more) {
        line.extend(more);
    }
}

fn answer(answer: &HostAnswer) -> serde_json::Value {
    match answer {
        HostAnswer::Returned(Some(value)) => json!({"returned": self::value(*value)}),
        HostAnswer::Stopped(why) => json!({"stopped": plain(why)}),
        HostAnswer::Waits => json!({"waits": true}),
        _ => serde_json::Value::Object(Map::new()),
    }
}

fn values(values: &[Value]) -> Vec<serde_json::Value> {
    values.iter().copied().map(value).collect()
}

/// A number; what JSON has no number for is `null`.
fn value(value: Value) -> serde_json::Value {
    match value {
        Value::I32(value) => json!(value),
        Value::I64(value) => json!(value),
        Value::F32(value) => json!(value),
        Value::F64(value) => json!(value),
    }
}
