//! Any provider that speaks OpenAI's API, behind a base URL.

mod chunks;
mod ending;

use std::sync::Arc;

use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request};
use plugbay::abi::json::{RawObject, parse};
use plugbay::runtime::BoxFuture;
use plugbay_hooks::stream::split;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use self::chunks::Chunks;
use super::mock::wants_usage;
use super::upstream::{
    Arriving, Outgoing, Scheme, SetupError, Upstream, UpstreamSettings, UpstreamTimeouts,
};
use super::{Answer, ChunkStream, LlmCall, Passing, Provider, ProviderError};
use crate::body::HttpBody;
use crate::endpoint::Endpoint;

/// A provider behind a base URL such as `https://api.openai.com/v1`.
pub struct OpenAiProvider {
    upstream: Upstream,
}

impl OpenAiProvider {
    /// A provider by its base URL, with the key that it wants, if any. It is asked once.
    ///
    /// # Errors
    ///
    /// When the URL or the key is not usable, or the machine has no certificates to trust.
    pub fn new(
        name: impl Into<String>,
        base_url: &str,
        key: Option<&str>,
        timeouts: UpstreamTimeouts,
    ) -> Result<Self, SetupError> {
        let mut settings = UpstreamSettings::new(base_url);
        if let Some(key) = key {
            settings = settings.with_key(key);
        }
        settings.timeouts = timeouts;
        Self::with(name, settings)
    }

    /// A provider with all that can be set.
    ///
    /// # Errors
    ///
    /// When the settings are not usable, or the machine has no certificates to trust.
    pub fn with(name: impl Into<String>, settings: UpstreamSettings) -> Result<Self, SetupError> {
        let scheme = Scheme { header: AUTHORIZATION, prefix: "Bearer " };
        Ok(Self { upstream: Upstream::new(name, settings, scheme)? })
    }

    async fn ask(&self, call: &LlmCall, streamed: bool) -> Result<Arriving, ProviderError> {
        self.upstream.knows(&call.model)?;
        let (content_type, body) =
            call.to_body(streamed).map_err(|error| ProviderError::BadRequest {
                provider: self.name().to_owned(),
                reason: error.to_string(),
            })?;
        let accept = match call.endpoint {
            _ if streamed => "text/event-stream",
            Endpoint::Speech | Endpoint::Transcriptions => "*/*",
            _ => "application/json",
        };
        let outgoing = Outgoing::post(call.endpoint.path(), accept, body, &call.request_id);
        self.upstream.send(outgoing.with_header(&CONTENT_TYPE, content_type)).await
    }
}

impl Provider for OpenAiProvider {
    fn name(&self) -> &str {
        self.upstream.name()
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<RawObject>, ProviderError>> {
        #[derive(Deserialize)]
        struct List {
            data: Vec<RawObject>,
        }
        Box::pin(async move {
            if let Some(listed) = self.upstream.listed() {
                return Ok(listed);
            }
            let body = self.upstream.send(Outgoing::get("/models")).await?.bytes().await?;
            let list: List = parse(&body).map_err(|error| self.upstream.bad_answer(error))?;
            Ok(list.data)
        })
    }

    fn check(&self, call: &LlmCall) -> Result<(), ProviderError> {
        self.upstream.knows(&call.model)
    }

    fn complete(&self, call: LlmCall) -> BoxFuture<'_, Result<Answer, ProviderError>> {
        Box::pin(async move {
            let arriving = self.ask(&call, false).await?;
            match other_than_json(call.endpoint, &arriving.head.headers) {
                Some(content_type) => Ok(Answer::Other { content_type, body: arriving.passed() }),
                None => arriving.object(told_as_success).await.map(Answer::Json),
            }
        })
    }

    fn stream(&self, call: LlmCall) -> BoxFuture<'_, Result<ChunkStream, ProviderError>> {
        Box::pin(async move {
            let arriving = self.ask(&call, true).await?;
            let form = call.endpoint.stream_form();
            if arriving.is_event_stream() {
                let chunks = Chunks::new(form, arriving.events());
                let chunks: ChunkStream = Box::pin(chunks.into_stream());
                return Ok(chunks);
            }
            // Some servers know only whole answers and do not say so.
            let whole = arriving.object(told_as_success).await?;
            let chunks = form.and_then(|form| split(form, &whole, wants_usage(&call.params)));
            let chunks =
                chunks.ok_or_else(|| self.upstream.bad_answer("neither a stream nor an answer"))?;
            let chunks = chunks.into_iter().map(move |chunk| Ok(call.endpoint.chunk(chunk)));
            let chunks: ChunkStream = Box::pin(stream::iter(chunks));
            Ok(chunks)
        })
    }

    fn pass(&self, request: Request<HttpBody>) -> Option<Passing<'_>> {
        self.upstream.pass(request)
    }

    fn for_thread(&self) -> Option<Arc<dyn Provider>> {
        Some(Arc::new(Self { upstream: self.upstream.with_own_connections() }))
    }
}

/// The status of an error that a provider told with a status of success, as some do: an object with `error` and
/// nothing that an answer has. An answer of `/responses` may say that it failed, and has `output` beside that.
fn told_as_success(answer: &RawValue) -> Option<u16> {
    #[derive(Deserialize)]
    struct Told {
        error: Option<Fault>,
        choices: Option<IgnoredAny>,
        data: Option<IgnoredAny>,
        output: Option<IgnoredAny>,
        text: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Fault {
        #[serde(default)]
        code: Value,
        #[serde(default)]
        status: Value,
    }
    // Nearly no answer has the word in it.
    memchr::memmem::find(answer.get().as_bytes(), b"\"error\"")?;
    let told: Told = serde_json::from_str(answer.get()).ok()?;
    let Fault { code, status } = told.error?;
    let answers = [told.choices, told.data, told.output, told.text];
    if answers.iter().any(Option::is_some) {
        return None;
    }
    let told = [code, status].into_iter().filter_map(|value| u16::try_from(value.as_u64()?).ok());
    Some(told.into_iter().find(|status| (400..=599).contains(status)).unwrap_or(502))
}

/// What an answer is that the endpoint gives as it comes.
fn other_than_json(endpoint: Endpoint, headers: &HeaderMap) -> Option<HeaderValue> {
    let kind = headers.get(CONTENT_TYPE).cloned();
    let is_json = || {
        let kind = kind.as_ref().and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        kind.trim_start().to_ascii_lowercase().starts_with("application/json")
    };
    let unknown = || HeaderValue::from_static("application/octet-stream");
    match endpoint {
        Endpoint::Speech => Some(kind.unwrap_or_else(unknown)),
        Endpoint::Transcriptions if !is_json() => Some(kind.unwrap_or_else(unknown)),
        _ => None,
    }
}
