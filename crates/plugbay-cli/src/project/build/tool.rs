//! Compilers and their like: looked for before they are needed, and run.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::CompilerFailed;

/// A program that a build runs.
pub(crate) struct Tool<'a> {
    pub(crate) program: &'a OsStr,
    /// What makes it say its version.
    pub(crate) version: &'a [&'a str],
    /// What to type, or where to go, where it is absent.
    pub(crate) cure: &'a str,
}

impl Tool<'_> {
    /// What it says of its version, in one line.
    ///
    /// # Errors
    ///
    /// It is not there, or does not run.
    pub(crate) fn ask(&self, folder: &Path) -> Result<String> {
        let name = self.program.to_string_lossy();
        let output = Command::new(self.program)
            .args(self.version)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        match output {
            Ok(output) if output.status.success() => {
                let text = String::from_utf8_lossy(&output.stdout);
                Ok(text.lines().next().unwrap_or_default().trim().to_owned())
            }
            Ok(output) => bail!(
                "`{name} {}` failed ({}); {}",
                self.version.join(" "),
                output.status,
                self.cure
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!("`{name}` is not there; {}", self.cure)
            }
            Err(error) => Err(error).with_context(|| format!("cannot run `{name}`; {}", self.cure)),
        }
    }
}

/// A command in a project's folder, whose words go to stderr: stdout is for what was asked for.
pub(crate) fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr()));
    command
}

/// Runs a compiler to its end.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    crate::ui::errln!("{}{shown}{:#}", crate::ui::DIM, crate::ui::DIM);
    let status = command.status().with_context(|| format!("cannot run `{shown}`"))?;
    finish(&shown, status)
}

/// Takes the end of a compiler for what it is.
pub(crate) fn finish(shown: &str, status: std::process::ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    Err(CompilerFailed { command: shown.to_owned(), status: status.to_string() }.into())
}

/// A command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_stem().unwrap_or(program.as_os_str()).to_string_lossy();
    let mut text = program.into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        text.push(' ');
        match argument.contains(' ') {
            true => text.push_str(&format!("\"{argument}\"")),
            false => text.push_str(&argument),
        }
    }
    text
}

/// A program by its name, as a shell would find it.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    found.map(|folder| folder.join(&name)).find(|path| path.is_file())
}
