//! The one module with `unsafe`: memory that the host reads and writes, and its functions.
//!
//! It exists in wasm only. Addresses and lengths have 32 bits there, there are no threads, and the host
//! touches the memory in its own functions and between calls, never beside one.
#![allow(unsafe_code, reason = "this is where the host's addresses become slices")]

use std::cell::{RefCell, RefMut};
use std::{ptr, slice};

/// What the plugin keeps between calls.
pub struct Slot<T>(RefCell<Option<T>>);

// SAFETY: modules with threads share their memory, which no host of this contract allows.
unsafe impl<T> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// Nothing yet.
    #[allow(clippy::new_without_default, reason = "it is for statics")]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// The plugin, for the length of a call: the host calls one at a time.
    pub(crate) fn borrow(&self) -> RefMut<'_, Option<T>> {
        self.0.borrow_mut()
    }
}

/// Memory for the host to write its documents to; null where there is none left.
pub fn malloc(len: usize) -> usize {
    let mut buffer: Vec<u8> = Vec::new();
    if buffer.try_reserve_exact(len).is_err() {
        return 0;
    }
    buffer.resize(len, 0);
    let start: *mut u8 = Box::into_raw(buffer.into_boxed_slice()).cast();
    start.expose_provenance()
}

/// Takes back what [`malloc`] or [`give`] returned.
///
/// # Safety
///
/// It was one of the two, with this length, and is taken back once.
pub unsafe fn free(start: usize, len: usize) {
    if start == 0 || len == 0 {
        return;
    }
    let start = ptr::with_exposed_provenance_mut::<u8>(start);
    // SAFETY: both made boxed slices of exactly this length; the caller promises the rest.
    drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(start, len)) });
}

/// What the host has written.
///
/// # Safety
///
/// There are `len` readable bytes at `start`, which nobody changes while the slice is in use.
pub unsafe fn take<'a>(start: usize, len: usize) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(start), len) }
}

/// Hands text over to the host, which frees it: its address in the upper half, its length in the lower.
pub(crate) fn give(text: String) -> u64 {
    pack(Box::leak(text.into_boxed_str()))
}

/// The same of text that is never freed.
pub fn pack(text: &'static str) -> u64 {
    ((text.as_ptr().expose_provenance() as u64) << 32) | text.len() as u64
}

/// Whether a panic tells the host where it was and what it said.
pub(crate) fn tell_panics() {
    // WASI has a stderr, to which std writes it.
    #[cfg(not(target_os = "wasi"))]
    std::panic::set_hook(Box::new(|panic| {
        calls::log(1, panic.to_string().as_bytes());
    }));
}

/// The host's functions, with slices.
pub(crate) mod calls {
    use super::{import, ptr};

    /// Functions whose arguments are numbers and slices, all of which the host only reads.
    macro_rules! reading {
        ($(fn $name:ident($($number:ident: $kind:ty,)* $([$slice:ident])*) -> $result:ty;)*) => {
            $(pub(crate) fn $name($($number: $kind,)* $($slice: &[u8]),*) -> $result {
                // SAFETY: the host reads these slices, during the call alone.
                unsafe { import::$name($($number,)* $($slice.as_ptr(), $slice.len()),*) }
            })*
        };
    }

    reading! {
        fn version() -> i32;
        fn answer_len(part: i32,) -> i64;
        fn log(level: i32, [line]) -> i32;
        fn now() -> i64;
        fn http_request([document] [body]) -> i32;
        fn ws_open([document]) -> i32;
        fn ws_send(socket: i32, kind: i32, [data]) -> i32;
        fn ws_recv(socket: i32, wait_ms: i32,) -> i32;
        fn ws_close(socket: i32,) -> i32;
        fn midi_send([output] [data]) -> i32;
        fn audio_play([document]) -> i32;
        fn kv_get([key]) -> i32;
        fn kv_set([key] [value]) -> i32;
        fn kv_delete([key]) -> i32;
        fn run([document] [input]) -> i32;
        fn system([document]) -> i32;
        fn body_len(which: i32,) -> i64;
        fn body_write(which: i32, offset: i64, [bytes]) -> i32;
        fn body_truncate(which: i32, len: i64,) -> i32;
    }

    pub(crate) fn metric(kind: i32, name: &[u8], value: f64) -> i32 {
        // SAFETY: the host reads the name, during the call alone.
        unsafe { import::metric(kind, name.as_ptr(), name.len(), value) }
    }

    pub(crate) fn kv_swap(key: &[u8], old: Option<&[u8]>, value: Option<&[u8]>) -> i32 {
        let parts = |bytes: Option<&[u8]>| match bytes {
            // No slice here is longer: it would not fit beside the program.
            Some(bytes) => (bytes.as_ptr(), i32::try_from(bytes.len()).unwrap_or(i32::MAX)),
            None => (ptr::null(), -1),
        };
        let ((old, old_len), (value, value_len)) = (parts(old), parts(value));
        // SAFETY: the host reads these slices, during the call alone; a length of -1 comes with none.
        unsafe { import::kv_swap(key.as_ptr(), key.len(), old, old_len, value, value_len) }
    }

    pub(crate) fn answer_read(part: i32, offset: i64, buffer: &mut [u8]) -> i32 {
        // SAFETY: the host writes to the buffer and nowhere else, during the call alone.
        unsafe { import::answer_read(part, offset, buffer.as_mut_ptr(), buffer.len()) }
    }

    pub(crate) fn random(buffer: &mut [u8]) -> i32 {
        // SAFETY: as above.
        unsafe { import::random(buffer.as_mut_ptr(), buffer.len()) }
    }

    pub(crate) fn body_read(which: i32, offset: i64, buffer: &mut [u8]) -> i32 {
        // SAFETY: as above.
        unsafe { import::body_read(which, offset, buffer.as_mut_ptr(), buffer.len()) }
    }
}

/// The functions as the host has them.
mod import {
    #[link(wasm_import_module = "plugbay")]
    unsafe extern "C" {
        pub(super) fn version() -> i32;
        pub(super) fn answer_len(part: i32) -> i64;
        pub(super) fn answer_read(part: i32, offset: i64, start: *mut u8, len: usize) -> i32;
        pub(super) fn log(level: i32, start: *const u8, len: usize) -> i32;
        pub(super) fn now() -> i64;
        pub(super) fn random(start: *mut u8, len: usize) -> i32;
        pub(super) fn metric(kind: i32, name: *const u8, name_len: usize, value: f64) -> i32;
        pub(super) fn http_request(
            start: *const u8,
            len: usize,
            body: *const u8,
            body_len: usize,
        ) -> i32;
        pub(super) fn ws_open(start: *const u8, len: usize) -> i32;
        pub(super) fn ws_send(socket: i32, kind: i32, start: *const u8, len: usize) -> i32;
        pub(super) fn ws_recv(socket: i32, wait_ms: i32) -> i32;
        pub(super) fn ws_close(socket: i32) -> i32;
        pub(super) fn midi_send(
            output: *const u8,
            output_len: usize,
            start: *const u8,
            len: usize,
        ) -> i32;
        pub(super) fn audio_play(start: *const u8, len: usize) -> i32;
        pub(super) fn kv_get(key: *const u8, key_len: usize) -> i32;
        pub(super) fn kv_set(key: *const u8, key_len: usize, start: *const u8, len: usize) -> i32;
        pub(super) fn kv_delete(key: *const u8, key_len: usize) -> i32;
        pub(super) fn kv_swap(
            key: *const u8,
            key_len: usize,
            old: *const u8,
            old_len: i32,
            start: *const u8,
            len: i32,
        ) -> i32;
        pub(super) fn run(start: *const u8, len: usize, input: *const u8, input_len: usize) -> i32;
        pub(super) fn system(start: *const u8, len: usize) -> i32;
        pub(super) fn body_len(which: i32) -> i64;
        pub(super) fn body_read(which: i32, offset: i64, start: *mut u8, len: usize) -> i32;
        pub(super) fn body_write(which: i32, offset: i64, start: *const u8, len: usize) -> i32;
        pub(super) fn body_truncate(which: i32, len: i64) -> i32;
    }
}
