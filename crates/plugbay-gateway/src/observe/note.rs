//! What is known of one request, put together on its way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::{Method, Request, Response};
use tokio::time::Instant;

use super::Observer;
use super::spans::RequestSpan;
use crate::body::HttpBody;
use crate::request_id;

/// One request.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) method: Method,
    /// Without the query, which may hold what nobody should read.
    pub(super) path: String,
    pub(super) began: SystemTime,
    clock: Instant,
    /// Its span, where spans are made.
    pub(super) span: Option<Arc<RequestSpan>>,
    model: Mutex<ModelNote>,
}

/// What is known of what was asked of providers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ModelNote {
    /// Who was asked last: who answered, if anybody did.
    pub(super) provider: String,
    /// Its model, and whether it was to stream.
    pub(super) model: Option<(String, bool)>,
    pub(super) usage: Usage,
    /// Requests that left for providers, with those that were made again.
    pub(super) attempts: u32,
    /// Who was asked, one after the other: the first, and its fallbacks.
    calls: u32,
}

impl ModelNote {
    /// A provider is asked, for a model and maybe for a stream, or for what passes.
    pub(super) fn asked(&mut self, provider: &str, model: Option<(&str, bool)>) {
        provider.clone_into(&mut self.provider);
        self.model = model.map(|(model, streamed)| (model.to_owned(), streamed));
        self.usage = Usage::default();
        self.calls += 1;
    }

    /// How many fallbacks were asked.
    pub(super) fn fallbacks(&self) -> u32 {
        self.calls.saturating_sub(1)
    }
}

/// Tokens, as far as the provider counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) prompt: Option<u64>,
    pub(super) completion: Option<u64>,
}

tokio::task_local! {
    static NOTE: Arc<Note>;
}

/// The note of the request that is being answered, where there is one.
pub(super) fn current() -> Option<Arc<Note>> {
    NOTE.try_with(Arc::clone).ok()
}

/// Answers a request with its note at hand.
pub(super) async fn within<T>(note: Arc<Note>, answer: impl Future<Output = T>) -> T {
    NOTE.scope(note, answer).await
}

impl Note {
    pub(super) fn new<B>(request: &Request<B>, span: Option<Arc<RequestSpan>>) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            began: SystemTime::now(),
            clock: Instant::now(),
            span,
            model: Mutex::default(),
        }
    }

    pub(super) fn model(&self) -> MutexGuard<'_, ModelNote> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told when a request has ended.
#[derive(Debug)]
pub(super) struct End<'a> {
    pub(super) note: &'a Note,
    pub(super) id: &'a str,
    /// `None`: the client went away before there was an answer.
    pub(super) status: Option<u16>,
    pub(super) bytes: u64,
    pub(super) took: Duration,
}

/// Tells when it is dropped: with the response's body, or with the request that its client has left.
#[derive(Debug)]
pub(crate) struct Ended {
    observer: Arc<Observer>,
    note: Arc<Note>,
    id: String,
    status: Option<u16>,
    bytes: u64,
}

impl Ended {
    pub(super) fn new(observer: Arc<Observer>, note: Arc<Note>) -> Self {
        Self { observer, note, id: String::new(), status: None, bytes: 0 }
    }

    pub(super) fn answered(&mut self, response: &Response<HttpBody>) {
        self.status = Some(response.status().as_u16());
        let id = response.headers().get(request_id::HEADER).and_then(|id| id.to_str().ok());
        self.id = id.unwrap_or_default().to_owned();
    }

    /// So many bytes of the body have left.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let Self { observer, note, id, status, bytes } = self;
        let took = note.clock.elapsed();
        observer.ended(&End { note, id, status: *status, bytes: *bytes, took });
    }
}
