//! Two HTTP hooks that read the whole document with serde, add a header and write it anew.
//!
//! What a plugin of the guide does that changes something: every field becomes a value of Rust's,
//! the body stays the base64 that it came as. The upstream gets `x-plugin`, and so does the client.
//! With the feature `binary_bodies` the body is taken whole from beside the document, and put back.

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
    #[cfg(not(feature = "binary_bodies"))]
    body: String,
}

#[derive(Deserialize, Serialize)]
struct Response {
    status_code: u16,
    headers: Pairs,
    #[cfg(not(feature = "binary_bodies"))]
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

#[cfg(feature = "binary_bodies")]
mod binary_bodies {
    pub(crate) const REQUEST: i32 = 0;
    pub(crate) const RESPONSE: i32 = 1;

    #[link(wasm_import_module = "plugbay")]
    unsafe extern "C" {
        safe fn body_len(which: i32) -> i64;
        fn body_read(which: i32, offset: i64, start: *mut u8, len: usize) -> i32;
        fn body_write(which: i32, offset: i64, start: *const u8, len: usize) -> i32;
    }

    /// The generation of the hook contract.
    #[unsafe(no_mangle)]
    extern "C" fn plugbay_abi() -> i32 {
        2
    }

    pub(crate) fn take_and_put_back(which: i32) {
        let mut body = vec![0; usize::try_from(body_len(which)).unwrap_or(0)];
        // SAFETY: the host writes to this buffer and reads from it, and to nowhere else.
        unsafe {
            body_read(which, 0, body.as_mut_ptr(), body.len());
            body_write(which, 0, body.as_ptr(), body.len());
        }
    }
}

/// A request on its way to the provider.
#[unsafe(no_mangle)]
pub extern "C" fn http_pre_hook(input: *const u8, len: usize) -> u64 {
    // SAFETY: the host promises `len` bytes at `input` for the length of this call.
    let input = unsafe { std::slice::from_raw_parts(input, len) };
    let Ok(PreInput { context, mut request }) = serde_json::from_slice(input) else { return 0 };
    request.headers.insert("x-plugin".to_owned(), "json".to_owned());
    #[cfg(feature = "binary_bodies")]
    binary_bodies::take_and_put_back(binary_bodies::REQUEST);
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
    #[cfg(feature = "binary_bodies")]
    binary_bodies::take_and_put_back(binary_bodies::RESPONSE);
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
