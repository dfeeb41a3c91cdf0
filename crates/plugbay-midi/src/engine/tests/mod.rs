//! Events in, decisions out.

mod gestures;
mod others;
mod scripts;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::{Action, Edge, Origin, TriggerKind};

const CONFIG: &str = r#"
[[modes]]
name = "Pads"
mappings = [
    { trigger = { Note = { note = 1 } }, action = { WasmPlugin = { path = "press.wasm" } } },
    { trigger = { Note = { note = 1, on = "release" } }, action = { WasmPlugin = { path = "release.wasm" } } },
    { trigger = { Note = { note = 2, velocity_max = 40 } }, action = { WasmPlugin = { path = "soft.wasm" } } },
    { trigger = { Note = { note = 2, velocity_min = 81 } }, action = { WasmPlugin = { path = "hard.wasm" } } },
    { trigger = { Note = { note = 3, channel = 10 } }, action = { WasmPlugin = { path = "drum.wasm" } } },
    { trigger = { Note = { note = 4 } }, action = { ModeChange = { mode = "Keys" } } },
    { trigger = { Note = { note = 4 } }, action = { WasmPlugin = { path = "also.wasm" } } },
    { trigger = { Note = { note = 5, on = "release", velocity_min = 1 } }, action = { WasmPlugin = { path = "fast.wasm" } } },
]

[[modes]]
name = "Keys"

[[global_mappings]]
trigger = { Note = { note = 1 } }
action = { WasmPlugin = { path = "global.wasm" } }

[[global_mappings]]
trigger = { Note = { note = 2 } }
action = { WasmPlugin = { path = "global.wasm" } }

[[global_mappings]]
trigger = { Note = { note = 6 } }
action = { ModeChange = { mode = 0 } }
"#;

fn engine() -> Engine {
    let config = Config::parse(CONFIG, &Origin::new("c.toml", "/")).unwrap().config;
    Engine::new(Arc::new(config))
}

fn on(note: u8, velocity: u8) -> MidiEvent {
    MidiEvent::NoteOn { channel: 1, note, velocity }
}

fn off(note: u8, velocity: u8) -> MidiEvent {
    MidiEvent::NoteOff { channel: 1, note, velocity }
}

fn decide(engine: &mut Engine, event: &MidiEvent) -> Vec<Decision> {
    let mut decisions = Vec::new();
    engine.handle(Duration::from_millis(7), event, &mut decisions);
    decisions
}

/// The names of what was set off: plugins by name, modes by `>name`.
fn set_off(engine: &mut Engine, event: &MidiEvent) -> String {
    let decisions = decide(engine, event);
    let names = decisions.iter().map(|decision| match &*decision.action {
        Action::WasmPlugin { plugin, .. } => engine.config().plugins[plugin.0].name.clone(),
        Action::ModeChange { mode } => format!(">{}", engine.mode_of(*mode).unwrap().name),
        other => format!("{other:?}"),
    });
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn triggers() {
    for (event, expected) in [
        (on(1, 100), "press"),
        (on(1, 1), "press"),
        (on(1, 0), "release"),
        (off(1, 0), "release"),
        (off(1, 64), "release"),
        // Both modes' mappings are about other velocities, so the global one is left.
        (on(2, 40), "soft"),
        (on(2, 41), "global"),
        (on(2, 80), "global"),
        (on(2, 81), "hard"),
        (off(2, 81), ""),
        (on(3, 100), ""),
        (MidiEvent::NoteOn { channel: 10, note: 3, velocity: 100 }, "drum"),
        (on(4, 100), ">Keys also"),
        (off(5, 0), ""),
        (off(5, 1), "fast"),
        (on(6, 1), ">Pads"),
        (on(7, 1), ""),
        (MidiEvent::Controller { channel: 1, cc: 1, value: 1 }, ""),
        (MidiEvent::SysEx { data: Box::new([1]) }, ""),
    ] {
        assert_eq!(set_off(&mut engine(), &event), expected, "{event}");
    }
}

#[test]
fn a_change_of_mode_is_for_the_next_event() {
    let mut engine = engine();
    let decisions = decide(&mut engine, &on(4, 100));
    assert!(decisions.iter().all(|decision| decision.mode == ModeId(0)));
    assert_eq!(engine.mode(), ModeId(1));
    // In the other mode the global mapping is not covered.
    assert_eq!(set_off(&mut engine, &on(1, 100)), "global");
    assert_eq!(set_off(&mut engine, &on(6, 100)), ">Pads");
    assert_eq!(set_off(&mut engine, &on(1, 100)), "press");
}

#[test]
fn what_plugins_are_told() {
    let decisions = decide(&mut engine(), &off(1, 9));
    let context = serde_json::to_value(decisions[0].context("Pads", 1_000)).unwrap();
    assert_eq!(
        context,
        serde_json::json!({
            "velocity": 9, "mode": 0, "current_mode": 0, "mode_name": "Pads", "timestamp": 1_007,
            "metadata": { "on": "release" }, "trigger": "Note", "note": 1, "channel": 1,
            "cc": null, "value": null, "pressure": null, "pitch": null,
        })
    );
    let context = decide(&mut engine(), &on(1, 9))[0].context("Pads", 0);
    assert!(context.metadata.is_empty());
}

fn any_event() -> impl Strategy<Value = MidiEvent> {
    (1..=16_u8, 0..8_u8, 0..=127_u8, any::<bool>()).prop_map(|(channel, note, velocity, press)| {
        if press {
            MidiEvent::NoteOn { channel, note, velocity }
        } else {
            MidiEvent::NoteOff { channel, note, velocity }
        }
    })
}

/// The rules once more, as plainly as they can be written.
fn oracle(config: &Config, mode: ModeId, event: &MidiEvent) -> Vec<MappingId> {
    let (channel, note, velocity, edge) = match *event {
        MidiEvent::NoteOn { channel, note, velocity } if velocity > 0 => {
            (channel, note, velocity, Edge::Press)
        }
        MidiEvent::NoteOn { channel, note, velocity }
        | MidiEvent::NoteOff { channel, note, velocity } => {
            (channel, note, velocity, Edge::Release)
        }
        _ => return Vec::new(),
    };
    let matching = |owner: Option<ModeId>, mappings: &[Mapping]| {
        let mut ids = Vec::new();
        for (index, mapping) in mappings.iter().enumerate() {
            let trigger = &mapping.trigger;
            let TriggerKind::Note { note: wanted, velocity: range, on } = &trigger.kind else {
                panic!("{trigger:?}")
            };
            let right_channel = trigger.channel.is_none() || trigger.channel == Some(channel);
            let loud_enough = velocity >= *range.start();
            let soft_enough = velocity <= *range.end();
            if *wanted == note && *on == edge && right_channel && loud_enough && soft_enough {
                ids.push(MappingId { mode: owner, index });
            }
        }
        ids
    };
    let own = matching(Some(mode), &config.modes[usize::from(mode.0)].mappings);
    if own.is_empty() { matching(None, &config.global_mappings) } else { own }
}

proptest! {
    #[test]
    fn the_engine_does_what_the_rules_say(events in proptest::collection::vec(any_event(), 0..60)) {
        let mut engine = engine();
        for event in &events {
            let mode = engine.mode();
            let decided: Vec<_> = decide(&mut engine, event).iter().map(|d| d.mapping).collect();
            prop_assert_eq!(&decided, &oracle(engine.config(), mode, event));
            let mut changes = decided.iter().filter_map(|id| match *engine.mapping(*id)?.action {
                Action::ModeChange { mode } => Some(mode),
                _ => None,
            });
            prop_assert_eq!(engine.mode(), changes.next_back().unwrap_or(mode));
        }
    }

    #[test]
    fn note_on_with_velocity_0_is_note_off(channel in 1..=16_u8, note in 0..8_u8) {
        let (mut one, mut other) = (engine(), engine());
        prop_assert_eq!(
            decide(&mut one, &MidiEvent::NoteOn { channel, note, velocity: 0 }),
            decide(&mut other, &MidiEvent::NoteOff { channel, note, velocity: 0 })
        );
    }

    #[test]
    fn the_same_events_give_the_same_decisions(events in proptest::collection::vec(any_event(), 0..60)) {
        let play = || {
            let mut engine = engine();
            events.iter().flat_map(|event| decide(&mut engine, event)).collect::<Vec<_>>()
        };
        prop_assert_eq!(play(), play());
    }
}
