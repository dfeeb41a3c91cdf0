//! An upstream's answer, read as a whole or event by event, and no faster than it is asked for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Response;
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use plugbay::abi::json::parse;
use serde_json::value::RawValue;

use super::{Lent, Shared};
use crate::body::{BodyError, HttpBody};
use crate::paced::{Paced, Whole};
use crate::provider::{Phase, ProviderError, UpstreamError};
use crate::sse::{Decoder, Event};

/// Longest whole answer that is taken, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// Longest event of a stream, in bytes.
const MAX_EVENT: usize = 8 << 20;

/// An answer whose head is there.
pub(crate) struct Arriving {
    pub(in crate::provider) head: Parts,
    body: Body,
}

/// A body, and whose it is.
struct Body {
    upstream: Arc<Shared>,
    body: Paced,
}

impl Arriving {
    pub(super) fn new(
        upstream: &Arc<Shared>,
        response: Response<Lent>,
        idle: Duration,
        whole: Whole,
    ) -> Self {
        let (head, body) = response.into_parts();
        let body = Paced::new(body, idle, whole);
        Self { head, body: Body { upstream: Arc::clone(upstream), body } }
    }

    pub(in crate::provider) fn is_event_stream(&self) -> bool {
        let kind = self.head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().trim_start().to_ascii_lowercase();
        kind.starts_with("text/event-stream")
    }

    /// The body, of at most `limit` bytes.
    pub(super) async fn whole(mut self, limit: usize) -> Result<Bytes, ProviderError> {
        let mut bytes = BytesMut::new();
        while let Some(piece) = self.body.next().await? {
            if bytes.len() + piece.len() > limit {
                return Err(self.body.unusable(format_args!("longer than {limit} bytes")));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }

    /// The body, whatever it is.
    pub(crate) async fn bytes(self) -> Result<Bytes, ProviderError> {
        self.whole(MAX_ANSWER).await
    }

    /// The body, which has to be a JSON object. `error` says of one that is an error what its status is.
    pub(in crate::provider) async fn object(
        self,
        error: impl FnOnce(&RawValue) -> Option<u16>,
    ) -> Result<Box<RawValue>, ProviderError> {
        let upstream = Arc::clone(&self.body.upstream);
        let body = self.bytes().await?;
        let raw: Box<RawValue> = parse(&body).map_err(|error| unusable(&upstream.name, error))?;
        if !raw.get().starts_with('{') {
            return Err(unusable(&upstream.name, "no object"));
        }
        match error(&raw) {
            Some(status) => Err(told(&upstream, status, raw.get().to_owned())),
            None => Ok(raw),
        }
    }

    /// The body as it comes.
    pub(in crate::provider) fn passed(self) -> HttpBody {
        HttpBody::passed(self.body.body)
    }

    /// The body as a stream of events.
    pub(in crate::provider) fn events(self) -> Events {
        let decoder = Decoder::new(MAX_EVENT);
        Events { body: self.body, decoder, events: VecDeque::new(), ended: false }
    }
}

/// A stream of events being read.
pub(in crate::provider) struct Events {
    body: Body,
    decoder: Decoder,
    events: VecDeque<Event>,
    ended: bool,
}

impl Events {
    /// The next event.
    pub(in crate::provider) async fn next(&mut self) -> Result<Option<Event>, ProviderError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            let decoded = match self.body.next().await? {
                Some(bytes) => self.decoder.push(&bytes, &mut self.events),
                None => {
                    self.ended = true;
                    self.decoder.finish(&mut self.events)
                }
            };
            decoded.map_err(|error| self.unusable(error))?;
        }
    }

    pub(in crate::provider) fn provider(&self) -> &str {
        &self.body.upstream.name
    }

    /// An error that the provider told in the middle of the stream.
    pub(in crate::provider) fn told(&self, status: u16, body: String) -> ProviderError {
        told(&self.body.upstream, status, body)
    }

    /// Something that is not the API's.
    pub(in crate::provider) fn unusable(&self, reason: impl fmt::Display) -> ProviderError {
        self.body.unusable(reason)
    }
}

impl Body {
    /// The next bytes.
    async fn next(&mut self) -> Result<Option<Bytes>, ProviderError> {
        while let Some(frame) = self.body.frame().await {
            match frame.map(Frame::into_data) {
                Ok(Ok(bytes)) => return Ok(Some(bytes)),
                // Trailers.
                Ok(Err(_)) => {}
                Err(error) => return Err(broken(&self.upstream.name, error)),
            }
        }
        Ok(None)
    }

    fn unusable(&self, reason: impl fmt::Display) -> ProviderError {
        unusable(&self.upstream.name, reason)
    }
}

/// An error of the provider's own. Of one that repeats a key, nothing is kept.
fn told(upstream: &Shared, status: u16, mut body: String) -> ProviderError {
    if upstream.keys.are_in(body.as_bytes()) {
        body.clear();
    }
    let error = UpstreamError { status, body: body.into(), headers: Vec::new() };
    ProviderError::Upstream { provider: upstream.name.to_string(), error }
}

fn broken(provider: &str, error: BodyError) -> ProviderError {
    let provider = provider.to_owned();
    match error {
        BodyError::Stalled { after } => {
            ProviderError::TimedOut { provider, phase: Phase::NextBytes, after }
        }
        BodyError::TooSlow { after } => {
            ProviderError::TimedOut { provider, phase: Phase::Whole, after }
        }
        BodyError::Broken { reason } => ProviderError::Unreachable { provider, reason },
    }
}

fn unusable(provider: &str, reason: impl fmt::Display) -> ProviderError {
    ProviderError::BadAnswer { provider: provider.to_owned(), reason: reason.to_string() }
}
