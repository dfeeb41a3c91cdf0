//! What becomes of a press: a tap, a double tap, a long press, or a part of a chord, and exactly one of them.
//!
//! A press is settled as soon as the mappings of its key allow. One of a key with nothing but taps is
//! settled when it comes; any other waits for as long as it could still become something else, and no longer:
//!
//! | it waits | until |
//! |---|---|
//! | to be a double tap | the key is pressed again, or the longest time for that has passed |
//! | to be a long press | the key was held for the longest time of those mappings, or was let go |
//! | to be part of a chord | its last key is pressed, the time for that has passed, or the key was let go |
//!
//! Times are less than what they are compared with: a second press exactly at the end of the time is a new one.

use std::sync::Arc;
use std::time::Duration;

use super::Cause;
use super::lookup::GestureKind;
use crate::config::ModeId;

/// The presses that are not settled yet, in the order in which they came: at most one a key.
#[derive(Debug, Clone, Default)]
pub(super) struct Gestures {
    undecided: Vec<Open>,
}

/// What became of a press, and when that was clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) at: Duration,
    /// The mode in which the key was pressed.
    pub(super) mode: ModeId,
    pub(super) cause: Cause,
}

/// A key that was pressed.
#[derive(Debug, Clone)]
pub(super) struct Press {
    pub(super) at: Duration,
    pub(super) mode: ModeId,
    pub(super) channel: u8,
    pub(super) note: u8,
    pub(super) velocity: u8,
}

/// What a press may become beside a tap.
#[derive(Debug, Clone, Default)]
pub(super) struct Hopes {
    double_tap: Option<Duration>,
    /// In ascending order.
    long_presses: Vec<Duration>,
    chords: Vec<(Arc<[u8]>, Duration)>,
}

impl Hopes {
    pub(super) fn of<'g>(gestures: impl Iterator<Item = &'g GestureKind>) -> Self {
        let mut hopes = Self::default();
        for gesture in gestures {
            match gesture {
                GestureKind::LongPress(duration) => hopes.long_presses.push(*duration),
                GestureKind::DoubleTap(timeout) => {
                    hopes.double_tap = hopes.double_tap.max(Some(*timeout));
                }
                GestureKind::Chord(notes, timeout) => {
                    hopes.chords.push((Arc::clone(notes), *timeout));
                }
            }
        }
        hopes.long_presses.sort_unstable();
        hopes
    }

    fn is_empty(&self) -> bool {
        self.double_tap.is_none() && self.long_presses.is_empty() && self.chords.is_empty()
    }
}

/// A press that is not settled.
#[derive(Debug, Clone)]
struct Open {
    press: Press,
    hopes: Hopes,
    /// Whether the key was let go: then it waits for a second press.
    released: bool,
    /// A chord that is complete and waits, until then, to become a larger one.
    chord: Option<(Arc<[u8]>, Duration)>,
}

impl Open {
    /// When it is settled if nothing comes until then.
    fn deadline(&self) -> Duration {
        let Self { press, hopes, released, chord } = self;
        if let Some((_, until)) = chord {
            return *until;
        }
        let double_tap = hopes.double_tap.unwrap_or_default();
        let wait = match (released, hopes.long_presses.last()) {
            (true, _) => double_tap,
            (false, Some(longest)) => hopes.longest_chord().max(*longest),
            (false, None) => hopes.longest_chord().max(double_tap),
        };
        press.at.saturating_add(wait)
    }

    fn is(&self, channel: u8, note: u8) -> bool {
        self.press.channel == channel && self.press.note == note
    }

    fn tap(self, at: Duration) -> Settled {
        self.press.tap(at)
    }

    fn long_press(self, at: Duration, held: Duration) -> Settled {
        let Press { mode, channel, note, velocity, .. } = self.press;
        Settled { at, mode, cause: Cause::LongPress { channel, note, velocity, held } }
    }
}

impl Press {
    fn tap(self, at: Duration) -> Settled {
        let Self { mode, channel, note, velocity, .. } = self;
        Settled { at, mode, cause: Cause::Press { channel, note, velocity } }
    }
}

impl Hopes {
    fn longest_chord(&self) -> Duration {
        self.chords.iter().map(|(_, timeout)| *timeout).max().unwrap_or_default()
    }
}

impl Gestures {
    /// A key goes down, in the mode of which `hopes` are.
    pub(super) fn press(&mut self, press: Press, hopes: Hopes, settled: &mut Vec<Settled>) {
        let (at, channel, note) = (press.at, press.channel, press.note);
        // An instrument may leave out the release between two presses.
        self.release(at, channel, note, settled);
        if let Some(first) = self.take(channel, note) {
            // It was let go and waited for this.
            if first.press.mode == press.mode {
                let gap = at.saturating_sub(first.press.at);
                let cause = Cause::DoubleTap { channel, note, velocity: press.velocity, gap };
                settled.push(Settled { at, mode: press.mode, cause });
                return;
            }
            settled.push(first.tap(at));
        }
        if hopes.is_empty() {
            settled.push(press.tap(at));
            return;
        }
        self.undecided.push(Open { press, hopes, released: false, chord: None });
        self.complete_chord(at, channel, note, settled);
    }

    /// A key goes up, if it was down.
    pub(super) fn release(
        &mut self,
        at: Duration,
        channel: u8,
        note: u8,
        settled: &mut Vec<Settled>,
    ) {
        let Some(open) = self.undecided.iter_mut().find(|open| open.is(channel, note)) else {
            return;
        };
        if open.released {
            return;
        }
        if let Some((notes, _)) = open.chord.take() {
            self.settle_chord(at, channel, &notes, settled);
            return;
        }
        let held = at.saturating_sub(open.press.at);
        let long_press = open.hopes.long_presses.iter().rev().find(|wanted| **wanted <= held);
        let long_press = long_press.copied();
        if long_press.is_none() && open.hopes.double_tap.is_some_and(|timeout| held < timeout) {
            open.released = true;
            return;
        }
        let Some(open) = self.take(channel, note) else { return };
        settled.push(match long_press {
            Some(held) => open.long_press(at, held),
            None => open.tap(at),
        });
    }

    /// When the next press is settled if nothing comes until then.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.undecided.iter().map(Open::deadline).min()
    }

    /// Settles the press whose deadline is first, if that is `at` or before.
    pub(super) fn expire(&mut self, at: Duration, settled: &mut Vec<Settled>) {
        let due = self.undecided.iter().min_by_key(|open| open.deadline());
        let Some(open) = due.filter(|open| open.deadline() <= at) else { return };
        let (at, channel, note) = (open.deadline(), open.press.channel, open.press.note);
        if let Some((notes, _)) = open.chord.clone() {
            self.settle_chord(at, channel, &notes, settled);
            return;
        }
        let Some(open) = self.take(channel, note) else { return };
        settled.push(match open.hopes.long_presses.last().copied() {
            Some(held) if !open.released => open.long_press(at, held),
            _ => open.tap(at),
        });
    }

    /// Other mappings count from now on: each press becomes what it would have become, had they been there when the key was
    /// pressed. `anew` gives a press's mode and hopes among them.
    pub(super) fn reconsider(
        &mut self,
        now: Duration,
        anew: impl Fn(&Press) -> (ModeId, Hopes),
        settled: &mut Vec<Settled>,
    ) {
        let undecided = std::mem::take(&mut self.undecided);
        for mut open in undecided {
            (open.press.mode, open.hopes) = anew(&open.press);
            if open.hopes.is_empty() {
                settled.push(open.tap(now));
                continue;
            }
            open.chord = None;
            let (channel, note) = (open.press.channel, open.press.note);
            self.undecided.push(open);
            self.complete_chord(now, channel, note, settled);
        }
    }

    fn take(&mut self, channel: u8, note: u8) -> Option<Open> {
        let place = self.undecided.iter().position(|open| open.is(channel, note))?;
        Some(self.undecided.remove(place))
    }

    /// Settles the chord that the newest press, of this key, completes, or has it wait for a larger one.
    fn complete_chord(&mut self, at: Duration, channel: u8, note: u8, settled: &mut Vec<Settled>) {
        let Some(newest) = self.undecided.iter().find(|open| open.is(channel, note)) else {
            return;
        };
        let complete = newest
            .hopes
            .chords
            .iter()
            .filter_map(|(notes, timeout)| {
                let first = self.first_of(channel, newest.press.mode, notes)?;
                (at.saturating_sub(first) < *timeout).then_some((notes, first))
            })
            // The first of those that are equal, as everywhere.
            .rev()
            .max_by_key(|(notes, _)| notes.len());
        let Some((notes, first)) = complete else { return };
        let larger = newest.hopes.chords.iter().filter(|(larger, _)| {
            larger.len() > notes.len() && notes.iter().all(|note| larger.contains(note))
        });
        let until = larger.map(|(_, timeout)| first.saturating_add(*timeout)).max();
        let notes = Arc::clone(notes);
        match until.filter(|until| *until > at) {
            Some(until) => {
                for open in &mut self.undecided {
                    if open.press.channel == channel && notes.contains(&open.press.note) {
                        open.chord = Some((Arc::clone(&notes), until));
                    }
                }
            }
            None => self.settle_chord(at, channel, &notes, settled),
        }
    }

    /// When the first of these keys was pressed, if all of them are down, in the same mode and in no chord
    /// that has other keys.
    fn first_of(&self, channel: u8, mode: ModeId, notes: &[u8]) -> Option<Duration> {
        let mut first = Duration::MAX;
        for note in notes {
            let open = self.undecided.iter().find(|open| open.is(channel, *note))?;
            let stays =
                open.chord.as_ref().is_none_or(|(c, _)| c.iter().all(|n| notes.contains(n)));
            if open.released || open.press.mode != mode || !stays {
                return None;
            }
            first = first.min(open.press.at);
        }
        Some(first)
    }

    fn settle_chord(
        &mut self,
        at: Duration,
        channel: u8,
        notes: &Arc<[u8]>,
        settled: &mut Vec<Settled>,
    ) {
        let is_part =
            |open: &Open| open.press.channel == channel && notes.contains(&open.press.note);
        let (mut first, mut last, mut velocity) = (Duration::MAX, Duration::ZERO, 0);
        let mut mode = ModeId::default();
        for Open { press, .. } in self.undecided.iter().filter(|open| is_part(open)) {
            (first, last) = (first.min(press.at), last.max(press.at));
            velocity = velocity.max(press.velocity);
            mode = press.mode;
        }
        self.undecided.retain(|open| !is_part(open));
        let (notes, span) = (Arc::clone(notes), last.saturating_sub(first));
        settled.push(Settled { at, mode, cause: Cause::Chord { channel, notes, velocity, span } });
    }
}
