//! The stream that the upstream sends: one chunk, a pause, and the rest as fast as it is taken.
//!
//! The pause is there so that the first chunk travels alone, as a provider's does: without it a proxy would
//! write it together with those after it, and the time to the first byte would be that of all of them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Sleep, sleep};

/// How many chunks a stream has before `[DONE]`.
pub const CHUNKS: usize = 200;

const PAUSE: Duration = Duration::from_millis(2);

const CHUNK: &str = concat!(
    r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o","choices":"#,
    r#"[{"index":0,"delta":{"content":" harbour"},"logprobs":null,"finish_reason":null}]}"#,
    "\n\n"
);

const DONE: &str = "data: [DONE]\n\n";

/// Whether a chat request wants a stream.
#[must_use]
pub fn is_asked_for(body: &[u8]) -> bool {
    let wanted = br#""stream":true"#;
    body.windows(wanted.len()).any(|found| found == wanted)
}

/// The body.
#[derive(Default)]
pub struct Chunks {
    sent: usize,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let text = match self.sent {
            CHUNKS => DONE,
            sent if sent > CHUNKS => return Poll::Ready(None),
            _ => CHUNK,
        };
        if self.sent == 0 {
            self.pause = Some(Box::pin(sleep(PAUSE)));
        }
        self.sent += 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
    }
}
