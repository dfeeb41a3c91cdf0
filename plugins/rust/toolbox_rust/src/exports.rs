//! The hook ABI: four functions.

use std::{ptr, slice};

use crate::toolbox;

/// Memory for the host to write its documents to.
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
    drop(unsafe { Box::from_raw(slice::from_raw_parts_mut(start, size)) });
}

/// The plugin's name, in memory that is never freed.
#[unsafe(no_mangle)]
extern "C" fn get_name() -> u64 {
    pack(env!("CARGO_PKG_NAME").as_bytes())
}

/// Calls what the request names.
#[unsafe(no_mangle)]
extern "C" fn pre_hook(input: *const u8, len: usize) -> u64 {
    // A slice needs an address even when it is empty.
    let input = if len == 0 { ptr::dangling() } else { input };
    // SAFETY: the host promises `len` bytes at `input` for the length of this call.
    let input = unsafe { slice::from_raw_parts(input, len) };
    match toolbox::pre_hook(input) {
        // The host frees it.
        Some(output) => pack(Box::leak(output.into_boxed_str()).as_bytes()),
        // "No output": the host changes nothing.
        None => 0,
    }
}

fn pack(bytes: &'static [u8]) -> u64 {
    // Addresses and lengths have 32 bits here.
    ((bytes.as_ptr().addr() as u64) << 32) | bytes.len() as u64
}
