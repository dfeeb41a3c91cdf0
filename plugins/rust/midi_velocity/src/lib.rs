//! An action plugin that answers to how hard a key was struck.
//!
//! It exports `execute_with_context` instead of `execute`, and so is told about the event beside
//! its own parameters.

use serde::Deserialize;

/// The parameters of one mapping, as the user wrote them.
#[derive(Debug, Deserialize)]
struct Params {
    action: String,
}

/// What the host says about the event; the many fields that do not matter here are passed over.
#[derive(Debug, Deserialize)]
struct Event {
    /// Absent when the trigger has none, a program change for one.
    velocity: Option<u8>,
    mode: Option<u8>,
}

/// What there is to print, or why there is nothing.
///
/// # Errors
///
/// Parameters or context are not the JSON they should be, or the velocity is above MIDI's 127.
pub fn respond(params: &[u8], context: &[u8]) -> Result<String, String> {
    let Params { action } =
        serde_json::from_slice(params).map_err(|error| format!("parameters: {error}"))?;
    let Event { velocity, mode } =
        serde_json::from_slice(context).map_err(|error| format!("context: {error}"))?;
    let velocity = velocity.unwrap_or(0);
    let touch = match velocity {
        0..=40 => "gently",
        41..=80 => "firmly",
        81..=127 => "with force",
        128.. => return Err(format!("velocity {velocity} is above 127")),
    };
    let mode = mode.map(|mode| format!(" in mode {mode}")).unwrap_or_default();
    Ok(format!("midi_velocity: {action} {touch} (velocity {velocity}){mode}"))
}

/// The functions the host calls. Compiled for wasm only: on an ordinary machine `shutdown` is the
/// name of a function in the C library, which a test must not replace.
#[cfg(target_arch = "wasm32")]
mod exports {
    use std::{ptr, slice};

    /// Called once, when the plugin is loaded.
    #[unsafe(no_mangle)]
    extern "C" fn init() {
        eprintln!("midi_velocity is ready");
    }

    /// Called for every event that is mapped to this plugin; 0 means success.
    #[unsafe(no_mangle)]
    extern "C" fn execute_with_context(
        params: *const u8,
        params_len: usize,
        context: *const u8,
        context_len: usize,
    ) -> i32 {
        // SAFETY: the host promises both ranges for the length of this call.
        let (params, context) = unsafe { (bytes(params, params_len), bytes(context, context_len)) };
        match super::respond(params, context) {
            Ok(line) => {
                eprintln!("{line}");
                0
            }
            Err(error) => {
                eprintln!("midi_velocity cannot read its input: {error}");
                1
            }
        }
    }

    /// Called before the plugin is unloaded.
    #[unsafe(no_mangle)]
    extern "C" fn shutdown() {
        eprintln!("midi_velocity is going away");
    }

    /// # Safety
    ///
    /// There are `len` readable bytes at `start`, unchanged while the slice is in use.
    unsafe fn bytes<'a>(start: *const u8, len: usize) -> &'a [u8] {
        // A slice needs an address even when it is empty.
        let start = if len == 0 { ptr::dangling() } else { start };
        // SAFETY: the caller's promise.
        unsafe { slice::from_raw_parts(start, len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let context = format!(r#"{{"velocity": {velocity}, "timestamp": 1}}"#);
            let line = respond(br#"{"action": "lights"}"#, context.as_bytes()).unwrap();
            assert_eq!(line, format!("midi_velocity: lights {touch} (velocity {velocity})"));
        }
    }

    #[test]
    fn what_is_absent_is_zero_or_unsaid() {
        let line = respond(br#"{"action": "lights"}"#, br#"{"velocity": null, "mode": 2}"#);
        assert_eq!(line.unwrap(), "midi_velocity: lights gently (velocity 0) in mode 2");
    }

    #[test]
    fn wrong_input_is_an_error() {
        for (params, context) in [
            ("{}", "{}"),
            (r#"{"action": "lights"}"#, "[1]"),
            (r#"{"action": "lights"}"#, r#"{"velocity": 128}"#),
            (r#"{"action": "lights"}"#, r#"{"velocity": -1}"#),
        ] {
            respond(params.as_bytes(), context.as_bytes()).unwrap_err();
        }
    }
}
