//! Everything but keys.

use super::*;

/// The triggers' names and what plugins are told, for these events in a row.
fn told(triggers: &str, events: &[MidiEvent]) -> Vec<String> {
    let text =
        format!(
        "global_mappings = [\n{}]",
        triggers.lines().map(|line| line.trim()).filter(|line| !line.is_empty()).map(|trigger| {
            format!("{{ trigger = {{ {trigger} }}, action = {{ Launch = {{ app = \"x\" }} }} }},\n")
        }).collect::<String>()
    );
    let config = Config::parse(&text, &Origin::new("c.toml", "/")).unwrap().config;
    let mut engine = Engine::new(Arc::new(config));
    let mut decisions = Vec::new();
    for event in events {
        engine.handle(Duration::ZERO, event, &mut decisions);
    }
    decisions
        .iter()
        .map(|decision| {
            let context = serde_json::to_value(decision.context("A", 0)).unwrap();
            let context = context.as_object().unwrap();
            let skipped = ["mode", "current_mode", "mode_name", "timestamp", "trigger", "metadata"];
            let mut said: Vec<String> = context
                .iter()
                .filter(|(name, value)| !value.is_null() && !skipped.contains(&name.as_str()))
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let metadata = context["metadata"].as_object().unwrap();
            said.extend(metadata.iter().map(|(k, v)| format!("{k}:{}", v.as_str().unwrap())));
            format!("{} {}", context["trigger"].as_str().unwrap(), said.join(" "))
        })
        .collect()
}

fn cc(cc: u8, value: u8) -> MidiEvent {
    MidiEvent::Controller { channel: 1, cc, value }
}

#[test]
fn controllers_and_encoders() {
    let events =
        [cc(1, 10), cc(1, 12), cc(1, 12), cc(1, 9), cc(2, 1), cc(2, 127), cc(2, 0), cc(3, 5)];
    assert_eq!(
        told(
            r#"
            CC = { cc = 1, value_min = 10, value_max = 11 }
            EncoderTurn = { cc = 1 }
            EncoderTurn = { cc = 1, direction = "counterclockwise" }
            EncoderTurn = { cc = 2, mode = "relative-twos" }
            CC = { cc = 3, channel = 2 }
            "#,
            &events
        ),
        [
            "CC cc=1 channel=1 value=10",
            "EncoderTurn cc=1 channel=1 value=12 direction:clockwise steps:2",
            "EncoderTurn cc=1 channel=1 value=9 direction:counterclockwise steps:-3",
            "EncoderTurn cc=1 channel=1 value=9 direction:counterclockwise steps:-3",
            "EncoderTurn cc=2 channel=1 value=1 direction:clockwise steps:1",
            "EncoderTurn cc=2 channel=1 value=127 direction:counterclockwise steps:-1",
        ]
    );
}

#[test]
fn pressure_bend_program_parameters_and_system_exclusive() {
    let key = |note, pressure| MidiEvent::KeyPressure { channel: 3, note, pressure };
    let events = [
        MidiEvent::ChannelPressure { channel: 3, pressure: 64 },
        MidiEvent::ChannelPressure { channel: 3, pressure: 63 },
        key(60, 64),
        key(61, 1),
        MidiEvent::PitchBend { channel: 1, bend: -8192 },
        MidiEvent::PitchBend { channel: 1, bend: 0 },
        MidiEvent::Program { channel: 1, program: 5 },
        MidiEvent::Program { channel: 1, program: 6 },
        cc(99, 1),
        cc(98, 2),
        cc(6, 3),
        MidiEvent::SysEx { data: Box::new([0x7d, 1, 2]) },
        MidiEvent::SysEx { data: Box::new([0x7e, 1]) },
    ];
    assert_eq!(
        told(
            r#"
            Aftertouch = { pressure_min = 64 }
            Aftertouch = { note = 61 }
            PitchBend = { value_max = -1 }
            ProgramChange = { program = 5 }
            Nrpn = { parameter = 130 }
            SysEx = { prefix = "7d 01" }
            "#,
            &events
        ),
        [
            "Aftertouch channel=3 pressure=64",
            "Aftertouch channel=3 note=60 pressure=64",
            "Aftertouch channel=3 note=61 pressure=1",
            "PitchBend channel=1 pitch=-8192",
            "ProgramChange channel=1 value=5",
            "Nrpn channel=1 value=3 parameter:130 value:384",
            "SysEx data:7d0102",
        ]
    );
}

#[test]
fn levels_of_force() {
    let events = [on(60, 40), on(60, 41), on(60, 127)];
    assert_eq!(
        told(
            "VelocityRange = { note = 60 }\nVelocityRange = { note = 60, level = \"hard\" }",
            &events
        ),
        [
            "VelocityRange channel=1 note=60 velocity=40 level:soft",
            "VelocityRange channel=1 note=60 velocity=41 level:medium",
            "VelocityRange channel=1 note=60 velocity=127 level:hard",
            "VelocityRange channel=1 note=60 velocity=127 level:hard",
        ]
    );
}
