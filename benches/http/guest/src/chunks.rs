//! The hook of a stream's chunks: reads the chunk and the context, and puts a word into the chunk.
//!
//! The request, which each chunk's document repeats, is passed over, as by whoever does not need it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Input {
    context: Map<String, Value>,
    chunk: Map<String, Value>,
}

#[derive(Serialize)]
struct Output {
    context: Map<String, Value>,
    chunk: Map<String, Value>,
    has_chunk: bool,
    skip: bool,
    error: &'static str,
}

/// A chunk on its way to the client.
#[unsafe(no_mangle)]
pub extern "C" fn http_stream_chunk_hook(input: *const u8, len: usize) -> u64 {
    // SAFETY: the host promises `len` bytes at `input` for the length of this call.
    let input = unsafe { std::slice::from_raw_parts(input, len) };
    let Ok(Input { context, mut chunk, .. }) = serde_json::from_slice(input) else { return 0 };
    chunk.insert("x_plugin".to_owned(), Value::from("json"));
    crate::give(&Output { context, chunk, has_chunk: true, skip: false, error: "" })
}
