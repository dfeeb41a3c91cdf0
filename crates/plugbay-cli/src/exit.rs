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
    /// What it was given cannot be used, and it said why.
    Unusable,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => ExitCode::SUCCESS,
            Outcome::Failure => ExitCode::from(1),
            Outcome::Unusable => ExitCode::from(2),
        }
    }
}

/// Turns a command's result into an exit code; what stopped it goes to stderr. A success that could not be told is none.
pub(crate) fn code(program: &str, result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Success) if crate::ui::stdout_is_broken() => Outcome::Unusable.into(),
        Ok(outcome) => outcome.into(),
        Err(error) => {
            report(program, &error);
            ExitCode::from(2)
        }
    }
}

/// Says what stopped a command, on stderr.
pub(crate) fn report(program: &str, error: &anyhow::Error) {
    let (style, reset) = (crate::ui::ERROR, crate::ui::ERROR.render_reset());
    crate::ui::errln!("{program}: {style}error{reset}: {}", chain(error));
}

/// Says what is wrong with a command line, which `code` stands for; or gives the help that it asked for.
pub(crate) fn usage(error: &clap::Error, code: u8) -> ExitCode {
    let is_wrong = error.use_stderr();
    // Where it cannot be said, the code still tells.
    let _ = error.print();
    if is_wrong { ExitCode::from(code) } else { ExitCode::SUCCESS }
}

/// An error with its causes. Many an error's text ends with its cause's already; it is not said twice.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let error = Err::<(), _>(anyhow!("cannot read it: not there"));
        let error = error.context("plugin `p`: cannot read it: not there").unwrap_err();
        assert_eq!(chain(&error), "plugin `p`: cannot read it: not there");
        let error = Err::<(), _>(anyhow!("not there")).context("cannot read it").unwrap_err();
        assert_eq!(chain(&error), "cannot read it: not there");
    }
}
