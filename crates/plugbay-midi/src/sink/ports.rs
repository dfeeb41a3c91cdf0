//! The system's MIDI output ports: opened when something is first sent to them, and looked for again when they went away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plugbay::ServiceError;
use tokio::time::Instant;

use super::no_such;
use crate::config::PortSelector;
use crate::ports::{Backoff, DEVICE, Direction, Output, Port, PortError, System, find, list_ports};

/// How often is looked whether a port that is sent to is still there.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Names of outputs that are not there that are remembered. Plugins may make up as many as they like.
const REMEMBERED: usize = 64;

/// Ports by the name that they were asked for by. Each has a lock of its own: one that is looked for holds up no other.
pub(super) struct Ports {
    systems: Mutex<Vec<Box<dyn System>>>,
    lines: Mutex<BTreeMap<String, Arc<Mutex<Line>>>>,
}

/// One output.
#[derive(Default)]
struct Line {
    open: Option<Open>,
    /// Whether it was there once.
    was_there: bool,
    backoff: Backoff,
    /// Until when it is not looked for, and why.
    away: Option<(Instant, ServiceError)>,
}

struct Open {
    system: usize,
    port: Port,
    output: Box<dyn Output>,
    looked: Instant,
}

impl Ports {
    pub(super) fn new(systems: Vec<Box<dyn System>>) -> Self {
        Self { systems: Mutex::new(systems), lines: Mutex::default() }
    }

    pub(super) fn send(&self, output: &str, message: &[u8]) -> Result<(), ServiceError> {
        let line = self.line(output);
        let mut line = locked(&line);
        let now = Instant::now();
        if let Some(open) = line.open.take_if(|open| self.is_gone(open, now)) {
            tracing::warn!(target: DEVICE, "the MIDI output {:?} is gone", open.port.name);
        }
        if line.open.is_none() {
            self.open(&mut line, output, now)?;
        }
        let Some(open) = &mut line.open else { return Err(no_such(output)) };
        open.output.send(message).map_err(|error| {
            // The next message opens it again.
            line.open = None;
            ServiceError::Failed(format!("the MIDI output: {error}"))
        })
    }

    /// Whether there is such a port.
    pub(super) fn find(&self, output: &str) -> Result<(), ServiceError> {
        port(&mut locked(&self.systems), output).map(drop)
    }

    fn line(&self, output: &str) -> Arc<Mutex<Line>> {
        let mut lines = locked(&self.lines);
        if let Some(line) = lines.get(output) {
            return Arc::clone(line);
        }
        if lines.len() >= REMEMBERED {
            // One that is in use right now is kept.
            lines.retain(|_, line| line.try_lock().map_or(true, |line| line.open.is_some()));
        }
        Arc::clone(lines.entry(output.to_owned()).or_default())
    }

    fn is_gone(&self, open: &mut Open, now: Instant) -> bool {
        if now.saturating_duration_since(open.looked) < LOOK_EVERY {
            return false;
        }
        open.looked = now;
        if let Some(up) = open.output.is_up() {
            return !up;
        }
        // While another output is being opened, which may take its time, this one is believed to be there.
        let Ok(mut systems) = self.systems.try_lock() else { return false };
        let Some(system) = systems.get_mut(open.system) else { return true };
        !system.list(Direction::Output).is_ok_and(|ports| ports.contains(&open.port))
    }

    fn open(&self, line: &mut Line, output: &str, now: Instant) -> Result<(), ServiceError> {
        if let Some((until, why)) = &line.away
            && now < *until
        {
            return Err(why.clone());
        }
        let mut systems = locked(&self.systems);
        let opened = port(&mut systems, output).and_then(|(system, port)| {
            let opener = systems.get_mut(system).ok_or_else(|| no_such(output))?;
            let output = opener.connect(&port).map_err(|error| failed(&error))?;
            Ok(Open { system, port, output, looked: now })
        });
        match opened {
            Ok(open) => {
                if line.was_there {
                    tracing::info!(target: DEVICE, "the MIDI output {:?} is back", open.port.name);
                }
                *line = Line { open: Some(open), was_there: true, ..Line::default() };
                Ok(())
            }
            Err(why) => {
                let wait = line.backoff.next();
                tracing::debug!(target: DEVICE, output, ?wait, "{why}");
                line.away = Some((now + wait, why.clone()));
                Err(why)
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: &PortError) -> ServiceError {
    ServiceError::Failed(error.to_string())
}

fn port(systems: &mut [Box<dyn System>], output: &str) -> Result<(usize, Port), ServiceError> {
    let ports = match list_ports(systems, Direction::Output) {
        Ok(ports) => ports,
        Err(PortError::NotInThisBuild) => {
            tracing::debug!(target: DEVICE, output, "no such MIDI output, and no ports in this build");
            return Err(no_such(output));
        }
        Err(error) => return Err(failed(&error)),
    };
    let wanted = PortSelector::Name(output.to_owned());
    find(&ports, Direction::Output, &wanted).map_err(|error| match error {
        PortError::NoSuchPort { .. } => no_such(output),
        other => failed(&other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::ScriptedPorts;

    async fn seconds(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    fn said(sent: Result<(), ServiceError>) -> String {
        sent.map_or_else(|error| error.to_string(), |()| "sent".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn an_output_that_disappears_is_looked_for_and_found() {
        for tells in [false, true] {
            let mut world = ScriptedPorts::new("Script");
            if tells {
                world = world.that_tell();
            }
            world.plug("Synth");
            world.plug("Lights");
            let ports = Ports::new(vec![world.system()]);
            assert_eq!(said(ports.send("synth", &[1])), "sent");
            world.unplug("Synth");
            seconds(1).await;
            let gone = "there is no MIDI output \"synth\"";
            assert_eq!(said(ports.send("synth", &[2])), gone);
            // Nobody looks again before a second, then two, then four have passed.
            let looks = world.looks();
            world.plug("Synth");
            assert_eq!(said(ports.send("synth", &[3])), gone);
            assert_eq!(world.looks(), looks);
            // Others are sent to meanwhile.
            assert_eq!(said(ports.send("lights", &[4])), "sent");
            seconds(1).await;
            assert_eq!(said(ports.send("synth", &[5])), "sent");
            // One that was plugged in again in the meantime is another port.
            world.unplug("Synth");
            world.plug("Synth");
            seconds(1).await;
            assert_eq!(said(ports.send("synth", &[6])), "sent");
            let to = |output: &str, byte| (output.to_owned(), vec![byte]);
            assert_eq!(
                world.sent(),
                [to("Synth", 1), to("Lights", 4), to("Synth", 5), to("Synth", 6)]
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_output_that_was_never_there_is_looked_for_ever_less_often() {
        let world = ScriptedPorts::new("Script");
        let ports = Ports::new(vec![world.system()]);
        let mut looks = Vec::new();
        for second in 0..100 {
            let before = world.looks();
            assert_eq!(said(ports.send("Synth", &[1])), "there is no MIDI output \"Synth\"");
            if world.looks() > before {
                looks.push(second);
            }
            seconds(1).await;
        }
        assert_eq!(looks, [0, 1, 3, 7, 15, 31, 61, 91]);
        (0..500).for_each(|name| drop(ports.send(&name.to_string(), &[1])));
        assert!(locked(&ports.lines).len() <= REMEMBERED);
    }
}
