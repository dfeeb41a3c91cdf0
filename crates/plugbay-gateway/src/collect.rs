//! A request's body, read whole, within bounds of size and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use plugbay::abi::hook::HookError;

use crate::api_error::invalid;

/// Bytes past the limit that are read and thrown away, so that the client, which is still
/// sending, gets to read why it was refused, and the connection can be used again.
const PATIENCE: usize = 16 << 20;

/// Why a body was refused, and whether the connection is of any further use.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: HookError,
    pub(crate) close: bool,
}

/// Reads a body of at most `limit` bytes within `timeout`.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Incoming,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, Refused> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if let Some(length) = announced.filter(|length| *length > limit) {
        // A client that asks before it sends need not send.
        if headers.contains_key(EXPECT) || length - limit > PATIENCE {
            return Err(too_large(limit, true));
        }
    }
    // An announcement is not yet a body worth the memory.
    let capacity = announced.unwrap_or(0).min(limit).min(64 << 10);
    match tokio::time::timeout(timeout, collect(body, capacity, limit)).await {
        Ok(result) => result,
        Err(_) => {
            let message = format!("no complete body within {} ms", timeout.as_millis());
            Err(Refused { error: invalid(408, "request_timeout", message), close: true })
        }
    }
}

async fn collect(mut body: Incoming, capacity: usize, limit: usize) -> Result<Bytes, Refused> {
    let mut first = Bytes::new();
    let mut bytes = BytesMut::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let message = format!("the request's body cannot be read: {error}");
            Refused { error: invalid(400, "invalid_body", message), close: true }
        })?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > limit.saturating_add(PATIENCE) {
            return Err(too_large(limit, true));
        }
        if length > limit {
            bytes = BytesMut::new();
        } else if length == data.len() {
            // Most bodies come in one piece, and that is not copied.
            first = data;
        } else {
            if bytes.is_empty() {
                bytes.reserve(capacity.max(length));
                bytes.extend_from_slice(&first);
            }
            bytes.extend_from_slice(&data);
        }
    }
    if length > limit {
        Err(too_large(limit, false))
    } else if bytes.is_empty() {
        Ok(first)
    } else {
        Ok(bytes.freeze())
    }
}

fn too_large(limit: usize, close: bool) -> Refused {
    let message = format!("the request's body is longer than {limit} bytes");
    Refused { error: invalid(413, "body_too_large", message), close }
}
