//! Bodies on their way: whole, passed on piece by piece, or made while they are sent.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};

use crate::observe::Ended;
use crate::paced::Paced;

/// The body of a request to a provider, or of a response to a client.
///
/// What comes from the other side is passed on piece by piece: the next one is read when
/// this one has been taken, and nothing is kept.
pub struct HttpBody(Kind);

enum Kind {
    Whole(Full<Bytes>),
    Passed(Paced),
    Made(UnsyncBoxBody<Bytes, Infallible>),
    Watched(Box<(HttpBody, Ended)>),
}

/// A body that broke off.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// No more of it came in time.
    #[error("nothing more of it came within {} ms", .after.as_millis())]
    Stalled {
        /// How long that was waited for.
        after: Duration,
    },
    /// It was not complete in time.
    #[error("it was not complete within {} ms", .after.as_millis())]
    TooSlow {
        /// How long that was waited for.
        after: Duration,
    },
    /// It cannot be read.
    #[error("it cannot be read: {reason}")]
    Broken {
        /// Why, for the log.
        reason: String,
    },
}

impl HttpBody {
    /// A body whose bytes are counted, and whose end is told.
    pub(crate) fn watched(body: HttpBody, ended: Ended) -> Self {
        Self(Kind::Watched(Box::new((body, ended))))
    }

    /// A body that is there as a whole.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Whole(Full::new(bytes.into())))
    }

    /// The other side's, as it comes.
    pub(crate) fn passed(body: Paced) -> Self {
        Self(Kind::Passed(body))
    }

    /// A body that is made while it is sent.
    pub(crate) fn made(body: impl Body<Data = Bytes, Error = Infallible> + Send + 'static) -> Self {
        Self(Kind::Made(body.boxed_unsync()))
    }
}

impl Default for HttpBody {
    fn default() -> Self {
        Self::whole(Bytes::new())
    }
}

impl fmt::Debug for HttpBody {
    /// What is known of the length, and nothing of what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpBody({:?} bytes)", self.size_hint())
    }
}

impl Body for HttpBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Kind::Whole(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Kind::Passed(body) => Pin::new(body).poll_frame(context),
            Kind::Made(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Kind::Watched(watched) => {
                let (body, ended) = &mut **watched;
                let polled = Pin::new(body).poll_frame(context);
                if let Poll::Ready(Some(Ok(frame))) = &polled {
                    ended.sent(frame.data_ref().map_or(0, Bytes::len));
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(body) => body.is_end_stream(),
            Kind::Passed(body) => body.is_end_stream(),
            Kind::Made(body) => body.is_end_stream(),
            Kind::Watched(watched) => watched.0.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(body) => body.size_hint(),
            Kind::Passed(body) => body.size_hint(),
            Kind::Made(body) => body.size_hint(),
            Kind::Watched(watched) => watched.0.size_hint(),
        }
    }
}
