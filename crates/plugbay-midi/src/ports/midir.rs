//! ALSA, CoreMIDI and WinMM, through midir: the only module that knows it.

use std::time::Instant;

use midir::{Ignore, MidiInput, MidiInputConnection, MidiOutput, MidiOutputConnection};

use super::{Connection, Direction, Feeder, Output, Port, PortError, System};

const CLIENT: &str = "conductor";

const SYSTEM: &str = if cfg!(target_os = "linux") {
    "ALSA"
} else if cfg!(target_os = "windows") {
    "WinMM"
} else {
    "CoreMIDI"
};

/// The system's own MIDI. What lists its ports is kept, so that it does not come and go in other programs' lists.
#[derive(Default)]
pub(super) struct Midir {
    inputs: Option<MidiInput>,
    outputs: Option<MidiOutput>,
}

fn failed(error: impl std::fmt::Display) -> PortError {
    PortError::System { system: SYSTEM, reason: error.to_string() }
}

/// ALSA's library writes to standard error where there is no sequencer; this asks before it does.
fn is_there() -> Result<(), PortError> {
    const SEQUENCER: &str = "/dev/snd/seq";
    if cfg!(target_os = "linux") && !std::path::Path::new(SEQUENCER).exists() {
        return Err(failed(format_args!("there is no {SEQUENCER}")));
    }
    Ok(())
}

fn input() -> Result<MidiInput, PortError> {
    is_there()?;
    let mut input = MidiInput::new(CLIENT).map_err(failed)?;
    input.ignore(Ignore::TimeAndActiveSense);
    Ok(input)
}

fn output() -> Result<MidiOutput, PortError> {
    is_there()?;
    MidiOutput::new(CLIENT).map_err(failed)
}

/// ALSA ends a name with the numbers of client and port, which are other ones the next time.
fn lasting(name: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match name.rsplit_once(' ') {
        Some((lasting, numbers))
            if cfg!(target_os = "linux")
                && numbers.split_once(':').is_some_and(|(a, b)| is_number(a) && is_number(b)) =>
        {
            lasting
        }
        _ => name,
    }
}

fn port(name: Result<String, midir::PortInfoError>, id: String) -> Option<Port> {
    // One that has no name any more is being unplugged.
    let name = name.ok()?;
    Some(Port { lasting: lasting(&name).to_owned(), name, id })
}

fn connect_error(direction: Direction, port: &Port, reason: impl std::fmt::Display) -> PortError {
    PortError::Connect { direction, name: port.name.clone(), reason: reason.to_string() }
}

fn gone(direction: Direction, port: &Port) -> PortError {
    connect_error(direction, port, "it is gone")
}

/// What midir calls for each message.
fn into(mut feeder: Feeder) -> impl FnMut(u64, &[u8], &mut ()) + Send + 'static {
    move |_, message, ()| feeder.push(Instant::now(), message)
}

impl System for Midir {
    fn name(&self) -> &'static str {
        SYSTEM
    }

    fn list(&mut self, direction: Direction) -> Result<Vec<Port>, PortError> {
        Ok(match direction {
            Direction::Input => {
                let lister = match self.inputs.take() {
                    Some(lister) => lister,
                    None => input()?,
                };
                let lister = self.inputs.insert(lister);
                let named = lister.ports();
                named.iter().filter_map(|one| port(lister.port_name(one), one.id())).collect()
            }
            Direction::Output => {
                let lister = match self.outputs.take() {
                    Some(lister) => lister,
                    None => output()?,
                };
                let lister = self.outputs.insert(lister);
                let named = lister.ports();
                named.iter().filter_map(|one| port(lister.port_name(one), one.id())).collect()
            }
        })
    }

    fn listen(&mut self, port: &Port, feeder: Feeder) -> Result<Box<dyn Connection>, PortError> {
        let input = input()?;
        let found = input.find_port_by_id(&port.id);
        let found = found.ok_or_else(|| gone(Direction::Input, port))?;
        let connection = input.connect(&found, CLIENT, into(feeder), ());
        let connection =
            connection.map_err(|error| connect_error(Direction::Input, port, error))?;
        Ok(Box::new(Listening { _connection: connection }))
    }

    #[cfg(unix)]
    fn offer(&mut self, name: &str, feeder: Feeder) -> Result<Box<dyn Connection>, PortError> {
        use midir::os::unix::VirtualInput as _;
        let connection = input()?.create_virtual(name, into(feeder), ());
        let connection = connection.map_err(|error| PortError::Offer {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Box::new(Listening { _connection: connection }))
    }

    #[cfg(not(unix))]
    fn offer(&mut self, name: &str, _: Feeder) -> Result<Box<dyn Connection>, PortError> {
        let reason = format!("{SYSTEM} has no ports of programs");
        Err(PortError::Offer { name: name.to_owned(), reason })
    }

    fn connect(&mut self, port: &Port) -> Result<Box<dyn Output>, PortError> {
        let output = output()?;
        let found = output.find_port_by_id(&port.id);
        let found = found.ok_or_else(|| gone(Direction::Output, port))?;
        let connection = output.connect(&found, CLIENT);
        let connection =
            connection.map_err(|error| connect_error(Direction::Output, port, error))?;
        Ok(Box::new(Sending(connection)))
    }
}

struct Listening {
    _connection: MidiInputConnection<()>,
}

impl Connection for Listening {
    fn is_up(&mut self) -> Option<bool> {
        None
    }
}

struct Sending(MidiOutputConnection);

impl Connection for Sending {
    fn is_up(&mut self) -> Option<bool> {
        None
    }
}

impl Output for Sending {
    fn send(&mut self, message: &[u8]) -> Result<(), String> {
        self.0.send(message).map_err(|error| error.to_string())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_again_without_their_numbers() {
        for (name, expected) in [
            ("Keys:Keys MIDI 1 28:0", "Keys:Keys MIDI 1"),
            ("Keys", "Keys"),
            ("Keys 1", "Keys 1"),
            ("Keys 1:", "Keys 1:"),
            ("Keys a:1", "Keys a:1"),
        ] {
            assert_eq!(lasting(name), expected);
        }
    }
}
