//! What is told of a call: its output and its cost, why it failed, and where it differs from one that was recorded.

use std::borrow::Cow;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Result;
use plugbay::PluginError;
use plugbay_gateway::RecordedCall;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Returned;
use crate::exit::Outcome;
use crate::ui::{self, DIM, errln, outln};

#[derive(Serialize)]
struct Report<'a> {
    output: &'a RawValue,
    backend: &'static str,
    fuel_used: Option<u64>,
    memory_bytes: Option<u64>,
    elapsed_ns: Option<u128>,
}

/// Prints an output and what it cost.
pub(super) fn print(
    json: bool,
    backend: &'static str,
    returned: &Returned,
    took: Duration,
) -> Result<()> {
    if json {
        let report = Report {
            output: &returned.output,
            backend,
            fuel_used: returned.cost.and_then(|cost| cost.fuel_used),
            memory_bytes: returned.cost.map(|cost| cost.memory_bytes),
            elapsed_ns: returned.cost.map(|_| took.as_nanos()),
        };
        ui::write_data(&shown(&serde_json::to_string(&report)?));
        return Ok(());
    }
    ui::write_data(&shown(returned.output.get()));
    if let Some(cost) = returned.cost {
        errln!(
            "{backend}: fuel {}, memory {}, time {:.3?}",
            cost.fuel_used.map_or_else(|| "not counted".to_owned(), |fuel| fuel.to_string()),
            ui::bytes(cost.memory_bytes),
            took
        );
    }
    Ok(())
}

/// Reports why a call failed, where the plugin was, and what to look at.
pub(super) fn failure(error: &anyhow::Error) -> Outcome {
    let of_plugin = error.downcast_ref::<PluginError>();
    let outcome = ui::failure(error);
    if of_plugin.is_some_and(|error| error.class() == "out_of_fuel") {
        errln!(
            "{DIM}an endless loop, or much work? --profile FILE shows which functions use the fuel, --trace what they did{DIM:#}"
        );
    }
    ui::frames_of(of_plugin.and_then(PluginError::backtrace));
    outcome
}

/// Prints where a call came to something else than it did when it was recorded.
pub(super) fn replayed(recorded: &RecordedCall, returned: &Result<Returned>) -> Outcome {
    let failed = returned.as_ref().err().map(ToString::to_string);
    let output = match (returned, &failed) {
        (Ok(returned), _) => Ok(&*returned.output),
        (Err(_), failed) => Err(failed.as_deref().unwrap_or_default()),
    };
    let differences = recorded.differences(output);
    for difference in &differences {
        outln!("{}", ui::printable(difference));
    }
    match differences.is_empty() {
        true => Outcome::Success,
        false => Outcome::Failure,
    }
}

/// A plugin's JSON as it is, to a program; to a terminal without what could move its cursor.
fn shown(json: &str) -> Cow<'_, str> {
    shown_on(std::io::stdout().is_terminal(), json)
}

fn shown_on(is_terminal: bool, json: &str) -> Cow<'_, str> {
    match is_terminal {
        true => plugbay::escaped_json(json).into(),
        false => json.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_shown_no_control_characters_and_a_program_every_byte() {
        let json = "{\"a\": \"\u{9b}2J\u{202e}\u{7f}é\"}\n";
        assert_eq!(shown_on(false, json), json);
        assert_eq!(shown_on(true, json), "{\"a\": \"\\u009b2J\\u202e\\u007fé\"}\n");
    }
}
