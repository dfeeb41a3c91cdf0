//! How long an event takes from a device's queue to the plugin's first instruction, at a thousand events a second, alone
//! and while a second plugin spins to its fuel limit again and again.
//!
//! `latency [SECONDS]`, 10 a row unless given. All of conductor's way is in it: the queue that a driver's callback writes to, the
//! engine with a thousand mappings, the plugin's own queue, its instance and its documents. The first thing
//! that the plugin does is to call its host, and that moment is what is taken. Beside it, what waking a thread takes
//! on this machine: on conductor's way there are two that sleep, the engine's and a worker's.
#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot run says why and stops")]

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use benches::backends;
use plugbay::{Host, MetricKind, MetricSink};
use plugbay_midi::config::{Config, PortSelector};
use plugbay_midi::ports::ScriptedPorts;
use plugbay_midi::run::Runner;
use plugbay_midi::source::{Devices, PortSource};
use tokio::sync::oneshot;

/// Between two events.
const PERIOD: Duration = Duration::from_millis(1);

/// The spinning plugin is asked for more this often, which is more often than it comes to its end.
const SPIN_EVERY: u64 = 20;

/// What is played before anything counts.
const WARM_UP: usize = 500;

const NOTE_ON: [u8; 3] = [0x90, 60, 99];
const NOTE_OFF: [u8; 3] = [0x80, 60, 0];
const SPIN: [u8; 3] = [0x9f, 1, 99];
const SPUN: [u8; 3] = [0x8f, 1, 0];

/// Calls its host, first of all.
const PROBE: &str = r#"
    (module
      (import "plugbay" "metric" (func $metric (param i32 i32 i32 f64) (result i32)))
      (memory (export "memory") 2)
      (data (i32.const 8) "entered")
      (func (export "malloc") (param i32) (result i32) i32.const 1024)
      (func (export "free") (param i32 i32))
      (func (export "execute_with_context") (param i32 i32 i32 i32) (result i32)
        (drop (call $metric (i32.const 0) (i32.const 8) (i32.const 7) (f64.const 1)))
        i32.const 0))
"#;

/// Never comes to an end.
const SPINNER: &str = r#"
    (module
      (memory (export "memory") 2)
      (func (export "malloc") (param i32) (result i32) i32.const 1024)
      (func (export "free") (param i32 i32))
      (func (export "execute_with_context") (param i32 i32 i32 i32) (result i32)
        (loop $on (br $on))
        unreachable))
"#;

fn main() {
    let seconds = std::env::args().nth(1).map_or(10, |text| {
        text.parse().unwrap_or_else(|_| panic!("found `{text}`, wanted a number of seconds"))
    });
    println!("| event to plugin, 1,000 a second | p50 | p99 | p99.9 | longest |");
    println!("|:--|--:|--:|--:|--:|");
    row("a thread that a channel wakes", woken(seconds));
    for backend in backends() {
        for spins in [false, true] {
            let host = |entries: &Arc<Entries>| {
                let host = Host::builder().backend(Arc::clone(&backend));
                host.metrics(Arc::clone(entries) as _).build().expect("an engine was given")
            };
            let beside = if spins { ", beside a plugin that spins" } else { "" };
            row(&format!("{}{beside}", backend.name()), measure(host, seconds, spins));
        }
    }
}

fn row(name: &str, mut waits: Vec<Duration>) {
    waits.sort();
    let in_a_thousand = |part: usize| {
        let place = waits.len() * part / 1_000;
        let wait = waits.get(place.min(waits.len() - 1)).copied().unwrap_or_default();
        format!("{:.1} µs", wait.as_secs_f64() * 1e6)
    };
    let [p50, p99, p999, last] = [500, 990, 999, 1_000].map(in_a_thousand);
    println!("| {name} | {p50} | {p99} | {p999} | {last} |");
}

/// Calls `event` a thousand times a second, for so many seconds and a warm-up.
fn at_its_pace(seconds: u64, mut event: impl FnMut(u64)) {
    let mut due = Instant::now();
    for number in 0..seconds * 1_000 + WARM_UP as u64 {
        due += PERIOD;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        event(number);
    }
}

/// How long a thread that waits for a channel takes to notice something.
fn woken(seconds: u64) -> Vec<Duration> {
    let (sender, receiver) = std::sync::mpsc::channel::<Instant>();
    let waiter = std::thread::spawn(move || {
        receiver.iter().map(|sent| sent.elapsed()).skip(WARM_UP).collect::<Vec<_>>()
    });
    at_its_pace(seconds, |_| sender.send(Instant::now()).expect("somebody waits"));
    drop(sender);
    waiter.join().expect("it waits to the end")
}

/// When the plugin was entered.
#[derive(Default)]
struct Entries(Mutex<Vec<Instant>>);

impl Entries {
    fn all(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetricSink for Entries {
    fn record(&self, _: &str, _: &str, _: MetricKind, _: f64) {
        self.all().push(Instant::now());
    }
}

/// How long each event waited.
fn measure(host: impl FnOnce(&Arc<Entries>) -> Host, seconds: u64, spins: bool) -> Vec<Duration> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, text) in [("probe", PROBE), ("spinner", SPINNER)] {
        let wasm = wat::parse_str(text).expect("the guest is valid");
        let file = folder.path().join(name).with_extension("wasm");
        std::fs::write(file, wasm).expect("a file can be written");
    }
    let file = folder.path().join("config.toml");
    std::fs::write(&file, config()).expect("a file can be written");
    let config = Config::load(&file).unwrap_or_else(|error| panic!("{error}")).config;

    let entries = Arc::<Entries>::default();
    let host = host(&entries);
    let mut ports = ScriptedPorts::new("bench");
    ports.plug("keys");
    let mut devices = Devices::default();
    devices.ports = vec![PortSelector::Index(0)];
    let system = ports.system();
    let source = PortSource::on(vec![system], &devices);
    let mut source = source.unwrap_or_else(|error| panic!("{error}"));
    let (stop, stopped) = oneshot::channel::<()>();
    // As conductor does it: the engine on a thread of its own, plugins on the runtime's.
    let run = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let stop = async {
            // Dropped is told, too.
            let _: Result<_, _> = stopped.await;
        };
        let run = Runner::new(Arc::new(config)).run(&mut source, &host, stop);
        runtime.expect("a runtime can be made").block_on(run)
    });

    // It has loaded its plugins by then: events before that would count the loading.
    std::thread::sleep(Duration::from_millis(500));
    let mut sent = Vec::new();
    at_its_pace(seconds, |number| {
        if spins && number.is_multiple_of(SPIN_EVERY) {
            let now = Instant::now();
            ports.play("keys", now, &SPIN);
            ports.play("keys", now, &SPUN);
        }
        let now = Instant::now();
        assert!(ports.play("keys", now, &NOTE_ON), "conductor listens");
        sent.push(now);
        std::thread::sleep(PERIOD / 4);
        ports.play("keys", Instant::now(), &NOTE_OFF);
    });
    std::thread::sleep(Duration::from_secs(1));
    drop(stop);
    let summary = run.join().expect("it runs to its end");
    let summary = summary.unwrap_or_else(|error| panic!("{error}"));
    let entered = entries.all();
    assert_eq!(entered.len(), sent.len(), "{summary}");
    let spun: u64 = summary.plugins.iter().map(|plugin| plugin.failed).sum();
    assert_eq!(spun > 0, spins, "the other plugin ran to its limit: {summary}");
    sent.iter().zip(&*entered).map(|(sent, entered)| *entered - *sent).skip(WARM_UP).collect()
}

/// A thousand mappings, of which two are played.
fn config() -> String {
    let mut text = String::from("[[modes]]\nname = \"A\"\nmappings = [\n");
    for number in 0..998 {
        let (note, channel) = (number % 128, number / 128 + 2);
        let _infallible = writeln!(
            text,
            "    {{ trigger = {{ Note = {{ note = {note}, channel = {channel} }} }}, action = {{ SendMidi = {{ port = \"x\", message_type = \"NoteOn\", note = 1 }} }} }},"
        );
    }
    for (note, channel, name) in [(60, 1, "probe"), (1, 16, "spinner")] {
        let _infallible = writeln!(
            text,
            "    {{ trigger = {{ Note = {{ note = {note}, channel = {channel} }} }}, action = {{ WasmPlugin = {{ path = \"{name}.wasm\" }} }} }},"
        );
    }
    text.push_str("]\n");
    text
}
