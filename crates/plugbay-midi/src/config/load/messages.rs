//! Messages to send.

use toml::de::DeValue;

use super::Builder;
use super::triggers::seven_bit_bytes;
use crate::config::action::{Action, MessageKind, MessageTemplate, Number};
use crate::config::params::PlaceholderValues;
use crate::config::reader::{Findings, Table, Value, list};
use crate::config::report::{Finding, shown};

/// Longest system exclusive message, in bytes.
const LONGEST_SYSEX: usize = 65_536;

#[derive(Clone, Copy)]
pub(in crate::config) enum Kind {
    Channel(MessageKind),
    SysEx,
}

pub(in crate::config) const KINDS: [(&str, Kind); 10] = [
    ("NoteOn", Kind::Channel(MessageKind::NoteOn)),
    ("NoteOff", Kind::Channel(MessageKind::NoteOff)),
    ("CC", Kind::Channel(MessageKind::ControlChange)),
    ("ControlChange", Kind::Channel(MessageKind::ControlChange)),
    ("ProgramChange", Kind::Channel(MessageKind::ProgramChange)),
    ("PitchBend", Kind::Channel(MessageKind::PitchBend)),
    ("Aftertouch", Kind::Channel(MessageKind::Aftertouch)),
    ("ChannelPressure", Kind::Channel(MessageKind::Aftertouch)),
    ("PolyAftertouch", Kind::Channel(MessageKind::PolyAftertouch)),
    ("SysEx", Kind::SysEx),
];

impl Builder<'_> {
    pub(super) fn send_midi(&mut self, table: &mut Table<'_, '_>) -> Option<Action> {
        let findings = &mut self.findings;
        let port = table.required("port", findings).and_then(|value| value.string(findings));
        let kind = table.required("message_type", findings);
        let kind = kind.and_then(|value| value.word("no type of message", &KINDS, findings));
        let kind = match kind? {
            Kind::SysEx => {
                let data = table.required("data", findings);
                let data = data.and_then(|value| seven_bit_bytes(value, LONGEST_SYSEX, findings));
                let message = MessageTemplate::SysEx { data: data? };
                return Some(Action::SendMidi { port: port?.to_owned(), message });
            }
            Kind::Channel(kind) => kind,
        };
        let channel = optional_number(table, "channel", 1, 1, 16, findings);
        let mut byte = |key| {
            let value = table.required(key, findings)?;
            number(value, 0, 127, findings)
        };
        let (first, second) = match kind {
            MessageKind::NoteOn | MessageKind::NoteOff => {
                let note = byte("note");
                // As hard as can be, and let go as most keyboards say it.
                let default = if kind == MessageKind::NoteOn { 127 } else { 0 };
                (note, optional_number(table, "velocity", default, 0, 127, findings))
            }
            MessageKind::ControlChange => (byte("cc"), byte("value")),
            MessageKind::ProgramChange => (byte("program"), Some(Number::Fixed(0))),
            MessageKind::Aftertouch => (byte("pressure"), Some(Number::Fixed(0))),
            MessageKind::PolyAftertouch => (byte("note"), byte("pressure")),
            MessageKind::PitchBend => {
                let value = table.required("value", findings);
                let value = value.and_then(|value| number(value, -8192, 8191, findings));
                (value, Some(Number::Fixed(0)))
            }
        };
        let message =
            MessageTemplate::Channel { channel: channel?, kind, first: first?, second: second? };
        Some(Action::SendMidi { port: port?.to_owned(), message })
    }
}

fn optional_number(
    table: &mut Table<'_, '_>,
    key: &'static str,
    default: i32,
    least: i32,
    most: i32,
    findings: &mut Findings,
) -> Option<Number> {
    match table.optional(key) {
        Some(value) => number(value, least, most, findings),
        None => Some(Number::Fixed(default)),
    }
}

/// A number, or a string that is one placeholder.
fn number(value: Value<'_, '_>, least: i32, most: i32, findings: &mut Findings) -> Option<Number> {
    let DeValue::String(text) = value.get() else {
        return value.signed(least..=most, findings).map(Number::Fixed);
    };
    let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    match name.filter(|name| PlaceholderValues::NAMES.contains(name)) {
        Some(name) => Some(Number::Placeholder(name.to_owned())),
        None => {
            let message =
                format!("found {}, wanted {least} to {most} or a placeholder", shown(text));
            let help = format!("placeholders are {}, in braces", list(PlaceholderValues::NAMES));
            findings.push(Finding::error(value.span(), message).help(help));
            None
        }
    }
}
