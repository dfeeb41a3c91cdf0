//! The system's MIDI output ports.

#[cfg(not(any(feature = "midir", not(target_os = "linux"))))]
pub(super) use without::Ports;

#[cfg(any(feature = "midir", not(target_os = "linux")))]
pub(super) use system::Ports;

#[cfg(not(any(feature = "midir", not(target_os = "linux"))))]
mod without {
    use plugbay::ServiceError;

    pub(in crate::sink) struct Ports;

    impl Ports {
        pub(in crate::sink) fn none_open() -> Self {
            Self
        }

        pub(in crate::sink) fn send(&self, output: &str, _: &[u8]) -> Result<(), ServiceError> {
            tracing::debug!(target: crate::run::TARGET, output, "no such MIDI output, and no ports in this build (feature `midir`)");
            self.find(output)
        }

        /// Whether there is such a port.
        pub(in crate::sink) fn find(&self, output: &str) -> Result<(), ServiceError> {
            Err(crate::sink::no_such(output))
        }
    }
}

#[cfg(any(feature = "midir", not(target_os = "linux")))]
mod system {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};

    use midir::{MidiOutput, MidiOutputConnection, MidiOutputPort};
    use plugbay::ServiceError;

    use crate::config::PortSelector;
    use crate::sink::no_such;
    use crate::source::choose_port;

    const CLIENT: &str = "conductor";

    /// Ports that are open, by the name that they were asked for by.
    pub(in crate::sink) struct Ports(Mutex<BTreeMap<String, MidiOutputConnection>>);

    impl Ports {
        pub(in crate::sink) fn none_open() -> Self {
            Self(Mutex::default())
        }

        pub(in crate::sink) fn send(
            &self,
            output: &str,
            message: &[u8],
        ) -> Result<(), ServiceError> {
            let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // One that fails is opened again by the next message: it may have been plugged in again.
            let mut connection = match open.remove(output) {
                Some(connection) => connection,
                None => connect(output)?,
            };
            let sent = connection.send(message);
            sent.map_err(|error| ServiceError::Failed(format!("the MIDI output: {error}")))?;
            open.insert(output.to_owned(), connection);
            Ok(())
        }

        /// Whether there is such a port.
        pub(in crate::sink) fn find(&self, output: &str) -> Result<(), ServiceError> {
            port(output).map(drop)
        }
    }

    fn connect(wanted: &str) -> Result<MidiOutputConnection, ServiceError> {
        let (output, port) = port(wanted)?;
        let failed = |error: &dyn std::fmt::Display| ServiceError::Failed(error.to_string());
        output.connect(&port, CLIENT).map_err(|error| failed(&error))
    }

    fn port(wanted: &str) -> Result<(MidiOutput, MidiOutputPort), ServiceError> {
        let failed = |error: &dyn std::fmt::Display| ServiceError::Failed(error.to_string());
        let output = MidiOutput::new(CLIENT).map_err(|error| failed(&error))?;
        let ports = output.ports();
        let name = |port| output.port_name(port).unwrap_or_else(|_| "(gone)".to_owned());
        let names: Vec<String> = ports.iter().map(name).collect();
        let chosen = choose_port(&names, &PortSelector::Name(wanted.to_owned())).ok();
        let port = chosen.and_then(|index| ports.get(index)).ok_or_else(|| no_such(wanted))?;
        Ok((output, port.clone()))
    }
}
