//! Sounds by name: files of one folder.

use std::path::PathBuf;

use plugbay::{AudioOutput, ServiceError};

/// The files of a folder, each a sound by its name without the ending.
pub(crate) struct SoundFolder {
    folder: Option<PathBuf>,
}

impl SoundFolder {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The file of a sound. What could lead out of the folder is no name.
    fn file(&self, sound: &str) -> Result<PathBuf, ServiceError> {
        let unknown = || ServiceError::Unknown { what: "sound", name: sound.to_owned() };
        let plain = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
        if sound.is_empty() || !sound.chars().all(plain) {
            return Err(unknown());
        }
        let file = self.folder.as_ref().ok_or_else(unknown)?.join(format!("{sound}.wav"));
        if file.is_file() { Ok(file) } else { Err(unknown()) }
    }
}

impl AudioOutput for SoundFolder {
    fn play(&self, sound: &str, volume: f32) -> Result<(), ServiceError> {
        let file = self.file(sound)?;
        // A machine without an audio output, or a build without one, records what it would play.
        tracing::info!(target: "plugbay::audio", file = %file.display(), volume, "a sound");
        Ok(())
    }
}
