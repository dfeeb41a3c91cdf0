//! Another configuration, and other versions of plugins, while a run goes on.

use std::path::PathBuf;

use tokio::sync::mpsc;

use super::*;
use crate::source::SourceItem;

/// An instrument that a test plays, on tokio's clock.
struct Played {
    keys: mpsc::UnboundedReceiver<MidiEvent>,
    began: tokio::time::Instant,
}

impl MidiSource for Played {
    fn next(&mut self) -> plugbay::runtime::BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
        Box::pin(async {
            let event = self.keys.recv().await;
            let at = self.began.elapsed();
            Ok(event.map(|event| SourceItem::Event(crate::engine::TimedEvent { at, event })))
        })
    }
}

/// A run with a configuration in a file.
struct Stage {
    folder: tempfile::TempDir,
    host: RecordingHost,
    keys: mpsc::UnboundedSender<MidiEvent>,
    control: Control,
    reloader: Reloader,
    run: tokio::task::JoinHandle<Summary>,
}

impl Stage {
    async fn start(config: &str, host: RecordingHost) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.toml");
        std::fs::write(&file, config).unwrap();
        let config = Config::load(&file).unwrap().config;
        let mut runner =
            Runner::new(Arc::new(config)).with_clock(Arc::new(TokioClock::starting_at(0)));
        let control = runner.control();
        let reloader = Reloader::new(file, Arc::new(host.clone()), control.clone());
        let (keys, played) = mpsc::unbounded_channel();
        let hosted = host.clone();
        let run = tokio::spawn(async move {
            let mut source = Played { keys: played, began: tokio::time::Instant::now() };
            runner.run(&mut source, &hosted, pending()).await.unwrap()
        });
        // It answers when everything is loaded.
        control.status().await.unwrap();
        Self { folder, host, keys, control, reloader, run }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("c.toml")
    }

    async fn reload(&self, config: &str) -> Result<Reloaded, ReloadError> {
        std::fs::write(self.file(), config).unwrap();
        self.reloader.reload().await
    }

    /// Plays, and waits for as long.
    async fn play(&self, event: MidiEvent, wait: Duration) {
        self.keys.send(event).unwrap();
        tokio::time::sleep(wait).await;
    }

    /// What the host was asked for since the last time, and the end of the run.
    async fn end(self) -> (String, Summary) {
        drop(self.keys);
        let summary = self.run.await.unwrap();
        (words(&self.host), summary)
    }
}

fn off(note: u8) -> MidiEvent {
    MidiEvent::NoteOff { channel: 1, note, velocity: 0 }
}

/// One mapping of note 60 to each of these, in one mode.
fn taps(plugins: &[&str]) -> String {
    let mappings = plugins.iter().map(|plugin| {
        format!("{{ trigger = {{ Note = {{ note = 60 }} }}, action = {{ WasmPlugin = {{ path = \"{plugin}.wasm\" }} }} }}")
    });
    format!("global_mappings = [{}]", mappings.collect::<Vec<_>>().join(", "))
}

#[tokio::test(start_paused = true)]
async fn what_has_not_changed_keeps_its_instance() {
    let stage = Stage::start(&taps(&["a", "b"]), RecordingHost::new()).await;
    stage.play(on(60), MS).await;
    let reloaded = stage.reload(&taps(&["b", "c"])).await.unwrap();
    assert_eq!(reloaded.loaded, ["c"]);
    assert!(reloaded.to_string().starts_with("modes: 1, mappings: 2, plugins: 2, new: c; took "));
    stage.play(on(60), MS).await;
    let (words, summary) = stage.end().await;
    assert_eq!(words, "+a +b a{} a! b{} b! +c -a b{} b! c{} c! -b -c");
    assert_eq!((summary.reloads, summary.failed()), (1, 0));
    let names: Vec<_> =
        summary.plugins.iter().map(|plugin| (&*plugin.name, plugin.succeeded)).collect();
    assert_eq!(names, [("b", 2), ("c", 1), ("a", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_new_version_is_ready_before_it_is_called_and_the_old_one_ends_with_its_last_call() {
    let host = RecordingHost::new().taking("a", 100 * MS);
    let stage = Stage::start(&taps(&["a"]), host).await;
    stage.play(on(60), MS).await;
    // The second waits for the first, and goes to what is newest by then.
    stage.play(on(60), MS).await;
    stage.host.roll_out("a", None);
    assert_eq!(stage.reloader.reload().await.unwrap().loaded, ["a"]);
    assert_eq!(words(&stage.host), "+a a{} +a.1");
    let (words, summary) = stage.end().await;
    assert!(
        words == "+a a{} +a.1 a! -a a.1{} a.1! -a.1"
            || words == "+a a{} +a.1 a! a.1{} a.1! -a -a.1",
        "{words}"
    );
    assert_eq!((summary.plugins[0].fired, summary.plugins[0].succeeded), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_broken_version_leaves_the_last_good_one_and_is_told_as_often_as_it_is_broken() {
    let stage = Stage::start(&taps(&["a", "b"]), RecordingHost::new()).await;
    let mut feed = stage.control.feed().listen();
    for round in 0..3 {
        stage.host.roll_out("a", Some("no module"));
        let reloaded = stage.reloader.reload().await.unwrap();
        assert_eq!(reloaded.broken.len(), 1, "round {round}");
        assert_eq!(reloaded.broken[0].error.to_string(), "no module");
        assert!(feed.next().await.unwrap().contains("\"kind\":\"reload\",\"ok\":true"));
        stage.play(on(60), MS).await;
        for _ in 0..5 {
            // The event, two actions and what came of them.
            feed.next().await.unwrap();
        }
    }
    // Another one is loaded all the same, and the broken one once it is whole again.
    stage.host.roll_out("b", None);
    assert_eq!(stage.reloader.reload().await.unwrap().loaded, ["b"]);
    stage.host.roll_out("a", None);
    assert_eq!(stage.reloader.reload().await.unwrap().loaded, ["a"]);
    let (words, _) = stage.end().await;
    let calls = "a{} a! b{} b!";
    assert_eq!(words, format!("+a +b {calls} {calls} {calls} +b.1 -b +a.4 -a -a.4 -b.1"));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_asks_for_more_waits_until_it_is_granted() {
    let stage = Stage::start(&taps(&["a"]), RecordingHost::new()).await;
    stage.host.roll_out("a", None);
    stage.host.ask("a", &["Network", "Filesystem"]);
    for _ in 0..2 {
        let reloaded = stage.reloader.reload().await.unwrap();
        let why = reloaded.broken[0].error.to_string();
        assert!(why.contains("asks for Network and Filesystem, which it is not granted"), "{why}");
        assert!(why.contains("`plugbay grant ") && why.contains("a.wasm`"), "{why}");
        stage.play(on(60), MS).await;
    }
    // Other settings are not taken over without it: the old version would have them.
    let limited = format!("{}\n[plugins.\"a.wasm\".limits]\nfuel = 5", taps(&["a"]));
    stage.reload(&limited).await.unwrap_err();
    stage.host.ask("a", &[]);
    assert_eq!(stage.reload(&limited).await.unwrap().loaded, ["a"]);
    let (words, _) = stage.end().await;
    let tried = "+a.1 -a.1";
    assert_eq!(words, format!("+a {tried} a{{}} a! {tried} a{{}} a! {tried} +a.1 -a -a.1"));
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_cannot_be_used_changes_nothing_as_often_as_it_is_broken() {
    let stage = Stage::start(&taps(&["a"]), RecordingHost::new().refusing("d", "not there")).await;
    for _ in 0..3 {
        let error = stage.reload("[[modes").await.unwrap_err().to_string();
        assert!(error.contains("c.toml:1:"), "{error}");
        let error = stage.reload(&taps(&["c", "d"])).await.unwrap_err().to_string();
        assert!(error.contains("d.wasm: not there"), "{error}");
        assert_eq!(stage.reloader.error(), Some(error));
        std::fs::remove_file(stage.file()).unwrap();
        let error = stage.reloader.reload().await.unwrap_err().to_string();
        assert!(error.starts_with("cannot read the configuration"), "{error}");
        stage.play(on(60), MS).await;
    }
    stage.reload(&taps(&["a"])).await.unwrap();
    assert_eq!(stage.reloader.error(), None);
    let (words, summary) = stage.end().await;
    let round = "+c -c a{} a!";
    assert_eq!(words, format!("+a {round} {round} {round} -a"));
    assert_eq!(summary.reloads, 1);
}

/// Opening one to read it waits until somebody writes.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn what_is_no_regular_file_is_not_waited_for() {
    let stage = Stage::start(&taps(&["a"]), RecordingHost::new()).await;
    let fifo = |path: &std::path::Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let module = stage.folder.path().join("a.wasm");
    fifo(&module);
    stage.host.roll_out("a", None);
    let reloaded = stage.reloader.reload().await.unwrap();
    assert!(reloaded.broken[0].error.to_string().contains("no regular file"), "{reloaded}");
    std::fs::remove_file(&module).unwrap();
    std::fs::remove_file(stage.file()).unwrap();
    fifo(&stage.file());
    let error = stage.reloader.reload().await.unwrap_err().to_string();
    assert!(error.contains("no regular file"), "{error}");
    std::fs::remove_file(stage.file()).unwrap();
    assert_eq!(stage.reload(&taps(&["a"])).await.unwrap().loaded, ["a"]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_version_with_other_settings_that_does_not_load_is_no_reason_to_keep_the_old_ones() {
    let stage = Stage::start(&taps(&["a"]), RecordingHost::new()).await;
    stage.host.roll_out("a", Some("no module"));
    let limited = format!("{}\n[plugins.\"a.wasm\".limits]\nfuel = 5", taps(&["a"]));
    let error = stage.reload(&limited).await.unwrap_err().to_string();
    assert!(error.contains("a.wasm: no module"), "{error}");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_slow_to_end_or_to_load_holds_up_no_event() {
    let host = RecordingHost::new().taking("a", Duration::from_secs(100));
    let stage = Stage::start(&taps(&["a"]), host).await;
    stage.play(on(60), MS).await;
    stage.reload(&taps(&["b"])).await.unwrap();
    stage.play(on(60), MS).await;
    assert_eq!(words(&stage.host), "+a a{} +b b{} b!");
    let (words, _) = stage.end().await;
    assert_eq!(words, "+a a{} +b b{} b! -b a! -a");
}

const LIVE: &str = r#"
[[modes]]
name = "Stage"
[[modes]]
name = "Break"
mappings = [
    { trigger = { Note = { note = 60 } }, action = { WasmPlugin = { path = "tap.wasm" } } },
    { trigger = { LongPress = { note = 60, duration_ms = 500 } }, action = { WasmPlugin = { path = "long.wasm" } } },
    { trigger = { Note = { note = 61, on = "release" } }, action = { WasmPlugin = { path = "up.wasm" } } },
    { trigger = { Note = { note = 62 } }, action = { Sequence = { actions = [
        { WasmPlugin = { path = "tap.wasm" } }, { Delay = { ms = 1000 } }, { WasmPlugin = { path = "long.wasm" } },
        { WasmPlugin = { path = "gone.wasm" } }, { ModeChange = { mode = "Stage" } }, { WasmPlugin = { path = "up.wasm" } },
    ] } } },
]
[[global_mappings]]
trigger = { Note = { note = 1 } }
action = { ModeChange = { mode = "Break" } }
"#;

/// The same mode at another place, without one of its plugins, and with another time for the long press.
const LATER: &str = r#"
[[modes]]
name = "New"
[[modes]]
name = "Break"
mappings = [
    { trigger = { Note = { note = 60 } }, action = { WasmPlugin = { path = "tap.wasm" } } },
    { trigger = { LongPress = { note = 60, duration_ms = 200 } }, action = { WasmPlugin = { path = "up.wasm" } } },
    { trigger = { Note = { note = 61, on = "release" } }, action = { WasmPlugin = { path = "long.wasm" } } },
]
"#;

#[tokio::test(start_paused = true)]
async fn mode_keys_gestures_and_sequences_go_on() {
    let stage = Stage::start(LIVE, RecordingHost::new()).await;
    stage.play(on(1), MS).await;
    // A press that may become a long one, a key that is down, and a sequence that waits.
    stage.play(on(60), MS).await;
    stage.play(on(61), MS).await;
    stage.play(on(62), 97 * MS).await;
    assert_eq!(stage.control.status().await.unwrap().waiting, 1);
    stage.reload(LATER).await.unwrap();
    let status = stage.control.status().await.unwrap();
    assert_eq!((&*status.mode, status.held_keys, status.waiting), ("Break", 4, 1));
    // Held for 150 ms, which is no long press yet; at 300 ms it is one by the new time.
    tokio::time::sleep(50 * MS).await;
    assert!(words(&stage.host).ends_with("tap{} tap! -gone"), "{}", words(&stage.host));
    tokio::time::sleep(100 * MS).await;
    assert!(words(&stage.host).ends_with("-gone up{} up!"), "{}", words(&stage.host));
    stage.play(off(61), MS).await;
    assert!(words(&stage.host).ends_with("long{} long!"), "{}", words(&stage.host));
    // The sequence goes on without the plugin and the mode that are gone.
    tokio::time::sleep(1000 * MS).await;
    assert!(
        words(&stage.host).ends_with("long{} long! long{} up{} long! up!")
            || words(&stage.host).ends_with("long{} long! long{} long! up{} up!"),
        "{}",
        words(&stage.host)
    );
    assert_eq!(stage.control.status().await.unwrap().mode, "Break");
    let (_, summary) = stage.end().await;
    assert_eq!((summary.given_up, summary.failed()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_mode_that_is_gone_is_the_first_one_then_and_a_press_is_a_tap_there() {
    let stage = Stage::start(LIVE, RecordingHost::new()).await;
    stage.play(on(1), MS).await;
    stage.play(on(60), MS).await;
    let reloaded = stage.reload(&taps(&["tap"])).await.unwrap();
    assert!(
        reloaded.mode_is_gone && reloaded.to_string().contains("the mode is gone"),
        "{reloaded}"
    );
    tokio::time::sleep(MS).await;
    assert_eq!(stage.control.status().await.unwrap().mode, "Default");
    assert!(words(&stage.host).contains("tap{} tap!"), "{}", words(&stage.host));
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn latencies_are_counted_by_mapping_and_go_on_with_it() {
    let host = RecordingHost::new().taking("a", 100 * MS);
    let stage = Stage::start(&taps(&["a", "b"]), host).await;
    // The second call of `a` waits for the first.
    stage.play(on(60), Duration::ZERO).await;
    stage.play(on(60), 300 * MS).await;
    let [a, b] = <[_; 2]>::try_from(stage.control.latencies().await.unwrap()).unwrap();
    let ms = |us: f64| us / 1e3;
    let (to_call, to_end) = (a.to_call.unwrap(), a.to_end.unwrap());
    assert_eq!((a.line, a.trigger, a.calls), (1, "Note", 2));
    assert!(
        ms(to_call.p50_us) < 1.0 && (100.0..=125.0).contains(&ms(to_call.max_us)),
        "{to_call:?}"
    );
    assert!((100.0..=125.0).contains(&ms(to_end.p50_us)), "{to_end:?}");
    assert!((200.0..=250.0).contains(&ms(to_end.max_us)), "{to_end:?}");
    // Whatever `a` does, `b` waits for nobody.
    assert!(ms(b.to_end.unwrap().max_us) < 1.0, "{b:?}");

    let moved = format!("\n\n{}", taps(&["a", "b"]));
    stage.reload(&moved).await.unwrap();
    let after = stage.control.latencies().await.unwrap();
    assert_eq!((after[0].line, after[0].calls), (3, 2));
    let (_, summary) = stage.end().await;
    assert_eq!(summary.latencies.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_recording_says_where_another_configuration_was_taken_over() {
    let line = "{\"conductor_recording\":1,\"epoch_ms\":5}\n{\"at_ns\":7,\"reloaded\":true}\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), line).unwrap();
    let mut source = crate::source::RecordingSource::open(file.path()).unwrap();
    let item = source.next().await.unwrap().unwrap();
    assert_eq!(item, SourceItem::Notice(Notice::Reloaded));
}

/// Printed, not asserted: `cargo nextest run --workspace --lib a_thousand_mappings --no-capture`.
#[tokio::test]
async fn a_thousand_mappings_are_taken_over() {
    let mapping = |n: usize| {
        format!(
            "[[modes.mappings]]\ndescription = \"mapping {n}\"\ntrigger = {{ CC = {{ cc = {}, value_min = {}, channel = {} }} }}\n\
             action = {{ WasmPlugin = {{ path = \"p{}.wasm\", params = {{ level = \"{{value}}\" }} }} }}\n",
            n % 128,
            n % 100,
            n % 16 + 1,
            n % 10
        )
    };
    let config =
        format!("[[modes]]\nname = \"M\"\n{}", (0..1_000).map(mapping).collect::<String>());
    let stage = Stage::start(&config, RecordingHost::new()).await;
    let mut took: Vec<_> = Vec::new();
    for round in 0..10 {
        let reloaded = stage.reload(&format!("# {round}\n{config}")).await.unwrap();
        assert_eq!((reloaded.mappings, reloaded.loaded.len()), (1_000, 0));
        took.push(reloaded.took);
    }
    took.sort_unstable();
    println!(
        "1,000 mappings are taken over in {:?} (median of 10; slowest {:?})",
        took[5], took[9]
    );
    stage.end().await;
}
