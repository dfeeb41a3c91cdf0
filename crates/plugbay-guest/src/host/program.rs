//! Programs. They take `Subprocess`.

use super::{Error, answer_document, plain};
use crate::json::{Map, Value};

/// A program that is about to run.
#[derive(Debug, Clone)]
pub struct Program {
    program: String,
    args: Vec<String>,
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
        let status = plain::run(self.document().as_bytes(), input)?;
        let ended = answer_document()?;
        let is = |name: &str| ended.at(name).as_bool() == Some(true);
        Ok(Output {
            status,
            stdout: plain::answer(1).unwrap_or_default(),
            stderr: plain::answer(2).unwrap_or_default(),
            stdout_truncated: is("stdout_truncated"),
            stderr_truncated: is("stderr_truncated"),
        })
    }

    fn document(&self) -> String {
        let mut document = Map::new();
        document.set("program", &self.program);
        document.set("args", self.args.clone());
        if let Some(timeout_ms) = self.timeout_ms {
            document.set("timeout_ms", timeout_ms);
        }
        Value::Object(document).to_string()
    }
}
