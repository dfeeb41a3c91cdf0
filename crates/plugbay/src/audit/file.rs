//! Records as lines of JSON in a file that does not grow without end.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{AuditRecord, AuditSink};
use crate::grants::{beside, private_folder};

/// Size from which the file is put aside, and a new one begun: 8 MiB.
pub const DEFAULT_AUDIT_BYTES: u64 = 8 << 20;

/// Files that were put aside and are kept: `.1` is the youngest.
pub(super) const KEPT: u32 = 3;

/// Characters of a plugin's own words in one record.
const LONGEST_TEXT: usize = 1_000;

/// Appends records to a file, one write a line, so that the lines of several processes do not mix.
///
/// A file that cannot be written is told of once in the log, and the plugins go on: what they may do was decided
/// before, and an account that could stop them would let whoever fills a disk stop them too. It is told of
/// again after it has worked in between. Lines are not forced to the disk one by one.
#[derive(Debug)]
pub struct AuditFile {
    path: PathBuf,
    max_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    failing: bool,
}

impl AuditFile {
    /// Records go to this file. It and its folder are made with the first record.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), max_bytes: DEFAULT_AUDIT_BYTES, state: Mutex::default() }
    }

    /// The same with another size from which the file is put aside, in bytes.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn append(&self, state: &mut State, line: &[u8]) -> io::Result<()> {
        if !state.file.as_ref().is_some_and(|file| leads_to(&self.path, file)) {
            state.file = Some(open(&self.path)?);
        }
        let Some(file) = &state.file else { return Ok(()) };
        let len = file.metadata()?.len();
        if len > 0 && len.saturating_add(line.len() as u64) > self.max_bytes {
            put_aside(&self.path, self.max_bytes, line.len() as u64)?;
            state.file = Some(open(&self.path)?);
        }
        let Some(mut file) = state.file.as_ref() else { return Ok(()) };
        // One write: with `O_APPEND` nothing of another process comes in between.
        match file.write(line)? {
            all if all == line.len() => Ok(()),
            some => Err(io::Error::other(format!("only {some} of {} bytes fitted", line.len()))),
        }
    }
}

impl AuditSink for AuditFile {
    fn record(&self, record: &AuditRecord) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let written = line(record).and_then(|line| self.append(&mut state, line.as_bytes()));
        match written {
            Ok(()) => state.failing = false,
            Err(error) => {
                // Perhaps it is another file by the next time.
                state.file = None;
                if !std::mem::replace(&mut state.failing, true) {
                    tracing::error!(
                        "cannot write to the audit log {}: {error}; plugins go on without it",
                        self.path.display()
                    );
                }
            }
        }
    }
}

/// One record as a line, in which every character shows as itself.
fn line(record: &AuditRecord) -> io::Result<String> {
    let cut = |text: &str| -> String { text.chars().take(LONGEST_TEXT).collect() };
    let mut record = record.clone();
    record.plugin = cut(&record.plugin);
    record.argument = cut(&record.argument);
    record.reason = record.reason.as_deref().map(cut);
    let mut line = record.to_json()?;
    line.push('\n');
    Ok(line)
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_folder(folder)?;
    }
    let mut options = File::options();
    options.create(true).append(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // The last write of a process that was cut off may have been half a line.
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last != *b"\n" {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

#[cfg(unix)]
pub(super) fn leads_to(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let number = |data: &fs::Metadata| (data.dev(), data.ino());
    matches!((fs::metadata(path), file.metadata()), (Ok(now), Ok(own)) if number(&now) == number(&own))
}

#[cfg(not(unix))]
pub(super) fn leads_to(path: &Path, file: &File) -> bool {
    // A file that is open cannot be renamed here by another process that means well.
    matches!((fs::metadata(path), file.metadata()), (Ok(now), Ok(own)) if now.len() == own.len())
}

/// Renames the file to `.1`, and those before it to one number more. Of several processes that want to, one does.
fn put_aside(path: &Path, max_bytes: u64, more: u64) -> io::Result<()> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(beside(path, "lock"))?;
    lock.lock()?;
    let still_full =
        fs::metadata(path).is_ok_and(|data| data.len().saturating_add(more) > max_bytes);
    if !still_full {
        return Ok(());
    }
    for number in (1..KEPT).rev() {
        let (from, to) =
            (beside(path, &number.to_string()), beside(path, &(number + 1).to_string()));
        match fs::rename(from, to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, beside(path, "1"))
}
