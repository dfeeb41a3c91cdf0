//! `plugbay inspect`: what a plugin says of itself when it is loaded.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use plugbay::PluginOptions;
use serde::Serialize;

use crate::exit::Outcome;
use crate::harden::HardenOption;
use crate::options::{BackendOptions, LimitOptions, json_argument, load};
use crate::ui::{self, DIM, StderrLines, TITLE, outln};

/// Load a plugin, run its init, and print what it says of itself.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay inspect target/plugins/redactor.wasm\n  plugbay inspect target/plugins/midi_velocity.wasm --json"
)]
pub(crate) struct Inspect {
    /// The module, or - for standard input
    file: PathBuf,
    /// What init is given: JSON, or @FILE
    #[arg(long, value_name = "JSON", default_value = "{}")]
    config: String,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    backend: BackendOptions,
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    harden: HardenOption,
}

#[derive(Serialize)]
struct Report {
    file: String,
    bytes: u64,
    name: String,
    world: String,
    /// Which generation of the hook contract; none for a plugin without hooks.
    abi: Option<u8>,
    hooks: Vec<&'static str>,
    capabilities: Vec<&'static str>,
    metadata: Option<plugbay::abi::action::Metadata>,
    backend: &'static str,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<Outcome> {
        let config = json_argument("config", &self.config)?;
        self.harden.apply(|| {
            let mut places = self.backend.places();
            places.plugin(&self.file);
            places
        })?;
        let host = self.backend.host(Arc::new(StderrLines))?;
        let options =
            PluginOptions::default().with_config(config).with_limits(self.limits.limits());
        super::call::block_on(async {
            let bytes = std::fs::metadata(&self.file).map(|file| file.len()).unwrap_or_default();
            let plugin = match load(&host, &self.file, options).await? {
                Ok(plugin) => plugin,
                Err(error) => return Ok(ui::plugin_failure(&error, error.backtrace())),
            };
            let report = Report {
                file: self.file.display().to_string(),
                bytes,
                name: plugin.name().to_owned(),
                world: plugin.interface().world.to_string(),
                abi: (plugin.interface().is_hook_plugin()).then(|| plugin.abi().number()),
                hooks: plugin.interface().hooks().map(|hook| hook.export()).collect(),
                capabilities: plugin.capabilities().iter().map(|c| c.name()).collect(),
                metadata: plugin.metadata().cloned(),
                backend: host.backend_name(),
            };
            if self.json {
                outln!("{}", serde_json::to_string_pretty(&report)?);
            } else {
                print(&report);
            }
            if let Err(error) = plugin.shutdown().await {
                return Ok(ui::failure(&error));
            }
            Ok(Outcome::Success)
        })
    }
}

fn print(report: &Report) {
    let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    outln!("{TITLE}{}{TITLE:#}", ui::printable(&report.name));
    let mut rows = vec![
        ("file", format!("{} ({})", report.file, ui::bytes(report.bytes))),
        ("world", report.world.clone()),
        ("hooks", list(&report.hooks)),
    ];
    if let Some(abi) = report.abi {
        let bodies = if abi == 1 { "bodies in documents" } else { "bodies beside documents" };
        rows.push(("abi", format!("{abi}, {bodies}")));
    }
    rows.push(("asks for", list(&report.capabilities)));
    if let Some(metadata) = &report.metadata {
        rows.push(("version", metadata.version.clone()));
        rows.push(("about", metadata.description.clone()));
        rows.push(("author", metadata.author.clone()));
        rows.push(("licence", metadata.license.clone()));
    }
    for (name, value) in rows {
        outln!("  {DIM}{name:<9}{DIM:#} {}", ui::printable(&value));
    }
}
