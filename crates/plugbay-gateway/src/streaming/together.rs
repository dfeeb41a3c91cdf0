//! Events that are there together leave together: each that leaves by itself is a system call here, one at the client,
//! and the packets between them.
//!
//! Nobody waits for that. An event leaves at once where the one before it left a while ago, as those of a model do. Where
//! they come faster, whoever reads them from the provider gets a turn first, and what there is then leaves.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use hyper::body::{Body, Frame};
use tokio::time::Instant;

/// Events that come sooner after each other are thought to come with more of them.
const A_WHILE: Duration = Duration::from_millis(1);

/// How often more is asked for before what there is leaves: the server asks twice each time that it is woken, and only the
/// third time has the reader had its turn.
const TURNS: u8 = 2;

/// Bytes that leave without waiting for more.
const ENOUGH: usize = 4 << 10;

/// A body of events.
pub(super) struct Together<S> {
    events: Pin<Box<S>>,
    /// What has not left, where it is one event: that is not copied.
    one: Option<Bytes>,
    /// The same where it is several.
    several: BytesMut,
    left: Option<Instant>,
    /// How often there was nothing since the last event.
    turns: u8,
    ended: bool,
}

impl<S: Stream<Item = Bytes>> Together<S> {
    pub(super) fn new(events: S) -> Self {
        Self {
            events: Box::pin(events),
            one: None,
            several: BytesMut::new(),
            left: None,
            turns: 0,
            ended: false,
        }
    }

    fn add(&mut self, event: Bytes) {
        if self.is_empty() {
            self.one = Some(event);
            return;
        }
        if let Some(one) = self.one.take() {
            self.several.reserve(ENOUGH + event.len());
            self.several.extend_from_slice(&one);
        }
        self.several.extend_from_slice(&event);
    }

    fn is_empty(&self) -> bool {
        self.one.is_none() && self.several.is_empty()
    }

    /// Whether what there is waits for nobody.
    fn is_urgent(&self) -> bool {
        match &self.one {
            Some(one) => {
                one.len() >= ENOUGH || self.left.is_none_or(|left| left.elapsed() >= A_WHILE)
            }
            None => self.several.len() >= ENOUGH,
        }
    }

    fn leave(&mut self) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = self.one.take().unwrap_or_else(|| self.several.split().freeze());
        self.left = Some(Instant::now());
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl<S: Stream<Item = Bytes>> Body for Together<S> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while !self.ended {
            match self.events.as_mut().poll_next(context) {
                Poll::Ready(Some(event)) => {
                    self.turns = 0;
                    self.add(event);
                    if self.is_urgent() {
                        return self.leave();
                    }
                }
                Poll::Ready(None) => self.ended = true,
                Poll::Pending if self.is_empty() => return Poll::Pending,
                Poll::Pending if self.turns < TURNS => {
                    self.turns += 1;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Pending => return self.leave(),
            }
        }
        match self.is_empty() {
            true => Poll::Ready(None),
            false => self.leave(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};
    use http_body_util::BodyExt as _;
    use tokio::sync::mpsc;

    use super::*;

    /// What leaves of a stream that is all there, by the lengths of its frames.
    async fn frames(events: Vec<&'static [u8]>) -> (Vec<usize>, Vec<u8>) {
        let mut body = Together::new(stream::iter(events).map(Bytes::from_static));
        let (mut lengths, mut all) = (Vec::new(), Vec::new());
        while let Some(frame) = body.frame().await {
            let data = frame.unwrap().into_data().unwrap();
            lengths.push(data.len());
            all.extend_from_slice(&data);
        }
        (lengths, all)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_leaves_alone_and_the_others_with_as_many_as_are_there() {
        let (long, short) = (&[b'x'; ENOUGH][..], &b"short"[..]);
        for (events, wanted) in [
            (vec![], vec![]),
            (vec![short], vec![5]),
            (vec![short, short], vec![5, 5]),
            (vec![short; 5], vec![5, 20]),
            (vec![long, short, short], vec![ENOUGH, 10]),
            (vec![short, long, short], vec![5, ENOUGH, 5]),
            (vec![short, short, long, short], vec![5, ENOUGH + 5, 5]),
        ] {
            let (lengths, all) = frames(events.clone()).await;
            assert_eq!(lengths, wanted);
            assert_eq!(all, events.concat());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_what_is_not_there() {
        let (events, mut coming) = mpsc::channel(9);
        let coming = stream::poll_fn(move |context| coming.poll_recv(context));
        let mut body = Together::new(coming);
        let event = Bytes::from_static(b"event");
        for _ in 0..3 {
            events.send(event.clone()).await.unwrap();
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), event);
        }
        drop(events);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_to_come_gets_a_turn() {
        let (events, mut coming) = mpsc::channel(1);
        let coming = stream::poll_fn(move |context| coming.poll_recv(context));
        let writer = tokio::spawn(async move {
            for _ in 0..10 {
                events.send(Bytes::from_static(b"event")).await.unwrap();
            }
        });
        let mut body = Together::new(coming);
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 5);
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 45);
        writer.await.unwrap();
    }
}
