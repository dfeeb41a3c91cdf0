//! Where a program is: the one decision which file is run, taken before anything runs.

use std::path::{Path, PathBuf};

use super::error::ProcessError;

/// The file that `program` names: itself, if it is an absolute path, or the first of this name in `folders`.
pub(super) fn find(program: &str, folders: &[PathBuf]) -> Result<PathBuf, ProcessError> {
    let path = Path::new(program);
    if path.is_absolute() {
        return check(program, path).map(|()| path.to_owned());
    }
    // A separator, a drive, `.`, `..` and nothing at all are no name.
    if path.file_name().is_none_or(|name| name != program) {
        return Err(ProcessError::invalid(format!(
            "the program {program:?}, wanted an absolute path or a name alone"
        )));
    }
    let mut not_runnable = None;
    for candidate in folders.iter().flat_map(|folder| candidates(folder, program)) {
        match check(program, &candidate) {
            Ok(()) => return Ok(candidate),
            Err(error) if candidate.is_file() => drop(not_runnable.get_or_insert(error)),
            Err(_) => {}
        }
    }
    Err(not_runnable.unwrap_or_else(|| start(program, None, "there is no program of this name")))
}

#[cfg(not(windows))]
fn candidates(folder: &Path, program: &str) -> [PathBuf; 1] {
    [folder.join(program)]
}

#[cfg(windows)]
fn candidates(folder: &Path, program: &str) -> [PathBuf; 2] {
    [folder.join(program), folder.join(format!("{program}.exe"))]
}

/// Whether a file may be run. The system decides; this is for the words that it has for it, and for what std
/// would hand to a shell.
fn check(program: &str, path: &Path) -> Result<(), ProcessError> {
    let refused = |reason: &str| Err(start(program, Some(path), reason));
    let data = match path.metadata() {
        Ok(data) => data,
        Err(error) => return refused(&error.to_string()),
    };
    if !data.is_file() {
        return refused("it is no regular file");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if data.permissions().mode() & 0o111 == 0 {
            return refused("it is not executable");
        }
    }
    let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
    if cfg!(windows) && ending.is_some_and(|ending| ending == "bat" || ending == "cmd") {
        return refused("it takes a shell");
    }
    Ok(())
}

fn start(program: &str, path: Option<&Path>, reason: &str) -> ProcessError {
    ProcessError::Start {
        program: program.to_owned(),
        path: path.map(Path::to_owned),
        reason: reason.to_owned(),
    }
}
