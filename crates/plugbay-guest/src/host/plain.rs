//! The functions one by one: safe, with documents as text, and results as they are.
//!
//! The other modules are more comfortable. This one is for what they do not know.

use super::Error;
use crate::calls;

/// Part `part` of what the last function left; `None` if it left no such part.
pub fn answer(part: i32) -> Option<Vec<u8>> {
    let len = usize::try_from(calls::answer_len(part)).ok()?;
    let mut bytes = vec![0; len];
    let read = calls::answer_read(part, 0, &mut bytes);
    bytes.truncate(usize::try_from(read).ok()?);
    Some(bytes)
}

/// The version of the host's functions.
pub fn version() -> i32 {
    calls::version()
}

/// Nanoseconds since 1970.
pub fn now() -> i64 {
    calls::now()
}

/// Writes one line to the plugin's log.
///
/// # Errors
///
/// There is no such level.
pub fn log(level: i32, line: &str) -> Result<i32, Error> {
    bare(calls::log(level, line.as_bytes()))
}

/// Fills the buffer, 64 KiB at most, with random bytes that are fit for keys.
///
/// # Errors
///
/// The buffer is too large.
pub fn random(buffer: &mut [u8]) -> Result<(), Error> {
    bare(calls::random(buffer)).map(drop)
}

/// Measures something.
///
/// # Errors
///
/// Kind, name or value are none, or there are too many names.
pub fn metric(kind: i32, name: &str, value: f64) -> Result<i32, Error> {
    bare(calls::metric(kind, name.as_bytes(), value))
}

/// Makes an HTTP request, and returns its status.
///
/// # Errors
///
/// Whatever the host says.
pub fn http_request(document: &[u8], body: &[u8]) -> Result<i32, Error> {
    checked(calls::http_request(document, body))
}

/// Opens a WebSocket, and returns its number.
///
/// # Errors
///
/// Whatever the host says.
pub fn ws_open(document: &[u8]) -> Result<i32, Error> {
    checked(calls::ws_open(document))
}

/// Sends a message: kind 1 is text, 2 binary.
///
/// # Errors
///
/// Whatever the host says.
pub fn ws_send(socket: i32, kind: i32, data: &[u8]) -> Result<i32, Error> {
    checked(calls::ws_send(socket, kind, data))
}

/// Waits for a message: 0 nothing came, 1 text, 2 binary, 3 closed.
///
/// # Errors
///
/// Whatever the host says.
pub fn ws_recv(socket: i32, wait_ms: i32) -> Result<i32, Error> {
    checked(calls::ws_recv(socket, wait_ms))
}

/// Closes a WebSocket.
///
/// # Errors
///
/// Whatever the host says.
pub fn ws_close(socket: i32) -> Result<i32, Error> {
    checked(calls::ws_close(socket))
}

/// Sends MIDI messages to the output of this name.
///
/// # Errors
///
/// Whatever the host says.
pub fn midi_send(output: &str, data: &[u8]) -> Result<i32, Error> {
    checked(calls::midi_send(output.as_bytes(), data))
}

/// Plays a sound: a document, or a name alone.
///
/// # Errors
///
/// Whatever the host says.
pub fn audio_play(document: &[u8]) -> Result<i32, Error> {
    checked(calls::audio_play(document))
}

/// Looks a value up: 1, and it is part 1 of the answer, or 0.
///
/// # Errors
///
/// Whatever the host says.
pub fn kv_get(key: &[u8]) -> Result<i32, Error> {
    checked(calls::kv_get(key))
}

/// Sets a value.
///
/// # Errors
///
/// Whatever the host says.
pub fn kv_set(key: &[u8], value: &[u8]) -> Result<i32, Error> {
    checked(calls::kv_set(key, value))
}

/// Deletes a value: 1 if it was there, or 0.
///
/// # Errors
///
/// Whatever the host says.
pub fn kv_delete(key: &[u8]) -> Result<i32, Error> {
    checked(calls::kv_delete(key))
}

/// Sets a value, or deletes it, where the present one is `old`: 1, or 0 where it is another.
///
/// # Errors
///
/// Whatever the host says.
pub fn kv_swap(key: &[u8], old: Option<&[u8]>, value: Option<&[u8]>) -> Result<i32, Error> {
    checked(calls::kv_swap(key, old, value))
}

/// Runs a program with this input, and returns its status.
///
/// # Errors
///
/// Whatever the host says.
pub fn run(document: &[u8], input: &[u8]) -> Result<i32, Error> {
    checked(calls::run(document, input))
}

/// Does something to the system.
///
/// # Errors
///
/// Whatever the host says.
pub fn system(document: &[u8]) -> Result<i32, Error> {
    checked(calls::system(document))
}

/// The result of a function that leaves an answer.
fn checked(result: i32) -> Result<i32, Error> {
    if result < 0 { Err(Error::with_answer(result)) } else { Ok(result) }
}

/// The result of one that leaves none.
fn bare(result: i32) -> Result<i32, Error> {
    if result < 0 { Err(Error::bare(result)) } else { Ok(result) }
}
