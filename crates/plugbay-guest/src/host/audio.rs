//! Sounds. They take `Audio`.

use super::{Error, plain};
use crate::json;

/// Begins to play a sound; `volume` is the host's own without one.
///
/// # Errors
///
/// Whatever the host says.
pub fn play(sound: &str, volume: Option<f64>) -> Result<(), Error> {
    let document = match volume {
        Some(volume) => json!({ "sound": sound, "volume": volume }),
        None => json!({ "sound": sound }),
    };
    plain::audio_play(document.to_string().as_bytes()).map(drop)
}
