//! `midi_send`.

use plugbay_policy::Request;
use plugbay_runtime::TrapKind;

use super::HostFunctions;
use super::document::Args;
use super::outcome::{Class, Failure, Outcome, Success};

/// Longest message, in bytes: a piece of system exclusive.
const LONGEST: usize = 64 << 10;

impl HostFunctions {
    /// `midi_send(output_ptr, output_len, ptr, len)`.
    ///
    /// It is sent at once, on this thread: a sink does not block, and a note should not wait for another thread.
    pub(super) fn midi_send(&self, args: &mut Args<'_>) -> Result<Outcome, TrapKind> {
        let output = args.text(0, "the output's name")?;
        let message = args.bytes(2)?;
        Ok(output.and_then(|output| self.send_midi(output, message)))
    }

    fn send_midi(&self, output: String, message: &[u8]) -> Outcome {
        if message.is_empty() || message.len() > LONGEST {
            let message =
                format!("{} bytes are no MIDI message, wanted 1 to {LONGEST}", message.len());
            return Err(Failure::invalid(message));
        }
        self.check(&Request::MidiMessage { output: output.clone() })?;
        let Some(sink) = &self.shared.services.midi else {
            return Err(Failure::new(Class::Unavailable, "this host has no MIDI outputs"));
        };
        sink.send(&output, message)?;
        Ok(Success::new(0))
    }
}
