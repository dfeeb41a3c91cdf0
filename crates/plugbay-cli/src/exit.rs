//! How a program ends: one code a class of outcome, the same for every command.

use std::process::ExitCode;

/// The codes, as every `--help` lists them.
pub(crate) const HELP: &str = "Exit codes: 0 success; 1 the plugin, request or action failed; \
     2 wrong usage, configuration or file.";

/// How a command that ran to its end came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All went well.
    Success,
    /// What the command was to do was done, and failed.
    Failure,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => ExitCode::SUCCESS,
            Outcome::Failure => ExitCode::from(1),
        }
    }
}

/// Turns a command's result into an exit code; what stopped it goes to stderr.
pub(crate) fn code(program: &str, result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            let (style, reset) = (crate::ui::ERROR, crate::ui::ERROR.render_reset());
            anstream::eprintln!("{program}: {style}error{reset}: {error:#}");
            ExitCode::from(2)
        }
    }
}
