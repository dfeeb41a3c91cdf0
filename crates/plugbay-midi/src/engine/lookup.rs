//! Finding the mappings of a cause without looking at all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Cause, Matched};
use crate::config::{Edge, Mapping, Trigger, TriggerKind};

/// One list of mappings, by what sets them off.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookup {
    mappings: HashMap<Class, Vec<(usize, Trigger)>>,
    gestures: HashMap<u8, Vec<Gesture>>,
}

/// Causes that are looked for in one list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Press(u8),
    Release(u8),
    LongPress(u8),
    DoubleTap(u8),
    /// By the lowest note.
    Chord(u8),
    Controller(u8),
    Nrpn(u16),
    Program,
    Pressure,
    PitchBend,
    SysEx,
}

/// What a press of a key may become beside a press: what it has to wait for.
#[derive(Debug, Clone)]
pub(super) struct Gesture {
    channel: Option<u8>,
    pub(super) kind: GestureKind,
}

#[derive(Debug, Clone)]
pub(super) enum GestureKind {
    LongPress(Duration),
    DoubleTap(Duration),
    Chord(Arc<[u8]>, Duration),
}

impl Lookup {
    pub(super) fn new(mappings: &[Mapping]) -> Self {
        let mut lookup = Self::default();
        for (index, Mapping { trigger, .. }) in mappings.iter().enumerate() {
            let bucket = lookup.mappings.entry(class_of(&trigger.kind)).or_default();
            bucket.push((index, trigger.clone()));
            lookup.add_gesture(trigger);
        }
        lookup
    }

    fn add_gesture(&mut self, trigger: &Trigger) {
        let (notes, kind) = match &trigger.kind {
            TriggerKind::LongPress { note, duration } => {
                (std::slice::from_ref(note), GestureKind::LongPress(*duration))
            }
            TriggerKind::DoubleTap { note, timeout } => {
                (std::slice::from_ref(note), GestureKind::DoubleTap(*timeout))
            }
            TriggerKind::NoteChord { notes, timeout } => {
                (&**notes, GestureKind::Chord(Arc::clone(notes), *timeout))
            }
            _ => return,
        };
        for note in notes {
            let gesture = Gesture { channel: trigger.channel, kind: kind.clone() };
            self.gestures.entry(*note).or_default().push(gesture);
        }
    }

    /// Places of the mappings that a cause sets off, in order, and what their triggers make of it.
    pub(super) fn matching<'l>(
        &'l self,
        cause: &'l Cause,
    ) -> impl Iterator<Item = (usize, Matched)> + 'l {
        let bucket = class_of_cause(cause).and_then(|class| self.mappings.get(&class));
        let bucket = bucket.map(Vec::as_slice).unwrap_or_default();
        bucket.iter().filter_map(|(index, trigger)| Some((*index, cause.matched(trigger)?)))
    }

    /// What a press of a key may become.
    pub(super) fn gestures(&self, channel: u8, note: u8) -> impl Iterator<Item = &GestureKind> {
        let gestures = self.gestures.get(&note).map(Vec::as_slice).unwrap_or_default();
        let on_it =
            move |gesture: &&Gesture| gesture.channel.is_none_or(|wanted| wanted == channel);
        gestures.iter().filter(on_it).map(|gesture| &gesture.kind)
    }
}

fn class_of(trigger: &TriggerKind) -> Class {
    match trigger {
        TriggerKind::Note { note, on: Edge::Release, .. } => Class::Release(*note),
        TriggerKind::Note { note, .. } | TriggerKind::VelocityRange { note, .. } => {
            Class::Press(*note)
        }
        TriggerKind::LongPress { note, .. } => Class::LongPress(*note),
        TriggerKind::DoubleTap { note, .. } => Class::DoubleTap(*note),
        TriggerKind::NoteChord { notes, .. } => {
            Class::Chord(notes.first().copied().unwrap_or_default())
        }
        TriggerKind::EncoderTurn { cc, .. } | TriggerKind::Cc { cc, .. } => Class::Controller(*cc),
        TriggerKind::Aftertouch { .. } => Class::Pressure,
        TriggerKind::PitchBend { .. } => Class::PitchBend,
        TriggerKind::ProgramChange { .. } => Class::Program,
        TriggerKind::Nrpn { parameter } => Class::Nrpn(*parameter),
        TriggerKind::SysEx { .. } => Class::SysEx,
    }
}

fn class_of_cause(cause: &Cause) -> Option<Class> {
    Some(match cause {
        Cause::Press { note, .. } => Class::Press(*note),
        Cause::Release { note, .. } => Class::Release(*note),
        Cause::LongPress { note, .. } => Class::LongPress(*note),
        Cause::DoubleTap { note, .. } => Class::DoubleTap(*note),
        Cause::Chord { notes, .. } => Class::Chord(*notes.first()?),
        Cause::Controller { cc, .. } => Class::Controller(*cc),
        Cause::Nrpn { parameter, .. } => Class::Nrpn(*parameter),
        Cause::Program { .. } => Class::Program,
        Cause::Pressure { .. } => Class::Pressure,
        Cause::PitchBend { .. } => Class::PitchBend,
        Cause::SysEx { .. } => Class::SysEx,
    })
}
