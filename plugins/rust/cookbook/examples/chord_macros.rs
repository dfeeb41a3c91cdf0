//! Does what is written for a chord: changes the mode, plays notes, strikes keys, one after another.

use plugbay_guest::Error;
use plugbay_guest::action::Context;
use plugbay_guest::host::{info, midi, system};

#[derive(serde::Deserialize)]
struct Params {
    steps: Vec<Step>,
}

/// As `{"mode": "Verse"}`, `{"play": [144, 60, 100], "on": "synth"}` or `{"keys": "ctrl+s"}`.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Step {
    Mode { mode: String },
    Play { play: Vec<u8>, on: String },
    Keys { keys: String },
}

#[plugbay_guest::action(capabilities(Midi, SystemControl))]
fn chord_macros(params: Params, context: &Context) -> Result<(), Error> {
    let chord = context.metadata.get("notes").map_or("no chord", String::as_str);
    info(&format!("{chord}: {} steps", params.steps.len()));
    for (at, step) in params.steps.iter().enumerate() {
        let done = match step {
            Step::Mode { mode } => system::mode_change(mode),
            Step::Play { play, on } => midi::send(on, play),
            Step::Keys { keys } => system::keystroke(keys),
        };
        // The steps before it are done; which one it was is in the log.
        done.map_err(|error| Error::new(format!("step {}: {error}", at + 1)))?;
    }
    Ok(())
}
