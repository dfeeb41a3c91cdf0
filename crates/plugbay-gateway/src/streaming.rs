//! A streamed answer on its way to the client.
//!
//! The response's body asks for a chunk when the client can take one: nothing is read
//! ahead, and when the client goes away hyper drops the body and, with it, the upstream call.

use std::collections::VecDeque;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body_util::StreamBody;
use hyper::body::Frame;
use plugbay::abi::hook::{HookError, LlmResponse};
use plugbay::abi::interface::Hook;
use plugbay_hooks::Exchange;
use plugbay_hooks::stream::Assembler;
use serde_json::value::RawValue;

use crate::api_error;
use crate::body::HttpBody;
use crate::provider::ChunkStream;
use crate::server::Background;
use crate::sse;

/// Most of a stream that is kept for the post hooks, in bytes of chunks.
pub(crate) const MAX_ASSEMBLED: usize = 16 << 20;

/// The response for a stream.
pub(crate) fn response(
    exchange: Exchange,
    chunks: ChunkStream,
    post_at_end: bool,
    background: Background,
) -> Response<HttpBody> {
    let live = Live::new(exchange, chunks, post_at_end, background);
    let frames = stream::unfold(Some(live), |live| async move {
        let (bytes, live) = live?.next().await;
        Some((Ok::<_, Infallible>(Frame::data(bytes)), live))
    });
    let mut response = Response::new(HttpBody::made(StreamBody::new(frames)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

struct Live {
    exchange: Exchange,
    chunks: ChunkStream,
    post_at_end: bool,
    /// What has passed the hooks and was not sent yet.
    ready: VecDeque<Box<RawValue>>,
    /// How the stream has ended, where it has.
    end: Option<End>,
    /// What was sent, if a hook is there that will be shown it.
    sent: Option<Assembler>,
    background: Background,
}

/// How a stream ended: well, or with this error.
type End = Result<(), HookError>;

impl Live {
    fn new(
        exchange: Exchange,
        chunks: ChunkStream,
        post_at_end: bool,
        background: Background,
    ) -> Self {
        let shown =
            (post_at_end && exchange.exports(Hook::Post)) || exchange.exports(Hook::HttpPost);
        let sent = shown.then(|| Assembler::new(MAX_ASSEMBLED));
        let (ready, end) = (VecDeque::new(), None);
        Self { exchange, chunks, post_at_end, ready, end, sent, background }
    }

    /// The next bytes, and the rest of the stream if there is one.
    async fn next(mut self) -> (Bytes, Option<Self>) {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                let bytes = self.send(&chunk);
                return (bytes, Some(self));
            }
            match self.end.take() {
                None => self.read().await,
                Some(Ok(())) => {
                    self.finish(None);
                    return (sse::frame(sse::DONE), None);
                }
                Some(Err(error)) => {
                    let bytes = sse::error_frame(&api_error::document(&error));
                    self.finish(Some(error));
                    return (bytes, None);
                }
            }
        }
    }

    /// Takes the next chunk of the provider's to the hooks, or tells them that there is none.
    async fn read(&mut self) {
        let end = match self.chunks.next().await {
            Some(Ok(chunk)) => {
                if let Err(failure) = self.exchange.chunk(chunk, &mut self.ready).await {
                    self.end = Some(Err(failure.to_error()));
                }
                return;
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "a provider's stream broke off");
                Err(error.to_error())
            }
            None => Ok(()),
        };
        // What plugins hold back leaves before either end.
        let flushed = self.exchange.flush(&mut self.ready).await;
        self.end = Some(end.and(flushed.map_err(|failure| failure.to_error())));
    }

    fn send(&mut self, chunk: &RawValue) -> Bytes {
        if let Some(sent) = &mut self.sent {
            sent.push(chunk);
        }
        sse::frame(chunk.get())
    }

    /// Shows the hooks what was sent, while the client already has it: many clients hang up at
    /// the last event.
    fn finish(self, error: Option<HookError>) {
        // The upstream is done with, whatever the hooks do.
        let Self { mut exchange, chunks, post_at_end, sent, background, .. } = self;
        drop(chunks);
        let Some(sent) = sent else { return };
        background.spawn(async move {
            if !sent.is_complete() {
                tracing::warn!(
                    limit = MAX_ASSEMBLED,
                    "the post hooks see only the beginning of a stream"
                );
            }
            let whole = sent.finish();
            let response = match &error {
                Some(error) => api_error::response(error.clone()),
                None => api_error::json_response(200, whole.get()),
            };
            let result = match error {
                Some(error) => Err(error),
                None => Ok(LlmResponse::new(LlmResponse::CHAT, whole)),
            };
            exchange.streamed(post_at_end.then_some(&result), &response).await;
        });
    }
}
