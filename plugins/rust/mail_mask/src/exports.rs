//! The hook ABI, of the generation that has bodies beside its documents.

use std::{ptr, slice};

use crate::body::Body;
use crate::mask;

/// Bodies are read and written through the host's functions, and are not in the documents.
#[unsafe(no_mangle)]
extern "C" fn plugbay_abi() -> i32 {
    2
}

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

/// Masks the request's body.
#[unsafe(no_mangle)]
extern "C" fn http_pre_hook(_document: *const u8, _len: usize) -> u64 {
    answer(Body::REQUEST, "masked_in_request")
}

/// Masks the response's body.
#[unsafe(no_mangle)]
extern "C" fn http_post_hook(_document: *const u8, _len: usize) -> u64 {
    answer(Body::RESPONSE, "masked_in_response")
}

/// Masks a body; `field` of the request's context says how many addresses there were.
fn answer(mut body: Body, field: &str) -> u64 {
    let output = match mask(&mut body) {
        // "No output": what was written stands, and nothing else changes.
        Ok(0) => return 0,
        Ok(count) => format!(r#"{{"context":{{"{field}":{count}}}}}"#),
        Err(_) => r#"{"error":"the host did not let the body be written"}"#.to_owned(),
    };
    // The host frees it.
    pack(Box::leak(output.into_boxed_str()).as_bytes())
}

fn pack(bytes: &'static [u8]) -> u64 {
    // Addresses and lengths have 32 bits here.
    ((bytes.as_ptr().addr() as u64) << 32) | bytes.len() as u64
}
