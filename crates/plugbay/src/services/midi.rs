//! Where MIDI messages go.

use std::sync::{Mutex, PoisonError};

use super::ServiceError;

/// The MIDI outputs of a machine, by name.
pub trait MidiSink: Send + Sync {
    /// Sends bytes to an output, as they are: whole messages, or a piece of system exclusive. It must not block.
    ///
    /// # Errors
    ///
    /// When there is no such output, or it takes nothing.
    fn send(&self, output: &str, message: &[u8]) -> Result<(), ServiceError>;
}

/// Outputs of any name that keep what they get.
#[derive(Debug, Default)]
pub struct RecordedMidi(Mutex<Vec<(String, Vec<u8>)>>);

impl RecordedMidi {
    /// What was sent, and where to.
    pub fn sent(&self) -> Vec<(String, Vec<u8>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl MidiSink for RecordedMidi {
    fn send(&self, output: &str, message: &[u8]) -> Result<(), ServiceError> {
        let sent = (output.to_owned(), message.to_vec());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
        Ok(())
    }
}
