//! JACK: the only module that knows it. Each port is a client of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jack::{
    AsyncClient, Client, ClientOptions, Control, MidiIn, MidiOut, PortFlags, PortSpec,
    ProcessHandler, ProcessScope, RawMidi, Unowned,
};
use rtrb::{Consumer, Producer, RingBuffer};

use super::{Connection, Direction, Feeder, Output, Port, PortError, System};

/// The client whose ports others connect to.
const OFFERING: &str = "conductor";
/// Clients that connect to others' ports by themselves.
const LISTENING: &str = "conductor-in";
const SENDING: &str = "conductor-out";
/// One that only looks, and leaves at once: it would not notice that the server went away.
const LOOKING: &str = "conductor-ports";

const MIDI: &str = "8 bit raw midi";

/// A server that asks for no messages for so long is gone: its longest cycle takes some 200 ms.
const SILENCE: Duration = Duration::from_millis(450);

/// Bytes that wait to be sent.
const WAITING: usize = 64 * 1024;
/// Longest message that is sent; a cycle's buffer has hardly room for more.
const LONGEST: usize = 32 * 1024;

pub(super) struct Jack;

fn failed(reason: impl std::fmt::Display) -> PortError {
    PortError::System { system: "JACK", reason: reason.to_string() }
}

fn client(name: &str) -> Result<Client, PortError> {
    match Client::new(name, ClientOptions::NO_START_SERVER) {
        Ok((client, _)) => Ok(client),
        Err(jack::Error::ClientError(_)) => Err(failed("no server is running")),
        Err(error) => Err(failed(error)),
    }
}

/// A port of ours, in a client of its own, and its full name.
fn register<P: PortSpec>(
    of: &str,
    name: &str,
    spec: P,
) -> Result<(Client, jack::Port<P>, String), PortError> {
    // What C takes for the end of a name.
    if name.contains('\0') {
        return Err(failed("a name has no zero byte"));
    }
    let client = client(of)?;
    let port = client.register_port(name, spec).map_err(failed)?;
    let full = port.name().map_err(failed)?;
    Ok((client, port, full))
}

impl System for Jack {
    fn name(&self) -> &'static str {
        "JACK"
    }

    fn list(&mut self, direction: Direction) -> Result<Vec<Port>, PortError> {
        // What gives messages is an output of its owner's.
        let flags = match direction {
            Direction::Input => PortFlags::IS_OUTPUT,
            Direction::Output => PortFlags::IS_INPUT,
        };
        let names = client(LOOKING)?.ports(None, Some(MIDI), flags);
        let port = |name: String| Port { lasting: name.clone(), id: name.clone(), name };
        Ok(names.into_iter().map(port).collect())
    }

    fn listen(&mut self, port: &Port, feeder: Feeder) -> Result<Box<dyn Connection>, PortError> {
        let (client, input, own) = register(LISTENING, "in", MidiIn::default())?;
        let mut connection = listening(client, input, feeder)?;
        let connected = connection.connect(&port.name, &own);
        connected.map_err(|error| refused(Direction::Input, port, &error))?;
        connection.is_offered = false;
        Ok(Box::new(connection))
    }

    fn offer(&mut self, name: &str, feeder: Feeder) -> Result<Box<dyn Connection>, PortError> {
        let (client, input, _) = register(OFFERING, name, MidiIn::default())?;
        Ok(Box::new(listening(client, input, feeder)?))
    }

    fn connect(&mut self, port: &Port) -> Result<Box<dyn Output>, PortError> {
        let (client, output, own) = register(SENDING, "out", MidiOut::default())?;
        let (messages, waiting) = RingBuffer::new(WAITING);
        let cycles = Arc::default();
        let unowned = output.clone_unowned();
        let handler = Sends {
            port: output,
            waiting,
            message: Vec::with_capacity(LONGEST),
            cycles: Arc::clone(&cycles),
        };
        let client = Some(client.activate_async((), handler).map_err(failed)?);
        let seen = (Instant::now(), 0);
        let connection = Connected { client, port: unowned, cycles, seen, is_offered: false };
        let connected = connection.connect(&own, &port.name);
        connected.map_err(|error| refused(Direction::Output, port, &error))?;
        Ok(Box::new(Sending { connection, messages }))
    }
}

fn refused(direction: Direction, port: &Port, error: &jack::Error) -> PortError {
    PortError::Connect { direction, name: port.name.clone(), reason: error.to_string() }
}

fn listening(
    client: Client,
    port: jack::Port<MidiIn>,
    feeder: Feeder,
) -> Result<Connected<Listens>, PortError> {
    let cycles = Arc::default();
    let unowned = port.clone_unowned();
    let handler = Listens { port, feeder, cycles: Arc::clone(&cycles) };
    let client = Some(client.activate_async((), handler).map_err(failed)?);
    Ok(Connected { client, port: unowned, cycles, seen: (Instant::now(), 0), is_offered: true })
}

struct Connected<P> {
    /// Until it is dropped.
    client: Option<AsyncClient<(), P>>,
    port: jack::Port<Unowned>,
    /// How often the server has asked for messages, and how often at a look, and when that was.
    cycles: Arc<AtomicU64>,
    seen: (Instant, u64),
    /// Whether others connect to it, and may leave it alone.
    is_offered: bool,
}

impl<P> Connected<P> {
    /// Connects two ports, one of which is this client's.
    fn connect(&self, from: &str, to: &str) -> Result<(), jack::Error> {
        let client = self.client.as_ref().ok_or(jack::Error::ClientIsNoLongerAlive)?;
        client.as_client().connect_ports_by_name(from, to)
    }
}

impl<P> Drop for Connected<P> {
    /// JACK's library crashes when a client is closed whose server is gone: such a one is left where it is.
    fn drop(&mut self) {
        let before = self.cycles.load(Ordering::Relaxed);
        let began = Instant::now();
        while self.cycles.load(Ordering::Relaxed) == before {
            if began.elapsed() >= SILENCE {
                std::mem::forget(self.client.take());
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl<P: Send> Connection for Connected<P> {
    fn is_up(&mut self) -> Option<bool> {
        let (at, before) = self.seen;
        let cycles = self.cycles.load(Ordering::Relaxed);
        let stands_still = cycles == before && at.elapsed() >= SILENCE;
        if cycles != before {
            self.seen = (Instant::now(), cycles);
        }
        let alone = || !self.port.connected_count().is_ok_and(|count| count > 0);
        Some(!stands_still && (self.is_offered || !alone()))
    }
}

struct Listens {
    port: jack::Port<MidiIn>,
    feeder: Feeder,
    cycles: Arc<AtomicU64>,
}

impl ProcessHandler for Listens {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        self.cycles.fetch_add(1, Ordering::Relaxed);
        for message in self.port.iter(scope) {
            self.feeder.push(Instant::now(), message.bytes);
        }
        Control::Continue
    }
}

struct Sends {
    port: jack::Port<MidiOut>,
    waiting: Consumer<u8>,
    /// The one that is next, if there is one: what has no room in this cycle's buffer is sent in a later one.
    message: Vec<u8>,
    cycles: Arc<AtomicU64>,
}

impl ProcessHandler for Sends {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        self.cycles.fetch_add(1, Ordering::Relaxed);
        let mut wrote = 0_usize;
        // It clears the buffer, and is asked for once a cycle.
        let Self { port, waiting, message, .. } = self;
        let mut pending = !message.is_empty() || next(waiting, message);
        let mut writer = port.writer(scope);
        while pending {
            let written = writer.write(&RawMidi { time: 0, bytes: message });
            if written.is_err() && wrote > 0 {
                break;
            }
            // One that an empty buffer has no room for is given up: no later one has.
            wrote += 1;
            pending = next(waiting, message);
        }
        Control::Continue
    }
}

/// The next message, in a place that was made beforehand.
fn next(waiting: &mut Consumer<u8>, message: &mut Vec<u8>) -> bool {
    message.clear();
    let mut length = [0; 4];
    if waiting.pop_entire_slice(&mut length).is_err() {
        return false;
    }
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or_default();
    message.resize(length.min(LONGEST), 0);
    waiting.pop_entire_slice(message).is_ok()
}

struct Sending {
    connection: Connected<Sends>,
    messages: Producer<u8>,
}

impl Connection for Sending {
    fn is_up(&mut self) -> Option<bool> {
        self.connection.is_up()
    }
}

impl Output for Sending {
    fn send(&mut self, message: &[u8]) -> Result<(), String> {
        if message.len() > LONGEST {
            return Err(format!("a message to JACK has at most {LONGEST} bytes"));
        }
        let length = u32::try_from(message.len()).unwrap_or_default().to_le_bytes();
        let full = |_| "too many messages wait to be sent".to_owned();
        let mut chunk = self.messages.write_chunk(length.len() + message.len()).map_err(full)?;
        let (first, second) = chunk.as_mut_slices();
        let bytes = length.iter().chain(message);
        first.iter_mut().chain(second).zip(bytes).for_each(|(to, from)| *to = *from);
        chunk.commit_all();
        Ok(())
    }
}
