//! Triggers and thresholds.

use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn kind(text: &str) -> TriggerKind {
    trigger(text).kind
}

#[test]
fn every_trigger_in_both_spellings_with_its_defaults() {
    use TriggerKind::*;
    let rows = [
        ("Note", "note = 60", note(60, 0..=127, Edge::Press)),
        (
            "VelocityRange",
            "note = 60",
            VelocityRange { note: 60, soft_max: 40, medium_max: 80, level: None },
        ),
        (
            "VelocityRange",
            "note = 60, soft_max = 10, medium_max = 20, level = \"hard\"",
            VelocityRange { note: 60, soft_max: 10, medium_max: 20, level: Some(Level::Hard) },
        ),
        ("LongPress", "note = 60", LongPress { note: 60, duration: 2_000 * MS }),
        ("LongPress", "note = 60, duration_ms = 7", LongPress { note: 60, duration: 7 * MS }),
        ("DoubleTap", "note = 60", DoubleTap { note: 60, timeout: 300 * MS }),
        ("DoubleTap", "note = 60, timeout_ms = 7", DoubleTap { note: 60, timeout: 7 * MS }),
        (
            "NoteChord",
            "notes = [64, 60]",
            NoteChord { notes: Arc::new([60, 64]), timeout: 50 * MS },
        ),
        (
            "EncoderTurn",
            "cc = 7",
            EncoderTurn { cc: 7, direction: None, encoding: Encoding::Absolute },
        ),
        (
            "EncoderTurn",
            "cc = 7, direction = \"Clockwise\", mode = \"relative-twos\"",
            EncoderTurn {
                cc: 7,
                direction: Some(Direction::Clockwise),
                encoding: Encoding::RelativeTwos,
            },
        ),
        ("Aftertouch", "", Aftertouch { pressure_min: 1, note: None }),
        ("Aftertouch", "pressure_min = 0, note = 3", Aftertouch { pressure_min: 0, note: Some(3) }),
        ("PitchBend", "", PitchBend { value: -8192..=8191 }),
        ("PitchBend", "value_min = -1, value_max = 1", PitchBend { value: -1..=1 }),
        ("CC", "cc = 1, value_min = 5", Cc { cc: 1, value: 5..=127 }),
        ("ProgramChange", "", ProgramChange { program: None }),
        ("ProgramChange", "program = 9", ProgramChange { program: Some(9) }),
        ("Nrpn", "parameter = 16383", Nrpn { parameter: 16_383 }),
        ("SysEx", "", SysEx { prefix: Arc::default() }),
        ("SysEx", "prefix = [0xF0, 0x7D, 1]", SysEx { prefix: Arc::new([0x7d, 1]) }),
        ("SysEx", "prefix = \"f0 7D01 F7\"", SysEx { prefix: Arc::new([0x7d, 1]) }),
    ];
    for (name, keys, wanted) in rows {
        assert_eq!(wanted.name(), name);
        let comma = if keys.is_empty() { "" } else { ", " };
        for text in [
            format!("{{ {name} = {{ {keys} }} }}"),
            format!("{{ type = \"{name}\"{comma}{keys} }}"),
        ] {
            assert_eq!(kind(&text), wanted, "{text}");
        }
        if name != "SysEx" {
            let text = format!("{{ {name} = {{ channel = 16{comma}{keys} }} }}");
            assert_eq!(trigger(&text).channel, Some(16), "{text}");
        }
    }
    // A word is enough where nothing has to be said.
    assert_eq!(kind("\"PitchBend\""), PitchBend { value: -8192..=8191 });
}

#[test]
fn thresholds_of_the_file_are_the_triggers_own_defaults() {
    let config = loads(
        r#"
global_mappings = [
    { trigger = { LongPress = { note = 1 } }, action = { ModeChange = { mode = 0 } } },
    { trigger = { DoubleTap = { note = 1 } }, action = { ModeChange = { mode = 0 } } },
    { trigger = { NoteChord = { notes = [1, 2] } }, action = { ModeChange = { mode = 0 } } },
    { trigger = { NoteChord = { notes = [1, 3], timeout_ms = 4 } }, action = { ModeChange = { mode = 0 } } },
]
[advanced_settings]
chord_timeout_ms = 10
double_tap_timeout_ms = 20
hold_threshold_ms = 30
"#,
    );
    let times = config.global_mappings.iter().map(|mapping| match mapping.trigger.kind {
        TriggerKind::LongPress { duration, .. } => duration,
        TriggerKind::DoubleTap { timeout, .. } | TriggerKind::NoteChord { timeout, .. } => timeout,
        ref other => panic!("{other:?}"),
    });
    assert_eq!(times.collect::<Vec<_>>(), [30 * MS, 20 * MS, 10 * MS, 4 * MS]);
}

#[test]
fn errors_of_every_trigger() {
    let errors = |trigger: &str| {
        let report = parse(&with_trigger(trigger)).unwrap_err();
        let lines = report.findings().iter().map(|finding| {
            let help = finding.help.as_deref().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{}{help}\n", finding.message)
        });
        lines.collect::<String>()
    };
    let all: String = [
        "{ VelocityRange = { note = 1, soft_max = 90 } }",
        "{ VelocityRange = { note = 1, level = \"sof\" } }",
        "{ LongPress = { note = 1, duration_ms = 0 } }",
        "{ DoubleTap = { timeout_ms = 5 } }",
        "{ NoteChord = { notes = [1] } }",
        "{ NoteChord = { notes = [1, 1] } }",
        "{ NoteChord = { notes = [1, 128] } }",
        "{ EncoderTurn = { cc = 1, mode = \"relative\" } }",
        "{ EncoderTurn = { cc = 1, direction = \"left\" } }",
        "{ PitchBend = { value_min = 5, value_max = -5 } }",
        "{ PitchBend = { value_min = 9000 } }",
        "{ CC = { cc = 1, value_max = 128 } }",
        "{ Nrpn = { parameter = 16384 } }",
        "{ SysEx = { prefix = \"7\" } }",
        "{ SysEx = { prefix = [200] } }",
        "{ SysEx = { prefix = [1], channel = 1 } }",
        "\"Note\"",
    ]
    .map(errors)
    .concat();
    expect![[r#"
        `medium_max` is 80, which is below `soft_max`, 90
        `sof` is no level of force (did you mean `soft`? known are `soft`, `medium`, `hard`)
        0 is out of range: 1 to 3600000
        a `DoubleTap` trigger needs the key `note`
        a chord has 2 to 16 notes, found 1
        a chord has each note once
        128 is out of range: 0 to 127
        `relative` is no mode of an encoder (did you mean `relative-sign`? known are `absolute`, `relative-twos`, `relative-offset`, `relative-sign`)
        `left` is no direction (known are `clockwise`, `counterclockwise`)
        no position is at least 5 and at most -5
        9000 is out of range: -8192 to 8191
        128 is out of range: 0 to 127
        16384 is out of range: 0 to 16383
        found other text, wanted two hexadecimal digits for each byte
        bytes of a message are 0 to 127, found 200
        a system exclusive message has no channel
        a `Note` trigger needs the key `note`
    "#]].assert_eq(&all);
}
