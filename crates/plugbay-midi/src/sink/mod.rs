//! Where MIDI messages go: devices, FIFOs and files by a name that was given to them, and the system's ports.

mod ports;
mod raw;

use std::collections::BTreeMap;
use std::path::PathBuf;

use plugbay::{MidiSink, ServiceError};

use crate::ports::{System, systems};
use ports::Ports;
use raw::RawOutput;

/// Every output there is. A name that was given to a path wins over a port's.
pub struct Outputs {
    named: BTreeMap<String, RawOutput>,
    ports: Ports,
}

impl Outputs {
    /// The system's ports, and these paths by name. Each is opened when something is first sent to it.
    pub fn new(named: impl IntoIterator<Item = (String, PathBuf)>) -> Self {
        Self::on(systems(), named)
    }

    fn on(
        systems: Vec<Box<dyn System>>,
        named: impl IntoIterator<Item = (String, PathBuf)>,
    ) -> Self {
        let named = named.into_iter().map(|(name, path)| (name, RawOutput::new(path))).collect();
        Self { named, ports: Ports::new(systems) }
    }
}

impl Outputs {
    /// Whether there is such an output. Nothing is opened or sent.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn find(&self, output: &str) -> Result<(), ServiceError> {
        match self.named.contains_key(output) {
            true => Ok(()),
            false => self.ports.find(output),
        }
    }
}

impl MidiSink for Outputs {
    fn send(&self, output: &str, message: &[u8]) -> Result<(), ServiceError> {
        match self.named.get(output) {
            Some(raw) => raw.send(message),
            None => self.ports.send(output, message),
        }
    }
}

fn no_such(output: &str) -> ServiceError {
    ServiceError::Unknown { what: "MIDI output", name: output.to_owned() }
}
