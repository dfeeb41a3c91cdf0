//! Any provider that speaks OpenAI's API, behind a base URL.

mod chunks;
mod client;

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use plugbay::abi::hook::LlmResponse;
use plugbay::abi::json::{RawObject, parse};
use plugbay::runtime::BoxFuture;
use plugbay_hooks::stream::split;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::chunks::Chunks;
use self::client::Client;
use super::mock::wants_usage;
use super::{ChatCall, ChunkStream, Phase, Provider, ProviderError, UpstreamError};
use crate::request_id;

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
    name: String,
    base_url: String,
    /// `Bearer ...`, marked as sensitive.
    authorization: Option<HeaderValue>,
    client: Client,
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
        let base_url = base_url.trim_end_matches('/').to_owned();
        let https =
            is_https(&base_url).ok_or_else(|| SetupError::BaseUrl { found: base_url.clone() })?;
        let authorization = key.map(bearer).transpose()?;
        let client = Client::new(https, Duration::from_millis(timeouts.connect_ms))
            .map_err(|source| SetupError::Certificates { source })?;
        Ok(Self { name: name.into(), base_url, authorization, client, timeouts })
    }

    async fn chat(
        &self,
        call: &ChatCall,
        streamed: bool,
    ) -> Result<Response<Incoming>, ProviderError> {
        let body = call.to_json(streamed).map_err(|error| ProviderError::BadRequest {
            provider: self.name.clone(),
            reason: error.to_string(),
        })?;
        let accept = if streamed { "text/event-stream" } else { "application/json" };
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(id) = request_id::value(&call.request_id) {
            headers.insert(request_id::HEADER, id);
        }
        self.send("/chat/completions", request).await
    }

    async fn send(
        &self,
        path: &str,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ProviderError> {
        let url = format!("{}{path}", self.base_url);
        *request.uri_mut() = url.parse().map_err(|_| self.bad_answer("no URL"))?;
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let limit = Duration::from_millis(self.timeouts.first_byte_ms);
        let response = tokio::time::timeout(limit, self.client.request(request))
            .await
            .map_err(|_| self.timed_out(Phase::FirstByte, limit))?
            .map_err(|error| ProviderError::Unreachable {
                provider: self.name.clone(),
                reason: chain(&error),
            })?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.upstream_error(response).await)
    }

    async fn upstream_error(&self, response: Response<Incoming>) -> ProviderError {
        let status = response.status().as_u16();
        let headers = told_to_clients(response.headers());
        // The status says enough where the body cannot be had.
        let body = self.whole(response, MAX_ERROR).await.unwrap_or_default();
        let error = UpstreamError { status, body, headers };
        ProviderError::Upstream { provider: self.name.clone(), error }
    }

    async fn whole(
        &self,
        response: Response<Incoming>,
        limit: usize,
    ) -> Result<Bytes, ProviderError> {
        let idle = Duration::from_millis(self.timeouts.idle_ms);
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

    fn chunks(&self, response: Response<Incoming>) -> Chunks {
        let idle = Duration::from_millis(self.timeouts.idle_ms);
        Chunks::new(self.name.clone(), response.into_body(), idle)
    }

    fn bad_answer(&self, reason: &str) -> ProviderError {
        ProviderError::BadAnswer { provider: self.name.clone(), reason: reason.to_owned() }
    }

    fn timed_out(&self, phase: Phase, after: Duration) -> ProviderError {
        ProviderError::TimedOut { provider: self.name.clone(), phase, after }
    }
}

impl Provider for OpenAiProvider {
    fn name(&self) -> &str {
        &self.name
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

    fn complete(&self, call: ChatCall) -> BoxFuture<'_, Result<LlmResponse, ProviderError>> {
        Box::pin(async move {
            let response = self.chat(&call, false).await?;
            Ok(LlmResponse::new(LlmResponse::CHAT, self.completion(response).await?))
        })
    }

    fn stream(&self, call: ChatCall) -> BoxFuture<'_, Result<ChunkStream, ProviderError>> {
        Box::pin(async move {
            let response = self.chat(&call, true).await?;
            if is_event_stream(response.headers()) {
                let chunks: ChunkStream = Box::pin(self.chunks(response).into_stream());
                return Ok(chunks);
            }
            // Some servers know only whole answers and do not say so.
            let whole = self.completion(response).await?;
            let chunks = split(&whole, wants_usage(&call.params))
                .ok_or_else(|| self.bad_answer("neither a stream nor a completion"))?;
            let chunks: ChunkStream = Box::pin(stream::iter(chunks.into_iter().map(Ok)));
            Ok(chunks)
        })
    }
}

/// Whether it is an https URL; `None` when it is neither that nor an http one.
fn is_https(base_url: &str) -> Option<bool> {
    let uri: Uri = base_url.parse().ok()?;
    uri.host()?;
    if uri.query().is_some() {
        return None;
    }
    match uri.scheme_str()? {
        "https" => Some(true),
        "http" => Some(false),
        _ => None,
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

fn told_to_clients(headers: &HeaderMap) -> Vec<(String, String)> {
    let told = |name: &str| name == "retry-after" || name.starts_with("x-ratelimit-");
    headers
        .iter()
        .filter(|(name, _)| told(name.as_str()))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
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

    #[test]
    fn base_urls() {
        for (url, wanted) in [
            ("https://api.openai.com/v1", Some(true)),
            ("http://127.0.0.1:8000", Some(false)),
            ("ftp://host", None),
            ("api.openai.com", None),
            ("/v1", None),
            ("http://host/?a=1", None),
            ("", None),
        ] {
            assert_eq!(is_https(url), wanted, "{url}");
        }
    }

    #[tokio::test]
    async fn tls_can_be_set_up_or_says_why_not() {
        let timeouts = UpstreamTimeouts::default();
        match OpenAiProvider::new("openai", "https://api.example.com/v1", None, timeouts) {
            Ok(provider) => assert!(matches!(provider.client, Client::Tls(_))),
            Err(error) => assert!(matches!(error, SetupError::Certificates { .. }), "{error}"),
        }
    }

    #[test]
    fn a_key_is_not_shown_by_debug_output() {
        assert!(!format!("{:?}", bearer("sk-secret\n").unwrap()).contains("secret"));
        assert!(bearer("a\u{0}b").is_err());
    }
}
