//! The smallest action plugin: prints its `message` parameter.
//!
//! Everything an action plugin needs is here. There is no allocator among the exports: the host
//! puts the parameters into memory pages of its own and passes their address. What the plugin
//! has to say goes to stderr, which the host forwards line by line.

use serde::Deserialize;

/// The parameters of one mapping, as the user wrote them.
#[derive(Debug, Deserialize)]
struct Params {
    message: String,
}

/// What there is to print, or what is wrong with the parameters.
///
/// # Errors
///
/// The parameters are not a JSON object with a string `message`.
pub fn greet(params: &[u8]) -> Result<String, serde_json::Error> {
    let Params { message } = serde_json::from_slice(params)?;
    Ok(format!("midi_hello says: {message}"))
}

/// The functions the host calls. Compiled for wasm only: on an ordinary machine `shutdown` is the
/// name of a function in the C library, which a test must not replace.
#[cfg(target_arch = "wasm32")]
mod exports {
    use std::{ptr, slice};

    /// Called once, when the plugin is loaded.
    #[unsafe(no_mangle)]
    extern "C" fn init() {
        eprintln!("midi_hello is ready");
    }

    /// Called for every event that is mapped to this plugin; 0 means success.
    #[unsafe(no_mangle)]
    extern "C" fn execute(params: *const u8, len: usize) -> i32 {
        // SAFETY: the host promises `len` bytes at `params` for the length of this call.
        let params = unsafe { bytes(params, len) };
        match super::greet(params) {
            Ok(line) => {
                eprintln!("{line}");
                0
            }
            Err(error) => {
                eprintln!("midi_hello cannot read its parameters: {error}");
                1
            }
        }
    }

    /// Called before the plugin is unloaded.
    #[unsafe(no_mangle)]
    extern "C" fn shutdown() {
        eprintln!("midi_hello is going away");
    }

    /// What the plugin would like to be allowed: a pointer to a `Vec` of JSON text, which is never freed.
    /// This one uses nothing; it asks for the harmless `Midi` so that there is something to see.
    #[unsafe(no_mangle)]
    extern "C" fn capabilities() -> *const u8 {
        let names = br#"["Midi"]"#.to_vec();
        Box::into_raw(Box::new(names)).cast()
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
    fn the_message_is_printed() {
        let line = greet(br#"{"message": "good evening", "unknown": 1}"#).unwrap();
        assert_eq!(line, "midi_hello says: good evening");
    }

    #[test]
    fn wrong_parameters_are_named() {
        let error = greet(br#"{"massage": "?"}"#).unwrap_err().to_string();
        assert!(error.contains("message"), "{error}");
        greet(b"").unwrap_err();
    }
}
