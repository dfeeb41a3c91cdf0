//! Bodies from the other side, each piece of which has its time, and all of them together.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use plugbay::with_sources;
use tokio::time::Instant;

use crate::body::BodyError;
use crate::deadline::Deadline;
use crate::provider::Lent;

/// The time that all of a body has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole {
    pub(crate) end: Instant,
    /// What that is after whatever it counts from.
    pub(crate) after: Duration,
}

impl Whole {
    /// So long from now on.
    pub(crate) fn within(after: Duration) -> Self {
        // Whoever has centuries has all the time there is.
        let day = Duration::from_secs(24 * 60 * 60);
        let now = Instant::now();
        Self { end: now.checked_add(after).unwrap_or_else(|| now + 365 * day), after }
    }
}

/// A body whose pieces are waited for, each for so long and no longer.
pub(crate) struct Paced {
    body: Lent,
    pause: Duration,
    whole: Whole,
    /// Until when the next piece has to come, while it is waited for.
    until: Option<Instant>,
    deadline: Deadline,
}

impl Paced {
    /// A body of which each piece has to come within `pause`, and all of it by the end of `whole`.
    pub(crate) fn new(body: Lent, pause: Duration, whole: Whole) -> Self {
        Self { body, pause, whole, until: None, deadline: Deadline::default() }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.until = None;
            let broken = |error: hyper::Error| BodyError::Broken { reason: with_sources(&error) };
            return Poll::Ready(frame.map(|frame| frame.map_err(broken)));
        }
        let (after, whole) = (self.pause, self.whole);
        let until = || whole.end.min(Instant::now() + after);
        let until = *self.until.get_or_insert_with(until);
        self.deadline.poll(until, context).map(|()| {
            Some(Err(match until == whole.end {
                true => BodyError::TooSlow { after: whole.after },
                false => BodyError::Stalled { after },
            }))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
