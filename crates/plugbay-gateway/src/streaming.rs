//! A streamed answer on its way to the client.
//!
//! The response's body asks for a chunk when the client can take one: nothing is read
//! ahead, and when the client goes away hyper drops the body and, with it, the upstream call.

mod going;

use std::convert::Infallible;

use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body_util::StreamBody;
use hyper::body::Frame;
use plugbay_hooks::Exchange;

use self::going::Live;
use crate::body::HttpBody;
use crate::endpoint::Endpoint;
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
}

/// The response for a stream.
pub(crate) fn response(
    exchange: Exchange,
    streamed: Streamed,
    background: Background,
) -> Response<HttpBody> {
    let live = Live::new(exchange, streamed, background);
    let frames = stream::unfold(live, |live| async move {
        let (bytes, live) = live.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(bytes)), live))
    });
    let mut response = Response::new(HttpBody::made(StreamBody::new(frames)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
