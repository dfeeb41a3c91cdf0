//! What is seen of requests from outside: numbers for Prometheus, and a line for each in the access log.
//!
//! A gateway that is asked for neither has no [`Observer`], and its requests pay for none.

mod access;
mod counts;
mod histogram;
mod listener;
mod measured;
mod note;
mod render;
mod text;

use std::sync::Arc;

use http::{Request, Response};

use crate::body::HttpBody;

pub(crate) use access::AccessLog;
pub use access::AccessLogTarget;
pub(crate) use counts::Counts;
pub(crate) use listener::MetricsListener;
pub(crate) use measured::Measured;
pub(crate) use note::Ended;
use note::Note;
pub(crate) use render::Sources;

/// Who sees requests end.
#[derive(Debug)]
pub(crate) struct Observer {
    /// What is counted, where somebody asks for it.
    pub(crate) counts: Option<Arc<Counts>>,
    /// Where lines go, where they are wanted.
    pub(crate) log: Option<AccessLog>,
}

impl Observer {
    /// An observer, unless there is nothing that it would do.
    pub(crate) fn new(counts: Option<Arc<Counts>>, log: Option<AccessLog>) -> Option<Arc<Self>> {
        (counts.is_some() || log.is_some()).then(|| Arc::new(Self { counts, log }))
    }

    /// Sees a request to its end: that of its response's body, or of the client.
    pub(crate) async fn watch<B>(
        self: &Arc<Self>,
        request: Request<B>,
        answer: impl AsyncFnOnce(Request<B>) -> Response<HttpBody>,
    ) -> Response<HttpBody> {
        let note = Arc::new(Note::new(&request));
        let mut ended = Ended::new(Arc::clone(self), Arc::clone(&note));
        let response = note::within(note, answer(request)).await;
        ended.answered(&response);
        response.map(|body| HttpBody::watched(body, ended))
    }

    fn ended(&self, end: &note::End<'_>) {
        if let Some(counts) = &self.counts {
            counts.request(end);
        }
        if let Some(log) = &self.log {
            log.write(end);
        }
    }
}
