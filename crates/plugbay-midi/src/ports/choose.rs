//! Which of several ports is meant.

use crate::config::PortSelector;

/// A port that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// This build has no MIDI ports.
    #[error(
        "this build cannot use MIDI ports: build it with `--features midir` (on Linux that needs \
         the ALSA headers, libasound2-dev on Debian) or `--features jack` (JACK's, libjack-jackd2-dev), \
         or play a file or raw device instead"
    )]
    NotInThisBuild,
    /// A system of MIDI cannot be used.
    #[error("{system} cannot be used: {reason}")]
    System {
        /// Its name.
        system: &'static str,
        /// Its own words.
        reason: String,
    },
    /// No port fits.
    #[error("there is no MIDI {direction} port {wanted}; {}", listed(.ports))]
    NoSuchPort {
        /// Which kind.
        direction: Direction,
        /// The port asked for.
        wanted: PortSelector,
        /// The ports there are.
        ports: Vec<String>,
    },
    /// Several ports fit.
    #[error("several MIDI {direction} ports fit {wanted}: {}", .matching.join(", "))]
    Ambiguous {
        /// Which kind.
        direction: Direction,
        /// The port asked for.
        wanted: PortSelector,
        /// Those that fit.
        matching: Vec<String>,
    },
    /// One port was asked for twice.
    #[error("{first} and {second} are the same MIDI input port, {name:?}")]
    Twice {
        /// One name of it.
        first: PortSelector,
        /// Another.
        second: PortSelector,
        /// Its own.
        name: String,
    },
    /// The port cannot be opened.
    #[error("cannot open the MIDI {direction} port {name:?}: {reason}")]
    Connect {
        /// Which kind.
        direction: Direction,
        /// Its name.
        name: String,
        /// The system's words.
        reason: String,
    },
    /// No system that could be used makes ports that others connect to.
    #[error("cannot make the MIDI input port {name:?}: {reason}")]
    Offer {
        /// Its name.
        name: String,
        /// The system's words.
        reason: String,
    },
    /// The last device went away, and none is to be waited for.
    #[error("the MIDI input {name:?} is gone, and `auto_reconnect` is off")]
    Gone {
        /// Its name.
        name: String,
    },
}

/// Where a port's messages go, seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To here.
    Input,
    /// From here.
    Output,
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

fn listed(ports: &[String]) -> String {
    if ports.is_empty() {
        return "there are none at all".to_owned();
    }
    let ports: Vec<_> = ports.iter().enumerate().map(|(i, name)| format!("{i}: {name}")).collect();
    format!("there are {}", ports.join(", "))
}

/// Chooses one of several ports, by index or by part of its name. A name that is exactly
/// as asked for wins over one that only contains it.
///
/// # Errors
///
/// When none fits, or several do.
pub fn choose_port(
    direction: Direction,
    ports: &[String],
    wanted: &PortSelector,
) -> Result<usize, PortError> {
    let no_such =
        || PortError::NoSuchPort { direction, wanted: wanted.clone(), ports: ports.to_vec() };
    let name = match wanted {
        PortSelector::Index(index) => {
            return if *index < ports.len() { Ok(*index) } else { Err(no_such()) };
        }
        PortSelector::Name(name) => name.to_lowercase(),
    };
    if let Some(index) = ports.iter().position(|port| port.to_lowercase() == name) {
        return Ok(index);
    }
    let fits = |port: &String| port.to_lowercase().contains(&name);
    let matching: Vec<_> = ports.iter().enumerate().filter(|(_, port)| fits(port)).collect();
    match matching.as_slice() {
        [] => Err(no_such()),
        [(index, _)] => Ok(*index),
        several => Err(PortError::Ambiguous {
            direction,
            wanted: wanted.clone(),
            matching: several.iter().map(|(_, port)| (*port).clone()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_chosen_by_index_or_part_of_the_name() {
        let ports = ["Pads MIDI 1", "Pads CTRL", "Keys"].map(str::to_owned);
        let no_such = "there are 0: Pads MIDI 1, 1: Pads CTRL, 2: Keys";
        for (wanted, expected) in [
            ("1", "1".to_owned()),
            ("keys", "2".to_owned()),
            ("ctrl", "1".to_owned()),
            ("PADS midi 1", "0".to_owned()),
            ("pads", "several MIDI input ports fit \"pads\": Pads MIDI 1, Pads CTRL".to_owned()),
            ("3", format!("there is no MIDI input port 3; {no_such}")),
            ("drum", format!("there is no MIDI input port \"drum\"; {no_such}")),
        ] {
            let chosen = match choose_port(Direction::Input, &ports, &wanted.parse().unwrap()) {
                Ok(index) => index.to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(chosen, expected, "{wanted}");
        }
        let none = choose_port(Direction::Output, &[], &PortSelector::Index(0)).unwrap_err();
        assert_eq!(none.to_string(), "there is no MIDI output port 0; there are none at all");
    }
}
