//! `run`.

use std::sync::Arc;
use std::time::Duration;

use plugbay_policy::Request;
use plugbay_runtime::TrapKind;
use serde::Deserialize;
use serde_json::json;

use super::background::{Task, spawn};
use super::document::{Args, Told};
use super::outcome::{Class, Failure, Outcome, Success};
use super::revoked::while_allowed;
use super::{HostFunctions, Shared};
use crate::process::{self, ProcessError, ProgramOutput, ProgramRequest};
use crate::services::StandInCall;

/// Most bytes for a program's stdin.
const MOST_INPUT: usize = 16 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    program: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default = "patience")]
    timeout_ms: u64,
}

fn patience() -> u64 {
    10_000
}

impl HostFunctions {
    /// `run(ptr, len, input_ptr, input_len)`.
    pub(super) fn run(&self, args: &mut Args<'_>) -> Result<Told<Task>, TrapKind> {
        let run = args.document(0)?;
        let input = args.bytes(2)?;
        Ok(run.and_then(|run| self.run_program(run, input)))
    }

    fn run_program(&self, Run { program, args, timeout_ms }: Run, input: &[u8]) -> Told<Task> {
        let wanted = Request::Run { program: program.clone(), args: args.clone() };
        self.check(&wanted)?;
        if input.len() > MOST_INPUT {
            let message = format!("a stdin of {} bytes, wanted {MOST_INPUT} at most", input.len());
            return Err(Failure::new(Class::TooLarge, message));
        }
        let stood_in = self.stood_in(|| {
            let call = StandInCall::new("run").with("program", &*program);
            call.with("args", args.clone()).with("timeout_ms", timeout_ms).bytes("stdin", input)
        });
        if let Some(task) = stood_in {
            return Ok(task);
        }
        let (stdin, timeout) = (input.to_vec(), Duration::from_millis(timeout_ms));
        let request = ProgramRequest { program, args, stdin, timeout };
        let (granted, shared) = (self.granted.clone(), Arc::clone(&self.shared));
        Ok(spawn(async move {
            let run = async {
                let output = process::run(request).await;
                output.map_err(|error| failure(&shared, &error)).and_then(answer)
            };
            while_allowed(&granted, &wanted, run).await
        }))
    }
}

fn answer(output: ProgramOutput) -> Outcome {
    let ProgramOutput { status, stdout, stderr, stdout_truncated, stderr_truncated } = output;
    let document = json!({
        "status": status,
        "signal": null,
        "stdout_truncated": stdout_truncated,
        "stderr_truncated": stderr_truncated,
    });
    Ok(Success::new(status).document(&document).bytes(stdout).more(stderr))
}

fn failure(shared: &Shared, error: &ProcessError) -> Failure {
    if let Some(text) = shared.remarks.fit(error) {
        tracing::info!(plugin = &*shared.plugin, "a program: {text}");
    }
    let class = match error.class() {
        "timeout" => Class::Timeout,
        "invalid" => Class::Invalid,
        _ => Class::Failed,
    };
    let failure = Failure::new(class, error.guest_message());
    match error {
        ProcessError::Signal(signal) => failure.with("signal", *signal),
        _ => failure,
    }
}
