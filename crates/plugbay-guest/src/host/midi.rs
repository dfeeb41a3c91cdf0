//! MIDI output. It takes `Midi`.

use super::{Error, plain};

/// Sends whole messages, or a piece of system exclusive, to the output of this name.
///
/// # Errors
///
/// Whatever the host says.
pub fn send(output: &str, messages: &[u8]) -> Result<(), Error> {
    plain::midi_send(output, messages).map(drop)
}
