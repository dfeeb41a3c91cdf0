//! What is known of one request, put together on its way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::{Method, Request, Response};
use tokio::time::Instant;

use super::Observer;
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
    model: Mutex<ModelNote>,
}

/// What is known of a request to a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ModelNote {
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) streamed: bool,
    pub(super) usage: Usage,
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
    pub(super) fn new<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            began: SystemTime::now(),
            clock: Instant::now(),
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
