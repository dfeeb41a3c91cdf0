//! `plugbay revoke`: what a plugin may do no more.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use plugbay::policy::Capability;

use super::grant::plugin_name;
use crate::exit::Outcome;
use crate::policy::GrantsOption;
use crate::ui::{outln, plain};

/// Take back what a plugin was granted, one capability or all.
///
/// It counts with the plugin's next call, also in gateways and conductors that run, and for every version of the
/// plugin. What a configuration grants is taken back there.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay revoke weather.wasm Filesystem\n  plugbay revoke weather\n\nExit codes: 0 taken back; 1 there was nothing to take back; 2 wrong usage or file."
)]
pub(crate) struct Revoke {
    /// The plugin's name, as `plugbay grants` lists it, or its module
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    /// Network, Audio, Midi, Filesystem, Subprocess or SystemControl; without one, all
    capability: Option<Capability>,
    #[command(flatten)]
    grants: GrantsOption,
}

impl Revoke {
    pub(crate) fn run(self) -> Result<Outcome> {
        let store = self.grants.needed()?;
        let text = self.plugin.to_string_lossy().into_owned();
        // A module that is gone is no reason to leave its grants.
        let module = self.plugin.extension().is_some_and(|ending| ending == "wasm");
        let file = store.read()?;
        let listed = file.grants.iter().any(|entry| entry.plugin == text);
        let name = if module && !listed { plugin_name(&self.plugin) } else { text };
        let changed =
            store.update(|file| file.revoke(|entry| entry.plugin == name, self.capability))?;
        let what = self.capability.map_or("anything", Capability::name);
        let name = plain(&name);
        if changed == 0 {
            outln!("{name} was not granted {what}: nothing was taken back");
            return Ok(Outcome::Failure);
        }
        match self.capability {
            Some(capability) => outln!("{name} has {capability} no more"),
            None => outln!("{name} has nothing any more"),
        }
        Ok(Outcome::Success)
    }
}
