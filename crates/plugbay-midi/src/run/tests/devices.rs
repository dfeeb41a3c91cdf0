//! A device that disappears while keys are held.

use super::*;
use crate::ports::ScriptedPorts;
use crate::source::{Devices, PortSource};

const CONFIG: &str = r#"
global_mappings = [
    { trigger = { NoteChord = { notes = [60, 64], timeout_ms = 20000 } }, action = { WasmPlugin = { path = "chord.wasm" } } },
    { trigger = { LongPress = { note = 62, duration_ms = 1000 } }, action = { WasmPlugin = { path = "long.wasm" } } },
    { trigger = { Note = { note = 62, on = "release" } }, action = { WasmPlugin = { path = "up.wasm" } } },
    { trigger = { CC = { cc = 64, value_max = 0 } }, action = { WasmPlugin = { path = "pedal.wasm" } } },
]
"#;

#[tokio::test(start_paused = true)]
async fn nothing_stays_stuck_and_no_gesture_spans_the_gap() {
    let mut ports = ScriptedPorts::new("Script");
    ports.plug("Pads");
    let ports_wanted = vec!["pads".parse().unwrap()];
    let devices = Devices { ports: ports_wanted, reconnect: true, ..Devices::default() };
    let mut source = PortSource::on(vec![ports.system()], &devices).unwrap();
    let config = Config::parse(CONFIG, &Origin::new("c.toml", "/")).unwrap().config;
    let clock = Arc::new(TokioClock::starting_at(0));
    let host = RecordingHost::new();
    let began = tokio::time::Instant::now();
    let script = async move {
        let play = |ports: &mut ScriptedPorts, message: &[u8]| {
            assert!(ports.play("Pads", tokio::time::Instant::now().into_std(), message));
        };
        let until = |ms| tokio::time::sleep_until(began + ms * MS);
        until(100).await;
        for message in [[0x90, 60, 99], [0x90, 62, 99], [0xb0, 64, 127]] {
            play(&mut ports, &message);
        }
        until(200).await;
        ports.unplug("Pads");
        until(3_000).await;
        ports.plug("Pads");
        until(5_000).await;
        // The other half of the chord, which had begun before; then all of it.
        for message in [[0x90, 64, 99], [0x80, 64, 0], [0x90, 60, 99], [0x90, 64, 99]] {
            play(&mut ports, &message);
        }
        until(6_000).await;
    };
    let runner = Runner::new(Arc::new(config)).with_clock(clock);
    let summary = runner.run(&mut source, &host, script).await.unwrap();
    let mut calls: Vec<_> = host
        .recorded()
        .into_iter()
        .filter_map(|recorded| match recorded {
            Recorded::Execute { plugin, context, .. } => Some((context.timestamp, plugin)),
            _ => None,
        })
        .collect();
    calls.sort();
    let wanted = [(500, "pedal"), (500, "up"), (5_000, "chord")];
    assert_eq!(calls, wanted.map(|(at, plugin)| (at, plugin.to_owned())));
    assert!(matches!(summary.end, End::Stopped));
}
