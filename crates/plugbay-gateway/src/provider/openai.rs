//! Any provider that speaks OpenAI's API, behind a base URL.

mod base;
mod chunks;
mod client;
mod ending;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use plugbay::abi::json::{RawObject, parse};
use plugbay::runtime::BoxFuture;
use plugbay_hooks::stream::split;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::base::Base;
use self::chunks::Chunks;
use self::client::Client;
use super::mock::wants_usage;
use super::{Answer, ChunkStream, LlmCall, Passing, Phase, Provider, ProviderError, UpstreamError};
use crate::body::{BodyError, HttpBody};
use crate::endpoint::Endpoint;
use crate::{request_id, trace};

/// Longest whole answer that is taken, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// Longest error body that is taken, in bytes.
const MAX_ERROR: usize = 1 << 20;

/// How long a provider may take. All in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct UpstreamTimeouts {
    /// For a TCP connection. Default 10,000.
    pub connect_ms: u64,
    /// From the request to the head of its response, connecting and TLS included. Default
    /// 300,000: whole answers of slow models take minutes.
    pub first_byte_ms: u64,
    /// Between two pieces of a response. Default 120,000.
    pub idle_ms: u64,
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self { connect_ms: 10_000, first_byte_ms: 300_000, idle_ms: 120_000 }
    }
}

/// A provider behind a base URL such as `https://api.openai.com/v1`.
pub struct OpenAiProvider {
    settings: Arc<Settings>,
    client: Client,
}

/// What is the same for every thread.
struct Settings {
    name: String,
    base: Base,
    /// `Bearer ...`, marked as sensitive.
    authorization: Option<HeaderValue>,
    timeouts: UpstreamTimeouts,
}

/// Why a provider cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The base URL is none.
    #[error("base_url: found `{found}`, wanted http:// or https:// with a host and no query")]
    BaseUrl {
        /// What was found.
        found: String,
    },
    /// The key cannot be a header's value.
    #[error("the key has characters that no header can carry")]
    Key,
    /// The machine's certificates cannot be read.
    #[error("the machine's root certificates cannot be loaded: {source}")]
    Certificates {
        /// Why.
        source: std::io::Error,
    },
}

impl OpenAiProvider {
    /// A provider by its base URL, with the key that it wants, if any.
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
        let base = Base::parse(base_url)
            .ok_or_else(|| SetupError::BaseUrl { found: base_url.to_owned() })?;
        let authorization = key.map(bearer).transpose()?;
        let client = Client::new(base.is_https(), Duration::from_millis(timeouts.connect_ms))
            .map_err(|source| SetupError::Certificates { source })?;
        let settings = Settings { name: name.into(), base, authorization, timeouts };
        Ok(Self { settings: Arc::new(settings), client })
    }

    async fn ask_model(
        &self,
        call: &LlmCall,
        streamed: bool,
    ) -> Result<Response<Incoming>, ProviderError> {
        let (content_type, body) =
            call.to_body(streamed).map_err(|error| ProviderError::BadRequest {
                provider: self.settings.name.clone(),
                reason: error.to_string(),
            })?;
        let accept = match call.endpoint {
            _ if streamed => "text/event-stream",
            Endpoint::Speech | Endpoint::Transcriptions => "*/*",
            _ => "application/json",
        };
        let mut request = Request::new(HttpBody::whole(body));
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(CONTENT_TYPE, content_type);
        trace::tell(headers);
        if let Some(id) = request_id::value(&call.request_id) {
            headers.insert(request_id::HEADER, id);
        }
        self.send(call.endpoint.path(), request).await
    }

    /// Sends a request of the gateway's own to a path of the API.
    async fn send(
        &self,
        path: &str,
        mut request: Request<HttpBody>,
    ) -> Result<Response<Incoming>, ProviderError> {
        let url = self.settings.base.at(path);
        *request.uri_mut() = url.ok_or_else(|| self.bad_answer("no URL"))?;
        let response = self.ask(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.upstream_error(response).await)
    }

    /// Sends a request, and waits for the head of whatever is answered.
    async fn ask(
        &self,
        mut request: Request<HttpBody>,
    ) -> Result<Response<Incoming>, ProviderError> {
        let headers = request.headers_mut();
        headers.insert(HOST, self.settings.base.host());
        if let Some(authorization) = &self.settings.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let limit = Duration::from_millis(self.settings.timeouts.first_byte_ms);
        tokio::time::timeout(limit, self.client.request(request))
            .await
            .map_err(|_| self.timed_out(Phase::FirstByte, limit))?
            .map_err(|error| {
                let provider = self.settings.name.clone();
                match body_error(&error) {
                    Some(source) => ProviderError::ClientBody { provider, source },
                    None => ProviderError::Unreachable { provider, reason: chain(&error) },
                }
            })
    }

    async fn upstream_error(&self, response: Response<Incoming>) -> ProviderError {
        let status = response.status().as_u16();
        let headers = told_to_clients(response.headers());
        // The status says enough where the body cannot be had.
        let body = self.whole(response, MAX_ERROR).await.unwrap_or_default();
        let error = UpstreamError { status, body, headers };
        ProviderError::Upstream { provider: self.settings.name.clone(), error }
    }

    async fn whole(
        &self,
        response: Response<Incoming>,
        limit: usize,
    ) -> Result<Bytes, ProviderError> {
        let idle = Duration::from_millis(self.settings.timeouts.idle_ms);
        let mut body = Limited::new(response.into_body(), limit);
        let mut bytes = Vec::new();
        loop {
            match tokio::time::timeout(idle, body.frame()).await {
                Err(_) => return Err(self.timed_out(Phase::NextBytes, idle)),
                Ok(None) => return Ok(bytes.into()),
                Ok(Some(Err(error))) => return Err(self.bad_answer(&error.to_string())),
                Ok(Some(Ok(frame))) => {
                    if let Some(data) = frame.data_ref() {
                        bytes.extend_from_slice(data);
                    }
                }
            }
        }
    }

    async fn completion(
        &self,
        response: Response<Incoming>,
    ) -> Result<Box<RawValue>, ProviderError> {
        let body = self.whole(response, MAX_ANSWER).await?;
        let raw: Box<RawValue> =
            parse(&body).map_err(|error| self.bad_answer(&error.to_string()))?;
        if raw.get().starts_with('{') { Ok(raw) } else { Err(self.bad_answer("no object")) }
    }

    fn chunks(&self, endpoint: Endpoint, response: Response<Incoming>) -> Chunks {
        let idle = Duration::from_millis(self.settings.timeouts.idle_ms);
        let form = endpoint.stream_form();
        Chunks::new(self.settings.name.clone(), form, response.into_body(), idle)
    }

    fn bad_answer(&self, reason: &str) -> ProviderError {
        ProviderError::BadAnswer { provider: self.settings.name.clone(), reason: reason.to_owned() }
    }

    fn timed_out(&self, phase: Phase, after: Duration) -> ProviderError {
        ProviderError::TimedOut { provider: self.settings.name.clone(), phase, after }
    }
}

impl Provider for OpenAiProvider {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<RawObject>, ProviderError>> {
        #[derive(Deserialize)]
        struct List {
            data: Vec<RawObject>,
        }
        Box::pin(async move {
            let response = self.send("/models", Request::default()).await?;
            let body = self.whole(response, MAX_ANSWER).await?;
            let list: List = parse(&body).map_err(|error| self.bad_answer(&error.to_string()))?;
            Ok(list.data)
        })
    }

    fn complete(&self, call: LlmCall) -> BoxFuture<'_, Result<Answer, ProviderError>> {
        Box::pin(async move {
            let response = self.ask_model(&call, false).await?;
            match other_than_json(call.endpoint, response.headers()) {
                Some(content_type) => {
                    let idle = Duration::from_millis(self.settings.timeouts.idle_ms);
                    let body = HttpBody::passed(response.into_body(), idle);
                    Ok(Answer::Other { content_type, body })
                }
                None => self.completion(response).await.map(Answer::Json),
            }
        })
    }

    fn stream(&self, call: LlmCall) -> BoxFuture<'_, Result<ChunkStream, ProviderError>> {
        Box::pin(async move {
            let response = self.ask_model(&call, true).await?;
            if is_event_stream(response.headers()) {
                let chunks = self.chunks(call.endpoint, response);
                let chunks: ChunkStream = Box::pin(chunks.into_stream());
                return Ok(chunks);
            }
            // Some servers know only whole answers and do not say so.
            let whole = self.completion(response).await?;
            let form = call.endpoint.stream_form();
            let chunks = form.and_then(|form| split(form, &whole, wants_usage(&call.params)));
            let chunks = chunks.ok_or_else(|| self.bad_answer("neither a stream nor an answer"))?;
            let chunks = chunks.into_iter().map(move |chunk| Ok(call.endpoint.chunk(chunk)));
            let chunks: ChunkStream = Box::pin(stream::iter(chunks));
            Ok(chunks)
        })
    }

    fn pass(&self, mut request: Request<HttpBody>) -> Option<Passing<'_>> {
        *request.uri_mut() = self.settings.base.below(request.uri())?;
        let idle = Duration::from_millis(self.settings.timeouts.idle_ms);
        Some(Box::pin(async move {
            Ok(self.ask(request).await?.map(|body| HttpBody::passed(body, idle)))
        }))
    }

    fn for_thread(&self) -> Option<Arc<dyn Provider>> {
        let client = self.client.with_own_connections();
        Some(Arc::new(Self { settings: Arc::clone(&self.settings), client }))
    }
}

fn bearer(key: &str) -> Result<HeaderValue, SetupError> {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {}", key.trim())).map_err(|_| SetupError::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream")
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

fn told_to_clients(headers: &HeaderMap) -> Vec<(String, String)> {
    let told = |name: &str| name == "retry-after" || name.starts_with("x-ratelimit-");
    headers
        .iter()
        .filter(|(name, _)| told(name.as_str()))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

/// What is wrong with the body that was to be sent, if that is what went wrong.
fn body_error(error: &(dyn std::error::Error + 'static)) -> Option<BodyError> {
    let mut error = Some(error);
    while let Some(found) = error {
        if let Some(body) = found.downcast_ref::<BodyError>() {
            return Some(body.clone());
        }
        error = found.source();
    }
    None
}

/// An error with its sources: hyper's own text stops at "client error".
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tls_can_be_set_up_or_says_why_not() {
        let timeouts = UpstreamTimeouts::default();
        match OpenAiProvider::new("openai", "https://api.example.com/v1", None, timeouts) {
            Ok(provider) => assert!(matches!(provider.client, Client::Tls(..))),
            Err(error) => assert!(matches!(error, SetupError::Certificates { .. }), "{error}"),
        }
    }

    #[test]
    fn a_key_is_not_shown_by_debug_output() {
        assert!(!format!("{:?}", bearer("sk-secret\n").unwrap()).contains("secret"));
        assert!(bearer("a\u{0}b").is_err());
    }
}
