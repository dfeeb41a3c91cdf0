//! Ports that are plugged in, played and pulled out by a script.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Connection, Direction, Feeder, Output, Port, PortError, System};

/// The test double of [`System`]. Each name is an input port and an output port at once.
#[derive(Clone)]
pub struct ScriptedPorts {
    name: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    stopped: bool,
    plugs: u64,
    /// Ids by name.
    ports: BTreeMap<String, String>,
    feeders: BTreeMap<String, Feeder>,
    sent: Vec<(String, Vec<u8>)>,
    looks: usize,
    tells: bool,
}

impl ScriptedPorts {
    /// A system without ports.
    pub fn new(name: &'static str) -> Self {
        Self { name, state: Arc::default() }
    }

    /// The same, whose connections know by themselves whether they stand.
    #[must_use]
    pub fn that_tell(self) -> Self {
        self.state().tells = true;
        self
    }

    /// The system itself.
    pub fn system(&self) -> Box<dyn System> {
        Box::new(self.clone())
    }

    /// Plugs in a device.
    pub fn plug(&mut self, name: &str) {
        let mut state = self.state();
        state.plugs += 1;
        let id = format!("{name}#{}", state.plugs);
        state.ports.insert(name.to_owned(), id);
    }

    /// Pulls out a device.
    pub fn unplug(&mut self, name: &str) {
        let mut state = self.state();
        if let Some(id) = state.ports.remove(name) {
            state.feeders.remove(&id);
        }
    }

    /// Has the system itself go away, with its connections.
    pub fn stop(&mut self) {
        let mut state = self.state();
        state.stopped = true;
        state.feeders.clear();
    }

    /// Has it come back.
    pub fn start(&mut self) {
        self.state().stopped = false;
    }

    /// Has a device send something at a time; whether anybody listens to it.
    pub fn play(&mut self, name: &str, at: Instant, message: &[u8]) -> bool {
        let mut state = self.state();
        let id = state.ports.get(name).cloned().unwrap_or_else(|| offered(name));
        let feeder = state.feeders.get_mut(&id);
        feeder.map(|feeder| feeder.push(at, message)).is_some()
    }

    /// What was sent, and where to.
    pub fn sent(&self) -> Vec<(String, Vec<u8>)> {
        self.state().sent.clone()
    }

    /// How often was looked which ports there are.
    pub fn looks(&self) -> usize {
        self.state().looks
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self) -> Result<MutexGuard<'_, State>, PortError> {
        let state = self.state();
        match state.stopped {
            true => {
                Err(PortError::System { system: self.name, reason: "it is stopped".to_owned() })
            }
            false => Ok(state),
        }
    }
}

fn offered(name: &str) -> String {
    format!("offered {name}")
}

impl System for ScriptedPorts {
    fn name(&self) -> &'static str {
        self.name
    }

    fn list(&mut self, _: Direction) -> Result<Vec<Port>, PortError> {
        self.state().looks += 1;
        let state = self.usable()?;
        let port = |(name, id): (&String, &String)| Port {
            name: name.clone(),
            lasting: name.clone(),
            id: id.clone(),
        };
        Ok(state.ports.iter().map(port).collect())
    }

    fn listen(&mut self, port: &Port, feeder: Feeder) -> Result<Box<dyn Connection>, PortError> {
        self.usable()?.feeders.insert(port.id.clone(), feeder);
        let Port { id, name, .. } = port.clone();
        Ok(Box::new(Scripted { system: self.clone(), id, name }))
    }

    fn offer(&mut self, name: &str, feeder: Feeder) -> Result<Box<dyn Connection>, PortError> {
        let id = offered(name);
        self.usable()?.feeders.insert(id.clone(), feeder);
        Ok(Box::new(Scripted { system: self.clone(), id, name: name.to_owned() }))
    }

    fn connect(&mut self, port: &Port) -> Result<Box<dyn Output>, PortError> {
        drop(self.usable()?);
        let Port { id, name, .. } = port.clone();
        Ok(Box::new(Scripted { system: self.clone(), id, name }))
    }
}

struct Scripted {
    system: ScriptedPorts,
    id: String,
    name: String,
}

impl Connection for Scripted {
    fn is_up(&mut self) -> Option<bool> {
        let state = self.system.state();
        let there = state.ports.get(&self.name) == Some(&self.id) || self.id == offered(&self.name);
        state.tells.then_some(there && !state.stopped)
    }
}

impl Output for Scripted {
    /// As with real ones, nobody says that nobody listens any more.
    fn send(&mut self, message: &[u8]) -> Result<(), String> {
        let mut state = self.system.state();
        if state.ports.get(&self.name) == Some(&self.id) {
            state.sent.push((self.name.clone(), message.to_vec()));
        }
        Ok(())
    }
}
