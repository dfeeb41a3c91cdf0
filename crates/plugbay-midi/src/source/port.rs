//! Input ports of the system's MIDI: beside `sink/ports.rs` the only module that knows midir.

use plugbay::runtime::BoxFuture;

use super::{MidiSource, SourceError, SourceItem};
use crate::config::PortSelector;

/// A port that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// This build has no MIDI ports.
    #[error(
        "this build cannot use MIDI ports: build it with `--features midir` (on Linux that needs \
         the ALSA headers, libasound2-dev on Debian), or play a file or raw device instead"
    )]
    NotInThisBuild,
    /// The system has no MIDI.
    #[error("the system's MIDI cannot be used: {reason}")]
    System {
        /// Its own words.
        reason: String,
    },
    /// No port fits.
    #[error("there is no MIDI input port {wanted}; {}", listed(.ports))]
    NoSuchPort {
        /// The port asked for.
        wanted: PortSelector,
        /// The ports there are.
        ports: Vec<String>,
    },
    /// Several ports fit.
    #[error("several MIDI input ports fit {wanted}: {}", .matching.join(", "))]
    Ambiguous {
        /// The port asked for.
        wanted: PortSelector,
        /// Those that fit.
        matching: Vec<String>,
    },
    /// The port cannot be opened.
    #[error("cannot open the MIDI input port {name:?}: {reason}")]
    Connect {
        /// Its name.
        name: String,
        /// The system's words.
        reason: String,
    },
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
pub fn choose_port(ports: &[String], wanted: &PortSelector) -> Result<usize, PortError> {
    let no_such = || PortError::NoSuchPort { wanted: wanted.clone(), ports: ports.to_vec() };
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
            wanted: wanted.clone(),
            matching: several.iter().map(|(_, port)| (*port).clone()).collect(),
        }),
    }
}

/// The names of the system's input ports; a port's place is its index.
///
/// # Errors
///
/// When this build or this system has no MIDI ports.
pub fn list_ports() -> Result<Vec<String>, PortError> {
    system::list()
}

/// An input port as a source. It never ends.
pub struct PortSource {
    inner: system::Source,
}

impl PortSource {
    /// Opens a port.
    ///
    /// # Errors
    ///
    /// When this build or this system has no MIDI ports, or not that one.
    pub fn open(wanted: &PortSelector) -> Result<Self, PortError> {
        Ok(Self { inner: system::Source::open(wanted)? })
    }

    /// The name of the port that was opened.
    pub fn port_name(&self) -> &str {
        self.inner.port_name()
    }
}

impl MidiSource for PortSource {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
        self.inner.next()
    }
}

#[cfg(not(any(feature = "midir", not(target_os = "linux"))))]
mod system {
    use std::convert::Infallible;

    use super::{BoxFuture, PortError, PortSelector, SourceError, SourceItem};

    pub(super) fn list() -> Result<Vec<String>, PortError> {
        Err(PortError::NotInThisBuild)
    }

    /// There is none.
    pub(super) struct Source(Infallible);

    impl Source {
        pub(super) fn open(_wanted: &PortSelector) -> Result<Self, PortError> {
            Err(PortError::NotInThisBuild)
        }

        pub(super) fn port_name(&self) -> &str {
            match self.0 {}
        }

        pub(super) fn next(&mut self) -> BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
            match self.0 {}
        }
    }
}

#[cfg(any(feature = "midir", not(target_os = "linux")))]
mod system {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    use midir::{Ignore, MidiInput, MidiInputConnection};
    use tokio::sync::mpsc;

    use super::{BoxFuture, PortError, PortSelector, SourceError, SourceItem, choose_port};
    use crate::engine::TimedEvent;
    use crate::source::{Notice, Parsed, RawParser};

    const CLIENT: &str = "conductor";
    /// Messages that wait to be decided on; more are lost and counted.
    const QUEUE: usize = 1024;

    /// A channel message fits; nothing longer is asked for.
    struct Message {
        at: Instant,
        bytes: [u8; 3],
        length: usize,
    }

    pub(super) struct Source {
        name: String,
        messages: mpsc::Receiver<Message>,
        lost: Arc<AtomicU64>,
        ready: VecDeque<SourceItem>,
        started: Option<Instant>,
        _connection: MidiInputConnection<()>,
    }

    fn input() -> Result<MidiInput, PortError> {
        MidiInput::new(CLIENT).map_err(|error| PortError::System { reason: error.to_string() })
    }

    fn names(input: &MidiInput) -> Vec<String> {
        let name = |port| input.port_name(port).unwrap_or_else(|_| "(gone)".to_owned());
        input.ports().iter().map(name).collect()
    }

    pub(super) fn list() -> Result<Vec<String>, PortError> {
        Ok(names(&input()?))
    }

    impl Source {
        pub(super) fn open(wanted: &PortSelector) -> Result<Self, PortError> {
            let mut input = input()?;
            input.ignore(Ignore::All);
            let (ports, names) = (input.ports(), names(&input));
            let index = choose_port(&names, wanted)?;
            let gone = || PortError::NoSuchPort { wanted: wanted.clone(), ports: names.clone() };
            let port = ports.get(index).ok_or_else(gone)?;
            let name = names.get(index).cloned().ok_or_else(gone)?;
            let (sender, messages) = mpsc::channel(QUEUE);
            let lost = Arc::new(AtomicU64::new(0));
            let counter = Arc::clone(&lost);
            let connection = input
                .connect(
                    port,
                    CLIENT,
                    move |_, message, ()| {
                        let mut bytes = [0; 3];
                        let length = message.len().min(bytes.len());
                        for (to, from) in bytes.iter_mut().zip(message) {
                            *to = *from;
                        }
                        let message = Message { at: Instant::now(), bytes, length };
                        if sender.try_send(message).is_err() {
                            counter.fetch_add(1, Ordering::Relaxed);
                        }
                    },
                    (),
                )
                .map_err(|error| PortError::Connect {
                    name: name.clone(),
                    reason: error.to_string(),
                })?;
            Ok(Self {
                name,
                messages,
                lost,
                ready: VecDeque::new(),
                started: None,
                _connection: connection,
            })
        }

        pub(super) fn port_name(&self) -> &str {
            &self.name
        }

        pub(super) fn next(&mut self) -> BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
            Box::pin(async {
                let started = *self.started.get_or_insert_with(Instant::now);
                loop {
                    let lost = self.lost.swap(0, Ordering::Relaxed);
                    if lost > 0 {
                        return Ok(Some(SourceItem::Notice(Notice::Lost { messages: lost })));
                    }
                    if let Some(item) = self.ready.pop_front() {
                        return Ok(Some(item));
                    }
                    let Some(message) = self.messages.recv().await else { return Ok(None) };
                    let at = message.at.saturating_duration_since(started);
                    let mut parsed = Vec::new();
                    let mut parser = RawParser::new();
                    parser
                        .feed(message.bytes.get(..message.length).unwrap_or_default(), &mut parsed);
                    parser.finish(&mut parsed);
                    self.ready.extend(parsed.into_iter().map(|parsed| match parsed {
                        Parsed::Event(event) => SourceItem::Event(TimedEvent { at, event }),
                        Parsed::Notice(notice) => SourceItem::Notice(notice),
                    }));
                }
            })
        }
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
            let chosen = match choose_port(&ports, &wanted.parse().unwrap()) {
                Ok(index) => index.to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(chosen, expected, "{wanted}");
        }
        let none = choose_port(&[], &PortSelector::Index(0)).unwrap_err().to_string();
        assert_eq!(none, "there is no MIDI input port 0; there are none at all");
    }

    #[cfg(not(any(feature = "midir", not(target_os = "linux"))))]
    #[test]
    fn a_build_without_ports_says_how_to_get_them() {
        let error = list_ports().unwrap_err();
        assert!(error.to_string().contains("--features midir"), "{error}");
        assert_eq!(PortSource::open(&PortSelector::Index(0)).err(), Some(error));
    }
}
