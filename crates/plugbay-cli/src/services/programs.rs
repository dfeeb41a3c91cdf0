//! Programs that conductor's `Shell` actions run.

use plugbay::runtime::BoxFuture;
use plugbay::{ProgramRequest, run_program};
use plugbay_midi::config::Command;
use plugbay_midi::run::{ActionError, Programs};

use crate::logging::PROGRAM;
use crate::ui::printable;

/// Programs whose output goes to the log, line by line.
pub(crate) struct LoggedPrograms;

impl Programs for LoggedPrograms {
    fn run<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            let Command { program, arguments, timeout, .. } = command;
            let request = ProgramRequest::new(program, arguments.clone(), *timeout);
            let output = run_program(request).await?;
            let streams = [
                (&output.stdout, output.stdout_truncated),
                (&output.stderr, output.stderr_truncated),
            ];
            for (bytes, truncated) in streams {
                for line in String::from_utf8_lossy(bytes).lines() {
                    tracing::info!(target: PROGRAM, program, "{}", printable(line));
                }
                if truncated {
                    tracing::warn!(target: PROGRAM, program, "what it printed after that is not kept");
                }
            }
            match output.status {
                0 => Ok(()),
                status => Err(format!("the program {program:?} ended with status {status}").into()),
            }
        })
    }
}
