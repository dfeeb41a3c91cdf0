//! Sounds by name: files of one folder, played where a build and its machine can, and written to the log where not.

mod folder;
#[cfg(feature = "audio")]
mod player;
#[cfg(feature = "audio")]
mod wav;

use std::path::PathBuf;

use plugbay::{AudioOutput, ServiceError};

use self::folder::SoundFolder;

/// The sounds of a program.
pub(crate) struct Sounds {
    folder: SoundFolder,
    #[cfg(feature = "audio")]
    player: player::Player,
}

impl Sounds {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder: SoundFolder::new(folder),
            #[cfg(feature = "audio")]
            player: player::Player::default(),
        }
    }
}

impl AudioOutput for Sounds {
    fn play(&self, sound: &str, volume: f32) -> Result<(), ServiceError> {
        let file = self.folder.open(sound)?;
        #[cfg(feature = "audio")]
        if self.player.play(wav::decode(file.name(), file.read()?)?, volume) {
            tracing::debug!(target: "plugbay::audio", sound, volume, "is played");
            return Ok(());
        }
        record(&file, volume);
        Ok(())
    }
}

/// What a machine without an audio output would play, and a build without one.
fn record(file: &folder::Sound, volume: f32) {
    let (sound, path) = (file.name(), file.path().display());
    tracing::info!(target: "plugbay::audio", sound, file = %path, volume, "would be played");
}
