//! Actions that are no plugin's.

use plugbay::policy::Operation;
use plugbay::{RecordedDesktop, RecordedMidi};

use super::*;

const CONFIG: &str = r#"
global_mappings = [
    { trigger = { Note = { note = 60 } }, action = { SendMidi = { port = "Synth", message_type = "NoteOn", note = "{note}", velocity = "{velocity}" } } },
    { trigger = { CC = { cc = 1 } }, action = { SendMidi = { port = "Lights", message_type = "CC", cc = 2, value = "{value}" } } },
    { trigger = { Note = { note = 61 } }, action = { Keystroke = { keys = "m", modifiers = ["ctrl"] } } },
    { trigger = { Note = { note = 62 } }, action = { Shell = { command = "notify-send 'a b'" } } },
]
"#;

fn runner() -> Runner {
    let config = Config::parse(CONFIG, &Origin::new("c.toml", "/")).unwrap().config;
    Runner::new(Arc::new(config)).with_clock(Arc::new(TokioClock::starting_at(1_000)))
}

fn source() -> ScriptedSource {
    script(&[60, 61, 62]).event(6 * MS, MidiEvent::Controller { channel: 1, cc: 1, value: 9 })
}

#[tokio::test]
async fn messages_keys_and_programs_go_where_they_should() {
    let (midi, desktop) = (Arc::new(RecordedMidi::default()), Arc::new(RecordedDesktop::default()));
    let programs = Arc::new(RecordedPrograms::default());
    let outlets = Outlets {
        midi: Some(midi.clone()),
        desktop: Some(desktop.clone()),
        programs: Some(programs.clone()),
    };
    let summary = run(runner().with_outlets(outlets), source(), &RecordingHost::new()).await;
    let mut sent = midi.sent();
    // Each output has a queue of its own.
    sent.sort();
    let wanted =
        [("Lights".to_owned(), vec![0xb0, 2, 9]), ("Synth".to_owned(), vec![0x90, 60, 99])];
    assert_eq!(sent, wanted);
    assert_eq!(desktop.performed(), [(Operation::Keystroke, "ctrl+m".to_owned())]);
    let commands = programs.commands();
    let [command] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!(
        (command.program.as_str(), &command.arguments[..]),
        ("notify-send", &["a b".to_owned()][..])
    );
    assert_eq!(summary.to_string(), "4 events, 4 actions fired, 0 failed");
    let names: Vec<_> = summary.outlets.iter().map(|outlet| outlet.name.as_str()).collect();
    assert_eq!(
        names,
        ["MIDI output Lights", "MIDI output Synth", "desktop", "program notify-send"]
    );
}

#[tokio::test]
async fn what_is_not_there_fails_and_ends_nothing() {
    let summary = run(runner(), source(), &RecordingHost::new()).await;
    assert_eq!((summary.fired(), summary.failed(), summary.exit_code()), (4, 4, 0));
}

/// An output that takes nothing until it may.
struct Stuck(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

impl plugbay::MidiSink for Stuck {
    fn send(&self, output: &str, _: &[u8]) -> Result<(), plugbay::ServiceError> {
        if output == "Synth" {
            // An error is that nobody is left who could say so.
            let _ = self.0.lock().unwrap().recv();
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_is_stuck_holds_up_no_other() {
    let (let_go, stuck) = std::sync::mpsc::channel();
    let programs = Arc::new(RecordedPrograms::default());
    let outlets = Outlets {
        midi: Some(Arc::new(Stuck(std::sync::Mutex::new(stuck)))),
        programs: Some(programs.clone()),
        ..Outlets::default()
    };
    let running = tokio::spawn(run(
        runner().with_outlets(outlets),
        source(),
        Box::leak(Box::new(RecordingHost::new())),
    ));
    // Only when the program was run is the output let go of: else this waits until the test is killed.
    while programs.commands().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(let_go);
    let summary = running.await.unwrap();
    assert_eq!(summary.fired(), 4);
}
