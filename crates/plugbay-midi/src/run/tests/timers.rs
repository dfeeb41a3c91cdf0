//! What is due when nothing comes.

use super::*;

const CONFIG: &str = r#"
global_mappings = [
    { trigger = { Note = { note = 60 } }, action = { WasmPlugin = { path = "tap.wasm" } } },
    { trigger = { LongPress = { note = 60, duration_ms = 500 } }, action = { WasmPlugin = { path = "long.wasm" } } },
    { trigger = { Note = { note = 61 } }, action = { Sequence = { actions = [
        { WasmPlugin = { path = "first.wasm" } }, { Delay = { ms = 1000 } }, { WasmPlugin = { path = "second.wasm" } },
    ] } } },
    { trigger = { Note = { note = 62, on = "release" } }, action = { WasmPlugin = { path = "up.wasm" } } },
]
"#;

fn runner(clock: &Arc<TokioClock>) -> Runner {
    let config = Config::parse(CONFIG, &Origin::new("c.toml", "/")).unwrap().config;
    Runner::new(Arc::new(config)).with_clock(clock.clone())
}

/// The plugins that were run, and at which time of the clock's by what they were told. Plugins of the same time
/// run side by side, so they come by name.
fn calls(host: &RecordingHost) -> Vec<(String, u64)> {
    let calls = host.recorded().into_iter().filter_map(|recorded| match recorded {
        Recorded::Execute { plugin, context, .. } => Some((plugin, context.timestamp)),
        _ => None,
    });
    let mut calls: Vec<_> = calls.collect();
    calls.sort_by(|(a, at), (b, bt)| (at, a).cmp(&(bt, b)));
    calls
}

fn named(calls: &[(&str, u64)]) -> Vec<(String, u64)> {
    calls.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect()
}

fn up(note: u8) -> MidiEvent {
    MidiEvent::NoteOff { channel: 1, note, velocity: 0 }
}

#[tokio::test(start_paused = true)]
async fn what_is_due_is_done_while_nothing_comes() {
    let clock = Arc::new(TokioClock::starting_at(1_000));
    let host = RecordingHost::new();
    let mut source = ScriptedSource::new()
        .event(10 * MS, on(60))
        .event(20 * MS, on(61))
        .event(30 * MS, up(61))
        .without_end();
    let stop = tokio::time::sleep(Duration::from_secs(3));
    let summary = runner(&clock).run(&mut source, &host, stop).await.unwrap();
    let wanted = named(&[("first", 1_020), ("long", 1_510), ("second", 2_020)]);
    assert_eq!(calls(&host), wanted);
    assert_eq!(summary.to_string(), "3 events, 3 actions fired, 0 failed");
}

#[tokio::test(start_paused = true)]
async fn keys_are_let_go_of_and_delays_waited_for_at_the_end() {
    let clock = Arc::new(TokioClock::starting_at(1_000));
    let host = RecordingHost::new();
    let mut source =
        ScriptedSource::new().event(10 * MS, on(60)).event(10 * MS, on(61)).event(10 * MS, on(62));
    let summary = runner(&clock).run(&mut source, &host, pending()).await.unwrap();
    // The scripted source ends at once: what is held is let go of then, so that it was a tap.
    let wanted = named(&[("first", 1_010), ("tap", 1_010), ("up", 1_010), ("second", 2_010)]);
    assert_eq!(calls(&host), wanted);
    assert!(matches!(summary.end, End::Source));
    assert_eq!(clock.now(), 1_010 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_file_without_waiting_waits_for_no_delay() {
    let clock = Arc::new(TokioClock::starting_at(1_000));
    let host = RecordingHost::new();
    // Note 61 on and off after half a second each.
    let song = Song::parse(&test_file(&[0x60, 0x90, 61, 1, 0x60, 61, 0])).unwrap();
    let mut source = MidiFileSource::new(song, Pace::Fast, clock.clone());
    runner(&clock).run(&mut source, &host, pending()).await.unwrap();
    assert_eq!(calls(&host), named(&[("first", 1_500), ("second", 2_500)]));
    assert_eq!(clock.now(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_slow_plugin_delays_no_timer() {
    let clock = Arc::new(TokioClock::starting_at(0));
    let host = RecordingHost::new().taking("first", Duration::from_secs(100));
    let mut source =
        ScriptedSource::new().event(Duration::ZERO, on(61)).event(MS, on(60)).without_end();
    let stop = tokio::time::sleep(Duration::from_secs(2));
    runner(&clock).run(&mut source, &host, stop).await.unwrap();
    assert_eq!(calls(&host), named(&[("first", 0), ("long", 501), ("second", 1_000)]));
}
