//! Bytes as they come from a wire, to events.
//!
//! Running status, real-time bytes within other messages and messages in pieces are
//! midly's work. What is added here is an account of what midly skips without a word.

use midly::live::{LiveEvent, SystemCommon};
use midly::num::u7;
use midly::stream::{DefaultBuffer, MidiStream};

use super::Notice;
use crate::engine::MidiEvent;

/// What the parser found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// A complete message.
    Event(MidiEvent),
    /// Something that was skipped.
    Notice(Notice),
}

/// Takes bytes in pieces of any size.
///
/// ```
/// use plugbay_midi::engine::MidiEvent;
/// use plugbay_midi::source::{Parsed, RawParser};
///
/// let mut found = Vec::new();
/// let mut parser = RawParser::new();
/// // A note-on, with a clock tick in its middle, and a second one under running status.
/// parser.feed(&[0x90, 60, 0xf8, 100, 62, 90], &mut found);
/// parser.finish(&mut found);
/// assert_eq!(found, [
///     Parsed::Event(MidiEvent::NoteOn { channel: 1, note: 60, velocity: 100 }),
///     Parsed::Event(MidiEvent::NoteOn { channel: 1, note: 62, velocity: 90 }),
/// ]);
/// ```
#[derive(Debug, Default)]
pub struct RawParser {
    stream: MidiStream,
    /// The message that data bytes belong to.
    status: Option<u8>,
    /// Data bytes since that status byte, or since the last complete message under it.
    data: usize,
    /// Data bytes that belong to nothing.
    stray: usize,
}

impl RawParser {
    /// A parser that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes and appends what they complete to `found`.
    pub fn feed(&mut self, bytes: &[u8], found: &mut Vec<Parsed>) {
        for byte in bytes {
            self.feed_byte(*byte, found);
        }
    }

    /// Nothing more comes: says what is missing.
    pub fn finish(&mut self, found: &mut Vec<Parsed>) {
        self.stream = MidiStream::new();
        self.account_for_unfinished(false, found);
        self.status = None;
    }

    fn feed_byte(&mut self, byte: u8, found: &mut Vec<Parsed>) {
        match byte {
            0x00..=0x7f => self.account_for_data(found),
            0x80..=0xf7 => {
                self.account_for_unfinished(byte == 0xf7, found);
                self.status = Some(byte);
            }
            0xf8..=0xff => {}
        }
        if matches!(byte, 0xf4 | 0xf5 | 0xf9 | 0xfd) {
            found.push(Parsed::Notice(Notice::UndefinedStatus { status: byte }));
        }
        let mut completed = false;
        self.stream.feed(&[byte], |event| match event {
            LiveEvent::Midi { channel, message } => {
                completed = true;
                found.push(Parsed::Event(MidiEvent::channel_message(channel, message)));
            }
            // midly also hands out what came of a message that something else cut off.
            LiveEvent::Common(SystemCommon::SysEx(data)) if byte == 0xf7 => {
                let data = data.iter().map(|byte: &u7| byte.as_int()).collect();
                found.push(Parsed::Event(MidiEvent::SysEx { data }));
            }
            _ => {}
        });
        if completed {
            self.data = 0;
        }
    }

    fn account_for_data(&mut self, found: &mut Vec<Parsed>) {
        match self.status {
            None | Some(0xf4..=0xf7) => self.stray += 1,
            Some(0xf0) if self.data == DefaultBuffer::new().max_cap() => {
                found.push(Parsed::Notice(Notice::OverlongSysEx { bytes: self.data }));
                self.status = None;
                self.data = 0;
                self.stray = 0;
            }
            Some(_) => self.data += 1,
        }
    }

    fn account_for_unfinished(&mut self, sysex_ends: bool, found: &mut Vec<Parsed>) {
        let bytes = std::mem::take(&mut self.data);
        match self.status {
            Some(0xf0) if !sysex_ends => {
                found.push(Parsed::Notice(Notice::TruncatedSysEx { bytes }));
            }
            Some(status @ 0x80..=0xef) if bytes > 0 => {
                found.push(Parsed::Notice(Notice::TruncatedMessage { status, bytes }));
            }
            _ => {}
        }
        let bytes = std::mem::take(&mut self.stray);
        if bytes > 0 {
            found.push(Parsed::Notice(Notice::StrayData { bytes }));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(pieces: &[&[u8]]) -> String {
        let mut found = Vec::new();
        let mut parser = RawParser::new();
        for piece in pieces {
            parser.feed(piece, &mut found);
        }
        parser.finish(&mut found);
        let lines: Vec<String> = found
            .iter()
            .map(|found| match found {
                Parsed::Event(event) => event.to_string(),
                Parsed::Notice(notice) => format!("! {notice}"),
            })
            .collect();
        lines.join("\n")
    }

    const ON: &str = "note on, channel 1, note 60, velocity 100";

    #[test]
    fn messages() {
        for (bytes, expected) in [
            (&[0x90, 60, 100][..], ON.to_owned()),
            (&[0x8f, 60, 1], "note off, channel 16, note 60, velocity 1".to_owned()),
            (&[0xa0, 60, 5], "key pressure, channel 1, note 60, pressure 5".to_owned()),
            (&[0xb0, 7, 5], "controller, channel 1, cc 7, value 5".to_owned()),
            (&[0xc0, 5], "program change, channel 1, program 5".to_owned()),
            (&[0xd0, 5], "channel pressure, channel 1, pressure 5".to_owned()),
            (&[0xe0, 0, 0], "pitch bend, channel 1, bend -8192".to_owned()),
            (&[0xf0, 1, 2, 3, 0xf7], "system exclusive, 3 bytes".to_owned()),
            // Song position, tune request and clock are no events of the player's.
            (&[0xf2, 1, 2, 0xf6, 0xf8, 0x90, 60, 100], ON.to_owned()),
        ] {
            assert_eq!(parse(&[bytes]), expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn running_status_and_messages_in_pieces() {
        assert_eq!(parse(&[&[0x90], &[60], &[100, 60], &[100]]), [ON, ON].join("\n"));
        assert_eq!(parse(&[&[0x90, 60, 0xfe, 100, 0xf8, 60, 100]]), [ON, ON].join("\n"));
        assert_eq!(
            parse(&[&[0xf0, 1], &[2, 0xf8, 3], &[0xf7], &[0x90, 60, 100]]),
            format!("system exclusive, 3 bytes\n{ON}")
        );
    }

    #[test]
    fn bad_input_is_named_and_the_next_message_is_read() {
        for (bytes, notice) in [
            (
                &[0xf0, 1, 2][..],
                "skipped a system exclusive message that was cut off after 2 bytes",
            ),
            (&[60, 100, 60], "skipped 3 data bytes that belong to no message"),
            (
                &[0xf0, 1, 0xf7, 5, 6],
                "system exclusive, 1 bytes\n! skipped 2 data bytes that belong to no message",
            ),
            (&[0x90, 60], "skipped a message that was cut off: status 0x90 and 1 data bytes"),
            (&[0xf4], "skipped the undefined status byte 0xf4"),
            (
                &[0xf5, 1],
                "skipped the undefined status byte 0xf5\n! skipped 1 data bytes that belong to no message",
            ),
            (&[0xf9], "skipped the undefined status byte 0xf9"),
            (&[0xfd], "skipped the undefined status byte 0xfd"),
        ] {
            let first = if notice.starts_with("system") { "" } else { "! " };
            assert_eq!(
                parse(&[bytes, &[0x90, 60, 100]]),
                format!("{first}{notice}\n{ON}"),
                "{bytes:02x?}"
            );
            assert_eq!(parse(&[bytes]), format!("{first}{notice}"), "{bytes:02x?} at the end");
        }
    }

    #[test]
    fn an_overlong_sysex_is_given_up() {
        let mut bytes = vec![0xf0];
        bytes.extend(std::iter::repeat_n(1, 300_000));
        bytes.extend([0xf7, 0x90, 60, 100]);
        let stray = 300_000 - (256 << 10) - 1;
        assert_eq!(
            parse(&[&bytes]),
            format!(
                "! skipped a system exclusive message of more than 262144 bytes\n\
                 ! skipped {stray} data bytes that belong to no message\n{ON}"
            )
        );
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..200_usize) {
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(parse(&[&bytes]), parse(&[head, tail]));
        }

        #[test]
        fn after_any_bytes_a_whole_message_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse(&[&bytes, &[0x90, 60, 100]]).ends_with(ON));
        }
    }
}
