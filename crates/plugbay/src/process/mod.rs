//! Programs that plugins run: without a shell, with little of the host's environment, and never longer than they may.
//!
//! Whether a program may be run is decided before, by whoever calls. In here it is found (`lookup`), gets its
//! variables (`environment`), is listened to (`output`), and is killed with what it started (`group`): when it
//! takes too long, when nobody waits for it any more, and when it ends and leaves something running.

mod environment;
mod error;
mod group;
mod lookup;
mod output;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

pub use self::environment::program_environment;
pub use self::error::ProcessError;

use self::group::Group;
use self::output::Output;

/// Most bytes that are kept of a program's stdout, and of its stderr.
pub(crate) const LONGEST_OUTPUT: usize = 1 << 20;

/// How long a pipe may stay open after everybody who should hold it was killed: somebody who left the group has it.
const GRACE: Duration = Duration::from_millis(500);

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgramRequest {
    /// An absolute path, or a name that is looked for in the host's `PATH`.
    pub program: String,
    /// Its arguments, each as it is.
    pub args: Vec<String>,
    /// What it reads; its stdin ends there.
    pub stdin: Vec<u8>,
    /// How long it may take, from its start to its end.
    pub timeout: Duration,
}

impl ProgramRequest {
    /// A program with these arguments that reads nothing.
    pub fn new(program: impl Into<String>, args: Vec<String>, timeout: Duration) -> Self {
        Self { program: program.into(), args, stdin: Vec::new(), timeout }
    }
}

/// What a program that ended by itself left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgramOutput {
    /// Its exit status, 0 or more.
    pub status: i32,
    /// The first MiB that it printed.
    pub stdout: Vec<u8>,
    /// The same of its stderr.
    pub stderr: Vec<u8>,
    /// Whether there was more, or may have been: somebody whom it started holds its stdout still.
    pub stdout_truncated: bool,
    /// The same of its stderr.
    pub stderr_truncated: bool,
}

/// Runs a program and waits for its end.
///
/// It runs in a directory that nobody else writes to. What it started and left running in its process group is killed when it
/// ends. Dropped before that, the future kills all of it; tokio's runtime then takes its status off the system's
/// hands. It runs on tokio's runtime, with everything enabled.
///
/// # Errors
///
/// When it cannot be started, takes too long, or is ended by a signal. Any exit status is an answer.
pub async fn run(request: ProgramRequest) -> Result<ProgramOutput, ProcessError> {
    let ProgramRequest { program, args, stdin, timeout: after } = request;
    Running::start(&program, &args)?.finish(&stdin, after).await
}

/// The file that a program's name means: itself, if it is an absolute path, or what is found in the host's `PATH`.
///
/// # Errors
///
/// When there is none that could be run.
pub fn find_program(program: &str) -> Result<PathBuf, ProcessError> {
    let folders = environment::folders(&std::env::var_os("PATH").unwrap_or_default());
    lookup::find(program, &folders)
}

/// A program that was started. It is killed when this goes, the group first: while nobody has asked for the
/// leader's status, the group's number is its own.
struct Running {
    group: Group,
    child: Child,
}

impl Running {
    fn start(program: &str, args: &[String]) -> Result<Self, ProcessError> {
        if std::iter::once(program).chain(args.iter().map(String::as_str)).any(|a| a.contains('\0'))
        {
            return Err(ProcessError::invalid("a NUL in the program's name or in an argument"));
        }
        let directory = working_directory();
        let folders = environment::folders(&std::env::var_os("PATH").unwrap_or_default());
        let path = lookup::find(program, &folders)?;
        let mut command = command(&path, args, &directory);
        // What was split at separators joins again.
        command.env("PATH", std::env::join_paths(folders).unwrap_or_default());
        let child = Command::from(command).kill_on_drop(true).spawn();
        let child = child.map_err(|error| ProcessError::Start {
            program: program.to_owned(),
            path: Some(path),
            // The system has the same words for both.
            reason: match directory.is_dir() {
                true => error.to_string(),
                false => "the directory that it would run in is not there".to_owned(),
            },
        })?;
        Ok(Self { group: Group::of(&child), child })
    }

    async fn finish(
        mut self,
        stdin: &[u8],
        after: Duration,
    ) -> Result<ProgramOutput, ProcessError> {
        let Self { group, child } = &mut self;
        let (mut stdout, mut stderr) = (Output::default(), Output::default());
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let status = {
            let talk = async {
                tokio::join!(
                    write(pipes.0, stdin),
                    stdout.read(pipes.1, LONGEST_OUTPUT),
                    stderr.read(pipes.2, LONGEST_OUTPUT),
                )
            };
            tokio::pin!(talk);
            let mut is_over = false;
            let end = async {
                loop {
                    tokio::select! {
                        status = child.wait() => break status,
                        _ = &mut talk, if !is_over => is_over = true,
                    }
                }
            };
            let end = timeout(after, end).await;
            // At once, while the group's number is no other's. Who is left in it holds the pipes.
            group.kill();
            let Ok(status) = end else {
                // It is as good as gone; this takes its status.
                let _ = timeout(GRACE, child.wait()).await;
                return Err(ProcessError::Timeout { after });
            };
            if !is_over {
                let _ = timeout(GRACE, talk).await;
            }
            status_of(status)?
        };
        let (stdout, stdout_truncated) = stdout.end();
        let (stderr, stderr_truncated) = stderr.end();
        Ok(ProgramOutput { status, stdout, stderr, stdout_truncated, stderr_truncated })
    }
}

fn command(path: &Path, args: &[String], directory: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(path);
    command
        .args(args)
        .env_clear()
        .envs(environment::handed_on(std::env::vars_os()))
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A group of its own, by which it is killed with what it started.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Where programs run. On Unix anybody may leave something in the temporary directory, and many a program takes
/// modules or a configuration from where it runs; on Windows that directory is the user's own.
fn working_directory() -> PathBuf {
    if cfg!(unix) { PathBuf::from("/") } else { std::env::temp_dir() }
}

/// Hands over what a program is to read. It need not read it.
async fn write(stdin: Option<ChildStdin>, bytes: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(bytes).await;
    }
}

fn status_of(status: io::Result<ExitStatus>) -> Result<i32, ProcessError> {
    let status = status.map_err(|error| ProcessError::Wait { reason: error.to_string() })?;
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Err(ProcessError::Signal(signal));
    }
    match status.code() {
        Some(status @ 0..) => Ok(status),
        Some(status) => Err(ProcessError::Status(status)),
        None => Err(ProcessError::Wait { reason: "it has no exit status".to_owned() }),
    }
}
