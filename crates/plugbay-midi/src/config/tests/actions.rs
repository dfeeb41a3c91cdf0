//! Actions and conditions.

use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use plugbay::policy::Operation;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn desktop(operation: Operation, argument: &str) -> Action {
    Action::Desktop { operation, argument: argument.to_owned() }
}

fn shell(program: &str, arguments: &[&str], timeout: Duration) -> Action {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    Action::Shell(Command { program: program.to_owned(), arguments, timeout })
}

fn mode(mode: u8) -> Arc<Action> {
    Arc::new(Action::ModeChange { mode: ModeId(mode) })
}

#[test]
fn every_action_in_both_spellings() {
    let send = |kind, first, second| Action::SendMidi {
        port: "Synth".to_owned(),
        message: MessageTemplate::Channel {
            channel: Number::Fixed(1),
            kind,
            first: Number::Fixed(first),
            second: Number::Fixed(second),
        },
    };
    let port = "port = \"Synth\", message_type = ";
    let rows = [
        ("ModeChange", "mode = \"A\"".to_owned(), Action::clone(&mode(0))),
        (
            "Sequence",
            "actions = [{ Delay = { ms = 5 } }, { ModeChange = { mode = 1 } }]".to_owned(),
            Action::Sequence {
                actions: Arc::new([Arc::new(Action::Delay { time: 5 * MS }), mode(1)]),
            },
        ),
        (
            "Repeat",
            "action = { ModeChange = { mode = 1 } }, count = 3".to_owned(),
            Action::Repeat { action: mode(1), count: 3, pause: Duration::ZERO },
        ),
        (
            "Conditional",
            "condition = \"Never\", then_action = { ModeChange = { mode = 1 } }".to_owned(),
            Action::Conditional { condition: Condition::Never, then: mode(1), otherwise: None },
        ),
        ("SendMidi", format!("{port}\"NoteOn\", note = 60"), send(MessageKind::NoteOn, 60, 127)),
        ("SendMidi", format!("{port}\"NoteOff\", note = 60"), send(MessageKind::NoteOff, 60, 0)),
        (
            "SendMidi",
            format!("{port}\"CC\", cc = 7, value = 1"),
            send(MessageKind::ControlChange, 7, 1),
        ),
        (
            "SendMidi",
            format!("{port}\"PitchBend\", value = -8192"),
            send(MessageKind::PitchBend, -8192, 0),
        ),
        (
            "SendMidi",
            format!("{port}\"ProgramChange\", program = 5"),
            send(MessageKind::ProgramChange, 5, 0),
        ),
        (
            "SendMidi",
            format!("{port}\"Aftertouch\", pressure = 5"),
            send(MessageKind::Aftertouch, 5, 0),
        ),
        (
            "SendMidi",
            format!("{port}\"PolyAftertouch\", note = 4, pressure = 5"),
            send(MessageKind::PolyAftertouch, 4, 5),
        ),
        (
            "Keystroke",
            "keys = \"m\", modifiers = [\"Control\", \"shift\"]".to_owned(),
            desktop(Operation::Keystroke, "ctrl+shift+m"),
        ),
        ("Text", "text = \"hello\"".to_owned(), desktop(Operation::Text, "hello")),
        ("Launch", "app = \"Ardour\"".to_owned(), desktop(Operation::Launch, "Ardour")),
        ("MouseClick", String::new(), desktop(Operation::Click, "left")),
        ("MouseClick", "button = \"right\"".to_owned(), desktop(Operation::Click, "right")),
        ("VolumeControl", "operation = \"Up\"".to_owned(), desktop(Operation::Volume, "+5")),
        (
            "VolumeControl",
            "operation = \"down\", value = 10".to_owned(),
            desktop(Operation::Volume, "-10"),
        ),
        (
            "VolumeControl",
            "operation = \"Set\", value = 0".to_owned(),
            desktop(Operation::Volume, "0"),
        ),
        ("VolumeControl", "operation = \"Mute\"".to_owned(), desktop(Operation::Volume, "mute")),
        (
            "Shell",
            "command = \"say 'two words' $HOME\"".to_owned(),
            shell("say", &["two words", "$HOME"], 10_000 * MS),
        ),
        (
            "Shell",
            "command = [\"/bin/say\", \"a b\"], timeout_ms = 5".to_owned(),
            shell("/bin/say", &["a b"], 5 * MS),
        ),
    ];
    for (name, keys, wanted) in rows {
        assert_eq!(action(&format!("{{ {name} = {{ {keys} }} }}")), wanted, "{name} {keys}");
        let comma = if keys.is_empty() { "" } else { ", " };
        assert_eq!(action(&format!("{{ type = \"{name}\"{comma}{keys} }}")), wanted, "{name}");
    }
    assert_eq!(action("\"MouseClick\""), desktop(Operation::Click, "left"));
    let text = "{ SendMidi = { port = \"x\", message_type = \"SysEx\", data = \"F0 7D 01 F7\" } }";
    let Action::SendMidi { message: MessageTemplate::SysEx { data }, .. } = action(text) else {
        panic!()
    };
    assert_eq!(*data, [0x7d, 1]);
    let text = "{ SendMidi = { port = \"x\", message_type = \"noteon\", note = \"{note}\", channel = \"{channel}\" } }";
    let Action::SendMidi { message: MessageTemplate::Channel { channel, first, .. }, .. } =
        action(text)
    else {
        panic!()
    };
    let placeholder = |name: &str| Number::Placeholder(name.to_owned());
    assert_eq!((channel, first), (placeholder("channel"), placeholder("note")));
}

#[test]
fn every_condition_in_its_spellings() {
    use Condition::*;
    let time = |start, end| TimeRange { start, end };
    for (texts, wanted) in [
        (&["\"Always\"", "{ Always = {} }", "{ type = \"Always\" }"][..], Always),
        (&["\"Never\""], Never),
        (
            &[
                "{ ModeIs = \"B\" }",
                "{ ModeIs = { mode = 1 } }",
                "{ type = \"ModeIs\", mode = \"B\" }",
            ],
            ModeIs(ModeId(1)),
        ),
        (
            &[
                "{ TimeRange = { start = \"22:30\", end = \"6:00\" } }",
                "{ TimeRange = { start = 22:30:00, end = 06:00:00 } }",
                "{ type = \"TimeRange\", start = \"22:30\", end = \"06:00\" }",
            ],
            time(22 * 60 + 30, 6 * 60),
        ),
        (&["{ TimeRange = { start = \"00:00\", end = \"24:00\" } }"], time(0, 1440)),
        (
            &[
                "{ DayOfWeek = [\"Mon\", \"sunday\"] }",
                "{ DayOfWeek = { days = [\"sun\", \"Monday\"] } }",
            ],
            DayOfWeek(0b100_0001),
        ),
        (
            &[
                "{ And = [\"Always\", { ModeIs = \"A\" }] }",
                "{ And = { conditions = [\"Always\", { ModeIs = 0 }] } }",
                "{ type = \"And\", conditions = [\"Always\", { ModeIs = 0 }] }",
            ],
            And(vec![Always, ModeIs(ModeId(0))]),
        ),
        (&["{ Or = [\"Never\"] }"], Or(vec![Never])),
        (
            &[
                "{ Not = \"Never\" }",
                "{ Not = { condition = \"Never\" } }",
                "{ Not = { Never = {} } }",
                "{ type = \"Not\", condition = \"Never\" }",
            ],
            Not(Box::new(Never)),
        ),
    ] {
        for text in texts {
            let action = action(&format!(
                "{{ Conditional = {{ condition = {text}, then_action = {{ ModeChange = {{ mode = 0 }} }}, else_action = {{ Delay = {{ ms = 1 }} }} }} }}"
            ));
            let Action::Conditional { condition, otherwise: Some(_), .. } = action else {
                panic!("{action:?}")
            };
            assert_eq!(condition, wanted, "{text}");
        }
    }
}

#[test]
fn errors_of_every_action() {
    let errors = |action: &str| {
        let report = parse(&with_action(action)).unwrap_err();
        let lines = report.findings().iter().map(|finding| {
            let help = finding.help.as_deref().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{}{help}\n", finding.message)
        });
        lines.collect::<String>()
    };
    let conditional = |condition: &str| {
        format!("{{ Conditional = {{ condition = {condition}, then_action = \"MouseClick\" }} }}")
    };
    let all: String = [
        "{ Sequence = { actions = [{ Delay = { ms = -1 } }, { Dely = { ms = 1 } }] } }".to_owned(),
        "{ Repeat = { action = \"MouseClick\", count = 0 } }".to_owned(),
        "{ Repeat = { count = 9999, action = { Repeat = { count = 9999, action = \"MouseClick\" } } } }".to_owned(),
        "{ SendMidi = { port = \"x\", message_type = \"Note\" } }".to_owned(),
        "{ SendMidi = { port = \"x\", message_type = \"NoteOn\", note = \"{not}\" } }".to_owned(),
        "{ SendMidi = { port = \"x\", message_type = \"NoteOn\", note = 5, cc = 5 } }".to_owned(),
        "{ Keystroke = { keys = \"\", modifiers = [\"hyper\"] } }".to_owned(),
        "{ Text = { text = \"\" } }".to_owned(),
        "{ Shell = { command = \"\" } }".to_owned(),
        "{ Shell = { command = \"say 'a\" } }".to_owned(),
        "{ MouseClick = { button = \"lefty\" } }".to_owned(),
        "{ VolumeControl = { operation = \"Set\" } }".to_owned(),
        "{ VolumeControl = { operation = \"Set\", value = 101 } }".to_owned(),
        conditional("\"Sometimes\""),
        conditional("{ ModeIs = \"C\" }"),
        conditional("{ TimeRange = { start = \"25:00\", end = \"7\" } }"),
        conditional("{ DayOfWeek = [\"Someday\"] }"),
        conditional("{ DayOfWeek = [] }"),
        conditional("{ And = [\"Always\", 5] }"),
    ]
    .map(|text| errors(&text))
    .concat();
    expect![[r#"
        -1 is out of range: 0 to 3600000
        `Dely` is not supported as an action (did you mean `Delay`? supported: `WasmPlugin`, `ModeChange`, `Sequence`, `Delay`, `Repeat`, `Conditional`, `SendMidi`, `Keystroke`, `Text`, `Launch`, `Shell`, `MouseClick`, `VolumeControl`)
        0 is out of range: 1 to 10000
        this does 99980001 things each time; the most is 10000
        `Note` is no type of message (did you mean `NoteOn`? known are `NoteOn`, `NoteOff`, `CC`, `ControlChange`, `ProgramChange`, `PitchBend`, `Aftertouch`, `ChannelPressure`, `PolyAftertouch`, `SysEx`)
        found `{not}`, wanted 0 to 127 or a placeholder (placeholders are `velocity`, `note`, `value`, `channel`, `mode`, in braces)
        a `SendMidi` action has no key `cc` (known keys: `port`, `message_type`, `channel`, `note`, `velocity`)
        `keys` is empty
        `hyper` is no modifier (known are `ctrl`, `control`, `shift`, `alt`, `option`, `meta`, `cmd`, `command`, `super`, `win`, `windows`, `opt`)
        `text` is empty
        a command begins with a program
        this is no command: missing closing quote
        `lefty` is no button (did you mean `left`? known are `left`, `right`, `middle`)
        setting a volume needs the key `value`, 0 to 100
        101 is out of range: 0 to 100
        `Sometimes` is not supported as a condition (supported: `Always`, `Never`, `ModeIs`, `TimeRange`, `DayOfWeek`, `And`, `Or`, `Not`)
        there is no mode `C` (modes: `A`, `B`)
        `25:00` is no time of day (hours and minutes, such as "22:30"; an end may be "24:00")
        `7` is no time of day (hours and minutes, such as "22:30"; an end may be "24:00")
        `Someday` is no day of the week (`Monday` to `Sunday`, or `Mon` to `Sun`)
        found no day, wanted one or more
        expected a table such as { Always = { ... } }, found an integer
    "#]].assert_eq(&all);
}
