//! The functions one by one: safe, with documents as text, and results as they are.
//!
//! The other modules are more comfortable. This one is for what they do not know.

use std::ptr;

use crate::{Error, imports};

/// Part `part` of what the last function left; `None` if it left no such part.
pub fn answer(part: i32) -> Option<Vec<u8>> {
    // SAFETY: it takes no address.
    let len = usize::try_from(unsafe { imports::answer_len(part) }).ok()?;
    let mut bytes = vec![0; len];
    // SAFETY: the host writes to these bytes and nowhere else.
    let read = unsafe { imports::answer_read(part, 0, bytes.as_mut_ptr(), len) };
    bytes.truncate(usize::try_from(read).ok()?);
    Some(bytes)
}

/// The version of the host's functions.
pub fn version() -> i32 {
    // SAFETY: it takes no address.
    unsafe { imports::version() }
}

/// Nanoseconds since 1970.
pub fn now() -> i64 {
    // SAFETY: it takes no address.
    unsafe { imports::now() }
}

/// Writes one line to the plugin's log.
///
/// # Errors
///
/// There is no such level.
pub fn log(level: i32, line: &str) -> Result<i32, Error> {
    // SAFETY: the host reads these bytes and no others.
    bare(unsafe { imports::log(level, line.as_ptr(), line.len()) })
}

/// Fills the buffer, 64 KiB at most, with random bytes that are fit for keys.
///
/// # Errors
///
/// The buffer is too large.
pub fn random(buffer: &mut [u8]) -> Result<(), Error> {
    // SAFETY: the host writes to these bytes and nowhere else.
    bare(unsafe { imports::random(buffer.as_mut_ptr(), buffer.len()) }).map(drop)
}

/// Measures something.
///
/// # Errors
///
/// Kind, name or value are none, or there are too many names.
pub fn metric(kind: i32, name: &str, value: f64) -> Result<i32, Error> {
    // SAFETY: the host reads these bytes and no others.
    bare(unsafe { imports::metric(kind, name.as_ptr(), name.len(), value) })
}

/// Makes an HTTP request, and returns its status.
///
/// # Errors
///
/// Whatever the host says.
pub fn http_request(document: &[u8], body: &[u8]) -> Result<i32, Error> {
    // SAFETY: the host reads these bytes and no others; so it is in the functions below.
    checked(unsafe {
        imports::http_request(document.as_ptr(), document.len(), body.as_ptr(), body.len())
    })
}

/// Opens a WebSocket, and returns its number.
///
/// # Errors
///
/// Whatever the host says.
pub fn ws_open(document: &[u8]) -> Result<i32, Error> {
    // SAFETY: as above.
    checked(unsafe { imports::ws_open(document.as_ptr(), document.len()) })
}

/// Sends a message: kind 1 is text, 2 binary.
///
/// # Errors
///
/// Whatever the host says.
pub fn ws_send(socket: i32, kind: i32, data: &[u8]) -> Result<i32, Error> {
    // SAFETY: as above.
    checked(unsafe { imports::ws_send(socket, kind, data.as_ptr(), data.len()) })
}

/// Waits for a message: 0 nothing came, 1 text, 2 binary, 3 closed.
///
/// # Errors
///
/// Whatever the host says.
pub fn ws_recv(socket: i32, wait_ms: i32) -> Result<i32, Error> {
    // SAFETY: it takes no address.
    checked(unsafe { imports::ws_recv(socket, wait_ms) })
}

/// Closes a WebSocket.
///
/// # Errors
///
/// Whatever the host says.
pub fn ws_close(socket: i32) -> Result<i32, Error> {
    // SAFETY: it takes no address.
    checked(unsafe { imports::ws_close(socket) })
}

/// Sends MIDI messages to the output of this name.
///
/// # Errors
///
/// Whatever the host says.
pub fn midi_send(output: &str, data: &[u8]) -> Result<i32, Error> {
    // SAFETY: as above.
    checked(unsafe { imports::midi_send(output.as_ptr(), output.len(), data.as_ptr(), data.len()) })
}

/// Plays a sound: a document, or a name alone.
///
/// # Errors
///
/// Whatever the host says.
pub fn audio_play(document: &[u8]) -> Result<i32, Error> {
    // SAFETY: as above.
    checked(unsafe { imports::audio_play(document.as_ptr(), document.len()) })
}

/// Looks a value up: 1, and it is part 1 of the answer, or 0.
///
/// # Errors
///
/// Whatever the host says.
pub fn kv_get(key: &[u8]) -> Result<i32, Error> {
    // SAFETY: as above.
    checked(unsafe { imports::kv_get(key.as_ptr(), key.len()) })
}

/// Sets a value.
///
/// # Errors
///
/// Whatever the host says.
pub fn kv_set(key: &[u8], value: &[u8]) -> Result<i32, Error> {
    // SAFETY: as above.
    checked(unsafe { imports::kv_set(key.as_ptr(), key.len(), value.as_ptr(), value.len()) })
}

/// Deletes a value: 1 if it was there, or 0.
///
/// # Errors
///
/// Whatever the host says.
pub fn kv_delete(key: &[u8]) -> Result<i32, Error> {
    // SAFETY: as above.
    checked(unsafe { imports::kv_delete(key.as_ptr(), key.len()) })
}

/// Sets a value, or deletes it, where the present one is `old`: 1, or 0 where it is another.
///
/// # Errors
///
/// Whatever the host says.
pub fn kv_swap(key: &[u8], old: Option<&[u8]>, value: Option<&[u8]>) -> Result<i32, Error> {
    let (old, old_len) = optional(old);
    let (start, len) = optional(value);
    // SAFETY: as above; a length of -1 comes with no bytes.
    checked(unsafe { imports::kv_swap(key.as_ptr(), key.len(), old, old_len, start, len) })
}

/// Runs a program with this input, and returns its status.
///
/// # Errors
///
/// Whatever the host says.
pub fn run(document: &[u8], input: &[u8]) -> Result<i32, Error> {
    // SAFETY: as above.
    checked(unsafe { imports::run(document.as_ptr(), document.len(), input.as_ptr(), input.len()) })
}

/// Does something to the system.
///
/// # Errors
///
/// Whatever the host says.
pub fn system(document: &[u8]) -> Result<i32, Error> {
    // SAFETY: as above.
    checked(unsafe { imports::system(document.as_ptr(), document.len()) })
}

/// The result of a function that leaves an answer.
fn checked(result: i32) -> Result<i32, Error> {
    if result < 0 { Err(Error::with_answer(result)) } else { Ok(result) }
}

/// The result of one that leaves none.
fn bare(result: i32) -> Result<i32, Error> {
    if result < 0 { Err(Error::bare(result)) } else { Ok(result) }
}

fn optional(bytes: Option<&[u8]>) -> (*const u8, i32) {
    match bytes {
        // No slice here is longer: it would not fit beside the program.
        Some(bytes) => (bytes.as_ptr(), i32::try_from(bytes.len()).unwrap_or(i32::MAX)),
        None => (ptr::null(), -1),
    }
}
