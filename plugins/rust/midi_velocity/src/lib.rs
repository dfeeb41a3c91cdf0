//! An action plugin that answers to how hard a key was struck.
#![forbid(unsafe_code)]

use plugbay_guest::action::Context;
use serde::Deserialize;

/// The parameters of one mapping, as the user wrote them.
#[derive(Debug, Deserialize)]
pub struct Params {
    action: String,
}

#[plugbay_guest::action(metadata, init = ready, shutdown = going)]
fn execute(params: Params, context: &Context) -> Result<(), String> {
    eprintln!("{}", respond(&params, context)?);
    Ok(())
}

fn ready() {
    eprintln!("midi_velocity is ready");
}

fn going() {
    eprintln!("midi_velocity is going away");
}

/// What there is to print.
///
/// # Errors
///
/// The velocity is above MIDI's 127.
pub fn respond(params: &Params, context: &Context) -> Result<String, String> {
    // A program change, for one, has no velocity.
    let velocity = context.velocity.unwrap_or(0);
    let touch = match velocity {
        0..=40 => "gently",
        41..=80 => "firmly",
        81..=127 => "with force",
        128.. => return Err(format!("velocity {velocity} is above 127")),
    };
    let mode = context.mode.map(|mode| format!(" in mode {mode}")).unwrap_or_default();
    Ok(format!("midi_velocity: {} {touch} (velocity {velocity}){mode}", params.action))
}

#[cfg(test)]
mod tests {
    use plugbay_guest::json;
    use plugbay_guest::json::Value;
    use plugbay_guest::testing::run_action;

    use super::*;

    fn line(params: Value, context: Value) -> Result<String, String> {
        let mut line = String::new();
        run_action(params, context, |params: Params, context: Context| {
            respond(&params, &context).map(|said| line = said)
        })?;
        Ok(line)
    }

    #[test]
    fn every_velocity_has_its_touch() {
        for (velocity, touch) in [
            (0, "gently"),
            (40, "gently"),
            (41, "firmly"),
            (80, "firmly"),
            (81, "with force"),
            (127, "with force"),
        ] {
            let context = json!({ "velocity": velocity, "timestamp": 1 });
            let line = line(json!({ "action": "lights" }), context).unwrap();
            assert_eq!(line, format!("midi_velocity: lights {touch} (velocity {velocity})"));
        }
    }

    #[test]
    fn what_is_absent_is_zero_or_unsaid() {
        let line = line(json!({ "action": "lights" }), json!({ "velocity": null, "mode": 2 }));
        assert_eq!(line.unwrap(), "midi_velocity: lights gently (velocity 0) in mode 2");
    }

    #[test]
    fn wrong_input_is_an_error_that_names_it() {
        for (params, context, wanted) in [
            (json!({}), json!({}), "failed to parse input JSON: params: missing field `action`"),
            (
                json!({ "action": "lights" }),
                json!([1]),
                "failed to parse input JSON: context: expected an object, found a list",
            ),
            (
                json!({ "action": "lights" }),
                json!({ "velocity": -1 }),
                "failed to parse input JSON: context.velocity: expected u8, found another number",
            ),
            (
                json!({ "action": "lights" }),
                json!({ "velocity": 128 }),
                "velocity 128 is above 127",
            ),
        ] {
            assert_eq!(line(params, context).unwrap_err(), wanted);
        }
    }
}
