//! A streamed response, read event by event and no faster than it is asked for.

use futures_core::Stream;
use futures_util::stream;
use plugbay::abi::json::RawObject;
use plugbay_hooks::stream::Form;
use serde_json::value::RawValue;

use super::ending::Ending;
use crate::provider::upstream::Events;
use crate::provider::{Chunk, ProviderError};
use crate::sse::{DONE, Event};

/// Whether a document is an error in OpenAI's shape, which some servers send without the event's name.
fn is_error(data: &str) -> bool {
    // Nearly no chunk begins so, and none is parsed for it that does not.
    data.trim_start()
        .strip_prefix('{')
        .is_some_and(|rest| rest.trim_start().starts_with("\"error\""))
        && serde_json::from_str::<RawObject>(data)
            .is_ok_and(|fields| fields.raw("error").is_some_and(|error| error.get() != "null"))
}

/// A streamed response being read.
pub(super) struct Chunks {
    form: Option<Form>,
    ending: Ending,
    events: Events,
}

impl Chunks {
    pub(super) fn new(form: Option<Form>, events: Events) -> Self {
        Self { form, ending: Ending::of(form), events }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Chunk, ProviderError>> + Send {
        // In a box: it is moved with each chunk.
        stream::unfold(Some(Box::new(self)), |chunks| async move {
            let mut chunks = chunks?;
            match chunks.next().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(chunks))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<Option<Chunk>, ProviderError> {
        if !self.ending.is_over() {
            match self.events.next().await? {
                Some(event) if event.data.trim() != DONE => return self.chunk(event).map(Some),
                None if !self.ending.is_complete() => {
                    let provider = self.events.provider().to_owned();
                    return Err(ProviderError::CutShort { provider });
                }
                Some(_) | None => {}
            }
        }
        Ok(None)
    }

    fn chunk(&mut self, event: Event) -> Result<Chunk, ProviderError> {
        let Event { name, data } = event;
        if name.as_deref() == Some("error") || is_error(&data) {
            return Err(self.told(data));
        }
        let json = RawValue::from_string(data).map_err(|error| self.events.unusable(error))?;
        // Where events are told apart by what is in them, a name is nobody's.
        let name = name.filter(|_| !self.form.is_some_and(Form::ends_with_done));
        let chunk = Chunk { name, json };
        self.ending.see(&chunk);
        Ok(chunk)
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
        self.events.told(502, body)
    }
}
