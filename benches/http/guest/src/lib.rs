//! Two HTTP hooks that read the whole document with serde, add a header and write it anew.
//!
//! What a plugin of the guide does that changes something: every field becomes a value of Rust's,
//! the body stays the base64 that it came as. The upstream gets `x-plugin`, and so does the client.

use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

type Pairs = BTreeMap<String, String>;

#[derive(Deserialize, Serialize)]
struct Request {
    method: String,
    path: String,
    headers: Pairs,
    query: Pairs,
    body: String,
}

#[derive(Deserialize, Serialize)]
struct Response {
    status_code: u16,
    headers: Pairs,
    body: String,
}

#[derive(Deserialize)]
struct PreInput {
    context: Map<String, Value>,
    request: Request,
}

#[derive(Serialize)]
struct PreOutput {
    context: Map<String, Value>,
    request: Request,
    response: Option<Response>,
    has_response: bool,
    error: &'static str,
}

#[derive(Deserialize)]
struct PostInput {
    context: Map<String, Value>,
    #[allow(dead_code, reason = "read like everything else, and looked at by nobody")]
    request: Request,
    response: Response,
}

#[derive(Serialize)]
struct PostOutput {
    context: Map<String, Value>,
    response: Response,
    error: &'static str,
}

/// A request on its way to the provider.
#[unsafe(no_mangle)]
pub extern "C" fn http_pre_hook(input: *const u8, len: usize) -> u64 {
    // SAFETY: the host promises `len` bytes at `input` for the length of this call.
    let input = unsafe { std::slice::from_raw_parts(input, len) };
    let Ok(PreInput { context, mut request }) = serde_json::from_slice(input) else { return 0 };
    request.headers.insert("x-plugin".to_owned(), "json".to_owned());
    give(&PreOutput { context, request, response: None, has_response: false, error: "" })
}

/// A response on its way to the client.
#[unsafe(no_mangle)]
pub extern "C" fn http_post_hook(input: *const u8, len: usize) -> u64 {
    // SAFETY: as above.
    let input = unsafe { std::slice::from_raw_parts(input, len) };
    let Ok(PostInput { context, mut response, .. }) = serde_json::from_slice(input) else {
        return 0;
    };
    response.headers.insert("x-plugin".to_owned(), "json".to_owned());
    give(&PostOutput { context, response, error: "" })
}

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
