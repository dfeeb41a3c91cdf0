//! Files that commands write for their users: as a whole or not at all, and never in the place of what was read.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;

/// A file that an option names, until its content is there.
#[derive(Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
    /// Beside it, and put in its place at the end. A device or a pipe is written as it is.
    beside: Option<NamedTempFile>,
}

impl OutputFile {
    /// Makes sure that it can be written, and changes nothing yet.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        let failed = || format!("cannot write {}", path.display());
        if path.starts_with("/dev") || path.starts_with("/proc") {
            // What is open already, by another name.
            return Ok(Self { path: path.to_owned(), beside: None });
        }
        // What a link leads to is written, and the link stays.
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let found = std::fs::metadata(&place).ok();
        if found.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            bail!("cannot write {}: it is a folder", path.display());
        }
        let beside = match &found {
            Some(found) if !found.is_file() => None,
            // One that may not be written is not replaced either.
            Some(_) => {
                std::fs::File::options().write(true).open(&place).with_context(failed)?;
                Some(temporary(&place).with_context(failed)?)
            }
            None => Some(temporary(&place).with_context(failed)?),
        };
        if let (Some(found), Some(beside)) = (&found, &beside) {
            beside.as_file().set_permissions(found.permissions()).with_context(failed)?;
        }
        Ok(Self { path: place, beside })
    }

    /// Writes it.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<()> {
        let Self { path, beside } = self;
        let written = match beside {
            None => std::fs::write(&path, bytes),
            Some(mut beside) => beside
                .write_all(bytes)
                .and_then(|()| beside.flush())
                .and_then(|()| beside.persist(&path).map(drop).map_err(|error| error.error)),
        };
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}

fn temporary(place: &Path) -> std::io::Result<NamedTempFile> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".plugbay-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As of any new file: what the user's mask leaves of it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder.unwrap_or(Path::new(".")))
}

/// Refuses an output that is one of the inputs, by whatever path.
pub(crate) fn refuse_inputs(option: &str, output: &Path, inputs: &[&Path]) -> Result<()> {
    for input in inputs {
        if input.as_os_str() != "-" && same_file(output, input) {
            bail!("{option}: {} is read by this command, and would be lost", output.display());
        }
    }
    Ok(())
}

/// Whether two paths lead to one file. Such that is not there is none.
pub(crate) fn same_file(one: &Path, other: &Path) -> bool {
    let (Ok(one), Ok(other)) = (identity(one), identity(other)) else { return false };
    one == other
}

#[cfg(unix)]
fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> std::io::Result<PathBuf> {
    path.canonicalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_until_all_of_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        std::fs::write(&path, "old").unwrap();
        drop(OutputFile::new(&path).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        OutputFile::new(&path).unwrap().write(b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside");
        let error = OutputFile::new(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("it is a folder"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        OutputFile::new(&link).unwrap().write(b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert!(link.is_symlink());
        OutputFile::new(Path::new("/dev/null")).unwrap().write(b"new").unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
        let error = refuse_inputs("--out", &link, &[Path::new("-"), &file]).unwrap_err();
        assert!(error.to_string().contains("link is read by this command"), "{error}");
        refuse_inputs("--out", &folder.path().join("new"), &[&file]).unwrap();
    }
}
