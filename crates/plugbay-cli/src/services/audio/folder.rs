//! The files of a folder, each a sound by its name without the ending.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use plugbay::ServiceError;

/// Most bytes of a sound: a minute and a half as CDs have it.
pub(super) const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The sounds that there are.
pub(super) struct SoundFolder {
    folder: Option<PathBuf>,
}

/// A sound that was found, and is open: what is looked at is what is read.
#[cfg_attr(not(feature = "audio"), allow(dead_code, reason = "nobody listens to what is in it"))]
pub(super) struct Sound {
    name: String,
    path: PathBuf,
    file: File,
}

impl SoundFolder {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// Opens a sound. What could lead out of the folder is no name, and a link is no sound.
    pub(super) fn open(&self, name: &str) -> Result<Sound, ServiceError> {
        let unknown = || ServiceError::Unknown { what: "sound", name: name.to_owned() };
        let plain = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
        if name.is_empty() || !name.chars().all(plain) {
            return Err(unknown());
        }
        let path = self.folder.as_ref().ok_or_else(unknown)?.join(format!("{name}.wav"));
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => unknown(),
            kind => failed(name, &format!("cannot be opened: {kind}")),
        };
        let Some(file) = open(&path).map_err(unreadable)? else {
            return Err(failed(name, "is a link, not a file"));
        };
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(failed(name, "is not a file"));
        }
        if metadata.len() > MOST_BYTES {
            return Err(too_large(name));
        }
        Ok(Sound { name: name.to_owned(), path, file })
    }
}

impl Sound {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// All of it. A file may have grown since it was looked at.
    #[cfg(feature = "audio")]
    pub(super) fn read(&self) -> Result<Vec<u8>, ServiceError> {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        let read = (&self.file).take(MOST_BYTES + 1).read_to_end(&mut bytes);
        let read =
            read.map_err(|error| failed(&self.name, &format!("cannot be read: {}", error.kind())))?;
        if read as u64 > MOST_BYTES { Err(too_large(&self.name)) } else { Ok(bytes) }
    }
}

/// Opens a file, unless it is a link; and waits for nobody who would write to a FIFO.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<Option<File>> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(rustix::io::Errno::LOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Opens a file, unless it is a link.
#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<Option<File>> {
    if path.symlink_metadata()?.is_symlink() { Ok(None) } else { File::open(path).map(Some) }
}

/// Plugins are shown it, and no path of the machine with it.
pub(super) fn failed(name: &str, why: &str) -> ServiceError {
    ServiceError::Failed(format!("the sound {name:?} {why}"))
}

fn too_large(name: &str) -> ServiceError {
    failed(name, &format!("is larger than {MOST_BYTES} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(folder: &Path, name: &str, wanted: &str) {
        let found = SoundFolder::new(Some(folder.to_owned())).open(name);
        let error = found.err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(wanted), "{name:?}");
    }

    #[test]
    fn a_name_is_a_file_of_the_folder_and_of_no_other() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("sounds");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(base.path().join("outside.wav"), "x").unwrap();
        std::fs::write(folder.join("plain.txt"), "x").unwrap();
        for name in ["Bell 2_a-b", "Glöckchen"] {
            std::fs::write(folder.join(format!("{name}.wav")), "x").unwrap();
            let sound = SoundFolder::new(Some(folder.clone())).open(name).ok().unwrap();
            assert_eq!((sound.name(), sound.path().parent()), (name, Some(folder.as_path())));
        }
        let outside = folder.join("../outside").display().to_string();
        for name in
            ["", "none", "plain", "../outside", "a/b", "a\\b", ".", "a.wav", "a\0", &outside]
        {
            says(&folder, name, &format!("there is no sound {name:?}"));
        }
        says(&base.path().join("none"), "bell", "there is no sound \"bell\"");
        assert!(SoundFolder::new(None).open("bell").is_err());
    }

    #[test]
    fn a_directory_is_no_sound() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bell.wav")).unwrap();
        let found = SoundFolder::new(Some(folder.path().to_owned())).open("bell");
        assert!(matches!(found, Err(ServiceError::Failed(_))));
    }

    #[cfg(unix)]
    #[test]
    fn links_and_fifos_are_no_sounds() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(format!("{name}.wav"));
        std::fs::write(path("real"), "x").unwrap();
        std::os::unix::fs::symlink(path("real"), path("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("device")).unwrap();
        mknodat(CWD, path("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        says(folder.path(), "link", "the sound \"link\" is a link, not a file");
        says(folder.path(), "device", "the sound \"device\" is a link, not a file");
        // With nobody at its other end, it would be waited for without an end.
        says(folder.path(), "fifo", "the sound \"fifo\" is not a file");
    }

    #[test]
    fn a_sound_has_a_size() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("long.wav")).unwrap();
        file.set_len(MOST_BYTES + 1).unwrap();
        says(folder.path(), "long", "the sound \"long\" is larger than 16777216 bytes");
        file.set_len(MOST_BYTES).unwrap();
        assert!(SoundFolder::new(Some(folder.path().to_owned())).open("long").is_ok());
    }
}
