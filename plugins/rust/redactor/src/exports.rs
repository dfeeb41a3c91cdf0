//! The hook ABI: ten functions, memory handed over by address, results as `pointer << 32 | length`.

use std::{
    ptr, slice,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::Redactor;

static REDACTOR: Mutex<Redactor> = Mutex::new(Redactor::new());

fn redactor() -> MutexGuard<'static, Redactor> {
    REDACTOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Memory for the host to write its input to.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut u8 {
    let mut buffer = Vec::new();
    // Null, rather than a trap, when there is no memory left.
    if buffer.try_reserve_exact(size).is_err() {
        return ptr::null_mut();
    }
    buffer.resize(size, 0_u8);
    Box::into_raw(buffer.into_boxed_slice()).cast()
}

/// Takes back what `malloc` or a hook returned; `size` is what was asked for, or the result's length.
#[unsafe(no_mangle)]
extern "C" fn free(start: *mut u8, size: usize) {
    if start.is_null() || size == 0 {
        return;
    }
    // SAFETY: both kinds of memory are boxed slices of exactly this size, and the host frees each once.
    drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(start, size)) });
}

/// The plugin's name, in memory that is never freed.
#[unsafe(no_mangle)]
extern "C" fn get_name() -> u64 {
    pack(env!("CARGO_PKG_NAME").as_bytes())
}

/// Takes the configuration; 0 means success.
#[unsafe(no_mangle)]
extern "C" fn init(config: *const u8, len: usize) -> i32 {
    // SAFETY: the host promises `len` bytes at `config` for the length of this call.
    let config = unsafe { bytes(config, len) };
    match redactor().configure(config) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

/// Prompts are looked at in `pre_hook`, once they are parsed.
#[unsafe(no_mangle)]
extern "C" fn http_pre_hook(_input: *const u8, _len: usize) -> u64 {
    UNCHANGED
}

/// Answers are looked at in `post_hook`, before they are encoded.
#[unsafe(no_mangle)]
extern "C" fn http_post_hook(_input: *const u8, _len: usize) -> u64 {
    UNCHANGED
}

/// One chunk of a stream.
#[unsafe(no_mangle)]
extern "C" fn http_stream_chunk_hook(input: *const u8, len: usize) -> u64 {
    // SAFETY: as in `init`.
    give(redactor().http_stream_chunk_hook(unsafe { bytes(input, len) }))
}

/// A request on its way to the provider.
#[unsafe(no_mangle)]
extern "C" fn pre_hook(input: *const u8, len: usize) -> u64 {
    // SAFETY: as in `init`.
    give(redactor().pre_hook(unsafe { bytes(input, len) }))
}

/// An answer on its way to the client.
#[unsafe(no_mangle)]
extern "C" fn post_hook(input: *const u8, len: usize) -> u64 {
    // SAFETY: as in `init`.
    give(redactor().post_hook(unsafe { bytes(input, len) }))
}

/// Called before the plugin is unloaded; 0 means success.
#[unsafe(no_mangle)]
extern "C" fn cleanup() -> i32 {
    *redactor() = Redactor::new();
    0
}

/// "No output": the host changes nothing.
const UNCHANGED: u64 = 0;

/// Hands a result over to the host, which frees it.
fn give(output: Option<String>) -> u64 {
    match output {
        Some(output) => pack(Box::leak(output.into_boxed_str()).as_bytes()),
        None => UNCHANGED,
    }
}

fn pack(bytes: &'static [u8]) -> u64 {
    // Addresses and lengths have 32 bits here.
    ((bytes.as_ptr().addr() as u64) << 32) | bytes.len() as u64
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
