//! Runs that were written down, and are played again.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::source::{RecordingSource, SourceItem};

const CONFIG: &str = r#"
[[modes]]
name = "Stage"
mappings = [
    { trigger = { Note = { note = 60 } }, action = { WasmPlugin = { path = "tap.wasm", params = { v = "{velocity}" } } } },
    { trigger = { DoubleTap = { note = 60 } }, action = { WasmPlugin = { path = "double.wasm" } } },
    { trigger = { LongPress = { note = 60, duration_ms = 700 } }, action = { ModeChange = { mode = "Break" } } },
    { trigger = { Note = { note = 61 } }, action = { Repeat = { count = 3, delay_ms = 150, action = { SendMidi = { port = "Synth", message_type = "NoteOn", note = 1 } } } } },
]
[[modes]]
name = "Break"
mappings = [
    { trigger = { Note = { note = 60, on = "release" } }, action = { Conditional = { condition = { TimeRange = { start = "00:00", end = "12:00" } }, then_action = { Text = { text = "early" } }, else_action = { Shell = { command = "say late" } } } } },
]
"#;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn runner(written: &Written) -> Runner {
    let config = Config::parse(CONFIG, &Origin::new("c.toml", "/")).unwrap().config;
    let journal = Journal::new(written.clone()).unwrap();
    Runner::new(Arc::new(config))
        .with_clock(Arc::new(TokioClock::starting_at(1_700_000_000_000)))
        .with_journal(journal)
}

/// An instrument that is played on tokio's clock: pauses in milliseconds, and what comes then.
struct Played {
    events: std::vec::IntoIter<(u32, MidiEvent)>,
    now: Duration,
}

impl MidiSource for Played {
    fn next(&mut self) -> plugbay::runtime::BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
        Box::pin(async {
            let Some((pause, event)) = self.events.next() else { return Ok(None) };
            tokio::time::sleep(pause * MS).await;
            self.now += pause * MS;
            Ok(Some(SourceItem::Event(crate::engine::TimedEvent { at: self.now, event })))
        })
    }
}

fn played() -> Played {
    let up = |note| MidiEvent::NoteOff { channel: 1, note, velocity: 0 };
    let events = vec![
        (10, on(60)),
        (20, up(60)),
        (400, on(60)),
        (10, up(60)),
        (50, on(60)),
        (10, up(60)),
        (0, on(61)),
        (100, on(61)),
        (30, on(60)),
        (900, up(60)),
        (1, MidiEvent::SysEx { data: Box::new([0x7d, 5]) }),
        (1, on(61)),
    ];
    Played { events: events.into_iter(), now: Duration::ZERO }
}

async fn again(recording: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), recording).unwrap();
    let mut source = RecordingSource::open(file.path()).unwrap();
    let written = Written::default();
    // Another day, and a clock that does not move: neither counts.
    let runner = runner(&written).with_clock(Arc::new(TokioClock::starting_at(5)));
    let summary = runner.run(&mut source, &RecordingHost::new(), pending()).await.unwrap();
    assert!(summary.journal.is_none());
    written.text()
}

#[tokio::test(start_paused = true)]
async fn a_recording_gives_the_same_byte_for_byte() {
    let written = Written::default();
    let summary =
        runner(&written).run(&mut played(), &RecordingHost::new(), pending()).await.unwrap();
    assert_eq!((summary.events, summary.mode_changes), (12, 1));
    let recording = written.text();
    for done in ["\"tap\"", "\"double\"", "Break", "90017f", "say", "\"end\":\"source\""] {
        assert!(recording.contains(done), "{done}: {recording}");
    }
    for _ in 0..10 {
        assert_eq!(again(&recording).await, recording);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_stopped_is_repeated_up_to_there() {
    let written = Written::default();
    let mut source = script(&[60, 61]).without_end();
    let stop = tokio::time::sleep(200 * MS);
    runner(&written).run(&mut source, &RecordingHost::new(), stop).await.unwrap();
    let recording = written.text();
    assert!(recording.contains("\"end\":\"stopped\""), "{recording}");
    // The tap would have been one after 300 ms, and a third message would have been sent.
    assert!(!recording.contains("tap"), "{recording}");
    assert_eq!(recording.matches("SendMidi").count(), 2, "{recording}");
    assert_eq!(again(&recording).await, recording);
}

#[tokio::test(start_paused = true)]
async fn modes_that_plugins_asked_for_are_repeated() {
    let written = Written::default();
    let runner = runner(&written);
    runner.mode_changer().change("Break").unwrap();
    runner.run(&mut script(&[60]), &RecordingHost::new(), pending()).await.unwrap();
    let recording = written.text();
    assert!(recording.contains("\"mode\":\"Break\"}"), "{recording}");
    assert!(recording.contains("\"mode\":\"Break\",\"trigger\":\"Note\""), "{recording}");
    assert_eq!(again(&recording).await, recording);
}

/// A disk that is full.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_recording_that_cannot_be_written_ends_nothing_and_is_told() {
    let host = RecordingHost::new();
    let config = Config::parse(CONFIG, &Origin::new("c.toml", "/")).unwrap().config;
    let runner = Runner::new(Arc::new(config)).with_journal(Journal::new(Full).unwrap());
    let summary = runner.run(&mut script(&[60, 61]), &host, pending()).await.unwrap();
    assert_eq!(summary.events, 2);
    let error = summary.journal.unwrap().to_string();
    assert!(error.starts_with("the recording cannot be written: "), "{error}");
}
