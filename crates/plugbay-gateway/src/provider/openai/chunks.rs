//! A streamed response, read event by event and no faster than it is asked for.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::value::RawValue;

use super::chain;
use crate::provider::{Phase, ProviderError, UpstreamError};
use crate::sse::{DONE, Decoder, Event};

/// Longest event of a stream, in bytes.
const MAX_EVENT: usize = 8 << 20;

/// A streamed response being read.
pub(super) struct Chunks {
    provider: String,
    body: Incoming,
    idle: Duration,
    decoder: Decoder,
    events: VecDeque<Event>,
    ended: bool,
}

impl Chunks {
    pub(super) fn new(provider: String, body: Incoming, idle: Duration) -> Self {
        Self {
            provider,
            body,
            idle,
            decoder: Decoder::new(MAX_EVENT),
            events: VecDeque::new(),
            ended: false,
        }
    }

    pub(super) fn into_stream(
        self,
    ) -> impl Stream<Item = Result<Box<RawValue>, ProviderError>> + Send {
        stream::unfold(Some(self), |chunks| async move {
            let mut chunks = chunks?;
            match chunks.next().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(chunks))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<Option<Box<RawValue>>, ProviderError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                if event.data.trim() == DONE {
                    return Ok(None);
                }
                if event.name.as_deref() == Some("error") {
                    return Err(self.told(event.data));
                }
                let chunk = RawValue::from_string(event.data);
                return chunk.map(Some).map_err(|error| self.unusable(&error));
            }
            if self.ended {
                return Ok(None);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<(), ProviderError> {
        let decoded = match tokio::time::timeout(self.idle, self.body.frame()).await {
            Err(_) => {
                return Err(ProviderError::TimedOut {
                    provider: self.provider.clone(),
                    phase: Phase::NextBytes,
                    after: self.idle,
                });
            }
            Ok(Some(Err(error))) => {
                return Err(ProviderError::Unreachable {
                    provider: self.provider.clone(),
                    reason: chain(&error),
                });
            }
            Ok(Some(Ok(frame))) => match frame.data_ref() {
                Some(bytes) => self.decoder.push(bytes, &mut self.events),
                None => Ok(()),
            },
            Ok(None) => {
                self.ended = true;
                self.decoder.finish(&mut self.events)
            }
        };
        decoded.map_err(|error| self.unusable(&error))
    }

    /// An error that the provider told in the middle of a stream.
    fn told(&self, body: String) -> ProviderError {
        let error = UpstreamError { status: 502, body: body.into(), headers: Vec::new() };
        ProviderError::Upstream { provider: self.provider.clone(), error }
    }

    fn unusable(&self, reason: &dyn fmt::Display) -> ProviderError {
        ProviderError::BadAnswer { provider: self.provider.clone(), reason: reason.to_string() }
    }
}
