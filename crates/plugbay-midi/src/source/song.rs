//! Standard MIDI Files: all tracks as one sequence of events with their times.

use std::time::Duration;

use midly::{EventIter, Format, Fps, MetaMessage, Timing, TrackEventKind};

use super::Notice;
use crate::engine::{MidiEvent, TimedEvent};

/// Microseconds per quarter note until the file says otherwise: 120 beats per minute.
const FIRST_TEMPO: u32 = 500_000;

/// A file's events in the order in which they sound.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Song {
    /// By time; events at one moment in the order of their tracks.
    pub events: Vec<TimedEvent>,
    /// What could not be read.
    pub notices: Vec<Notice>,
}

/// Bytes that are no MIDI file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SongError {
    /// There are no bytes.
    #[error("not a MIDI file: it is empty")]
    Empty,
    /// The first bytes are not those of a MIDI file.
    #[error("not a MIDI file: it begins with {found:02x?}, not with \"MThd\"")]
    NoMidi {
        /// At most the first four bytes.
        found: Vec<u8>,
    },
    /// The header cannot be read.
    #[error("the MIDI file's header cannot be read: {reason}")]
    Header {
        /// The parser's words.
        reason: String,
    },
    /// The header says that time stands still.
    #[error("the MIDI file's header divides time by zero")]
    ZeroDivision,
    /// There is nothing to play.
    #[error("the MIDI file has no track")]
    NoTrack,
    /// The file is larger than any song.
    #[error("the MIDI file has more than {limit} bytes, which is the most that is read")]
    TooLong {
        /// The limit, in bytes.
        limit: u64,
    },
}

struct Track {
    items: Vec<(u64, Item)>,
    /// Ticks from its start to its last item of any kind.
    ticks: u64,
}

enum Item {
    Tempo(u32),
    Event(MidiEvent),
}

impl Song {
    /// Reads a file's bytes.
    ///
    /// A damaged track is read up to the damage; [`notices`](Self::notices) say where
    /// that was.
    ///
    /// # Errors
    ///
    /// When there is no header or no track.
    pub fn parse(bytes: &[u8]) -> Result<Self, SongError> {
        if bytes.is_empty() {
            return Err(SongError::Empty);
        }
        if !bytes.starts_with(b"MThd") && !bytes.starts_with(b"RIFF") {
            return Err(SongError::NoMidi { found: bytes.iter().take(4).copied().collect() });
        }
        // midly 0.5 negates this byte, which -128 overflows in a build that checks. The format has
        // the frames a second as a negative number here: -24, -25, -29 or -30.
        if let (true, Some(&division)) = (bytes.starts_with(b"MThd"), bytes.get(12))
            && division >= 0x80
            && !matches!(division.cast_signed(), -24 | -25 | -29 | -30)
        {
            let reason = format!(
                "the time division begins with {division:#04x}, wanted ticks a quarter note or -24, \
                 -25, -29 or -30 frames a second"
            );
            return Err(SongError::Header { reason });
        }
        let (header, chunks) =
            midly::parse(bytes).map_err(|error| SongError::Header { reason: error.to_string() })?;
        let stated = chunks.size_hint().0;
        let mut notices = Vec::new();
        let mut tracks = Vec::new();
        for track in chunks {
            // midly skips chunks that it cannot read, so this is a track.
            let Ok(events) = track else { continue };
            check_length(bytes, events.unread(), &mut notices);
            tracks.push(read_track(bytes, tracks.len(), events, &mut notices));
        }
        if tracks.is_empty() {
            return Err(SongError::NoTrack);
        }
        if tracks.len() != stated {
            notices.push(Notice::TrackCount { stated, found: tracks.len() });
        }
        let events =
            match header.format {
                Format::SingleTrack | Format::Parallel => play(tracks, header.timing)?.0,
                Format::Sequential => {
                    let mut start = Duration::ZERO;
                    let mut all = Vec::new();
                    for track in tracks {
                        let (events, length) = play(vec![track], header.timing)?;
                        all.extend(events.into_iter().map(|event| TimedEvent {
                            at: start.saturating_add(event.at),
                            ..event
                        }));
                        start = start.saturating_add(length);
                    }
                    all
                }
            };
        Ok(Self { events, notices })
    }
}

/// The place of a part of the file in the file.
fn offset(bytes: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize)
}

/// midly takes what is left of the file for a chunk that states more than that.
fn check_length(bytes: &[u8], track: &[u8], notices: &mut Vec<Notice>) {
    let start = offset(bytes, track);
    let stated = start.checked_sub(4).and_then(|at| bytes.get(at..start));
    let Some(stated) = stated.and_then(|stated| <[u8; 4]>::try_from(stated).ok()) else { return };
    let stated = usize::try_from(u32::from_be_bytes(stated)).unwrap_or(usize::MAX);
    if stated > track.len() && !track.is_empty() {
        let offset = start.saturating_sub(8);
        notices.push(Notice::ChunkTooLong { offset, stated, found: track.len() });
    }
}

fn read_track(
    bytes: &[u8],
    number: usize,
    mut events: EventIter<'_>,
    notices: &mut Vec<Notice>,
) -> Track {
    let mut track = Track { items: Vec::new(), ticks: 0 };
    let mut sysex: Option<Vec<u8>> = None;
    loop {
        let before = events.unread();
        let Some(Ok(event)) = events.next() else {
            if !before.is_empty() {
                notices.push(Notice::DamagedTrack {
                    track: number,
                    offset: offset(bytes, before),
                    bytes: before.len(),
                });
            }
            return track;
        };
        track.ticks += u64::from(event.delta.as_int());
        let item = match event.kind {
            TrackEventKind::Midi { channel, message } => {
                Some(Item::Event(MidiEvent::channel_message(channel, message)))
            }
            TrackEventKind::SysEx(data) => {
                sysex = Some(Vec::new());
                sysex_part(&mut sysex, data)
            }
            // A long message may be split into packets; the later ones look like this.
            TrackEventKind::Escape(data) => sysex_part(&mut sysex, data),
            TrackEventKind::Meta(MetaMessage::Tempo(tempo)) => Some(Item::Tempo(tempo.as_int())),
            TrackEventKind::Meta(MetaMessage::EndOfTrack) => return track,
            TrackEventKind::Meta(_) => None,
        };
        track.items.extend(item.map(|item| (track.ticks, item)));
    }
}

fn sysex_part(sysex: &mut Option<Vec<u8>>, data: &[u8]) -> Option<Item> {
    let gathered = sysex.as_mut()?;
    match data.split_last() {
        Some((0xf7, data)) => {
            gathered.extend(data.iter().filter(|byte| **byte < 0x80));
            let data = sysex.take()?.into_boxed_slice();
            Some(Item::Event(MidiEvent::SysEx { data }))
        }
        _ => {
            gathered.extend(data.iter().filter(|byte| **byte < 0x80));
            None
        }
    }
}

/// Tracks that sound together, and how long they last.
fn play(tracks: Vec<Track>, timing: Timing) -> Result<(Vec<TimedEvent>, Duration), SongError> {
    let end = tracks.iter().map(|track| track.ticks).max().unwrap_or_default();
    let mut items: Vec<_> = tracks.into_iter().flat_map(|track| track.items).collect();
    items.sort_by_key(|(tick, _)| *tick);
    let mut ruler = Ruler::new(timing)?;
    let mut events = Vec::new();
    for (tick, item) in items {
        match item {
            Item::Tempo(tempo) => ruler.change_tempo(tick, tempo),
            Item::Event(event) => events.push(TimedEvent { at: ruler.at(tick), event }),
        }
    }
    Ok((events, ruler.at(end)))
}

/// Ticks to time, without rounding until the end.
struct Ruler {
    /// Nanoseconds are `units * numerator / denominator`.
    numerator: u128,
    denominator: u128,
    /// Units per tick: the tempo, where ticks divide a beat; 1, where they divide a second.
    per_tick: u128,
    follows_tempo: bool,
    /// The last change of tempo, and the units until then.
    tick: u64,
    units: u128,
}

impl Ruler {
    fn new(timing: Timing) -> Result<Self, SongError> {
        let (numerator, denominator, per_tick, follows_tempo) = match timing {
            // A unit is a microsecond divided by the ticks per beat.
            Timing::Metrical(ticks) => {
                (1_000, u128::from(ticks.as_int()), u128::from(FIRST_TEMPO), true)
            }
            // 29 stands for 30 frames in 1.001 seconds.
            Timing::Timecode(Fps::Fps29, ticks) => {
                (1_001_000_000, 30 * u128::from(ticks), 1, false)
            }
            Timing::Timecode(fps, ticks) => {
                (1_000_000_000, u128::from(fps.as_int()) * u128::from(ticks), 1, false)
            }
        };
        if denominator == 0 {
            return Err(SongError::ZeroDivision);
        }
        Ok(Self { numerator, denominator, per_tick, follows_tempo, tick: 0, units: 0 })
    }

    fn units_at(&self, tick: u64) -> u128 {
        let ticks = u128::from(tick.saturating_sub(self.tick));
        self.units.saturating_add(ticks * self.per_tick)
    }

    fn change_tempo(&mut self, tick: u64, tempo: u32) {
        if self.follows_tempo {
            self.units = self.units_at(tick);
            self.tick = tick;
            self.per_tick = u128::from(tempo);
        }
    }

    fn at(&self, tick: u64) -> Duration {
        let nanos = self.units_at(tick).saturating_mul(self.numerator) / self.denominator;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A file of the given format and division; each track is its events' bytes.
    fn file(format: u16, division: [u8; 2], tracks: &[&[u8]]) -> Vec<u8> {
        let mut bytes = b"MThd\0\0\0\x06".to_vec();
        bytes.extend(format.to_be_bytes());
        bytes.extend(u16::try_from(tracks.len()).unwrap().to_be_bytes());
        bytes.extend(division);
        for track in tracks {
            bytes.extend(b"MTrk");
            bytes.extend(u32::try_from(track.len()).unwrap().to_be_bytes());
            bytes.extend(*track);
        }
        bytes
    }

    /// A file of one track, of 96 ticks a beat, at 120 beats a minute.
    pub(crate) fn one_track(events: &[u8]) -> Vec<u8> {
        file(0, [0, 96], &[&track(&[events])])
    }

    const END: [u8; 4] = [0, 0xff, 0x2f, 0];

    fn track(events: &[&[u8]]) -> Vec<u8> {
        [events.concat(), END.to_vec()].concat()
    }

    #[test]
    fn no_division_is_too_odd() {
        for high in 0..=u8::MAX {
            for low in [0, 1, 4, 0x80, 0xff] {
                let played = played(&file(0, [high, low], &[&track(&[])]));
                let frames = matches!(high.cast_signed(), -24 | -25 | -29 | -30);
                if high >= 0x80 && !frames {
                    assert!(played.contains(&format!("{high:#04x}")), "{high}: {played}");
                }
            }
        }
    }

    fn played(bytes: &[u8]) -> String {
        match Song::parse(bytes) {
            Err(error) => format!("error: {error}"),
            Ok(song) => {
                let events = song.events.iter().map(|TimedEvent { at, event }| {
                    let MidiEvent::NoteOn { note, .. } = event else { return event.to_string() };
                    format!("{}us {note}", at.as_micros())
                });
                let notices = song.notices.iter().map(|notice| format!("! {notice}"));
                events.chain(notices).collect::<Vec<_>>().join(", ")
            }
        }
    }

    const ON_60: &[u8] = &[0x60, 0x90, 60, 1]; // 96 ticks later
    const ON_61: &[u8] = &[0x60, 0x90, 61, 1];

    #[test]
    fn tempo() {
        let tempo = |micros: u32| {
            let [_, a, b, c] = micros.to_be_bytes();
            [0, 0xff, 0x51, 3, a, b, c]
        };
        let plain = track(&[ON_60, ON_61]);
        // 96 ticks a beat, half a second a beat.
        assert_eq!(played(&file(0, [0, 96], &[&plain])), "500000us 60, 1000000us 61");
        // The tempo of one track holds for the others, from its moment on.
        let conductor = track(&[&tempo(600_000), &[0x60], &tempo(300_000)[1..]]);
        assert_eq!(played(&file(1, [0, 96], &[&conductor, &plain])), "600000us 60, 900000us 61");
        assert_eq!(played(&file(1, [0, 96], &[&plain, &conductor])), "600000us 60, 900000us 61");
        // Three changes whose lengths are no whole numbers of nanoseconds lose nothing.
        let thirds = track(&[&tempo(1), ON_60, &tempo(1), ON_61, &tempo(1), ON_60]);
        assert_eq!(played(&file(0, [1, 32], &[&thirds])), "0us 60, 0us 61, 1us 60");
    }

    #[test]
    fn smpte_time() {
        let plain = track(&[ON_60, ON_61]);
        let tempo = track(&[&[0, 0xff, 0x51, 3, 0, 0, 1]]);
        for (fps, ticks, expected) in [
            (25_i8, 40, "96000us 60, 192000us 61"),
            (24, 4, "1000000us 60, 2000000us 61"),
            (30, 80, "40000us 60, 80000us 61"),
            (29, 96, "33366us 60, 66733us 61"),
            (25, 0, "error: the MIDI file's header divides time by zero"),
        ] {
            let division = [i8::to_be_bytes(-fps)[0], ticks];
            assert_eq!(played(&file(1, division, &[&tempo, &plain])), expected, "{fps} x {ticks}");
        }
    }

    #[test]
    fn formats() {
        let (a, b) = (track(&[ON_60, &[0x60, 0xff, 1, 0]]), track(&[ON_61]));
        assert_eq!(played(&file(1, [0, 96], &[&a, &b])), "500000us 60, 500000us 61");
        assert_eq!(played(&file(2, [0, 96], &[&a, &b])), "500000us 60, 1500000us 61");
    }

    #[test]
    fn other_events() {
        let running = track(&[&[0, 0x90, 60, 1, 0, 61, 1]]);
        assert_eq!(played(&file(0, [0, 96], &[&running])), "0us 60, 0us 61");
        let sysex = track(&[&[0, 0xf0, 3, 1, 2, 0xf7], &[0, 0xf0, 1, 1], &[0, 0xf7, 2, 2, 0xf7]]);
        assert_eq!(
            played(&file(0, [0, 96], &[&sysex])),
            "system exclusive, 2 bytes, system exclusive, 2 bytes"
        );
    }

    #[test]
    fn bad_files() {
        let good = file(0, [0, 96], &[&track(&[ON_60, ON_61])]);
        let mut lying = good.clone();
        lying[18..22].copy_from_slice(&[0, 1, 0, 0]);
        let mut lying_header = good.clone();
        lying_header[4..8].copy_from_slice(&[0x7f, 0, 0, 0]);
        let mut cut = good.clone();
        cut.truncate(28);
        let mut count = good.clone();
        count[11] = 9;
        let cold = file(0, [0, 96], &[&[0, 60, 1]]);
        let realtime = file(0, [0, 96], &[&[0, 0x90, 60, 1, 0, 0xf8]]);
        for (bytes, expected) in [
            (&b""[..], "error: not a MIDI file: it is empty"),
            (b"MT", "error: not a MIDI file: it begins with [4d, 54], not with \"MThd\""),
            (
                b"#!/bin/sh",
                "error: not a MIDI file: it begins with [23, 21, 2f, 62], not with \"MThd\"",
            ),
            (
                b"RIFFxxxx",
                "error: the MIDI file's header cannot be read: invalid midi: failed to read riff formtype",
            ),
            (
                &good[..12],
                "error: the MIDI file's header cannot be read: invalid midi: invalid midi header",
            ),
            (&good[..14], "error: the MIDI file has no track"),
            (&lying_header, "error: the MIDI file has no track"),
            (
                &lying,
                "500000us 60, 1000000us 61, ! the chunk at byte 14 states a length of 65536 bytes, the file has 12",
            ),
            (
                &cut,
                "500000us 60, ! the chunk at byte 14 states a length of 12 bytes, the file has 6, ! track 0 cannot be read from byte 26 on; skipped its last 2 bytes",
            ),
            (&count, "500000us 60, 1000000us 61, ! the file states 9 tracks and has 1"),
            (&cold, "! track 0 cannot be read from byte 22 on; skipped its last 3 bytes"),
            (
                &realtime,
                "0us 60, ! track 0 cannot be read from byte 26 on; skipped its last 2 bytes",
            ),
            (&file(0, [0, 0], &[&END]), "error: the MIDI file's header divides time by zero"),
        ] {
            assert_eq!(played(bytes), expected, "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), whole in any::<bool>()) {
            if whole {
                bytes = file(1, [0, 96], &[&bytes, &bytes]);
            }
            let _ = Song::parse(&bytes);
        }

        #[test]
        fn events_come_in_the_order_of_time(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(song) = Song::parse(&file(2, [0, 96], &[&bytes, &bytes])) {
                prop_assert!(song.events.is_sorted_by_key(|event| event.at));
            }
        }
    }
}
