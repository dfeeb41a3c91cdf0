//! Two HTTP hooks that add a header: every field becomes a value of Rust's, the body stays the base64 that it came as.
//!
//! The upstream gets `x-plugin`, and so does the client. With the feature `binary_bodies` the body is taken whole
//! from beside the document, and put back.

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
    crate::give(&PreOutput { context, request, response: None, has_response: false, error: "" })
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
    crate::give(&PostOutput { context, response, error: "" })
}
