//! The system's MIDI ports: what a system of them has to do, those that this build has, and which port is meant.
//!
//! A build may have several systems at a time, such as ALSA and JACK. Their ports are in one list.

mod backoff;
mod choose;
#[cfg(feature = "jack")]
mod jack;
#[cfg(any(feature = "midir", not(target_os = "linux")))]
mod midir;
mod queue;
mod scripted;

pub use choose::{Direction, PortError, choose_port};
pub use queue::Feeder;
pub use scripted::ScriptedPorts;

pub(crate) use backoff::Backoff;
pub(crate) use queue::{Bell, Queue, queue};

use crate::config::PortSelector;

/// The `tracing` target of what becomes of devices.
pub const DEVICE: &str = "conductor::device";

/// A system of MIDI ports. Its test double is [`ScriptedPorts`].
///
/// Its methods may take their time, and are called where that holds up nobody.
pub trait System: Send {
    /// Its name, such as `ALSA`.
    fn name(&self) -> &'static str;

    /// The ports there are now.
    ///
    /// # Errors
    ///
    /// When the system is not there.
    fn list(&mut self, direction: Direction) -> Result<Vec<Port>, PortError>;

    /// Has what comes from an input port go into `feeder`.
    ///
    /// # Errors
    ///
    /// When the port is not there, or somebody else has it.
    fn listen(&mut self, port: &Port, feeder: Feeder) -> Result<Box<dyn Connection>, PortError>;

    /// Makes an input port that others connect to.
    ///
    /// # Errors
    ///
    /// When the system has no such thing.
    fn offer(&mut self, name: &str, feeder: Feeder) -> Result<Box<dyn Connection>, PortError>;

    /// Opens an output port.
    ///
    /// # Errors
    ///
    /// When the port is not there, or somebody else has it.
    fn connect(&mut self, port: &Port) -> Result<Box<dyn Output>, PortError>;
}

/// A port, as long as it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// As much of its name as stays when it is plugged in again.
    pub lasting: String,
    /// What tells it from others, of the same name too, until it is unplugged.
    pub id: String,
}

/// A connection, until it is dropped.
pub trait Connection: Send {
    /// Whether it still stands; `None` where only the list of ports can tell.
    fn is_up(&mut self) -> Option<bool>;
}

/// A connection that takes messages.
pub trait Output: Connection {
    /// Sends bytes, without waiting.
    ///
    /// # Errors
    ///
    /// When they cannot be sent.
    fn send(&mut self, message: &[u8]) -> Result<(), String>;
}

/// The systems of this build, whether or not they can be used on this machine.
pub fn systems() -> Vec<Box<dyn System>> {
    vec![
        #[cfg(any(feature = "midir", not(target_os = "linux")))]
        Box::new(midir::Midir::default()),
        #[cfg(feature = "jack")]
        Box::new(jack::Jack),
    ]
}

/// The ports of all systems in one list, each with the place of its system. A system that cannot be used has none, unless none can.
///
/// # Errors
///
/// When there are no systems, or none can be used.
pub fn list_ports(
    systems: &mut [Box<dyn System>],
    direction: Direction,
) -> Result<Vec<(usize, Port)>, PortError> {
    let mut ports = Vec::new();
    let mut usable = false;
    let mut failed = None;
    for (place, system) in systems.iter_mut().enumerate() {
        match system.list(direction) {
            Ok(found) => {
                usable = true;
                ports.extend(found.into_iter().map(|port| (place, port)));
            }
            Err(error) => {
                tracing::debug!(target: DEVICE, "{error}");
                failed.get_or_insert(error);
            }
        }
    }
    match failed {
        _ if usable => Ok(ports),
        Some(error) => Err(error),
        None => Err(PortError::NotInThisBuild),
    }
}

/// Chooses one of the ports of all systems.
pub(crate) fn find(
    ports: &[(usize, Port)],
    direction: Direction,
    wanted: &PortSelector,
) -> Result<(usize, Port), PortError> {
    let names: Vec<String> = ports.iter().map(|(_, port)| port.name.clone()).collect();
    let index = choose_port(direction, &names, wanted)?;
    let gone = || PortError::NoSuchPort { direction, wanted: wanted.clone(), ports: names };
    ports.get(index).cloned().ok_or_else(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(any(feature = "midir", feature = "jack", not(target_os = "linux"))))]
    #[test]
    fn a_build_without_ports_says_how_to_get_them() {
        let error = list_ports(&mut systems(), Direction::Input).unwrap_err();
        assert!(error.to_string().contains("--features midir"), "{error}");
    }

    #[test]
    fn systems_that_are_there_do_without_those_that_are_not() {
        let (mut one, mut two) = (ScriptedPorts::new("One"), ScriptedPorts::new("Two"));
        let mut systems: Vec<Box<dyn System>> = vec![one.system(), two.system()];
        one.plug("Pads");
        two.plug("Keys");
        let mut names = || {
            list_ports(&mut systems, Direction::Input).map(|ports| {
                ports.into_iter().map(|(place, port)| (place, port.name)).collect::<Vec<_>>()
            })
        };
        let (pads, keys) = ((0, "Pads".to_owned()), (1, "Keys".to_owned()));
        assert_eq!(names(), Ok(vec![pads, keys.clone()]));
        one.stop();
        assert_eq!(names(), Ok(vec![keys]));
        two.stop();
        assert_eq!(names().unwrap_err().to_string(), "One cannot be used: it is stopped");
    }
}
