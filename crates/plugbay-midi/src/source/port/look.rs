//! Looking which devices are still there, and which came back: done where it may take its time.

use std::sync::{Arc, Mutex, PoisonError};

use crate::ports::{Bell, Connection, Direction, Port, PortError, Queue, System, queue};

/// What a device is to be connected to.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// A port of somebody else's.
    Port(Port),
    /// A port that others connect to.
    Offered(String),
}

impl Target {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Port(port) => &port.name,
            Self::Offered(name) => name,
        }
    }
}

/// A connection, and what comes in by it.
pub(super) struct Line {
    pub(super) connection: Box<dyn Connection>,
    pub(super) queue: Queue,
}

/// What is to be known of a device.
pub(super) struct Question {
    pub(super) device: usize,
    pub(super) system: usize,
    pub(super) target: Target,
    pub(super) what: What,
}

pub(super) enum What {
    /// Whether it is still there. Where its connection knows that it is not, whether another one of its name is.
    Still { knows: bool },
    /// Whether it is there again; ids of ports that others of our devices have.
    Again { taken: Vec<String> },
}

/// What was found.
pub(super) enum Answer {
    Still,
    /// Whether another one of its name is there already.
    Gone {
        replaced: bool,
    },
    /// Why it is not there.
    Away(PortError),
    Back(Target, Line),
}

pub(super) type Systems = Arc<Mutex<Vec<Box<dyn System>>>>;

/// Answers all questions, with one list of each system.
pub(super) fn look(
    systems: &Systems,
    bell: &Bell,
    questions: Vec<Question>,
) -> Vec<(usize, Answer)> {
    let mut systems = systems.lock().unwrap_or_else(PoisonError::into_inner);
    let mut lists: Vec<Option<Result<Vec<Port>, PortError>>> = Vec::new();
    lists.resize_with(systems.len(), || None);
    let mut answers = Vec::new();
    for Question { device, system, target, what } in questions {
        let (Some(list), Some(system)) = (lists.get_mut(system), systems.get_mut(system)) else {
            continue;
        };
        let answer = match (target, what) {
            (Target::Offered(_), What::Still { knows: false }) => Answer::Still,
            (Target::Offered(_), What::Still { knows: true }) => Answer::Gone { replaced: false },
            (Target::Offered(name), What::Again { .. }) => offer(&mut **system, bell, name),
            (Target::Port(port), what) => {
                match (list.get_or_insert_with(|| system.list(Direction::Input)), what) {
                    (Err(_), What::Still { .. }) => Answer::Gone { replaced: false },
                    (Err(error), What::Again { .. }) => Answer::Away(error.clone()),
                    (Ok(ports), What::Still { knows }) => still(ports, &port, knows),
                    (Ok(ports), What::Again { taken }) => {
                        let free = |other: &&Port| {
                            other.lasting == port.lasting && !taken.contains(&other.id)
                        };
                        match ports.iter().find(free) {
                            Some(found) => listen(&mut **system, bell, found),
                            None => Answer::Away(not_there(port.name)),
                        }
                    }
                }
            }
        };
        answers.push((device, answer));
    }
    answers
}

fn still(ports: &[Port], port: &Port, knows: bool) -> Answer {
    if !knows && ports.contains(port) {
        return Answer::Still;
    }
    Answer::Gone { replaced: ports.iter().any(|other| other.lasting == port.lasting) }
}

fn not_there(name: String) -> PortError {
    PortError::Connect { direction: Direction::Input, name, reason: "it is not there".to_owned() }
}

fn listen(system: &mut dyn System, bell: &Bell, port: &Port) -> Answer {
    let (feeder, queue) = queue(bell);
    match system.listen(port, feeder) {
        Ok(connection) => Answer::Back(Target::Port(port.clone()), Line { connection, queue }),
        Err(error) => Answer::Away(error),
    }
}

fn offer(system: &mut dyn System, bell: &Bell, name: String) -> Answer {
    let (feeder, queue) = queue(bell);
    match system.offer(&name, feeder) {
        Ok(connection) => Answer::Back(Target::Offered(name), Line { connection, queue }),
        Err(error) => Answer::Away(error),
    }
}
