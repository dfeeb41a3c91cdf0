//! `conductor-sign`, and `plugbay sign`: keys, signatures, and whom the user trusts.

mod generate_key;
mod inspect;
mod key;
mod passphrase;
mod report;
pub(super) mod sign_module;
mod trust;
mod verify;

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use plugbay::signing::{Status, Time, TrustDirectory};

use crate::exit;
use crate::ui::stdout_is_broken;

/// The codes of these commands are not those of the others: scripts tell by them what a signature is worth.
const HELP: &str = "Example:\n  conductor-sign generate-key ~/.conductor/my-key\n  \
     conductor-sign sign my_plugin.wasm ~/.conductor/my-key \\\n    --name \"Your Name\" --email you@example.com\n  \
     conductor-sign verify my_plugin.wasm\n\nExit codes: 0 valid and trusted, or done; 1 wrong usage, or a file cannot be used; 2 unsigned; \
     3 invalid or modified; 4 valid, but not trusted; 5 revoked or expired.";

/// Sign WebAssembly plugins, verify them, and keep the keys that you trust.
#[derive(Debug, Parser)]
#[command(
    name = "conductor-sign",
    version,
    propagate_version = true,
    after_help = HELP,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct ConductorSign {
    #[command(subcommand)]
    command: SignCommand,
}

/// Sign plugins, verify them, and keep the keys that you trust: the same as the program `conductor-sign`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay sign generate-key ~/.conductor/my-key\n  plugbay sign sign my_plugin.wasm ~/.conductor/my-key \\\n    --name \"Your Name\" --email you@example.com\n  plugbay sign verify my_plugin.wasm --json\n\nExit codes: 0 valid and trusted, or done; 1 wrong usage, or a file cannot be used; 2 unsigned; 3 invalid or modified; 4 valid, but not trusted; 5 revoked or expired."
)]
pub(crate) struct Sign {
    #[command(subcommand)]
    command: SignCommand,
}

#[derive(Debug, Subcommand)]
enum SignCommand {
    GenerateKey(generate_key::GenerateKey),
    Sign(sign_module::SignModule),
    Verify(verify::Verify),
    Trust(trust::Trust),
    Inspect(inspect::Inspect),
}

impl Sign {
    pub(crate) fn run(self) -> ExitCode {
        self.command.run("plugbay sign")
    }
}

/// The program `conductor-sign`.
pub fn conductor_sign() -> ExitCode {
    match ConductorSign::try_parse() {
        Ok(parsed) => parsed.command.run("conductor-sign"),
        Err(error) => exit::usage(&error, 1),
    }
}

impl SignCommand {
    fn run(self, program: &str) -> ExitCode {
        let result = match self {
            Self::GenerateKey(command) => command.run().map(|()| Status::Trusted.code()),
            Self::Sign(command) => command.run().map(|()| Status::Trusted.code()),
            Self::Verify(command) => command.run(),
            Self::Trust(command) => command.run().map(|()| Status::Trusted.code()),
            Self::Inspect(command) => command.run(),
        };
        match result {
            // What could not be told was not done.
            Ok(code) if code == Status::Trusted.code() && stdout_is_broken() => ExitCode::from(1),
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                exit::report(program, &error);
                ExitCode::from(1)
            }
        }
    }
}

pub(super) fn now() -> Result<Time> {
    Time::try_from(SystemTime::now()).context("the machine's clock gives no time")
}

/// The user's trust store.
fn trust_directory() -> Result<TrustDirectory> {
    let directory = crate::options::trust_directory();
    directory.context("this user has no configuration directory: XDG_CONFIG_HOME names one")
}
