//! What is seen of requests from outside: numbers for Prometheus, a line for each in the access log, and spans.
//!
//! A gateway that is asked for none of them has no [`Observer`], and its requests pay for none.

mod access;
mod counts;
mod histogram;
mod listener;
mod measured;
mod note;
mod render;
mod spans;
mod text;

use std::sync::Arc;

use http::{Request, Response};
use plugbay_hooks::Watch;

use crate::body::HttpBody;

pub(crate) use access::AccessLog;
pub use access::AccessLogTarget;
pub(crate) use counts::Counts;
pub(crate) use listener::MetricsListener;
pub(crate) use measured::Measured;
pub(crate) use note::Ended;
use note::Note;
pub(crate) use render::Sources;
use spans::HookSpans;
pub(crate) use spans::{Spans, answered, failed, leaves};

/// Who sees requests end.
#[derive(Debug)]
pub(crate) struct Observer {
    /// What is counted, where somebody asks for it.
    pub(crate) counts: Option<Arc<Counts>>,
    /// Where lines go, where they are wanted.
    pub(crate) log: Option<AccessLog>,
    /// What makes spans, where they go anywhere.
    pub(crate) spans: Option<Spans>,
}

impl Observer {
    /// An observer, unless there is nothing that it would do.
    pub(crate) fn new(
        counts: Option<Arc<Counts>>,
        log: Option<AccessLog>,
        spans: Option<Spans>,
    ) -> Option<Arc<Self>> {
        let wanted = counts.is_some() || log.is_some() || spans.is_some();
        wanted.then(|| Arc::new(Self { counts, log, spans }))
    }

    /// Who is told of the hook calls of the request that this is called in, if anybody wants to know.
    pub(crate) fn hooks(&self) -> Option<Arc<dyn Watch>> {
        self.spans.as_ref()?;
        let span = note::current()?.span.clone()?;
        span.is_recorded().then(|| -> Arc<dyn Watch> { Arc::new(HookSpans::new(span)) })
    }

    /// Sees a request to its end: that of its response's body, or of the client.
    pub(crate) async fn watch<B>(
        self: &Arc<Self>,
        request: Request<B>,
        answer: impl AsyncFnOnce(Request<B>) -> Response<HttpBody>,
    ) -> Response<HttpBody> {
        let span = self.spans.as_ref().map(|spans| spans.request(&request));
        let note = Arc::new(Note::new(&request, span));
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
        if let Some(span) = &end.note.span {
            span.ended(end);
        }
    }
}
