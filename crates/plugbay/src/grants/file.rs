//! The file itself: read whole, replaced whole, by one writer at a time.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Longest file that is read. A grant has a few hundred bytes.
const LONGEST: u64 = 16 << 20;

/// What a path led to when it was last looked at.
#[derive(Debug)]
pub(super) enum Seen {
    /// Nothing, or nothing that could be read: it is looked at again each time.
    Nothing,
    /// A file, as it was before it was read.
    File {
        stamp: Stamp,
        /// Kept open, so that none that comes later can have its number.
        _file: File,
    },
}

impl Seen {
    /// Whether the path still leads to the same file, with nothing written to it.
    pub(super) fn is_current(&self, path: &Path) -> bool {
        let Seen::File { stamp, .. } = self else { return false };
        fs::metadata(path).is_ok_and(|now| Stamp::of(&now) == *stamp)
    }
}

/// What tells one file from another, and from itself with something else in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    number: (u64, u64),
    len: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(data: &fs::Metadata) -> Self {
        #[cfg(unix)]
        let number = {
            use std::os::unix::fs::MetadataExt as _;
            (data.dev(), data.ino())
        };
        #[cfg(not(unix))]
        let number = (0, 0);
        Self { number, len: data.len(), modified: data.modified().ok() }
    }
}

/// Reads the file; `None` where there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<(String, Seen)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let data = file.metadata()?;
    if !data.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    if data.len() > LONGEST {
        return Err(io::Error::other(format!("it has more than {LONGEST} bytes")));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if data.permissions().mode() & 0o022 != 0 {
            return Err(io::Error::other(
                "others than its owner may write to it, and so grant what they like (chmod go-w)",
            ));
        }
    }
    let stamp = Stamp::of(&data);
    let mut text = String::new();
    (&file).take(LONGEST).read_to_string(&mut text)?;
    Ok(Some((text, Seen::File { stamp, _file: file })))
}

/// Held while the file is read, changed and replaced. Readers need none: they see the old file or the new one.
pub(super) struct Lock(#[expect(dead_code, reason = "held, not used")] File);

/// Waits until no other process or thread changes the file.
pub(super) fn lock(path: &Path) -> io::Result<Lock> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_folder(folder)?;
    }
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(beside(path, "lock"))?;
    file.lock()?;
    Ok(Lock(file))
}

/// Makes a folder that only its owner can look into, where there is none yet.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// `path` with `.ending` after its whole name.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{ending}"));
    path.with_file_name(name)
}

/// Replaces the file: whoever reads it sees the old text or the new one, also after a loss of power.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // Only its owner may read and write it, from the first byte on.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}
