//! Sounds. They take `Audio`.

use serde::Serialize;

use crate::{Error, http::plain_document, plain};

/// Begins to play a sound; `volume` is the host's own without one.
///
/// # Errors
///
/// Whatever the host says.
pub fn play(sound: &str, volume: Option<f64>) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Play<'a> {
        sound: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        volume: Option<f64>,
    }
    plain::audio_play(&plain_document(&Play { sound, volume })).map(drop)
}
