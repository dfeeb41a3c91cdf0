//! What a note costs: from the event to the end of its action, through conductor's own engine,
//! queue and task. One note at a time: the next one is struck when the action before it has ended.
#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot run says why and stops")]

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use benches::guests::{plugin, sample};
use benches::{HOST, backends, group, id, raw};
use criterion::Criterion;
use plugbay::abi::action::TriggerContext;
use plugbay::runtime::BoxFuture;
use plugbay_midi::config::{Config, Origin, Plugin};
use plugbay_midi::engine::{Engine, MidiEvent, TimedEvent};
use plugbay_midi::run::{ActionError, ActionHost, ActionPlugin, Runner};
use plugbay_midi::source::{MidiSource, SourceError, SourceItem};
use serde_json::value::RawValue;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const CASE: &str = "note_to_action";

/// A mapping that hits, behind some that do not.
const CONFIG: &str = r#"
[[modes]]
name = "Stage"
mappings = [
    { trigger = { Note = { note = 36 } }, action = { ModeChange = { mode = "Break" } } },
    { trigger = { Note = { note = 62, channel = 2 } }, action = { WasmPlugin = { path = "hello.wasm" } } },
    { trigger = { Note = { note = 60 } }, action = { WasmPlugin = { path = "hello.wasm", params = { message = "note {note} at {velocity}" } } } },
]
[[modes]]
name = "Break"
"#;

/// What the mapping above makes of the note below.
const PARAMS: &str = r#"{"message":"note 60 at 99"}"#;

const NOTE: MidiEvent = MidiEvent::NoteOn { channel: 1, note: 60, velocity: 99 };

fn main() {
    let mut criterion = benches::criterion();
    midi_engine(&mut criterion);
    midi_dispatch(&mut criterion);
    criterion.final_summary();
}

/// A thousand mappings of every key of eight channels, and of every fourth of those two gestures.
fn thousand() -> String {
    let mut text = String::from("[[modes]]\nname = \"A\"\nmappings = [\n");
    let action = "action = { SendMidi = { port = \"x\", message_type = \"NoteOn\", note = 1 } }";
    for number in 0..1_000 {
        let (note, channel) = (number % 128, number / 128 + 1);
        let trigger = match note % 4 {
            3 if channel > 4 => format!("DoubleTap = {{ note = {note}, channel = {channel} }}"),
            2 if channel > 4 => format!("LongPress = {{ note = {note}, channel = {channel} }}"),
            _ => format!("Note = {{ note = {note}, channel = {channel} }}"),
        };
        text.push_str(&format!("    {{ trigger = {{ {trigger} }}, {action} }},\n"));
    }
    text.push_str("]\n");
    text
}

/// What the engine takes for a press and a release among a thousand mappings, and what reading them takes.
fn midi_engine(criterion: &mut Criterion) {
    let mut group = group(criterion, "midi_engine");
    let text = thousand();
    let parse = || {
        let parsed = Config::parse(&text, &Origin::new("bench.toml", Path::new("/")));
        parsed.expect("the configuration is valid").config
    };
    let mut engine = Engine::new(Arc::new(parse()));
    let mut decisions = Vec::new();
    // On channel 1 there are taps alone; on channel 8 what note 2 becomes is clear when it is let go.
    for (case, channel, note) in [("tap", 1, 60), ("gesture", 8, 2)] {
        let mut at = Duration::ZERO;
        group.bench_function(id(case, HOST), |bencher| {
            bencher.iter(|| {
                at += Duration::from_millis(1);
                engine.handle(
                    at,
                    &MidiEvent::NoteOn { channel, note, velocity: 99 },
                    &mut decisions,
                );
                engine.handle(
                    at,
                    &MidiEvent::NoteOff { channel, note, velocity: 0 },
                    &mut decisions,
                );
                decisions.clear();
            });
        });
    }
    group.bench_function(id("read_1000_mappings", HOST), |bencher| bencher.iter(parse));
    // All of a reload that does not wait for a file or a plugin.
    group.bench_function(id("take_over_1000_mappings", HOST), |bencher| {
        bencher.iter(|| engine.follow(Arc::new(parse()), &mut decisions));
    });
    group.finish();
}

fn midi_dispatch(criterion: &mut Criterion) {
    let mut group = group(criterion, "midi_dispatch");
    let wasm = sample("midi_hello");
    // What conductor does around a plugin, with a plugin that does nothing.
    let idle = Stage::start(None);
    group.bench_function(id(CASE, HOST), |bencher| bencher.iter_custom(|notes| idle.play(notes)));
    // The guest alone, with params that are ready.
    for engine in raw::limited("") {
        let mut instance = raw::instance(&*engine, &wasm);
        assert_eq!(instance.execute(PARAMS.as_bytes()), 0, "it greets");
        group.bench_function(id(CASE, engine.column()), |bencher| {
            bencher.iter(|| instance.execute(PARAMS.as_bytes()));
        });
    }
    for engine in backends() {
        let stage = Stage::start(Some(plugin(&engine, "midi_hello", &wasm)));
        group.bench_function(id(CASE, engine.name()), |bencher| {
            bencher.iter_custom(|notes| stage.play(notes));
        });
    }
    group.finish();
}

/// A run of conductor on a thread of its own, whose one keyboard plays what it is asked for.
struct Stage {
    runtime: tokio::runtime::Runtime,
    requests: UnboundedSender<u64>,
    times: Mutex<UnboundedReceiver<Duration>>,
}

impl Stage {
    fn start(plugin: Option<plugbay::Plugin>) -> Self {
        let config = Config::parse(CONFIG, &Origin::new("bench.toml", Path::new("/")));
        let config = Arc::new(config.expect("the configuration is valid").config);
        let (requests, wanted) = unbounded_channel();
        let (elapsed, times) = unbounded_channel();
        let (ended, actions) = unbounded_channel();
        let mut keyboard = Keyboard { wanted, elapsed, actions, left: 0, began: None };
        let host = OnePlugin(Arc::new(Watched { plugin, ended }));
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime can be made");
        runtime.spawn(async move {
            let run = Runner::new(config).run(&mut keyboard, &host, std::future::pending());
            let summary = run.await.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(summary.exit_code(), 0, "{summary}");
        });
        Self { runtime, requests, times: Mutex::new(times) }
    }

    /// How long `notes` notes take.
    fn play(&self, notes: u64) -> Duration {
        self.requests.send(notes).expect("the run goes on");
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        self.runtime.block_on(times.recv()).expect("the run goes on")
    }
}

/// Strikes as many notes as are wanted, each when the action of the one before has ended.
struct Keyboard {
    wanted: UnboundedReceiver<u64>,
    elapsed: UnboundedSender<Duration>,
    actions: UnboundedReceiver<Result<(), String>>,
    left: u64,
    /// When the first of them was struck.
    began: Option<Instant>,
}

impl MidiSource for Keyboard {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
        Box::pin(async {
            if self.began.is_some() {
                let ended = self.actions.recv().await.expect("the run goes on");
                ended.unwrap_or_else(|error| panic!("{error}"));
            }
            while self.left == 0 {
                if let Some(began) = self.began.take() {
                    self.elapsed.send(began.elapsed()).expect("the bench waits for it");
                }
                let Some(notes) = self.wanted.recv().await else { return Ok(None) };
                self.left = notes;
            }
            self.left -= 1;
            self.began.get_or_insert_with(Instant::now);
            Ok(Some(SourceItem::Event(TimedEvent { at: Duration::ZERO, event: NOTE })))
        })
    }
}

/// Gives every mapping the same plugin.
struct OnePlugin(Arc<Watched>);

impl ActionHost for OnePlugin {
    fn load<'a>(
        &'a self,
        _: &'a Plugin,
    ) -> BoxFuture<'a, Result<Arc<dyn ActionPlugin>, ActionError>> {
        let plugin: Arc<dyn ActionPlugin> = Arc::clone(&self.0) as _;
        Box::pin(async move { Ok(plugin) })
    }
}

/// A plugin, or none, that says when an action has ended.
struct Watched {
    plugin: Option<plugbay::Plugin>,
    ended: UnboundedSender<Result<(), String>>,
}

impl ActionPlugin for Watched {
    fn execute<'a>(
        &'a self,
        params: &'a RawValue,
        context: &'a TriggerContext,
    ) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            let result = match &self.plugin {
                _ if params.get() != PARAMS => Err(format!("other params: {params}")),
                Some(plugin) => {
                    plugin.execute(params, context).await.map(drop).map_err(|e| e.to_string())
                }
                None => Ok(()),
            };
            self.ended.send(result)?;
            Ok(())
        })
    }

    fn shutdown(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async { Ok(()) })
    }
}
