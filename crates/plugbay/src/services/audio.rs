//! Where sounds are played.

use std::sync::{Mutex, PoisonError};

use super::ServiceError;

/// The sounds of a machine, by name.
pub trait AudioOutput: Send + Sync {
    /// Begins to play a sound, from silence (0.0) to as loud as it is (1.0), beside those that are being played.
    ///
    /// # Errors
    ///
    /// When there is no such sound, or nothing to play it on.
    fn play(&self, sound: &str, volume: f32) -> Result<(), ServiceError>;
}

/// For machines without an audio output, and for tests: keeps what it was to play.
#[derive(Debug, Default)]
pub struct RecordedAudio(Mutex<Vec<(String, f32)>>);

impl RecordedAudio {
    /// Most sounds that are kept: the last ones.
    pub const MOST: usize = 1_024;

    /// What was to be played, and how loud.
    pub fn played(&self) -> Vec<(String, f32)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AudioOutput for RecordedAudio {
    fn play(&self, sound: &str, volume: f32) -> Result<(), ServiceError> {
        let mut played = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if played.len() == Self::MOST {
            played.remove(0);
        }
        played.push((sound.to_owned(), volume));
        Ok(())
    }
}
