//! The MIDI engine in a loop of one's own: events and their time in, decisions out. What has time, such as a long
//! press, comes due by itself, and the loop asks when.
//!
//! ```text
//!  1500 ms Pads/LongPress, line 5: scenes {}
//!  2010 ms Pads/Note, line 8: lights {"level":110}
//! ```

use std::time::Duration;

use plugbay_midi::config::{Action, Config, Origin};
use plugbay_midi::engine::{Decision, Engine, MidiEvent};

const CONFIG: &str = r#"
    [[modes]]
    name = "Pads"

    [[modes.mappings]]
    trigger = { LongPress = { note = 36, duration_ms = 500 } }
    action = { WasmPlugin = { path = "scenes.wasm" } }
    [[modes.mappings]]
    trigger = { Note = { note = 38 } }
    action = { WasmPlugin = { path = "lights.wasm", params = { level = "{velocity}" } } }
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::parse(CONFIG, &Origin::new("pads.toml", "/etc/conductor"));
    let config = config.map_err(|report| report.to_string())?.config;
    let mut engine = Engine::new(config.into());
    // From a port, a file, a socket: anything that has times.
    let played = [
        (1_000, MidiEvent::NoteOn { channel: 10, note: 36, velocity: 100 }),
        (2_000, MidiEvent::NoteOff { channel: 10, note: 36, velocity: 0 }),
        (2_010, MidiEvent::NoteOn { channel: 10, note: 38, velocity: 110 }),
    ];
    let mut due = Vec::new();
    for (at, event) in played {
        let at = Duration::from_millis(at);
        // A loop with a clock sleeps until then, or until an event comes.
        while let Some(deadline) = engine.deadline().filter(|deadline| *deadline <= at) {
            engine.advance(deadline, &mut due);
        }
        engine.handle(at, &event, &mut due);
        due.drain(..).for_each(|decision| carry_out(&engine, &decision));
    }
    Ok(())
}

/// Here the plugin would be called: `plugbay::Plugin::execute` takes the parameters and `decision.context`.
fn carry_out(engine: &Engine, decision: &Decision) {
    let Action::WasmPlugin { plugin, params } = &*decision.action else { return };
    let Some(plugin) = engine.config().plugins.get(plugin.0) else { return };
    let mode = engine.mode_of(decision.mode).map_or("", |mode| mode.name.as_str());
    let params = params.render(&decision.placeholders());
    let (at, name) = (decision.at.as_millis(), decision.trigger.name);
    println!("{at:>5} ms {mode}/{name}, line {}: {} {params}", decision.line, plugin.name);
}
