//! A streamed response, read event by event and no faster than it is asked for.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use plugbay::abi::json::RawObject;
use plugbay_hooks::stream::Form;
use serde_json::value::RawValue;

use super::chain;
use super::ending::Ending;
use crate::provider::{Chunk, Phase, ProviderError, UpstreamError};
use crate::sse::{DONE, Decoder, Event};

/// Longest event of a stream, in bytes.
const MAX_EVENT: usize = 8 << 20;

/// A streamed response being read.
pub(super) struct Chunks {
    provider: String,
    form: Option<Form>,
    ending: Ending,
    body: Incoming,
    idle: Duration,
    decoder: Decoder,
    events: VecDeque<Event>,
    ended: bool,
}

impl Chunks {
    pub(super) fn new(
        provider: String,
        form: Option<Form>,
        body: Incoming,
        idle: Duration,
    ) -> Self {
        Self {
            provider,
            form,
            ending: Ending::of(form),
            body,
            idle,
            decoder: Decoder::new(MAX_EVENT),
            events: VecDeque::new(),
            ended: false,
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Chunk, ProviderError>> + Send {
        stream::unfold(Some(self), |chunks| async move {
            let mut chunks = chunks?;
            match chunks.next().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(chunks))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<Option<Chunk>, ProviderError> {
        loop {
            if self.ending.is_over() {
                return Ok(None);
            }
            if let Some(event) = self.events.pop_front() {
                if event.data.trim() == DONE {
                    return Ok(None);
                }
                return self.chunk(event).map(Some);
            }
            if self.ended {
                return match self.ending.is_complete() {
                    true => Ok(None),
                    false => Err(ProviderError::CutShort { provider: self.provider.clone() }),
                };
            }
            self.read().await?;
        }
    }

    fn chunk(&mut self, event: Event) -> Result<Chunk, ProviderError> {
        let Event { name, data } = event;
        if name.as_deref() == Some("error") {
            return Err(self.told(data));
        }
        let json = RawValue::from_string(data).map_err(|error| self.unusable(&error))?;
        // Where events are told apart by what is in them, a name is nobody's.
        let name = name.filter(|_| !self.form.is_some_and(Form::ends_with_done));
        let chunk = Chunk { name, json };
        self.ending.see(&chunk);
        Ok(chunk)
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
        // The Responses API has the error's fields beside `type`, and not below `error`.
        let fields: Result<RawObject, _> = serde_json::from_str(&body);
        let body = match fields {
            Ok(mut fields) if fields.raw("error").is_none() && fields.raw("message").is_some() => {
                fields.remove("type");
                format!(r#"{{"error":{}}}"#, fields.to_json())
            }
            _ => body,
        };
        let error = UpstreamError { status: 502, body: body.into(), headers: Vec::new() };
        ProviderError::Upstream { provider: self.provider.clone(), error }
    }

    fn unusable(&self, reason: &dyn fmt::Display) -> ProviderError {
        ProviderError::BadAnswer { provider: self.provider.clone(), reason: reason.to_string() }
    }
}
