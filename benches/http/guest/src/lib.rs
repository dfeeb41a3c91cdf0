//! What a plugin of the guide does that changes something: it reads the whole document with serde, and writes
//! what became of it anew. Two HTTP hooks, or with the feature `chunks` the hook of a stream's chunks.

use std::alloc::{Layout, alloc, dealloc};

use serde::Serialize;

#[cfg(feature = "chunks")]
mod chunks;
#[cfg(not(feature = "chunks"))]
mod http;

/// The plugin's name, in memory that is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn get_name() -> u64 {
    pack(b"http_json")
}

/// Memory for the host to write its input to.
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut u8 {
    match Layout::array::<u8>(size) {
        // SAFETY: the layout has a size.
        Ok(layout) if size > 0 => unsafe { alloc(layout) },
        _ => std::ptr::null_mut(),
    }
}

/// Takes back what `malloc` or a hook returned.
#[unsafe(no_mangle)]
pub extern "C" fn free(start: *mut u8, size: usize) {
    if start.is_null() || size == 0 {
        return;
    }
    if let Ok(layout) = Layout::array::<u8>(size) {
        // SAFETY: both kinds of memory are that long, and the host frees each once.
        unsafe { dealloc(start, layout) }
    }
}

fn give(output: &impl Serialize) -> u64 {
    match serde_json::to_vec(output) {
        Ok(json) => pack(Box::leak(json.into_boxed_slice())),
        Err(_) => 0,
    }
}

fn pack(bytes: &'static [u8]) -> u64 {
    ((bytes.as_ptr().addr() as u64) << 32) | bytes.len() as u64
}
