//! Anthropic's messages API, asked and answered in the chat API's form.
//!
//! What is translated is in pure functions, from a request to [`request`], and back from an answer
//! ([`response`]), a stream ([`stream`]) and an error ([`error`]).

mod error;
mod models;
mod request;
mod response;
mod stream;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_core::Stream;
use futures_util::stream::unfold;
use http::{HeaderName, HeaderValue, Request};
use plugbay::abi::json::{RawObject, parse};
use plugbay::runtime::BoxFuture;

use self::stream::Translation;
use super::mock::wants_usage;
use super::upstream::{Arriving, Events, Outgoing, Scheme, SetupError, Upstream, UpstreamSettings};
use super::{Answer, Chunk, ChunkStream, LlmCall, Passing, Provider, ProviderError};
use crate::body::HttpBody;
use crate::endpoint::Endpoint;

static VERSION: HeaderName = HeaderName::from_static("anthropic-version");
static API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The version of the API that the translation is of.
const OUR_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// A provider behind a base URL such as `https://api.anthropic.com/v1`.
pub struct AnthropicProvider {
    upstream: Upstream,
}

impl AnthropicProvider {
    /// A provider by its settings.
    ///
    /// # Errors
    ///
    /// When the settings are not usable, or the machine has no certificates to trust.
    pub fn new(name: impl Into<String>, settings: UpstreamSettings) -> Result<Self, SetupError> {
        let scheme = Scheme { header: API_KEY.clone(), prefix: "" };
        Ok(Self { upstream: Upstream::new(name, settings, scheme)? })
    }

    /// The body of a request, in Anthropic's form.
    fn translated(&self, call: &LlmCall, streamed: bool) -> Result<String, ProviderError> {
        self.upstream.knows(&call.model)?;
        let bad = |reason: String| {
            let provider = self.name().to_owned();
            ProviderError::BadRequest { provider, reason }
        };
        if call.endpoint != Endpoint::Chat {
            let (provider, endpoint) = (self.name().to_owned(), call.endpoint);
            return Err(ProviderError::NoEndpoint { provider, endpoint });
        }
        let body = request::to_messages(&call.model, &call.input, &call.params, streamed);
        body.map_err(|error| bad(error.to_string()))
    }

    async fn ask(&self, call: &LlmCall, streamed: bool) -> Result<Arriving, ProviderError> {
        let body = self.translated(call, streamed)?;
        let accept = if streamed { "text/event-stream" } else { "application/json" };
        self.send(Outgoing::post("/messages", accept, body.into(), &call.request_id)).await
    }

    async fn send(&self, outgoing: Outgoing) -> Result<Arriving, ProviderError> {
        let outgoing = outgoing.with_header(&VERSION, OUR_VERSION);
        self.upstream.send(outgoing).await.map_err(error::in_openai_s_form)
    }
}

impl Provider for AnthropicProvider {
    fn name(&self) -> &str {
        self.upstream.name()
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<RawObject>, ProviderError>> {
        Box::pin(async move {
            if let Some(listed) = self.upstream.listed() {
                return Ok(listed);
            }
            let body = self.send(Outgoing::get("/models?limit=1000")).await?.bytes().await?;
            models::to_openai(&body).map_err(|error| self.upstream.bad_answer(error))
        })
    }

    fn check(&self, call: &LlmCall) -> Result<(), ProviderError> {
        self.translated(call, false).map(drop)
    }

    fn complete(&self, call: LlmCall) -> BoxFuture<'_, Result<Answer, ProviderError>> {
        Box::pin(async move {
            let body = self.ask(&call, false).await?.bytes().await?;
            let message = parse(&body).map_err(|error| self.upstream.bad_answer(error))?;
            Ok(Answer::Json(response::to_chat(message, now())))
        })
    }

    fn stream(&self, call: LlmCall) -> BoxFuture<'_, Result<ChunkStream, ProviderError>> {
        Box::pin(async move {
            let answer = self.ask(&call, true).await?;
            if !answer.is_event_stream() {
                return Err(self.upstream.bad_answer("no stream"));
            }
            let translation = Translation::new(now(), wants_usage(&call.params));
            let chunks: ChunkStream = Box::pin(chunks(answer.events(), translation));
            Ok(chunks)
        })
    }

    fn pass(&self, mut request: Request<HttpBody>) -> Option<Passing<'_>> {
        request.headers_mut().entry(&VERSION).or_insert(OUR_VERSION);
        self.upstream.pass(request)
    }

    fn for_thread(&self) -> Option<Arc<dyn Provider>> {
        Some(Arc::new(Self { upstream: self.upstream.with_own_connections() }))
    }
}

/// Seconds since 1970, for `created`.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn chunks(
    events: Events,
    translation: Translation,
) -> impl Stream<Item = Result<Chunk, ProviderError>> + Send {
    unfold(Some((events, translation)), |state| async move {
        let (mut events, mut translation) = state?;
        match next(&mut events, &mut translation).await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some((events, translation)))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

async fn next(
    events: &mut Events,
    translation: &mut Translation,
) -> Result<Option<Chunk>, ProviderError> {
    loop {
        if let Some(chunk) = translation.pop() {
            return Ok(Some(chunk.into()));
        }
        if translation.is_complete() {
            return Ok(None);
        }
        let Some(event) = events.next().await? else {
            let provider = events.provider().to_owned();
            return Err(ProviderError::CutShort { provider });
        };
        match translation.event(&event.data) {
            Ok(None) => {}
            Ok(Some(told)) => {
                let (status, body) = error::told(&told);
                return Err(events.told(status, body));
            }
            Err(error) => return Err(events.unusable(error)),
        }
    }
}
