//! What `plugbay gateway` does instead of serving: to try everything, and to print the schema.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use plugbay_gateway::{CheckReport, ConfigError};

use crate::exit::Outcome;
use crate::ui::{self, DIM, ERROR, GOOD, outln};

/// Instead of serving.
#[derive(Debug, Args)]
pub(super) struct Dry {
    /// Try everything without serving: the configuration, each plugin up to its init, the providers' keys. Exit code 0
    /// if a gateway would start with all of it, else 2
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub(super) check: Option<Option<PathBuf>>,
    /// What --check finds as JSON
    #[arg(long, requires = "check")]
    json: bool,
    /// Print the JSON Schema of the configuration
    #[arg(long)]
    pub(super) print_schema: bool,
}

impl Dry {
    pub(super) fn refused(&self, error: &ConfigError) -> Result<Outcome> {
        match self.json {
            true => {
                let found = serde_json::json!({"ok": false, "plugins": [], "problems": [error.to_string()]});
                outln!("{found:#}");
            }
            false => outln!("{ERROR}wrong{ERROR:#} {}", ui::printable(&error.to_string())),
        }
        Ok(Outcome::Unusable)
    }

    pub(super) fn report(&self, report: &CheckReport) -> Result<Outcome> {
        if self.json {
            outln!("{}", serde_json::to_string_pretty(report)?);
        } else {
            for plugin in &report.plugins {
                let name = ui::printable(&plugin.name);
                match &plugin.error {
                    Some(error) => {
                        outln!("{ERROR}wrong{ERROR:#} plugin {name}: {}", ui::printable(error));
                    }
                    None if !plugin.enabled => outln!("{DIM}off{DIM:#}   plugin {name}"),
                    None => {
                        let hash = plugin.sha256.as_deref().unwrap_or_default();
                        outln!(
                            "{GOOD}good{GOOD:#}  plugin {name}: {} (sha256 {hash})",
                            plugin.hooks.join(", ")
                        );
                    }
                }
            }
            for problem in &report.problems {
                outln!("{ERROR}wrong{ERROR:#} {}", ui::printable(problem));
            }
            if report.ok {
                outln!("{GOOD}good{GOOD:#}  a gateway would start with all of it");
            }
        }
        Ok(if report.ok { Outcome::Success } else { Outcome::Unusable })
    }
}
