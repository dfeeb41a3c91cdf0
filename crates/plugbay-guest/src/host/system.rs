//! The machine around the host. It takes `SystemControl`.

use super::{Error, plain};
use crate::json;

/// Strikes keys: `ctrl+shift+m`.
///
/// # Errors
///
/// Whatever the host says.
pub fn keystroke(keys: &str) -> Result<(), Error> {
    operate("keystroke", keys)
}

/// Sets the volume: `50`, `+5`, `-5`, `mute` or `unmute`.
///
/// # Errors
///
/// Whatever the host says.
pub fn volume(volume: &str) -> Result<(), Error> {
    operate("volume", volume)
}

/// Starts an application.
///
/// # Errors
///
/// Whatever the host says.
pub fn launch(application: &str) -> Result<(), Error> {
    operate("launch", application)
}

/// Changes conductor's mode.
///
/// # Errors
///
/// Whatever the host says.
pub fn mode_change(mode: &str) -> Result<(), Error> {
    operate("mode_change", mode)
}

/// Any operation by name.
///
/// # Errors
///
/// Whatever the host says.
pub fn operate(operation: &str, argument: &str) -> Result<(), Error> {
    let document = json!({ "operation": operation, "argument": argument });
    plain::system(document.to_string().as_bytes()).map(drop)
}
