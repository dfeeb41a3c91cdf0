//! A provider whose answers are timed and whose tokens are counted.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use http::Request;
use plugbay::abi::json::RawObject;
use plugbay::runtime::BoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::Observer;
use super::note::{self, Note, Usage};
use super::spans::{Attempt, What};
use crate::body::HttpBody;
use crate::endpoint::Endpoint;
use crate::provider::{Answer, Chunk, ChunkStream, LlmCall, Passing, Provider, ProviderError};

/// A provider that is watched.
pub(crate) struct Measured {
    inner: Arc<dyn Provider>,
    observer: Arc<Observer>,
}

impl Measured {
    pub(crate) fn new(inner: Arc<dyn Provider>, observer: Arc<Observer>) -> Self {
        Self { inner, observer }
    }

    fn begin(&self, call: &LlmCall, streamed: bool) -> Call {
        let note = note::current();
        if let Some(note) = &note {
            note.model().asked(self.inner.name(), Some((&call.model, streamed)));
        }
        let provider = self.inner.name().to_owned();
        let what = What::Model(operation(call.endpoint), &call.model);
        let attempt = Attempt::new(note.clone(), what, &provider);
        Call {
            observer: Arc::clone(&self.observer),
            note,
            attempt,
            provider,
            model: call.model.clone(),
            began: Instant::now(),
        }
    }

    /// One that is for no model.
    fn attempt(&self, name: &str) -> Arc<Attempt> {
        Attempt::new(note::current(), What::Other(name), self.inner.name())
    }
}

impl Provider for Measured {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<RawObject>, ProviderError>> {
        Box::pin(async move {
            let attempt = self.attempt("GET models");
            let result = attempt.around(self.inner.models()).await;
            attempt.ended(result.as_ref().err().map(ProviderError::kind));
            result
        })
    }

    fn check(&self, call: &LlmCall) -> Result<(), ProviderError> {
        self.inner.check(call)
    }

    fn complete(&self, call: LlmCall) -> BoxFuture<'_, Result<Answer, ProviderError>> {
        let watched = self.begin(&call, false);
        Box::pin(async move {
            let result = watched.attempt.around(self.inner.complete(call)).await;
            watched.answered(result.as_ref().err());
            watched.attempt.ended(result.as_ref().err().map(ProviderError::kind));
            if let Ok(Answer::Json(json)) = &result {
                watched.usage(json);
            }
            result
        })
    }

    fn stream(&self, call: LlmCall) -> BoxFuture<'_, Result<ChunkStream, ProviderError>> {
        let watched = self.begin(&call, true);
        Box::pin(async move {
            let result = watched.attempt.around(self.inner.stream(call)).await;
            watched.answered(result.as_ref().err());
            let chunks = result.inspect_err(|error| watched.attempt.ended(Some(error.kind())))?;
            watched.attempt.goes_on();
            let chunks: ChunkStream = Box::pin(Chunks { chunks, call: watched, last: None });
            Ok(chunks)
        })
    }

    fn pass(&self, request: Request<HttpBody>) -> Option<Passing<'_>> {
        let method = request.method().clone();
        let passing = self.inner.pass(request)?;
        let began = Instant::now();
        Some(Box::pin(async move {
            if let Some(note) = note::current() {
                note.model().asked(self.inner.name(), None);
            }
            let attempt = self.attempt(method.as_str());
            let result = attempt.around(passing).await;
            let error = result.as_ref().err().map(ProviderError::kind);
            attempt.ended(error);
            if let Some(counts) = &self.observer.counts {
                counts.upstream(self.inner.name(), error.unwrap_or("ok"), began.elapsed());
            }
            result
        }))
    }

    fn for_thread(&self) -> Option<Arc<dyn Provider>> {
        let inner = self.inner.for_thread()?;
        Some(Arc::new(Self { inner, observer: Arc::clone(&self.observer) }))
    }
}

/// One call of a model.
struct Call {
    observer: Arc<Observer>,
    note: Option<Arc<Note>>,
    attempt: Arc<Attempt>,
    provider: String,
    model: String,
    began: Instant,
}

impl Call {
    fn answered(&self, error: Option<&ProviderError>) {
        if let Some(counts) = &self.observer.counts {
            counts.upstream(
                &self.provider,
                error.map_or("ok", ProviderError::kind),
                self.began.elapsed(),
            );
        }
    }

    /// Takes down the tokens, where a document counts them.
    fn usage(&self, json: &RawValue) {
        let Some(usage) = usage(json.get()) else { return };
        if let Some(note) = &self.note {
            note.model().usage = usage;
        }
        self.attempt.usage(usage);
        if let Some(counts) = &self.observer.counts {
            counts.usage(&self.provider, &self.model, usage);
        }
    }

    fn chunk(&self, last: &mut Option<Instant>) {
        let Some(counts) = &self.observer.counts else { return };
        let now = Instant::now();
        let (family, since) = match *last {
            None => (&counts.first_token, self.began),
            Some(last) => (&counts.between_tokens, last),
        };
        family.of([&self.provider, &self.model]).add(now - since);
        *last = Some(now);
    }
}

struct Chunks {
    chunks: ChunkStream,
    call: Call,
    last: Option<Instant>,
}

impl Stream for Chunks {
    type Item = Result<Chunk, ProviderError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { chunks, call, last } = self.get_mut();
        let polled = chunks.as_mut().poll_next(context);
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => {
                call.chunk(last);
                call.usage(&chunk.json);
            }
            Poll::Ready(Some(Err(error))) => call.attempt.ended(Some(error.kind())),
            Poll::Ready(None) => call.attempt.ended(None),
            Poll::Pending => {}
        }
        polled
    }
}

/// What is done, in OpenTelemetry's words where it has any.
fn operation(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Chat | Endpoint::Responses => "chat",
        Endpoint::Completions => "text_completion",
        Endpoint::Embeddings => "embeddings",
        Endpoint::Speech => "speech",
        Endpoint::Transcriptions => "transcription",
        Endpoint::Images => "image_generation",
    }
}

/// The tokens that a response or a chunk counts, in the words of either of OpenAI's APIs.
fn usage(json: &str) -> Option<Usage> {
    #[derive(Deserialize)]
    struct Document {
        usage: Option<Counted>,
        response: Option<Inner>,
    }
    #[derive(Deserialize)]
    struct Inner {
        usage: Option<Counted>,
    }
    #[derive(Deserialize)]
    struct Counted {
        #[serde(alias = "input_tokens")]
        prompt_tokens: Option<u64>,
        #[serde(alias = "output_tokens")]
        completion_tokens: Option<u64>,
    }
    // Nearly no chunk has it, and none is parsed for it that has not.
    memchr::memmem::find(json.as_bytes(), b"\"usage\"")?;
    let document: Document = serde_json::from_str(json).ok()?;
    let counted = document.usage.or_else(|| document.response?.usage)?;
    Some(Usage { prompt: counted.prompt_tokens, completion: counted.completion_tokens })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_where_any_api_has_them() {
        let both = |prompt, completion| Some(Usage { prompt, completion });
        for (json, wanted) in [
            (
                r#"{"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}"#,
                both(Some(3), Some(4)),
            ),
            (r#"{"usage": {"input_tokens": 3, "output_tokens": 4}}"#, both(Some(3), Some(4))),
            (
                r#"{"type": "response.completed", "response": {"usage": {"input_tokens": 1}}}"#,
                both(Some(1), None),
            ),
            (r#"{"usage": {"prompt_tokens": 3}}"#, both(Some(3), None)),
            (r#"{"usage": null}"#, None),
            (r#"{"choices": []}"#, None),
            (r#"{"content": "\"usage\""}"#, None),
            (r#"{"usage": "#, None),
        ] {
            assert_eq!(usage(json), wanted, "{json}");
        }
    }
}
