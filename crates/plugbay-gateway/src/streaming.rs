//! A streamed answer on its way to the client.
//!
//! The response's body asks for a chunk when the client can take one: nothing is read
//! ahead, and when the client goes away hyper drops the body and, with it, the upstream call.

mod going;
mod together;

use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use plugbay_hooks::Exchange;

use self::going::Live;
use self::together::Together;
use crate::attempts;
use crate::body::HttpBody;
use crate::endpoint::Endpoint;
use crate::messages;
use crate::provider::ChunkStream;
use crate::server::Background;

/// Most of a stream that is kept for the post hooks, in bytes of chunks.
pub(crate) const MAX_ASSEMBLED: usize = 16 << 20;

/// An answer that comes in chunks.
pub(crate) struct Streamed {
    pub(crate) endpoint: Endpoint,
    /// Its chunks, before the chunk hooks.
    pub(crate) chunks: ChunkStream,
    /// Whether `post` is still to see what was streamed: it already saw an answer
    /// that was whole before it was cut into chunks.
    pub(crate) post_at_end: bool,
    /// Which fallback answers, where it is one.
    pub(crate) answered_by: Option<HeaderValue>,
    /// What its chunks become, where the client is Anthropic's.
    pub(crate) as_messages: Option<messages::Events>,
}

impl Streamed {
    /// One of OpenAI's.
    pub(crate) fn new(endpoint: Endpoint, chunks: ChunkStream, post_at_end: bool) -> Self {
        Self { endpoint, chunks, post_at_end, answered_by: None, as_messages: None }
    }
}

/// The response for a stream.
pub(crate) fn response(
    exchange: Exchange,
    mut streamed: Streamed,
    background: Background,
) -> Response<HttpBody> {
    let answered_by = streamed.answered_by.take();
    let live = Live::new(exchange, streamed, background);
    let events = stream::unfold(live, Live::next);
    let mut response = Response::new(HttpBody::made(Together::new(events)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(fallback) = answered_by {
        headers.insert(attempts::HEADER, fallback);
    }
    response
}
