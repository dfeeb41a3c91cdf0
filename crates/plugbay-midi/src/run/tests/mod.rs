//! Runs with doubles, under virtual time, and with the real host.

mod devices;
mod neighbours;
mod outlets;
mod reload;
mod repeated;
mod timers;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use plugbay::abi::action::TriggerContext;

use super::*;
use crate::config::Origin;
use crate::engine::MidiEvent;
use crate::source::{
    MidiFileSource, Notice, Pace, RawSource, ScriptedSource, Song, SourceError, test_file,
};

const CONFIG: &str = r#"
[[modes]]
name = "Stage"
mappings = [
    { trigger = { Note = { note = 60 } }, action = { WasmPlugin = { path = "a.wasm", params = { n = "{note}" } } } },
    { trigger = { Note = { note = 61 } }, action = { WasmPlugin = { path = "a.wasm", params = { v = "at {velocity}" } } } },
    { trigger = { Note = { note = 62 } }, action = { WasmPlugin = { path = "b.wasm" } } },
    { trigger = { Note = { note = 63 } }, action = { ModeChange = { mode = "Break" } } },
]
[[modes]]
name = "Break"
[[global_mappings]]
trigger = { Note = { note = 70 } }
action = { WasmPlugin = { path = "b.wasm" } }
"#;

const MS: Duration = Duration::from_millis(1);

fn runner() -> Runner {
    let config = Config::parse(CONFIG, &Origin::new("c.toml", "/")).unwrap().config;
    Runner::new(Arc::new(config)).with_clock(Arc::new(TokioClock::starting_at(1_000)))
}

fn on(note: u8) -> MidiEvent {
    MidiEvent::NoteOn { channel: 1, note, velocity: 99 }
}

fn script(notes: &[u8]) -> ScriptedSource {
    notes.iter().fold(ScriptedSource::new(), |script, note| script.event(5 * MS, on(*note)))
}

async fn run(runner: Runner, mut source: impl MidiSource, host: &RecordingHost) -> Summary {
    runner.run(&mut source, host, pending()).await.unwrap()
}

/// What the host was asked for, a word each.
fn words(host: &RecordingHost) -> String {
    let words = host.recorded().into_iter().map(|recorded| match recorded {
        Recorded::Load { plugin } => format!("+{plugin}"),
        Recorded::Execute { plugin, params, .. } => format!("{plugin}{params}"),
        Recorded::Done { plugin } => format!("{plugin}!"),
        Recorded::Shutdown { plugin } => format!("-{plugin}"),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test(start_paused = true)]
async fn one_plugin_per_path_in_order_from_load_to_shutdown() {
    let host = RecordingHost::new().taking("a", MS);
    let summary = run(runner(), script(&[60, 61, 60, 99]), &host).await;
    assert_eq!(words(&host), r#"+a +b a{"n":60} a! a{"v":"at 99"} a! a{"n":60} a! -a -b"#);
    assert_eq!(summary.to_string(), "4 events, 3 actions fired, 0 failed");
    assert!(matches!(summary.end, End::Source));
    assert_eq!(summary.exit_code(), 0);
}

#[tokio::test(start_paused = true)]
async fn plugins_are_told_velocity_mode_and_time() {
    let host = RecordingHost::new();
    let summary = run(runner(), script(&[60, 63, 60, 70]), &host).await;
    let contexts: Vec<_> = host
        .recorded()
        .into_iter()
        .filter_map(|recorded| match recorded {
            Recorded::Execute { context, .. } => Some(context),
            _ => None,
        })
        .collect();
    let note = |note: u8, mode: u8, name: &str| TriggerContext {
        velocity: Some(99),
        mode: Some(mode),
        current_mode: Some(mode),
        mode_name: Some(name.to_owned()),
        timestamp: 1_005,
        trigger: Some("Note".to_owned()),
        note: Some(note),
        channel: Some(1),
        ..TriggerContext::default()
    };
    assert_eq!(contexts, [note(60, 0, "Stage"), note(70, 1, "Break")]);
    assert_eq!(summary.mode_changes, 1);
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_and_end_nothing() {
    let host = RecordingHost::new().failing("a", "returned 3");
    let summary = run(runner(), script(&[60, 62, 60]), &host).await;
    let share = |name: &str| summary.plugins.iter().find(|plugin| plugin.name == name).unwrap();
    assert_eq!((share("a").fired, share("a").succeeded, share("a").failed), (2, 0, 2));
    assert_eq!((share("b").fired, share("b").succeeded, share("b").failed), (1, 1, 0));
    assert_eq!((summary.failed(), summary.exit_code()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_plugin_delays_nobody() {
    let host = RecordingHost::new().taking("a", Duration::from_secs(100)).taking("b", MS);
    run(runner(), script(&[60, 62, 60, 62, 62]), &host).await;
    assert_eq!(words(&host), r#"+a +b a{"n":60} b{} b! b{} b! b{} b! a! a{"n":60} a! -a -b"#);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_what_is_live_and_holds_back_what_can_wait() {
    let slow = || RecordingHost::new().taking("a", MS);
    let notes = [60; 10];
    let summary = run(runner().with_queue_length(2), script(&notes), &slow()).await;
    let share = &summary.plugins[0];
    assert_eq!(share.fired + share.overflowed, 10);
    assert_eq!((share.fired, share.succeeded), (2, 2));
    assert_eq!(summary.to_string(), "10 events, 2 actions fired, 0 failed, 8 dropped");

    let source = script(&notes).that_can_wait();
    let summary = run(runner().with_queue_length(2), source, &slow()).await;
    assert_eq!((summary.plugins[0].succeeded, summary.dropped()), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_what_has_begun_only() {
    let host = RecordingHost::new().taking("a", 100 * MS);
    let mut source = script(&[60, 60, 60]).without_end();
    let stop = tokio::time::sleep(50 * MS);
    let summary = runner().run(&mut source, &host, stop).await.unwrap();
    assert_eq!(words(&host), r#"+a +b a{"n":60} a! -a -b"#);
    assert!(matches!(summary.end, End::Stopped));
    assert_eq!(summary.to_string(), "3 events, 3 actions fired, 0 failed, 2 dropped");
    assert_eq!(summary.plugins[0].abandoned, 2);
}

#[tokio::test(start_paused = true)]
async fn stopping_while_actions_finish() {
    let host = RecordingHost::new().taking("a", 100 * MS);
    let mut source = script(&[60, 60, 60]);
    let stop = tokio::time::sleep(150 * MS);
    let summary = runner().run(&mut source, &host, stop).await.unwrap();
    assert_eq!((summary.plugins[0].succeeded, summary.plugins[0].abandoned), (2, 1));
    assert!(matches!(summary.end, End::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_breaks_off_ends_the_run_with_1() {
    let broken =
        SourceError::Read { path: "/dev/midi".into(), source: std::io::Error::other("gone") };
    let host = RecordingHost::new();
    let source = script(&[60]).notice(Notice::StrayData { bytes: 1 }).error(broken);
    let summary = run(runner(), source, &host).await;
    assert_eq!((summary.fired(), summary.notices, summary.exit_code()), (1, 1, 1));
    assert!(words(&host).ends_with("a! -a -b"));
}

#[tokio::test(start_paused = true)]
async fn plugins_that_do_not_load_are_all_named_and_none_stays() {
    let host = RecordingHost::new().refusing("b", "no such file");
    let error = runner().run(&mut script(&[60]), &host, pending()).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot load the plugin /b.wasm: no such file");
    assert_eq!(words(&host), "+a -a");

    let host = RecordingHost::new().refusing("a", "no module").refusing("b", "no such file");
    let error = runner().run(&mut script(&[60]), &host, pending()).await.unwrap_err();
    assert_eq!(error.to_string().lines().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_mistake_of_the_hosts_is_counted() {
    let host = RecordingHost::new().panicking("a");
    let summary = run(runner(), script(&[60, 62]), &host).await;
    assert_eq!((summary.plugins[0].failed, summary.plugins[1].succeeded), (1, 1));
    assert!(words(&host).ends_with("-a -b"));
}

/// Notes 60 and 62, half a second after each other.
fn song() -> Song {
    let bytes = test_file(&[0x60, 0x90, 60, 1, 0x60, 62, 1]);
    Song::parse(&bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_file_is_played_in_its_own_time() {
    for (pace, takes) in [(Pace::Real, 1_000), (Pace::Fast, 0)] {
        let clock = Arc::new(TokioClock::starting_at(1_000));
        let host = RecordingHost::new();
        let source = MidiFileSource::new(song(), pace, clock.clone());
        let summary = run(runner().with_clock(clock.clone()), source, &host).await;
        assert_eq!(clock.now(), takes * MS, "{pace:?}");
        assert_eq!(summary.fired(), 2);
        let times: Vec<_> = host
            .recorded()
            .into_iter()
            .filter_map(|recorded| match recorded {
                Recorded::Execute { context, .. } => Some(context.timestamp),
                _ => None,
            })
            .collect();
        assert_eq!(times, [1_500, 2_000], "{pace:?}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_played() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mid");
    let open = || {
        let clock = Arc::new(TokioClock::new());
        let error = MidiFileSource::open(&path, Pace::Fast, clock).err().unwrap().to_string();
        error.replace(&path.display().to_string(), "FILE")
    };
    assert!(open().starts_with("cannot open FILE: "));
    std::fs::write(&path, "").unwrap();
    assert_eq!(open(), "FILE: not a MIDI file: it is empty");
}

#[tokio::test]
async fn raw_bytes_until_they_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bytes");
    // Stray data, a note, the next under running status around a clock tick, half a SysEx.
    std::fs::write(&path, [1, 0x90, 60, 99, 61, 0xf8, 99, 0xf0, 1]).unwrap();
    let host = RecordingHost::new();
    let source = RawSource::open(&path).unwrap();
    assert!(source.can_wait());
    let summary = run(runner(), source, &host).await;
    assert_eq!(words(&host), r#"+a +b a{"n":60} a! a{"v":"at 99"} a! -a -b"#);
    assert_eq!((summary.notices, summary.exit_code()), (2, 0));
}

#[tokio::test]
async fn raw_bytes_from_a_reader_are_live() {
    let source = RawSource::from_reader("bytes", &[0x90_u8, 62, 1][..]).unwrap();
    assert!(!source.can_wait());
    let host = RecordingHost::new();
    assert_eq!(run(runner(), source, &host).await.fired(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn raw_bytes_from_a_fifo_end_when_its_writer_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let source = RawSource::open(&path).unwrap();
    let writer = std::thread::spawn(move || std::fs::write(path, [0x90, 62, 1, 99, 1]).unwrap());
    let host = RecordingHost::new();
    assert_eq!(run(runner(), source, &host).await.fired(), 1);
    writer.join().unwrap();
}

#[tokio::test]
async fn raw_sources_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(RawSource::open(folder.path()).err(), Some(SourceError::Open { .. })));
    assert!(matches!(
        RawSource::open(&folder.path().join("no")).err(),
        Some(SourceError::Open { .. })
    ));

    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("unplugged"))
        }
    }
    let source = RawSource::from_reader("/dev/midi", Broken).unwrap();
    let summary = run(runner(), source, &RecordingHost::new()).await;
    let End::Broken(error) = &summary.end else { panic!("{summary:?}") };
    assert_eq!(error.to_string(), "cannot read /dev/midi: unplugged");
}

/// Runs modules of text format, by file name, in plugbay's own host, on notes.
async fn run_modules(
    modules: &[(&str, &str)],
    notes: &[u8],
) -> Result<(Summary, Vec<String>), RunError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in modules {
        std::fs::write(folder.path().join(name), wat::parse_str(text).unwrap()).unwrap();
    }
    let config = Config::parse(CONFIG, &Origin::new("c.toml", folder.path())).unwrap().config;
    let lines = Arc::new(Lines::default());
    let host = plugbay::Host::builder().output(lines.clone()).build().unwrap();
    let runner = Runner::new(Arc::new(config));
    let summary = runner.run(&mut script(notes), &host, pending()).await?;
    let lines = lines.0.lock().unwrap().clone();
    Ok((summary, lines))
}

#[derive(Default)]
struct Lines(std::sync::Mutex<Vec<String>>);

impl plugbay::PluginOutput for Lines {
    fn line(&self, plugin: &str, _: plugbay::runtime::Stream, line: &str) {
        self.0.lock().unwrap().push(format!("{plugin}: {line}"));
    }
}

/// Prints the params that it is given, a line each, and says goodbye.
const ECHO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 32) "\nbye\n")
    (func $print (param i32 i32)
        (i32.store (i32.const 0) (local.get 0))
        (i32.store (i32.const 4) (local.get 1))
        (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func (export "execute") (param i32 i32) (result i32)
        (call $print (local.get 0) (local.get 1))
        (call $print (i32.const 32) (i32.const 1))
        (i32.const 0))
    (func (export "shutdown") (call $print (i32.const 33) (i32.const 4))))"#;

/// Returns the length of its params as status.
const STATUS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "execute") (param i32 i32) (result i32) (local.get 1)))"#;

const TRAP: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "execute") (param i32 i32) (result i32) unreachable))"#;

#[tokio::test]
async fn real_plugins_are_given_params_and_shut_down() {
    let modules = [("a.wasm", ECHO), ("b.wasm", STATUS)];
    let (summary, lines) = run_modules(&modules, &[60, 62, 61]).await.unwrap();
    assert_eq!(lines, [r#"a: {"n":60}"#, r#"a: {"v":"at 99"}"#, "a: bye"]);
    // `{}` has two bytes, so b's status is 2.
    assert_eq!((summary.fired(), summary.failed()), (3, 1));
}

#[tokio::test]
async fn a_trap_is_counted_and_the_next_call_has_a_new_instance() {
    let modules = [("a.wasm", ECHO), ("b.wasm", TRAP)];
    let (summary, _) = run_modules(&modules, &[62, 62, 60]).await.unwrap();
    assert_eq!((summary.plugins[1].fired, summary.plugins[1].failed), (2, 2));
    assert_eq!(summary.plugins[0].succeeded, 1);
}

#[tokio::test]
async fn modules_that_are_no_action_plugins_do_not_load() {
    let error = run_modules(&[("a.wasm", "(module (memory (export \"memory\") 1))")], &[60]).await;
    let error = error.err().unwrap().to_string();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), 2, "{error}");
    assert!(lines[0].contains("a.wasm") && lines[1].contains("b.wasm"), "{error}");
}
