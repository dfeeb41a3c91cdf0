//! What a host lends: MIDI outputs, sounds, the desktop.

use std::sync::Arc;

use plugbay::policy::Operation;
use plugbay::{
    AudioOutput, Host, RecordedAudio, RecordedDesktop, RecordedMidi, ServiceError, backend,
};

use super::script::{ENGINES, Records, Script, grant, load, run};

#[test]
fn what_is_granted_is_done_and_nothing_else() {
    let script = Script::new()
        .call("midi_send", ["Synth".into(), vec![0x90, 60, 100].into()])
        .call("midi_send", ["Other".into(), vec![0x90, 60, 100].into()])
        .call("audio_play", ["bell".into()])
        .call("audio_play", [r#"{"sound": "bell", "volume": 0.25}"#.into()])
        .call("audio_play", ["horn".into()])
        .call("system", [r#"{"operation": "volume", "argument": "+5"}"#.into()])
        .call("system", [r#"{"operation": "launch", "argument": "Firefox"}"#.into()])
        .call("system", [r#"{"operation": "launch", "argument": "rm"}"#.into()])
        .call("system", [r#"{"operation": "keystroke", "argument": "a"}"#.into()]);
    let grant = grant(
        r#"{"Audio": {"sounds": ["bell"]}, "Midi": {"outputs": ["Synth"]},
            "SystemControl": {"operations": ["volume", "launch"], "applications": ["Firefox"]}}"#,
    );
    for engine in ENGINES {
        let (midi, audio) = (Arc::new(RecordedMidi::default()), Arc::new(RecordedAudio::default()));
        let desktop = Arc::new(RecordedDesktop::default());
        let records = Arc::new(Records::default());
        let host = Host::builder()
            .backend(backend(engine).unwrap())
            .midi(midi.clone())
            .audio(audio.clone())
            .desktop(desktop.clone())
            .audit(records.clone())
            .build()
            .unwrap();
        let told = run(&load(&host, &script, grant.clone()));
        let results: Vec<i64> = told.iter().map(|told| told.result).collect();
        assert_eq!(results, [0, -1, 0, 0, -1, 0, 0, -1, -1], "{engine}");
        assert_eq!(midi.sent(), [("Synth".to_owned(), vec![0x90, 60, 100])]);
        assert_eq!(audio.played(), [("bell".to_owned(), 1.0), ("bell".to_owned(), 0.25)]);
        assert_eq!(
            desktop.performed(),
            [(Operation::Volume, "+5".to_owned()), (Operation::Launch, "Firefox".to_owned())]
        );
        // What is of high risk is recorded also where it was allowed.
        assert_eq!(
            records.lines(),
            [
                "Midi \"Other\" Denied",
                "Audio \"horn\" Denied",
                "SystemControl volume \"+5\" Granted",
                "SystemControl launch \"Firefox\" Granted",
                "SystemControl launch \"rm\" Denied",
                "SystemControl keystroke \"a\" Denied",
            ]
        );
    }
}

struct Silent;

impl AudioOutput for Silent {
    fn play(&self, sound: &str, _: f32) -> Result<(), ServiceError> {
        match sound {
            "none" => Err(ServiceError::Unknown { what: "sound", name: sound.to_owned() }),
            "deaf" => Err(ServiceError::Unavailable("no audio device was found")),
            "panic" => panic!("an audio output broke down"),
            _ => Err(ServiceError::Failed("the file is no sound".to_owned())),
        }
    }
}

#[test]
fn what_a_service_says_is_told() {
    let script = Script::new()
        .call("audio_play", ["none".into()])
        .call("audio_play", ["deaf".into()])
        .call("audio_play", ["torn".into()])
        .call("audio_play", ["panic".into()])
        .call("audio_play", ["none".into()]);
    let grant = grant(r#"{"Audio": {"sounds": ["*"]}}"#);
    for engine in ENGINES {
        let host = Host::builder().backend(backend(engine).unwrap()).audio(Arc::new(Silent));
        let told = run(&load(&host.build().unwrap(), &script, grant.clone()));
        assert_eq!(told[0].failure("invalid"), "there is no sound \"none\"", "{engine}");
        assert_eq!(told[1].failure("unavailable"), "no audio device was found");
        assert_eq!(told[2].failure("failed"), "the file is no sound");
        assert_eq!(told[3].failure("failed"), "the host function broke down");
        assert_eq!(told[4].failure("invalid"), "there is no sound \"none\"");
    }
}
