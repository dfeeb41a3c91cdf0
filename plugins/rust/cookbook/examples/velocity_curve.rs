//! Plays each note on, with another velocity: a keyboard that is too light or too heavy.

use plugbay_guest::action::Context;
use plugbay_guest::host::midi;

#[derive(serde::Deserialize)]
struct Params {
    output: String,
    /// Below 1 soft keys become louder, above 1 softer.
    curve: f64,
}

#[plugbay_guest::action(capabilities(Midi))]
fn velocity_curve(params: Params, context: &Context) -> Result<(), plugbay_guest::Error> {
    let (Some(note), Some(velocity)) = (context.note, context.velocity) else { return Ok(()) };
    let is_release = context.metadata.get("on").is_some_and(|on| on == "release");
    let status = if is_release { 0x80 } else { 0x90 } | (context.channel.unwrap_or(1) - 1);
    Ok(midi::send(&params.output, &[status, note, curved(velocity, params.curve)])?)
}

/// 0 stays 0 and 127 stays 127; a key that was struck never becomes silent.
fn curved(velocity: u8, curve: f64) -> u8 {
    let loud = (f64::from(velocity) / 127.0).powf(curve) * 127.0;
    // A cast ends at the type's ends.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let loud = loud.round() as u8;
    loud.clamp(velocity.min(1), 127)
}
