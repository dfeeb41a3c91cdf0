//! `plugbay completions`: scripts that complete the command line.

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::exit::Outcome;
use crate::ui::outln;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay completions bash > /etc/bash_completion.d/plugbay\n  plugbay completions bash --program conductor"
)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
    /// The program whose command line is completed
    #[arg(long, default_value = "plugbay", value_parser = ["plugbay", "conductor", "conductor-sign"])]
    program: String,
}

impl Completions {
    pub(crate) fn run<P: CommandFactory>(self) -> Result<Outcome> {
        let mut command = match self.program.as_str() {
            "conductor" => super::midi::Conductor::command(),
            "conductor-sign" => super::sign::ConductorSign::command(),
            _ => P::command(),
        };
        // Written as a whole, since the library's own writing panics where nobody reads.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, self.program, &mut script);
        outln!("{}", String::from_utf8_lossy(&script).trim_end_matches('\n'));
        Ok(Outcome::Success)
    }
}
