//! Devices: input ports of the system's that come and go, and ports that others connect to.

mod held;
mod look;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use plugbay::runtime::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::held::Held;
use self::look::{Answer, Line, Question, Systems, Target, What, look};
use super::{MidiSource, Notice, Parsed, RawParser, SourceError, SourceItem};
use crate::config::PortSelector;
use crate::engine::TimedEvent;
use crate::ports::{
    Backoff, Bell, DEVICE, Direction, Port, PortError, System, find, list_ports, queue, systems,
};

/// How often is looked whether devices are still there.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Which devices a [`PortSource`] listens to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Devices {
    /// Ports of the system's.
    pub ports: Vec<PortSelector>,
    /// Names of ports that are made, and that others connect to.
    pub offered: Vec<String>,
    /// Whether a device that disappears is looked for again.
    pub reconnect: bool,
}

/// Devices as a source.
///
/// A device that disappears has its keys and pedals let go of. Where it is to be looked for, it is by its name,
/// after 1, 2, 4 and up to 30 seconds; otherwise the source breaks off with the last one.
pub struct PortSource {
    systems: Systems,
    bell: Bell,
    reconnect: bool,
    devices: Vec<Device>,
    ready: VecDeque<SourceItem>,
    /// When the first item was asked for.
    started: Option<Instant>,
    next_look: Instant,
    looking: Option<JoinHandle<Vec<(usize, Answer)>>>,
    /// Of the device that went away last.
    last: String,
}

struct Device {
    system: usize,
    target: Target,
    line: Option<Line>,
    parser: RawParser,
    held: Held,
    backoff: Backoff,
    /// When it is looked for, while it is gone.
    retry_at: Option<Instant>,
}

impl PortSource {
    /// Opens devices, on the systems that this build has.
    ///
    /// # Errors
    ///
    /// When this build or this machine has no MIDI ports, or not those.
    pub fn open(devices: &Devices) -> Result<Self, PortError> {
        Self::on(systems(), devices)
    }

    /// Opens devices on these systems.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn on(mut systems: Vec<Box<dyn System>>, wanted: &Devices) -> Result<Self, PortError> {
        let bell = Bell::default();
        let mut devices = Vec::new();
        if !wanted.ports.is_empty() {
            let ports = list_ports(&mut systems, Direction::Input)?;
            for (system, port) in chosen(&ports, &wanted.ports)? {
                let Some(opener) = systems.get_mut(system) else { continue };
                let (feeder, queue) = queue(&bell);
                let connection = opener.listen(&port, feeder)?;
                let line = Line { connection, queue };
                devices.push(Device::new(system, Target::Port(port), line));
            }
        }
        for name in &wanted.offered {
            devices.extend(offer(&mut systems, &bell, name)?);
        }
        Ok(Self {
            systems: Arc::new(Mutex::new(systems)),
            bell,
            reconnect: wanted.reconnect,
            devices,
            ready: VecDeque::new(),
            started: None,
            next_look: Instant::now(),
            looking: None,
            last: String::new(),
        })
    }

    /// The names of its devices, each with its system's.
    pub fn names(&self) -> Vec<(String, &'static str)> {
        let systems = self.systems.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |device: &Device| {
            let system = systems.get(device.system).map_or("", |system| system.name());
            (device.target.name().to_owned(), system)
        };
        self.devices.iter().map(name).collect()
    }

    /// What is to be looked at now.
    fn questions(&mut self, now: Instant) -> Vec<Question> {
        let connected = self.devices.iter().filter(|device| device.line.is_some());
        let taken = connected.filter_map(|device| match &device.target {
            Target::Port(port) => Some(port.id.clone()),
            Target::Offered(_) => None,
        });
        let taken: Vec<String> = taken.collect();
        let mut questions = Vec::new();
        for (place, device) in self.devices.iter_mut().enumerate() {
            let what = match &mut device.line {
                Some(line) => match line.connection.is_up() {
                    Some(true) => continue,
                    up => What::Still { knows: up.is_some() },
                },
                None if device.retry_at.is_some_and(|at| at <= now) => {
                    What::Again { taken: taken.clone() }
                }
                None => continue,
            };
            let (system, target) = (device.system, device.target.clone());
            questions.push(Question { device: place, system, target, what });
        }
        questions
    }

    fn begin_to_look(&mut self) {
        let questions = self.questions(Instant::now());
        if questions.is_empty() {
            self.schedule();
            return;
        }
        let (systems, bell) = (Arc::clone(&self.systems), Arc::clone(&self.bell));
        let looking = tokio::task::spawn_blocking(move || look(&systems, &bell, questions));
        self.looking = Some(looking);
    }

    fn schedule(&mut self) {
        let now = Instant::now();
        let retries = self.devices.iter().filter_map(|device| device.retry_at);
        let connected = self.devices.iter().any(|device| device.line.is_some());
        let looks = connected.then(|| now + LOOK_EVERY);
        self.next_look = retries.chain(looks).min().unwrap_or(now + LOOK_EVERY).max(now);
    }

    fn heed(&mut self, answers: Vec<(usize, Answer)>, started: Instant) {
        // What a device sent before it went away comes before what is let go of.
        collect(&mut self.devices, started, &mut self.ready);
        let mut left = Vec::new();
        for (place, answer) in answers {
            let Some(device) = self.devices.get_mut(place) else { continue };
            match answer {
                Answer::Still => {}
                Answer::Gone { replaced } => {
                    device.let_go(started, &mut self.ready);
                    match self.reconnect {
                        true => device.look_again(replaced),
                        false => left.push(place),
                    }
                }
                Answer::Away(error) => {
                    tracing::debug!(target: DEVICE, "{error}");
                    device.look_again(false);
                }
                Answer::Back(target, line) => device.come_back(target, line),
            }
        }
        for place in left.into_iter().rev() {
            self.last = self.devices.remove(place).target.name().to_owned();
        }
        self.schedule();
    }
}

impl Device {
    fn new(system: usize, target: Target, line: Line) -> Self {
        Self {
            system,
            target,
            line: Some(line),
            parser: RawParser::new(),
            held: Held::default(),
            backoff: Backoff::default(),
            retry_at: None,
        }
    }

    /// It is gone: nobody holds its keys any more.
    fn let_go(&mut self, started: Instant, ready: &mut VecDeque<SourceItem>) {
        if let Some(line) = self.line.take() {
            // Some systems take their time with it.
            drop(tokio::task::spawn_blocking(move || drop(line)));
        }
        let mut parsed = Vec::new();
        std::mem::take(&mut self.parser).finish(&mut parsed);
        let at = Instant::now().saturating_duration_since(started);
        ready.extend(parsed.into_iter().map(|parsed| item(parsed, at)));
        let held = self.held.release();
        let (name, released) = (self.target.name(), held.len());
        tracing::warn!(target: DEVICE, released, "the MIDI input {name:?} is gone: what was held on it is let go of");
        ready.extend(held.into_iter().map(|event| SourceItem::Event(TimedEvent { at, event })));
    }

    fn look_again(&mut self, at_once: bool) {
        let wait = if at_once { Duration::ZERO } else { self.backoff.next() };
        tracing::debug!(target: DEVICE, ?wait, "the MIDI input {:?} is looked for again", self.target.name());
        self.retry_at = Some(Instant::now() + wait);
    }

    fn come_back(&mut self, target: Target, line: Line) {
        tracing::info!(target: DEVICE, "the MIDI input {:?} is back", target.name());
        self.target = target;
        self.line = Some(line);
        self.backoff = Backoff::default();
        self.retry_at = None;
    }
}

impl MidiSource for PortSource {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
        Box::pin(async {
            let started = *self.started.get_or_insert_with(Instant::now);
            loop {
                if let Some(item) = self.ready.pop_front() {
                    return Ok(Some(item));
                }
                if self.devices.is_empty() {
                    return Err(PortError::Gone { name: self.last.clone() }.into());
                }
                let Self { bell, devices, ready, looking, next_look, .. } = self;
                let came = poll_fn(|context| {
                    bell.register(context.waker());
                    collect(devices, started, ready);
                    if ready.is_empty() { Poll::Pending } else { Poll::Ready(()) }
                });
                let answers = tokio::select! {
                    biased;
                    () = came => None,
                    answers = ended(looking) => Some(answers),
                    () = tokio::time::sleep_until(*next_look), if looking.is_none() => {
                        self.begin_to_look();
                        None
                    }
                };
                if let Some(answers) = answers {
                    self.looking = None;
                    self.heed(answers, started);
                }
            }
        })
    }
}

/// The end of a look, if one is under way.
async fn ended(looking: &mut Option<JoinHandle<Vec<(usize, Answer)>>>) -> Vec<(usize, Answer)> {
    match looking {
        // One that panicked found nothing; the next may.
        Some(looking) => looking.await.unwrap_or_default(),
        None => std::future::pending().await,
    }
}

/// Takes what has come from all devices, in the order of time.
fn collect(devices: &mut [Device], started: Instant, ready: &mut VecDeque<SourceItem>) {
    let mut items = Vec::new();
    let mut parsed = Vec::new();
    for Device { line, parser, held, .. } in devices {
        let Some(Line { queue, .. }) = line else { continue };
        let lost = queue.take_lost();
        if lost > 0 {
            ready.push_back(SourceItem::Notice(Notice::Lost { messages: lost }));
        }
        while let Some((at, message)) = queue.pop() {
            let at = at.saturating_duration_since(started.into_std());
            parser.feed(message, &mut parsed);
            for parsed in parsed.drain(..) {
                if let Parsed::Event(event) = &parsed {
                    held.note(event);
                }
                items.push((at, item(parsed, at)));
            }
        }
    }
    items.sort_by_key(|(at, _)| *at);
    ready.extend(items.into_iter().map(|(_, item)| item));
}

fn item(parsed: Parsed, at: Duration) -> SourceItem {
    match parsed {
        Parsed::Event(event) => SourceItem::Event(TimedEvent { at, event }),
        Parsed::Notice(notice) => SourceItem::Notice(notice),
    }
}

/// The ports that are meant, each once.
fn chosen(
    ports: &[(usize, Port)],
    wanted: &[PortSelector],
) -> Result<Vec<(usize, Port)>, PortError> {
    let mut chosen: Vec<(usize, Port)> = Vec::new();
    for second in wanted {
        let found = find(ports, Direction::Input, second)?;
        if let Some(first) = chosen.iter().position(|other| *other == found) {
            let first = wanted.get(first).unwrap_or(second).clone();
            let (second, name) = (second.clone(), found.1.name);
            return Err(PortError::Twice { first, second, name });
        }
        chosen.push(found);
    }
    Ok(chosen)
}

/// A port of this name in every system that has such ports, and at least in one.
fn offer(
    systems: &mut [Box<dyn System>],
    bell: &Bell,
    name: &str,
) -> Result<Vec<Device>, PortError> {
    let mut devices = Vec::new();
    let mut failed = PortError::NotInThisBuild;
    for (place, system) in systems.iter_mut().enumerate() {
        let (feeder, queue) = queue(bell);
        match system.offer(name, feeder) {
            Ok(connection) => {
                let line = Line { connection, queue };
                devices.push(Device::new(place, Target::Offered(name.to_owned()), line));
            }
            Err(error) => {
                tracing::debug!(target: DEVICE, "{error}");
                failed = error;
            }
        }
    }
    if devices.is_empty() { Err(failed) } else { Ok(devices) }
}
