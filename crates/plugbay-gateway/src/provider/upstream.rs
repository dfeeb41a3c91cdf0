//! What is common to all providers behind HTTP: connections, keys, attempts, time-outs and errors.

mod answer;
mod base;
mod client;
mod connect;
mod dice;
mod error;
mod kept;
mod keys;
mod retry;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use plugbay::abi::json::RawObject;
use plugbay::with_sources;
use serde_json::json;
use tokio::time::Instant;

pub(super) use self::answer::{Arriving, Events};
use self::base::Base;
use self::client::{Client, SendError};
use self::dice::Dice;
pub use self::error::SetupError;
use self::error::{body_error, told_to_clients};
pub(crate) use self::kept::Lent;
use self::keys::Keys;
pub(super) use self::keys::Scheme;
pub use self::settings::{Http2, RetrySettings, Secret, UpstreamSettings, UpstreamTimeouts};
use super::{Passing, Phase, ProviderError, UpstreamError};
use crate::body::HttpBody;
use crate::paced::{Paced, Whole};
use crate::{observe, request_id, trace};

/// Longest error body that is taken, in bytes.
const MAX_ERROR: usize = 1 << 20;

/// An upstream, and the connections to it of one thread.
pub(crate) struct Upstream {
    shared: Arc<Shared>,
    client: Client,
}

/// What is the same for every thread.
struct Shared {
    name: Arc<str>,
    base: Base,
    keys: Keys,
    dice: Dice,
    headers: HeaderMap,
    settings: UpstreamSettings,
}

/// A request to an upstream that can be sent again.
pub(crate) struct Outgoing {
    method: Method,
    path: &'static str,
    headers: HeaderMap,
    body: Bytes,
}

impl Outgoing {
    /// One without a body.
    pub(super) fn get(path: &'static str) -> Self {
        Self { method: Method::GET, path, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// A request of this kind, with a body that is a JSON document.
    pub(super) fn post(path: &'static str, accept: &'static str, body: Bytes, id: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        trace::tell(&mut headers);
        if let Some(id) = request_id::value(id) {
            headers.insert(request_id::HEADER, id);
        }
        Self { method: Method::POST, path, headers, body }
    }

    /// One of no client, with a body of this kind.
    pub(crate) fn post_other(path: &'static str, content_type: &'static str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { method: Method::POST, path, headers, body }
    }

    /// The same with one more header.
    pub(super) fn with_header(mut self, name: &HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    fn request(&self, url: &Uri) -> Request<HttpBody> {
        let mut request = Request::new(HttpBody::whole(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = url.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

impl Upstream {
    /// An upstream whose keys are sent as `scheme` says.
    pub(super) fn new(
        name: impl Into<String>,
        settings: UpstreamSettings,
        scheme: Scheme,
    ) -> Result<Self, SetupError> {
        let base = Base::parse(&settings.base_url).ok_or_else(|| SetupError::BaseUrl {
            // What stands before an `@` is somebody's password, and what is asked for may be a key.
            found: {
                let found = settings.base_url.rsplit('@').next().unwrap_or_default();
                found.split(['?', '#']).next().unwrap_or_default().to_owned()
            },
        })?;
        let keys = Keys::new(&settings, scheme)?;
        let client = Client::new(&base, &settings)?;
        let headers = headers(&settings)?;
        let name = Arc::from(name.into());
        let shared = Shared { name, base, keys, dice: Dice::new(), headers, settings };
        Ok(Self { shared: Arc::new(shared), client })
    }

    /// One that has no keys.
    pub(crate) fn without_keys(
        name: impl Into<String>,
        settings: UpstreamSettings,
    ) -> Result<Self, SetupError> {
        debug_assert!(settings.keys.is_empty());
        Self::new(name, settings, Scheme { header: AUTHORIZATION, prefix: "" })
    }

    pub(super) fn name(&self) -> &str {
        &self.shared.name
    }

    /// The same upstream for another thread.
    pub(super) fn with_own_connections(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), client: self.client.with_own_connections() }
    }

    /// Whether the configuration lets this model be asked for.
    pub(super) fn knows(&self, model: &str) -> Result<(), ProviderError> {
        match &self.shared.settings.models {
            Some(models) if !models.iter().any(|known| known == model) => {
                let known = models.iter().map(String::as_str);
                Err(ProviderError::unknown_model(self.name(), model, known))
            }
            _ => Ok(()),
        }
    }

    /// The models of the configuration, as entries of OpenAI's list, where it names them.
    pub(super) fn listed(&self) -> Option<Vec<RawObject>> {
        let models = self.shared.settings.models.as_ref()?;
        let entry = |model: &String| {
            let entry =
                json!({"id": model, "object": "model", "created": 0, "owned_by": self.name()});
            RawObject::parse(entry.to_string().as_bytes()).ok()
        };
        Some(models.iter().filter_map(entry).collect())
    }

    /// Sends a request of the gateway's own, again if need be, and waits for the head of a good
    /// answer.
    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<Arriving, ProviderError> {
        let Shared { base, keys, dice, settings, .. } = &*self.shared;
        let total = Duration::from_millis(settings.timeouts.total_ms);
        let deadline = Instant::now() + total;
        let url = &base.at(outgoing.path).ok_or_else(|| self.bad_answer("no URL"))?;
        let outgoing = &outgoing;
        let once = |key| async move {
            let went = self.once(outgoing, url, key, (deadline, total)).await;
            went.inspect_err(|error| observe::failed(error.kind()))
        };
        retry::asking(&settings.retry, keys, dice, deadline, once).await
    }

    /// Sends a request of the gateway's own once.
    async fn once(
        &self,
        outgoing: &Outgoing,
        url: &Uri,
        key: Option<usize>,
        (deadline, total): (Instant, Duration),
    ) -> Result<Arriving, ProviderError> {
        let response = self.ask(outgoing.request(url), key, Some(deadline)).await?;
        let idle = Duration::from_millis(self.shared.settings.timeouts.idle_ms);
        let whole = Whole { end: deadline, after: total };
        let answer = Arriving::new(&self.shared, response, idle, whole);
        match answer.head.status.is_success() {
            true => Ok(answer),
            false => Err(self.upstream_error(answer, key).await),
        }
    }

    /// Sends a client's request on, and answers with whatever comes back.
    pub(super) fn pass(&self, mut request: Request<HttpBody>) -> Option<Passing<'_>> {
        let Shared { base, keys, dice, settings, .. } = &*self.shared;
        *request.uri_mut() = base.below(request.uri())?;
        let idle = Duration::from_millis(settings.timeouts.idle_ms);
        let whole = Whole::within(Duration::from_millis(settings.timeouts.total_ms));
        Some(Box::pin(async move {
            // Its body is gone with the first attempt.
            let key = keys.choose(dice);
            let response = self.ask(request, key, None).await?;
            if let Some(key) = key {
                retry::watch(keys, key, &response);
            }
            Ok(response.map(|body| HttpBody::passed(Paced::new(body, idle, whole))))
        }))
    }

    /// Sends a request once, and waits for the head of whatever is answered.
    async fn ask(
        &self,
        mut request: Request<HttpBody>,
        key: Option<usize>,
        deadline: Option<Instant>,
    ) -> Result<Response<Lent>, ProviderError> {
        let Shared { name, base, keys, settings, .. } = &*self.shared;
        match self.client.is_http1() {
            true => drop(request.headers_mut().insert(HOST, base.host())),
            false => *request.uri_mut() = base.url(request.uri()),
        }
        let headers = request.headers_mut();
        for (name, value) in &self.shared.headers {
            headers.insert(name, value.clone());
        }
        if let Some((name, value)) = key.and_then(|key| keys.header(key)) {
            // A client's own, which may be for the gateway.
            headers.remove(AUTHORIZATION);
            headers.insert(name, value.clone());
        }
        observe::leaves(&mut request, base.authority());
        let limit = Duration::from_millis(settings.timeouts.first_byte_ms);
        let until = Instant::now() + limit;
        let end = deadline.map_or(until, |deadline| deadline.min(until));
        tokio::time::timeout_at(end, self.client.request(request))
            .await
            .map_err(|_| match end < until {
                false => self.timed_out(Phase::FirstByte, limit),
                true => {
                    let total = Duration::from_millis(settings.timeouts.total_ms);
                    self.timed_out(Phase::Whole, total)
                }
            })?
            .map_err(|SendError { is_connect, why }| {
                let (provider, reason) = (name.to_string(), with_sources(&*why));
                match body_error(&*why) {
                    Some(source) => ProviderError::ClientBody { provider, source },
                    None if is_connect => ProviderError::NoConnection { provider, reason },
                    None => ProviderError::Unreachable { provider, reason },
                }
            })
            .inspect(|response| observe::answered(response.status().as_u16()))
    }

    async fn upstream_error(&self, answer: Arriving, key: Option<usize>) -> ProviderError {
        let status = answer.head.status.as_u16();
        let headers = told_to_clients(&answer.head.headers);
        // The status says enough where the body cannot be had.
        let mut body = answer.whole(MAX_ERROR).await.unwrap_or_default();
        // What a provider says of a key that is not valid repeats parts of it.
        if (status == 401 && key.is_some()) || self.shared.keys.are_in(&body) {
            body = Bytes::new();
        }
        let error = UpstreamError { status, body, headers };
        ProviderError::Upstream { provider: self.name().to_owned(), error }
    }

    pub(super) fn bad_answer(&self, reason: impl ToString) -> ProviderError {
        ProviderError::BadAnswer { provider: self.name().to_owned(), reason: reason.to_string() }
    }

    fn timed_out(&self, phase: Phase, after: Duration) -> ProviderError {
        ProviderError::TimedOut { provider: self.name().to_owned(), phase, after }
    }
}

fn headers(settings: &UpstreamSettings) -> Result<HeaderMap, SetupError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &settings.headers {
        let unusable = || SetupError::Header { name: name.clone() };
        let header = HeaderName::try_from(name.as_str()).map_err(|_| unusable())?;
        let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}
