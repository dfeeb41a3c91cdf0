//! What is held on a device, to be let go of when it goes away.

use crate::engine::MidiEvent;

/// Sustain, portamento, sostenuto, soft, legato and hold: the pedals.
const PEDALS: std::ops::RangeInclusive<u8> = 64..=69;

/// Keys and pedals that are down: a bit for each, by channel.
#[derive(Debug, Default)]
pub(super) struct Held {
    keys: [u128; 16],
    pedals: [u8; 16],
}

impl Held {
    pub(super) fn note(&mut self, event: &MidiEvent) {
        match *event {
            MidiEvent::NoteOn { channel, note, velocity } => self.key(channel, note, velocity > 0),
            MidiEvent::NoteOff { channel, note, .. } => self.key(channel, note, false),
            MidiEvent::Controller { channel, cc, value } if PEDALS.contains(&cc) => {
                if let Some(pedals) = self.pedals.get_mut(place(channel)) {
                    let bit = 1 << (cc - PEDALS.start());
                    if value > 0 { *pedals |= bit } else { *pedals &= !bit }
                }
            }
            _ => {}
        }
    }

    fn key(&mut self, channel: u8, note: u8, down: bool) {
        if let Some(keys) = self.keys.get_mut(place(channel)) {
            let bit = 1_u128.checked_shl(note.into()).unwrap_or_default();
            if down { *keys |= bit } else { *keys &= !bit }
        }
    }

    /// What the device would have sent, had somebody let go of it: keys before pedals.
    pub(super) fn release(&mut self) -> Vec<MidiEvent> {
        let Self { keys, pedals } = std::mem::take(self);
        let mut events = Vec::new();
        for (channel, keys) in (1..=16).zip(keys) {
            let down = (0..128).filter(|note| keys >> note & 1 == 1);
            events.extend(down.map(|note| MidiEvent::NoteOff { channel, note, velocity: 0 }));
        }
        for (channel, pedals) in (1..=16).zip(pedals) {
            let down = PEDALS.filter(|cc| pedals >> (cc - PEDALS.start()) & 1 == 1);
            events.extend(down.map(|cc| MidiEvent::Controller { channel, cc, value: 0 }));
        }
        events
    }
}

fn place(channel: u8) -> usize {
    usize::from(channel).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_down_is_let_go_of_once() {
        let mut held = Held::default();
        let on = |channel, note, velocity| MidiEvent::NoteOn { channel, note, velocity };
        let cc = |channel, cc, value| MidiEvent::Controller { channel, cc, value };
        for event in [
            on(1, 60, 1),
            on(16, 127, 127),
            on(1, 61, 1),
            on(1, 61, 0),
            on(1, 62, 1),
            MidiEvent::NoteOff { channel: 1, note: 62, velocity: 5 },
            // The same key of another channel is another key.
            MidiEvent::NoteOff { channel: 2, note: 60, velocity: 5 },
            cc(1, 64, 127),
            cc(3, 69, 1),
            cc(1, 66, 127),
            cc(1, 66, 0),
            cc(1, 7, 127),
        ] {
            held.note(&event);
        }
        let released: Vec<_> = held.release().iter().map(ToString::to_string).collect();
        assert_eq!(
            released,
            [
                "note off, channel 1, note 60, velocity 0",
                "note off, channel 16, note 127, velocity 0",
                "controller, channel 1, cc 64, value 0",
                "controller, channel 3, cc 69, value 0",
            ]
        );
        assert_eq!(held.release(), []);
    }
}
