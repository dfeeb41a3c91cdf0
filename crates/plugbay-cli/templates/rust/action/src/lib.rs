//! Says how hard a key was struck.
#![forbid(unsafe_code)]

use plugbay_guest::action::Context;

/// The parameters of one mapping: `params = { message = "..." }`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    message: String,
}

#[plugbay_guest::action]
fn execute(params: Params, context: &Context) -> Result<(), String> {
    println!("{}", line(&params, context)?);
    Ok(())
}

fn line(params: &Params, context: &Context) -> Result<String, String> {
    // A program change, for one, has no velocity.
    let touch = match context.velocity.unwrap_or(0) {
        0..=40 => "gently",
        41..=80 => "firmly",
        81..=127 => "with force",
        velocity => return Err(format!("velocity {velocity} is above 127")),
    };
    Ok(format!("{} {touch}", params.message))
}

#[cfg(test)]
mod tests {
    use plugbay_guest::{json, testing::run_action};

    use super::*;

    fn said(velocity: u8) -> Result<String, String> {
        let mut said = String::new();
        let context = json!({ "velocity": velocity });
        run_action(
            json!({ "message": "lights" }),
            context,
            |params: Params, context: Context| line(&params, &context).map(|text| said = text),
        )?;
        Ok(said)
    }

    #[test]
    fn every_velocity_has_its_touch() {
        assert_eq!(said(40).unwrap(), "lights gently");
        assert_eq!(said(41).unwrap(), "lights firmly");
        assert_eq!(said(127).unwrap(), "lights with force");
        assert_eq!(said(128).unwrap_err(), "velocity 128 is above 127");
    }
}
