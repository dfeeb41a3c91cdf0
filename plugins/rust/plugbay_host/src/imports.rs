//! The functions as the host has them.
//!
//! Each that takes an address is given one of `len` bytes that the host reads, or writes where it
//! says so, during the call and not afterwards.

/// Declares the functions, and for other machines ones that answer `unavailable`.
macro_rules! host {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = "plugbay")]
        unsafe extern "C" {
            $(pub(crate) fn $name($($argument: $kind),*) -> $result;)*
        }

        $(
            #[cfg(not(target_arch = "wasm32"))]
            pub(crate) unsafe fn $name($(_: $kind),*) -> $result {
                -6
            }
        )*
    };
}

host! {
    fn version() -> i32;
    fn answer_len(part: i32) -> i64;
    fn answer_read(part: i32, offset: i64, start: *mut u8, len: usize) -> i32;
    fn log(level: i32, start: *const u8, len: usize) -> i32;
    fn now() -> i64;
    fn random(start: *mut u8, len: usize) -> i32;
    fn metric(kind: i32, name: *const u8, name_len: usize, value: f64) -> i32;
    fn http_request(start: *const u8, len: usize, body: *const u8, body_len: usize) -> i32;
    fn ws_open(start: *const u8, len: usize) -> i32;
    fn ws_send(socket: i32, kind: i32, start: *const u8, len: usize) -> i32;
    fn ws_recv(socket: i32, wait_ms: i32) -> i32;
    fn ws_close(socket: i32) -> i32;
    fn midi_send(output: *const u8, output_len: usize, start: *const u8, len: usize) -> i32;
    fn audio_play(start: *const u8, len: usize) -> i32;
    fn kv_get(key: *const u8, key_len: usize) -> i32;
    fn kv_set(key: *const u8, key_len: usize, start: *const u8, len: usize) -> i32;
    fn kv_delete(key: *const u8, key_len: usize) -> i32;
    fn kv_swap(key: *const u8, key_len: usize, old: *const u8, old_len: i32, start: *const u8, len: i32) -> i32;
    fn run(start: *const u8, len: usize, input: *const u8, input_len: usize) -> i32;
    fn system(start: *const u8, len: usize) -> i32;
}
