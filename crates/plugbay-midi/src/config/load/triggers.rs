//! Triggers.

use std::sync::Arc;

use toml::de::DeValue;

use super::Builder;
use crate::config::reader::{Findings, Table, Value};
use crate::config::report::Finding;
use crate::config::trigger::{Direction, Edge, Encoding, Level, Trigger, TriggerKind};

/// Longest prefix of a system exclusive message, in bytes.
const LONGEST_PREFIX: usize = 256;

/// Most notes of a chord: more than anyone has fingers and feet for.
const MOST_NOTES: usize = 16;

impl Builder<'_> {
    pub(super) fn trigger(&mut self, value: Value<'_, '_>) -> Option<Trigger> {
        let variant = value.variant("a trigger", TriggerKind::NAMES, &mut self.findings)?;
        let mut table = variant.body;
        let kind = match variant.name {
            "Note" => self.note(table.rename("a `Note` trigger")),
            "VelocityRange" => self.velocity_range(table.rename("a `VelocityRange` trigger")),
            "LongPress" => self.long_press(table.rename("a `LongPress` trigger")),
            "DoubleTap" => self.double_tap(table.rename("a `DoubleTap` trigger")),
            "NoteChord" => self.chord(table.rename("a `NoteChord` trigger")),
            "EncoderTurn" => self.encoder(table.rename("an `EncoderTurn` trigger")),
            "Aftertouch" => self.aftertouch(table.rename("an `Aftertouch` trigger")),
            "PitchBend" => self.pitch_bend(table.rename("a `PitchBend` trigger")),
            "CC" => self.controller(table.rename("a `CC` trigger")),
            "ProgramChange" => self.program(table.rename("a `ProgramChange` trigger")),
            "Nrpn" => self.nrpn(table.rename("an `Nrpn` trigger")),
            _ => self.sysex(table.rename("a `SysEx` trigger")),
        };
        let channel = table.optional("channel");
        if let (Some(channel), "SysEx") = (channel, variant.name) {
            let message = "a system exclusive message has no channel";
            self.findings.push(Finding::error(channel.span(), message));
        }
        let channel = channel.and_then(|value| value.integer(1..=16_u8, &mut self.findings));
        table.finish(&mut self.findings);
        Some(Trigger { channel, kind: kind? })
    }

    fn note(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let findings = &mut self.findings;
        let note = seven_bits(table, "note", findings);
        let velocity = range(table, ["velocity_min", "velocity_max"], "velocity", 0, 127, findings);
        let on = table.optional("on");
        let on = on.and_then(|on| on.word("no movement of a key", &Edge::ALL, findings));
        let (low, high) = velocity;
        let velocity = byte(low)..=byte(high);
        Some(TriggerKind::Note { note: note?, velocity, on: on.unwrap_or_default() })
    }

    fn velocity_range(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let findings = &mut self.findings;
        let note = seven_bits(table, "note", findings);
        let ends = [("soft_max", 40), ("medium_max", 80)].map(|(key, default)| {
            let value = table.optional(key);
            let number = value.and_then(|value| value.integer(0..=127_u8, findings));
            (value, number.unwrap_or(default))
        });
        let [(soft, soft_max), (medium, medium_max)] = ends;
        if soft_max > medium_max
            && let Some(at) = medium.or(soft)
        {
            let message =
                format!("`medium_max` is {medium_max}, which is below `soft_max`, {soft_max}");
            findings.push(Finding::error(at.span(), message));
        }
        let level = table.optional("level");
        let level = level.and_then(|level| level.word("no level of force", &Level::ALL, findings));
        Some(TriggerKind::VelocityRange { note: note?, soft_max, medium_max, level })
    }

    fn long_press(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let note = seven_bits(table, "note", &mut self.findings);
        let duration = table.optional("duration_ms");
        let duration = duration.and_then(|value| value.milliseconds(1, &mut self.findings));
        Some(TriggerKind::LongPress {
            note: note?,
            duration: duration.unwrap_or(self.thresholds.hold),
        })
    }

    fn double_tap(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let note = seven_bits(table, "note", &mut self.findings);
        let timeout = table.optional("timeout_ms");
        let timeout = timeout.and_then(|value| value.milliseconds(1, &mut self.findings));
        Some(TriggerKind::DoubleTap {
            note: note?,
            timeout: timeout.unwrap_or(self.thresholds.double_tap),
        })
    }

    fn chord(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let findings = &mut self.findings;
        let value = table.required("notes", findings);
        let timeout = table.optional("timeout_ms");
        let timeout = timeout.and_then(|value| value.milliseconds(1, findings));
        let timeout = timeout.unwrap_or(self.thresholds.chord);
        let value = value?;
        let items = value.array(findings)?;
        let mut notes: Vec<u8> =
            items.iter().filter_map(|item| item.integer(0..=127, findings)).collect();
        let found = notes.len();
        notes.sort_unstable();
        notes.dedup();
        if notes.len() < found {
            findings.push(Finding::error(value.span(), "a chord has each note once"));
        }
        if !(2..=MOST_NOTES).contains(&items.len()) {
            let message = format!("a chord has 2 to {MOST_NOTES} notes, found {}", items.len());
            findings.push(Finding::error(value.span(), message));
        }
        (found == items.len()).then(|| TriggerKind::NoteChord { notes: notes.into(), timeout })
    }

    fn encoder(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let findings = &mut self.findings;
        let cc = seven_bits(table, "cc", findings);
        let direction = table.optional("direction");
        let direction =
            direction.and_then(|value| value.word("no direction", &Direction::ALL, findings));
        let mode = table.optional("mode");
        let mode =
            mode.and_then(|mode| mode.word("no mode of an encoder", &Encoding::ALL, findings));
        Some(TriggerKind::EncoderTurn { cc: cc?, direction, encoding: mode.unwrap_or_default() })
    }

    fn aftertouch(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let findings = &mut self.findings;
        let pressure = table.optional("pressure_min");
        let pressure = pressure.and_then(|value| value.integer(0..=127, findings));
        let note = table.optional("note").and_then(|value| value.integer(0..=127, findings));
        // 0 is a key that is not pressed any more.
        Some(TriggerKind::Aftertouch { pressure_min: pressure.unwrap_or(1), note })
    }

    fn pitch_bend(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let keys = ["value_min", "value_max"];
        let (low, high) = range(table, keys, "position", -8192, 8191, &mut self.findings);
        let position = |number| i16::try_from(number).unwrap_or_default();
        Some(TriggerKind::PitchBend { value: position(low)..=position(high) })
    }

    fn controller(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let cc = seven_bits(table, "cc", &mut self.findings);
        let keys = ["value_min", "value_max"];
        let (low, high) = range(table, keys, "value", 0, 127, &mut self.findings);
        Some(TriggerKind::Cc { cc: cc?, value: byte(low)..=byte(high) })
    }

    fn program(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let program = table.optional("program");
        let program = program.and_then(|value| value.integer(0..=127, &mut self.findings));
        Some(TriggerKind::ProgramChange { program })
    }

    fn nrpn(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let parameter = table.required("parameter", &mut self.findings);
        let parameter = parameter.and_then(|v| v.integer(0..=16_383_u16, &mut self.findings));
        Some(TriggerKind::Nrpn { parameter: parameter? })
    }

    fn sysex(&mut self, table: &mut Table<'_, '_>) -> Option<TriggerKind> {
        let prefix = table.optional("prefix");
        let prefix = prefix.map(|value| seven_bit_bytes(value, LONGEST_PREFIX, &mut self.findings));
        Some(TriggerKind::SysEx { prefix: prefix.unwrap_or_else(|| Some(Arc::default()))? })
    }
}

/// Bytes of a system exclusive message: a list of numbers, or hexadecimal text such as `"00 20 33"`. The bytes with
/// which such messages begin and end may be there or not.
pub(super) fn seven_bit_bytes(
    value: Value<'_, '_>,
    longest: usize,
    findings: &mut Findings,
) -> Option<Arc<[u8]>> {
    let mut bytes = match value.get() {
        DeValue::String(text) => {
            let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
            let pairs = digits.chunks(2).map(|pair| {
                let text: String = pair.iter().collect();
                let byte = u8::from_str_radix(&text, 16).ok();
                byte.filter(|_| pair.len() == 2 && pair.iter().all(char::is_ascii_hexdigit))
            });
            match pairs.collect::<Option<Vec<u8>>>() {
                Some(bytes) => bytes,
                None => {
                    let message = "found other text, wanted two hexadecimal digits for each byte";
                    findings.push(Finding::error(value.span(), message));
                    return None;
                }
            }
        }
        _ => {
            let items = value.array(findings)?;
            let bytes: Vec<_> = items.iter().map(|v| v.integer(0..=255_u8, findings)).collect();
            bytes.into_iter().collect::<Option<_>>()?
        }
    };
    if bytes.first() == Some(&0xf0) {
        bytes.remove(0);
    }
    if bytes.last() == Some(&0xf7) {
        bytes.pop();
    }
    if let Some(byte) = bytes.iter().find(|byte| **byte > 127) {
        let message = format!("bytes of a message are 0 to 127, found {byte}");
        findings.push(Finding::error(value.span(), message));
        return None;
    }
    if bytes.len() > longest {
        let message = format!("found {} bytes, wanted {longest} at most", bytes.len());
        findings.push(Finding::error(value.span(), message));
        return None;
    }
    Some(bytes.into())
}

fn seven_bits(table: &mut Table<'_, '_>, key: &'static str, findings: &mut Findings) -> Option<u8> {
    table.required(key, findings).and_then(|value| value.integer(0..=127, findings))
}

/// Two ends, each of which may be left out. `noun` is what lies between them.
fn range(
    table: &mut Table<'_, '_>,
    keys: [&'static str; 2],
    noun: &str,
    least: i32,
    most: i32,
    findings: &mut Findings,
) -> (i32, i32) {
    let [min, max] = keys.map(|key| table.optional(key));
    let low = min.and_then(|value| value.signed(least..=most, findings)).unwrap_or(least);
    let high = max.and_then(|value| value.signed(least..=most, findings)).unwrap_or(most);
    if low > high
        && let Some(at) = min.or(max)
    {
        let message = format!("no {noun} is at least {low} and at most {high}");
        findings.push(Finding::error(at.span(), message));
    }
    (low, high)
}

fn byte(number: i32) -> u8 {
    u8::try_from(number).unwrap_or_default()
}
