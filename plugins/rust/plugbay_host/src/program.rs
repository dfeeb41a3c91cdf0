//! Programs. They take `Subprocess`.

use serde::{Deserialize, Serialize};

use crate::{Error, http::plain_document, plain};

/// A program that is about to run.
#[derive(Debug, Clone, Serialize)]
pub struct Program {
    program: String,
    args: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
}

/// What a program left when it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status.
    pub status: i32,
    /// The first MiB of what it wrote to stdout.
    pub stdout: Vec<u8>,
    /// The first MiB of what it wrote to stderr.
    pub stderr: Vec<u8>,
    /// Whether there was more on stdout.
    pub stdout_truncated: bool,
    /// Whether there was more on stderr.
    pub stderr_truncated: bool,
}

impl Program {
    /// A program in the grant's spelling, without arguments.
    pub fn new(program: &str) -> Self {
        Self { program: program.to_owned(), args: Vec::new(), timeout_ms: None }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.args.push(argument.to_owned());
        self
    }

    /// Ends it after this time.
    #[must_use]
    pub fn timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.timeout_ms = Some(timeout_ms);
        self
    }

    /// Runs it with this on its stdin, and waits until it ends.
    ///
    /// # Errors
    ///
    /// Whatever the host says. A program that a signal ended is `failed`, and `document["signal"]` of the error
    /// says which one.
    pub fn run(&self, input: &[u8]) -> Result<Output, Error> {
        #[derive(Deserialize)]
        struct Ended {
            stdout_truncated: bool,
            stderr_truncated: bool,
        }
        let status = plain::run(&plain_document(self), input)?;
        let document = plain::answer(0).unwrap_or_default();
        let ended: Ended =
            serde_json::from_slice(&document).map_err(|error| Error::unreadable(&error))?;
        Ok(Output {
            status,
            stdout: plain::answer(1).unwrap_or_default(),
            stderr: plain::answer(2).unwrap_or_default(),
            stdout_truncated: ended.stdout_truncated,
            stderr_truncated: ended.stderr_truncated,
        })
    }
}
