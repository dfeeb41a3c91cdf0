//! A stream that is going: from the provider through the chunk hooks to the client, until it ends or
//! the client leaves.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::StreamExt as _;
use plugbay::abi::hook::{HookError, LlmResponse};
use plugbay::abi::interface::Hook;
use plugbay_hooks::Exchange;
use plugbay_hooks::stream::{Assembler, Form};
use serde_json::value::RawValue;

use super::{MAX_ASSEMBLED, Streamed};
use crate::api_error;
use crate::messages;
use crate::provider::Chunk;
use crate::server::Background;
use crate::sse;

/// A stream; none once it has ended. Dropped before that, it was left by its client. In a box, because it
/// is moved with each chunk.
pub(super) struct Live(Option<Box<Going>>);

struct Going {
    exchange: Exchange,
    streamed: Streamed,
    form: Option<Form>,
    /// Whether chunks are shown to a hook.
    hooked: bool,
    /// Whether events have names.
    named: bool,
    /// What has passed the hooks, and has no name yet.
    leaving: VecDeque<Box<RawValue>>,
    /// What was not sent yet.
    ready: VecDeque<Chunk>,
    /// How the stream has ended, where it has.
    end: Option<End>,
    /// What was sent, if a hook is there that will be shown it.
    sent: Option<Assembler>,
    background: Background,
}

/// How a stream ended: well, or with this error.
type End = Result<(), HookError>;

impl Live {
    pub(super) fn new(exchange: Exchange, streamed: Streamed, background: Background) -> Self {
        let shown = (streamed.post_at_end && exchange.exports(Hook::Post))
            || exchange.exports(Hook::HttpPost);
        let form = streamed.endpoint.stream_form();
        Self(Some(Box::new(Going {
            hooked: exchange.exports(Hook::HttpStreamChunk),
            named: form.is_some_and(Form::has_names),
            sent: form.filter(|_| shown).map(|form| Assembler::new(form, MAX_ASSEMBLED)),
            leaving: VecDeque::new(),
            ready: VecDeque::new(),
            end: None,
            exchange,
            streamed,
            form,
            background,
        })))
    }

    /// The next bytes, and what is left of the stream.
    pub(super) async fn next(mut self) -> Option<(Bytes, Self)> {
        let going = self.0.as_mut()?;
        let end = loop {
            if let Some(chunk) = going.ready.pop_front() {
                let bytes = going.send(&chunk);
                return Some((bytes, self));
            }
            match going.end.take() {
                None => going.read().await,
                Some(end) => break end,
            }
        };
        let bytes = match (&end, &mut going.streamed.as_messages) {
            (Ok(()), Some(events)) => Some(messages::frames(&events.end())),
            (Err(error), Some(events)) => Some(events.error(error)),
            (Ok(()), None) if going.form.is_some_and(Form::ends_with_done) => {
                Some(sse::frame(sse::DONE))
            }
            (Ok(()), None) => None,
            (Err(error), None) => Some(sse::error_frame(&api_error::document(error))),
        };
        // While the client already has it: many clients hang up at the last event.
        self.0.take()?.finish(end.err(), false);
        Some((bytes?, self))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Where no runtime is any more, there is nobody to show it either.
        if let Some(going) = self.0.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            going.finish(None, true);
        }
    }
}

impl Going {
    /// Takes the next chunk of the provider's to the hooks, or tells them that there is none.
    async fn read(&mut self) {
        let end = match self.streamed.chunks.next().await {
            Some(Ok(chunk)) if !self.hooked => {
                self.ready.push_back(chunk);
                return;
            }
            Some(Ok(Chunk { name, json })) => {
                if let Err(failure) = self.exchange.chunk(json, &mut self.leaving).await {
                    self.end = Some(Err(failure.to_error()));
                }
                self.name(name);
                return;
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "a provider's stream broke off");
                Err(error.to_error())
            }
            None => Ok(()),
        };
        // What plugins hold back leaves before either end.
        let flushed = self.exchange.flush(&mut self.leaving).await;
        self.name(None);
        self.end = Some(end.and(flushed.map_err(|failure| failure.to_error())));
    }

    /// Gives what has passed the hooks its name: the `type` in it, where events have names, or the
    /// name of the event that it came from.
    fn name(&mut self, came: Option<String>) {
        self.named |= came.is_some();
        for json in self.leaving.drain(..) {
            let chunk = if self.named { Chunk::named(json) } else { Chunk::from(json) };
            let name = chunk.name.or_else(|| came.clone());
            self.ready.push_back(Chunk { name, ..chunk });
        }
    }

    fn send(&mut self, chunk: &Chunk) -> Bytes {
        if let Some(sent) = &mut self.sent {
            sent.push(&chunk.json);
        }
        if let Some(events) = &mut self.streamed.as_messages {
            return messages::frames(&events.chunk(&chunk.json));
        }
        match &chunk.name {
            Some(name) => sse::named_frame(name, chunk.json.get()),
            None => sse::frame(chunk.json.get()),
        }
    }

    /// Shows the hooks what was sent.
    fn finish(self, error: Option<HookError>, cancelled: bool) {
        // The upstream is done with, whatever the hooks do.
        let Self { mut exchange, streamed, sent, background, .. } = self;
        let Streamed { endpoint, chunks, post_at_end, .. } = streamed;
        drop(chunks);
        let Some(sent) = sent else { return };
        if cancelled {
            exchange.cancelled();
        }
        background.spawn(async move {
            if !sent.is_complete() {
                tracing::warn!(
                    limit = MAX_ASSEMBLED,
                    "the post hooks see only the beginning of a stream"
                );
            }
            let whole = sent.finish();
            let response = match &error {
                Some(error) => api_error::response(error.clone()),
                None => api_error::json_response(200, whole.get()),
            };
            let result = match error {
                Some(error) => Err(error),
                None => Ok(LlmResponse::new(endpoint.response_key(), whole)),
            };
            exchange.streamed(post_at_end.then_some(&result), &response).await;
        });
    }
}
