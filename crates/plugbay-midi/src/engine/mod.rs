//! The engine: events and their time in, decisions out.
//!
//! It opens nothing, waits for nothing and looks at no clock, so that the same events
//! at the same times give the same decisions. Whoever has a clock asks for its
//! [`deadline`](Engine::deadline), and tells it by [`advance`](Engine::advance) that this has come.

mod controls;
mod decision;
mod event;
mod gesture;
mod lookup;
mod script;
mod successor;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use decision::{Cause, Decision, MappingId, Matched};
pub use event::{MidiEvent, TimedEvent};
pub(crate) use successor::Places;
pub use successor::Succession;

use crate::config::{Config, Mapping, Mode, ModeId, WallTime};
pub(crate) use controls::Controls;
use gesture::{Gestures, Hopes, Press, Settled};
use lookup::Lookup;
use script::{Scripts, Surroundings};

/// Decides which mappings an event sets off.
///
/// All mappings of the current mode that match are set off, in the order of the file;
/// where none does, all global mappings that match. A mode's mapping thereby wins over
/// a global one for the same trigger.
///
/// ```
/// use std::time::Duration;
/// use plugbay_midi::config::{Config, Origin};
/// use plugbay_midi::engine::{Engine, MidiEvent};
///
/// let text = r#"
///     [[modes]]
///     name = "Pads"
///     [[modes.mappings]]
///     trigger = { Note = { note = 36, velocity_min = 80 } }
///     action = { WasmPlugin = { path = "lights.wasm", params = { level = "{velocity}" } } }
/// "#;
/// let config = Config::parse(text, &Origin::new("example.toml", "/etc/conductor"))?.config;
/// let mut engine = Engine::new(config.into());
/// let mut decisions = Vec::new();
/// let event = MidiEvent::NoteOn { channel: 1, note: 36, velocity: 100 };
/// engine.handle(Duration::from_millis(5), &event, &mut decisions);
/// assert_eq!(decisions.len(), 1);
/// # Ok::<(), plugbay_midi::config::Report>(())
/// ```
#[derive(Clone)]
pub struct Engine {
    config: Arc<Config>,
    modes: Vec<Lookup>,
    global: Lookup,
    current: ModeId,
    calendar: Calendar,
    /// The time up to which everything is decided.
    now: Duration,
    /// Keys that are down: a bit for each note of each channel.
    held: [u128; 16],
    gestures: Gestures,
    controls: Controls,
    scripts: Scripts,
    /// Kept between events, to be allocated once.
    settled: Vec<Settled>,
}

/// What the clock on the wall shows at a time of the engine's.
pub type Calendar = Arc<dyn Fn(Duration) -> WallTime + Send + Sync>;

impl Engine {
    /// An engine in the configuration's first mode, for which it is always midnight at the beginning of a Monday.
    pub fn new(config: Arc<Config>) -> Self {
        let modes = config.modes.iter().map(|mode| Lookup::new(&mode.mappings)).collect();
        let global = Lookup::new(&config.global_mappings);
        Self {
            config,
            modes,
            global,
            current: ModeId::default(),
            calendar: Arc::new(|_| WallTime { minute: 0, weekday: 0 }),
            now: Duration::ZERO,
            held: [0; 16],
            gestures: Gestures::default(),
            controls: Controls::default(),
            scripts: Scripts::default(),
            settled: Vec::new(),
        }
    }

    /// The same engine with what conditions on the time of day look at.
    #[must_use]
    pub fn with_calendar(mut self, calendar: Calendar) -> Self {
        self.calendar = calendar;
        self
    }

    /// The configuration that it follows.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The mode for the next event.
    pub fn mode(&self) -> ModeId {
        self.current
    }

    /// Has the next event find another mode. One that the configuration does not have is none.
    pub fn set_mode(&mut self, mode: ModeId) {
        if self.mode_of(mode).is_some() {
            self.current = mode;
        }
    }

    /// A mode of the configuration.
    pub fn mode_of(&self, id: ModeId) -> Option<&Mode> {
        self.config.modes.get(usize::from(id.0))
    }

    /// The mapping that a decision is about.
    pub fn mapping(&self, id: MappingId) -> Option<&Mapping> {
        let mappings = match id.mode {
            Some(mode) => &self.mode_of(mode)?.mappings,
            None => &self.config.global_mappings,
        };
        mappings.get(id.index)
    }

    /// The time up to which everything is decided. What comes with an earlier one counts as of then.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// When something is to be decided even if nothing comes until then.
    pub fn deadline(&self) -> Option<Duration> {
        [self.gestures.deadline(), self.scripts.deadline()].into_iter().flatten().min()
    }

    /// Decides what is due at `to` or before, in the order of time.
    pub fn advance(&mut self, to: Duration, decisions: &mut Vec<Decision>) {
        while let Some(at) = self.deadline().filter(|at| *at <= to) {
            self.now = self.now.max(at);
            if self.scripts.deadline() == Some(at) {
                self.step(decisions, |engine, around, decisions| {
                    engine.scripts.resume(around, decisions);
                });
            } else {
                let mut settled = std::mem::take(&mut self.settled);
                self.gestures.expire(at, &mut settled);
                self.decide_all(&mut settled, decisions);
                self.settled = settled;
            }
        }
    }

    /// Takes one event and appends what is to be done to `decisions`, after what was due before it. A time before that of an
    /// earlier event or deadline counts as that one's.
    ///
    /// A change of mode among the decisions is already made when this returns; all
    /// decisions of one event are made in the mode before it.
    pub fn handle(&mut self, at: Duration, event: &MidiEvent, decisions: &mut Vec<Decision>) {
        self.advance(at, decisions);
        self.now = self.now.max(at);
        let at = self.now;
        match *event {
            // MIDI: a note-on with velocity 0 is a note-off.
            MidiEvent::NoteOn { channel, note, velocity: velocity @ 0 }
            | MidiEvent::NoteOff { channel, note, velocity } => {
                self.release(at, channel, note, velocity, decisions);
            }
            MidiEvent::NoteOn { channel, note, velocity } => {
                self.hold(channel, note, true);
                let press = Press { at, mode: self.current, channel, note, velocity };
                let hopes = self.hopes(self.current, channel, note);
                let mut settled = std::mem::take(&mut self.settled);
                self.gestures.press(press, hopes, &mut settled);
                self.decide_all(&mut settled, decisions);
                self.settled = settled;
            }
            MidiEvent::KeyPressure { channel, note, pressure } => {
                self.decide(Cause::Pressure { channel, note: Some(note), pressure }, decisions);
            }
            MidiEvent::ChannelPressure { channel, pressure } => {
                self.decide(Cause::Pressure { channel, note: None, pressure }, decisions);
            }
            MidiEvent::Controller { channel, cc, value } => {
                let (moved, parameter) = self.controls.moved(channel, cc, value);
                self.decide(moved, decisions);
                if let Some(parameter) = parameter {
                    self.decide(parameter, decisions);
                }
            }
            MidiEvent::Program { channel, program } => {
                self.decide(Cause::Program { channel, program }, decisions);
            }
            MidiEvent::PitchBend { channel, bend } => {
                self.decide(Cause::PitchBend { channel, bend }, decisions);
            }
            MidiEvent::SysEx { ref data } => {
                self.decide(Cause::SysEx { data: data.clone().into() }, decisions);
            }
        }
    }

    /// Lets go of every key that is down, as when an instrument is unplugged.
    pub fn release_all(&mut self, at: Duration, decisions: &mut Vec<Decision>) {
        for (channel, held) in (1..=16).zip(self.held) {
            for note in (0..128).filter(|note| held >> note & 1 == 1) {
                self.handle(at, &MidiEvent::NoteOff { channel, note, velocity: 0 }, decisions);
            }
        }
    }

    /// How many keys are down.
    pub fn held_keys(&self) -> u32 {
        self.held.iter().map(|notes| notes.count_ones()).sum()
    }

    /// How many actions wait for their time.
    pub fn waiting(&self) -> usize {
        self.scripts.waiting()
    }

    /// Actions that were given up since the last time, because too many of them wait for their time.
    pub fn take_given_up(&mut self) -> u64 {
        self.scripts.take_given_up()
    }

    fn release(
        &mut self,
        at: Duration,
        channel: u8,
        note: u8,
        velocity: u8,
        decisions: &mut Vec<Decision>,
    ) {
        self.hold(channel, note, false);
        let mut settled = std::mem::take(&mut self.settled);
        self.gestures.release(at, channel, note, &mut settled);
        let cause = Cause::Release { channel, note, velocity };
        settled.push(Settled { at, mode: self.current, cause });
        self.decide_all(&mut settled, decisions);
        self.settled = settled;
    }

    fn hold(&mut self, channel: u8, note: u8, down: bool) {
        if let Some(notes) = self.held.get_mut(usize::from(channel).wrapping_sub(1)) {
            let bit = 1_u128.checked_shl(note.into()).unwrap_or_default();
            if down { *notes |= bit } else { *notes &= !bit }
        }
    }

    fn hopes(&self, mode: ModeId, channel: u8, note: u8) -> Hopes {
        let own = self.modes.get(usize::from(mode.0));
        let own = own.into_iter().flat_map(|lookup| lookup.gestures(channel, note));
        Hopes::of(own.chain(self.global.gestures(channel, note)))
    }

    fn decide(&mut self, cause: Cause, decisions: &mut Vec<Decision>) {
        let mut settled = std::mem::take(&mut self.settled);
        settled.push(Settled { at: self.now, mode: self.current, cause });
        self.decide_all(&mut settled, decisions);
        self.settled = settled;
    }

    /// Sets off the mappings of all causes of one moment, each in the mode of its own.
    fn decide_all(&mut self, settled: &mut Vec<Settled>, decisions: &mut Vec<Decision>) {
        self.step(decisions, |engine, around, decisions| {
            for Settled { at, mode, cause } in settled.drain(..) {
                engine.set_off(at, mode, cause, around, decisions);
            }
        });
    }

    /// All mappings of the mode that match; where none does, all global ones.
    fn set_off(
        &mut self,
        at: Duration,
        mode: ModeId,
        cause: Cause,
        around: &mut Surroundings<'_>,
        decisions: &mut Vec<Decision>,
    ) {
        let own = self.modes.get(usize::from(mode.0));
        let mut found: Vec<_> = own
            .into_iter()
            .flat_map(|lookup| lookup.matching(&cause))
            .map(|(index, matched)| (MappingId { mode: Some(mode), index }, matched))
            .collect();
        if found.is_empty() {
            let global = self.global.matching(&cause);
            found.extend(global.map(|(index, matched)| (MappingId { mode: None, index }, matched)));
        }
        if found.is_empty() {
            return;
        }
        let cause = Arc::new(cause);
        for (mapping, trigger) in found {
            let Some(Mapping { line, action, .. }) = self.mapping(mapping) else { continue };
            let (line, action, cause) = (*line, Arc::clone(action), Arc::clone(&cause));
            let decision = Decision { mapping, line, mode, at, cause, trigger, action };
            self.scripts.begin(decision, around, decisions);
        }
    }

    /// Everything of one moment sees the mode before it.
    fn step(
        &mut self,
        decisions: &mut Vec<Decision>,
        work: impl FnOnce(&mut Self, &mut Surroundings<'_>, &mut Vec<Decision>),
    ) {
        let calendar = Arc::clone(&self.calendar);
        let mut next_mode = self.current;
        let mut around =
            Surroundings { mode: self.current, next_mode: &mut next_mode, wall: &*calendar };
        work(self, &mut around, decisions);
        self.set_mode(next_mode);
    }
}
