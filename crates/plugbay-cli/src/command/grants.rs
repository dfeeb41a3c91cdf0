//! `plugbay grants`: what was granted, and what waits for it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use plugbay::{GrantEntry, GrantRequest};
use serde::Serialize;

use crate::exit::Outcome;
use crate::policy::GrantsOption;
use crate::ui::{DIM, TITLE, WARN, outln, plain};

/// List what plugins were granted, and what they ask for and were not granted yet.
///
/// Grants of configurations are not listed. A plugin that asks for something it was not granted runs without.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay grants\n  plugbay grants --json | jq '.requests[].plugin'\n\nExit codes: 0 success; 2 wrong usage or file."
)]
pub(crate) struct Grants {
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    grants: GrantsOption,
}

#[derive(Serialize)]
struct Report {
    file: PathBuf,
    grants: Vec<GrantEntry>,
    requests: Vec<GrantRequest>,
}

impl Grants {
    pub(crate) fn run(self) -> Result<Outcome> {
        let store = self.grants.needed()?;
        let file = store.read()?;
        let report =
            Report { file: store.path().to_owned(), grants: file.grants, requests: file.requests };
        if self.json {
            outln!("{}", serde_json::to_string_pretty(&report)?);
            return Ok(Outcome::Success);
        }
        if report.grants.is_empty() && report.requests.is_empty() {
            outln!("nothing was granted, and nothing is asked for");
        }
        for GrantEntry { plugin, sha256, signer, capabilities, .. } in &report.grants {
            outln!("{TITLE}{}{TITLE:#} has {}", plain(plugin), plain(&capabilities.to_string()));
            outln!("  {DIM}module {sha256}, {}{DIM:#}", signed(signer.as_deref()));
        }
        for GrantRequest { plugin, sha256, signer, asks, previous, .. } in &report.requests {
            let names: Vec<&str> = asks.iter().map(|capability| capability.name()).collect();
            let plugin = plain(plugin);
            outln!("{WARN}{plugin} asks for {}{WARN:#}", names.join(", "));
            outln!("  {DIM}module {sha256}, {}{DIM:#}", signed(signer.as_deref()));
            if let Some(previous) = previous {
                outln!("  {DIM}another module of this name has grants: {previous}{DIM:#}");
            }
            outln!("  {DIM}to answer: plugbay grant PLUGIN.wasm --name {plugin:?}{DIM:#}");
        }
        Ok(Outcome::Success)
    }
}

fn signed(signer: Option<&str>) -> String {
    signer.map_or_else(|| "not signed".to_owned(), |key| format!("signed by {}", plain(key)))
}
