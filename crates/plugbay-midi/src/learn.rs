//! From what is played to the mapping that it would set off: for those who do not know the numbers of their instrument.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::Thresholds;
use crate::engine::{Controls, MidiEvent, TimedEvent};

/// How long the values of a controller are looked at before it is said what kind of controller it is.
const LOOK: Duration = Duration::from_millis(500);

/// Longest prefix of a system exclusive message that is suggested, in bytes: maker, device and kind are in it.
const PREFIX: usize = 8;

/// Listens, and says what triggers would have fired.
///
/// It looks at no clock: [`pass`](Self::pass) tells it how late it is.
#[derive(Debug, Default)]
pub struct Learner {
    thresholds: Thresholds,
    strokes: Vec<Stroke>,
    /// A key whose release belongs to a gesture that was said already.
    done: Vec<(u8, u8)>,
    controls: Controls,
    moved: BTreeMap<(u8, u8), Moved>,
    /// What was said once is not said again.
    said: Vec<String>,
}

/// A trigger that what was played would set off.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suggestion {
    /// What was played, in words.
    pub what: String,
    /// The trigger, as the configuration writes it.
    pub trigger: String,
}

#[derive(Debug)]
struct Stroke {
    channel: u8,
    note: u8,
    velocity: u8,
    at: Duration,
    up: Option<Duration>,
}

#[derive(Debug)]
struct Moved {
    first: Duration,
    values: Vec<u8>,
    said: bool,
}

impl Suggestion {
    /// A whole mapping, with an action to be filled in.
    pub fn mapping(&self) -> String {
        let Self { what, trigger } = self;
        format!(
            "# {what}\n[[global_mappings]]\ntrigger = {trigger}\naction = {{ WasmPlugin = {{ path = \"plugin.wasm\", params = {{}} }} }}\n"
        )
    }
}

impl Learner {
    /// One that has heard nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event, and appends what can be said now.
    pub fn hear(&mut self, heard: &TimedEvent, suggestions: &mut Vec<Suggestion>) {
        let TimedEvent { at, event } = heard;
        self.pass(*at, suggestions);
        match *event {
            MidiEvent::NoteOn { channel, note, velocity } if velocity > 0 => {
                let stroke = Stroke { channel, note, velocity, at: *at, up: None };
                self.press(stroke, suggestions);
            }
            MidiEvent::NoteOn { channel, note, .. } | MidiEvent::NoteOff { channel, note, .. } => {
                self.release(*at, channel, note, suggestions);
            }
            MidiEvent::Controller { channel, cc, value } => {
                self.controller(*at, channel, cc, value, suggestions);
            }
            MidiEvent::KeyPressure { channel, note, .. } => self.say(
                format!("key {} pressed harder, channel {channel}", name(note)),
                format!("{{ Aftertouch = {{ note = {note}, channel = {channel} }} }}"),
                suggestions,
            ),
            MidiEvent::ChannelPressure { channel, .. } => self.say(
                format!("keys pressed harder, channel {channel}"),
                format!("{{ Aftertouch = {{ channel = {channel} }} }}"),
                suggestions,
            ),
            MidiEvent::PitchBend { channel, .. } => self.say(
                format!("the pitch wheel, channel {channel}"),
                format!("{{ PitchBend = {{ channel = {channel} }} }}"),
                suggestions,
            ),
            MidiEvent::Program { channel, program } => self.say(
                format!("program {program}, channel {channel}"),
                format!("{{ ProgramChange = {{ program = {program}, channel = {channel} }} }}"),
                suggestions,
            ),
            MidiEvent::SysEx { ref data } => {
                let prefix: Vec<String> =
                    data.iter().take(PREFIX).map(|byte| format!("{byte:02X}")).collect();
                self.say(
                    format!("a system exclusive message of {} bytes", data.len()),
                    format!("{{ SysEx = {{ prefix = \"{}\" }} }}", prefix.join(" ")),
                    suggestions,
                );
            }
        }
    }

    /// It is this late: appends what can be said now.
    pub fn pass(&mut self, now: Duration, suggestions: &mut Vec<Suggestion>) {
        if let [only] = self.strokes.as_slice()
            && only.up.is_some()
            && now >= only.at.saturating_add(self.thresholds.double_tap)
        {
            self.say_strokes(now, suggestions);
        }
        let due = |moved: &Moved| !moved.said && now >= moved.first.saturating_add(LOOK);
        let places: Vec<_> =
            self.moved.iter().filter(|(_, moved)| due(moved)).map(|(place, _)| *place).collect();
        for place in places {
            self.say_controller(place, suggestions);
        }
    }

    /// Nothing more comes: appends what is left to be said.
    pub fn finish(&mut self, now: Duration, suggestions: &mut Vec<Suggestion>) {
        self.say_strokes(now, suggestions);
        let left: Vec<_> =
            self.moved.iter().filter(|(_, moved)| !moved.said).map(|(place, _)| *place).collect();
        for place in left {
            self.say_controller(place, suggestions);
        }
    }

    fn press(&mut self, stroke: Stroke, suggestions: &mut Vec<Suggestion>) {
        let now = stroke.at;
        match self.strokes.as_slice() {
            [first]
                if first.up.is_some()
                    && first.note == stroke.note
                    && first.channel == stroke.channel =>
            {
                self.strokes.clear();
                self.done.push((stroke.channel, stroke.note));
                let (note, channel) = (stroke.note, stroke.channel);
                self.say(
                    format!("key {} twice, channel {channel}", name(note)),
                    format!("{{ DoubleTap = {{ note = {note}, channel = {channel} }} }}"),
                    suggestions,
                );
                return;
            }
            [first, ..]
                if now < first.at.saturating_add(self.thresholds.chord)
                    && self.strokes.iter().all(|other| {
                        other.up.is_none()
                            && other.channel == stroke.channel
                            && other.note != stroke.note
                    }) => {}
            _ => self.say_strokes(now, suggestions),
        }
        self.strokes.push(stroke);
    }

    fn release(&mut self, at: Duration, channel: u8, note: u8, suggestions: &mut Vec<Suggestion>) {
        if let Some(place) = self.done.iter().position(|key| *key == (channel, note)) {
            self.done.swap_remove(place);
            return;
        }
        let is_it = |stroke: &&mut Stroke| stroke.channel == channel && stroke.note == note;
        let Some(stroke) = self.strokes.iter_mut().find(is_it) else { return };
        stroke.up = Some(at);
        let held = at.saturating_sub(stroke.at);
        let all_up = self.strokes.iter().all(|stroke| stroke.up.is_some());
        if all_up && (self.strokes.len() > 1 || held >= self.thresholds.double_tap) {
            self.say_strokes(at, suggestions);
        }
    }

    fn say_strokes(&mut self, now: Duration, suggestions: &mut Vec<Suggestion>) {
        let strokes = std::mem::take(&mut self.strokes);
        // Whoever is still down has said what it is.
        self.done.extend(strokes.iter().filter(|s| s.up.is_none()).map(|s| (s.channel, s.note)));
        match strokes.as_slice() {
            [] => {}
            [Stroke { channel, note, velocity, at, up }] => {
                let held = up.unwrap_or(now).saturating_sub(*at);
                if held >= self.thresholds.hold {
                    self.say(
                        format!("key {} held, channel {channel}", name(*note)),
                        format!("{{ LongPress = {{ note = {note}, channel = {channel} }} }}"),
                        suggestions,
                    );
                } else {
                    self.say(
                        format!("key {}, channel {channel}, velocity {velocity}", name(*note)),
                        format!("{{ Note = {{ note = {note}, channel = {channel} }} }}"),
                        suggestions,
                    );
                }
            }
            [first, ..] => {
                let channel = first.channel;
                let mut notes: Vec<u8> = strokes.iter().map(|stroke| stroke.note).collect();
                notes.sort_unstable();
                let names: Vec<String> = notes.iter().map(|note| name(*note)).collect();
                self.say(
                    format!("keys {} at the same time, channel {channel}", names.join(", ")),
                    format!("{{ NoteChord = {{ notes = {notes:?}, channel = {channel} }} }}"),
                    suggestions,
                );
            }
        }
    }

    fn controller(
        &mut self,
        at: Duration,
        channel: u8,
        cc: u8,
        value: u8,
        suggestions: &mut Vec<Suggestion>,
    ) {
        if let Some(parameter) = self.controls.parameter_of(channel, cc, value) {
            // The controllers that it is made of are no ones of their own.
            self.moved.retain(|(c, cc), moved| {
                *c != channel || !matches!(cc, 6 | 38 | 98 | 99) || moved.said
            });
            self.say(
                format!("parameter {parameter}, channel {channel}"),
                format!("{{ Nrpn = {{ parameter = {parameter}, channel = {channel} }} }}"),
                suggestions,
            );
            return;
        }
        let moved = Moved { first: at, values: Vec::new(), said: false };
        self.moved.entry((channel, cc)).or_insert(moved).values.push(value);
    }

    fn say_controller(&mut self, place: (u8, u8), suggestions: &mut Vec<Suggestion>) {
        let (channel, cc) = place;
        let Some(moved) = self.moved.get_mut(&place) else { return };
        moved.said = true;
        let values = std::mem::take(&mut moved.values);
        let all = |is: fn(u8) -> bool| values.iter().all(|value| is(*value));
        let encoder = |mode: &str| {
            let trigger = format!(
                "{{ EncoderTurn = {{ cc = {cc}, mode = \"{mode}\", channel = {channel} }} }}"
            );
            (format!("an encoder, controller {cc}, channel {channel}"), trigger)
        };
        let (what, trigger) = if all(|value| matches!(value, 0 | 127)) {
            let trigger =
                format!("{{ CC = {{ cc = {cc}, value_min = 64, channel = {channel} }} }}");
            (format!("a button, controller {cc}, channel {channel}"), trigger)
        } else if all(|value| matches!(value, 1..=4 | 124..=127)) {
            encoder("relative-twos")
        } else if all(|value| matches!(value, 60..=63 | 65..=68)) {
            encoder("relative-offset")
        } else if all(|value| matches!(value, 1..=4 | 65..=68)) {
            encoder("relative-sign")
        } else {
            let trigger = format!("{{ CC = {{ cc = {cc}, channel = {channel} }} }}");
            (format!("a fader or knob, controller {cc}, channel {channel}"), trigger)
        };
        self.say(what, trigger, suggestions);
    }

    fn say(&mut self, what: String, trigger: String, suggestions: &mut Vec<Suggestion>) {
        if !self.said.contains(&trigger) {
            self.said.push(trigger.clone());
            suggestions.push(Suggestion { what, trigger });
        }
    }
}

/// A key by its number and its name, where 60 is C4.
fn name(note: u8) -> String {
    const NAMES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
    let name = NAMES.get(usize::from(note % 12)).copied().unwrap_or_default();
    format!("{note} ({name}{})", i16::from(note / 12) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Origin};

    /// What is said of events: time in milliseconds, and the message in hexadecimal digits.
    fn said(events: &str) -> String {
        let mut learner = Learner::new();
        let mut suggestions = Vec::new();
        let mut last = Duration::ZERO;
        for event in events.split_whitespace() {
            let (at, message) = event.split_once(':').unwrap();
            last = Duration::from_millis(at.parse().unwrap());
            let bytes: Vec<u8> = (0..message.len() / 2)
                .map(|place| u8::from_str_radix(&message[place * 2..place * 2 + 2], 16).unwrap())
                .collect();
            let mut found = Vec::new();
            crate::source::RawParser::new().feed(&bytes, &mut found);
            let [crate::source::Parsed::Event(event)] = found.as_slice() else { panic!() };
            let event = event.clone();
            learner.hear(&TimedEvent { at: last, event }, &mut suggestions);
        }
        learner.finish(last, &mut suggestions);
        for suggestion in &suggestions {
            let mapping = suggestion.mapping();
            Config::parse(&mapping, &Origin::new("c.toml", "/")).unwrap();
        }
        let triggers: Vec<_> =
            suggestions.into_iter().map(|suggestion| suggestion.trigger).collect();
        triggers.join(" ").replace(", channel = 1", "").replace("channel = 1", "")
    }

    #[test]
    fn what_is_played() {
        for (events, wanted) in [
            ("0:903c40 100:803c00", "{ Note = { note = 60 } }"),
            ("0:903c40", "{ Note = { note = 60 } }"),
            ("0:903c40 100:803c00 400:903c40 450:803c00", "{ Note = { note = 60 } }"),
            ("0:903c40 100:803c00 200:903c40 250:803c00", "{ DoubleTap = { note = 60 } }"),
            ("0:903c40 2000:803c00", "{ LongPress = { note = 60 } }"),
            ("0:904040 20:903c40 200:804000 210:803c00", "{ NoteChord = { notes = [60, 64] } }"),
            (
                "0:903c40 100:904040 200:803c00 300:804000",
                "{ Note = { note = 60 } } { Note = { note = 64 } }",
            ),
            ("0:b01040 20:b01045 900:b01150", "{ CC = { cc = 16 } } { CC = { cc = 17 } }"),
            ("0:b0407f 90:b04000", "{ CC = { cc = 64, value_min = 64 } }"),
            ("0:b01001 9:b0107f", "{ EncoderTurn = { cc = 16, mode = \"relative-twos\" } }"),
            ("0:b01041 9:b0103f", "{ EncoderTurn = { cc = 16, mode = \"relative-offset\" } }"),
            ("0:b01041 9:b01001", "{ EncoderTurn = { cc = 16, mode = \"relative-sign\" } }"),
            ("0:b06301 1:b06202 2:b00605", "{ Nrpn = { parameter = 130 } }"),
            ("0:e00040 1:e00050", "{ PitchBend = {  } }"),
            ("0:d040 5:a03c10", "{ Aftertouch = {  } } { Aftertouch = { note = 60 } }"),
            (
                "0:c005 9:c105",
                "{ ProgramChange = { program = 5 } } { ProgramChange = { program = 5, channel = 2 } }",
            ),
            ("0:f07d0102f7", "{ SysEx = { prefix = \"7D 01 02\" } }"),
        ] {
            assert_eq!(said(events), wanted, "{events}");
        }
    }

    #[test]
    fn keys_have_names() {
        assert_eq!([name(60), name(0), name(127)], ["60 (C4)", "0 (C-1)", "127 (G9)"]);
    }
}
