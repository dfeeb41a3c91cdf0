//! `conductor schema`: what a configuration may say, for editors.

use anyhow::Result;
use clap::Args;
use plugbay_midi::config::Config;

use crate::exit::Outcome;
use crate::ui::outln;

/// Print the JSON Schema of configurations, for editors that complete and check TOML.
///
/// A first line `#:schema PATH` in a configuration names it to taplo and what is built on that, such as Even Better TOML.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conductor schema > conductor.schema.json\n  sed -i '1i #:schema conductor.schema.json' pads.toml\n\nExit codes: 0 it is printed; 2 wrong usage."
)]
pub(super) struct Schema {}

impl Schema {
    pub(super) fn run(self) -> Result<Outcome> {
        outln!("{:#}", Config::schema());
        Ok(Outcome::Success)
    }
}
