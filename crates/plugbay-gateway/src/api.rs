//! From a request to its response: where it goes, and the HTTP hooks around that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use plugbay::abi::hook::{HookError, HttpRequest, HttpResponse};
use plugbay::abi::interface::Hook;
use plugbay_hooks::{CallFailure, Choice, Exchange, HttpPreFlow, Live, Pipeline};
use tracing::Instrument as _;

use crate::api_error::{self, invalid};
use crate::body::HttpBody;
use crate::budget::Budget;
use crate::llm;
use crate::observe::Observer;
use crate::paced::{Paced, Whole};
use crate::plugins::Plugins;
use crate::provider::Registry;
use crate::request_id::{self, RequestId};
use crate::route::Route;
use crate::server::Background;
use crate::streaming::Streamed;
use crate::trace::Trace;
use crate::unanswered::Unanswered;
use crate::{
    attempts, collect, messages, models, passing, shape, streaming, taking_part, translate,
};

/// What all threads of one gateway share.
pub(crate) struct Shared {
    pub(crate) pipeline: Arc<Live>,
    /// Who ends the plugins, if they are not those of one pipeline for good.
    pub(crate) plugins: Option<Arc<Plugins>>,
    pub(crate) max_body_bytes: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) passing_timeout: Duration,
    pub(crate) collected: Arc<Budget>,
    /// Who sees requests end, where anybody wants to know.
    pub(crate) observer: Option<Arc<Observer>>,
    pub(crate) draining: AtomicBool,
}

impl Shared {
    /// Ends all plugins, and tells which of them failed at it.
    pub(crate) async fn close(&self) -> Vec<(String, CallFailure)> {
        match &self.plugins {
            Some(plugins) => plugins.close().await,
            None => self.pipeline.now().close().await,
        }
    }
}

/// Which HTTP hooks any plugin has; nothing is collected or converted for one that none has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HttpHooks {
    pre: bool,
    post: bool,
    chunk: bool,
}

impl HttpHooks {
    pub(crate) fn of(pipeline: &Pipeline) -> Self {
        Self {
            pre: pipeline.exports(Hook::HttpPre),
            post: pipeline.exports(Hook::HttpPost),
            chunk: pipeline.exports(Hook::HttpStreamChunk),
        }
    }

    /// The same for the plugins that take part in one request.
    fn of_some(self, pipeline: &Pipeline, choice: &Choice) -> Self {
        if choice.is_all() {
            return self;
        }
        Self {
            pre: choice.exports(pipeline, Hook::HttpPre),
            post: choice.exports(pipeline, Hook::HttpPost),
            chunk: choice.exports(pipeline, Hook::HttpStreamChunk),
        }
    }

    /// Whether any of them will be shown the request.
    fn see_request(self) -> bool {
        self.pre || self.post || self.chunk
    }
}

/// What the requests of one thread share.
pub(crate) struct Api {
    shared: Arc<Shared>,
    providers: Registry,
    background: Background,
}

/// What the client will get, but for the HTTP hooks.
pub(crate) enum Reply {
    /// A whole response.
    Whole(Response<Bytes>),
    /// A plugin's.
    Plugin(HttpResponse),
    /// A stream.
    Stream(Streamed),
    /// A provider's, as it comes.
    Passed(Response<HttpBody>),
}

impl Reply {
    /// The same, and which fallback it is from, where it is from one.
    pub(crate) fn answered_by(mut self, fallback: Option<HeaderValue>) -> Self {
        let Some(fallback) = fallback else { return self };
        match &mut self {
            Self::Whole(response) => {
                drop(response.headers_mut().insert(attempts::HEADER, fallback))
            }
            Self::Passed(response) => {
                drop(response.headers_mut().insert(attempts::HEADER, fallback))
            }
            Self::Stream(streamed) => streamed.answered_by = Some(fallback),
            Self::Plugin(_) => {}
        }
        self
    }

    pub(crate) fn error(error: &HookError) -> Self {
        Self::Whole(api_error::plain(error))
    }
}

const HEALTH: &str = "/health";

impl Api {
    pub(crate) fn new(shared: Arc<Shared>, providers: Registry, background: Background) -> Self {
        Self { shared, providers, background }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<HttpBody> {
        match &self.shared.observer {
            None => self.traced(request).await,
            Some(observer) => {
                observer.watch(request, async |request| self.traced(request).await).await
            }
        }
    }

    async fn traced(&self, request: Request<Incoming>) -> Response<HttpBody> {
        match Trace::of(request.headers()) {
            None => self.answered(request).await,
            Some(trace) => Box::pin(trace.around(self.answered(request))).await,
        }
    }

    async fn answered(&self, request: Request<Incoming>) -> Response<HttpBody> {
        let id = RequestId::of(request.headers());
        let (parts, incoming) = request.into_parts();
        let mut response = match (shape::check(&parts), parts.uri.path()) {
            (Err(error), _) => last(&error).map(HttpBody::whole),
            (Ok(()), HEALTH) => self.health(&parts.method),
            (Ok(()), _) => self.routed(&id, parts, incoming).await,
        };
        let headers = response.headers_mut();
        headers.insert(request_id::HEADER, id.value());
        if self.shared.draining.load(Ordering::Relaxed) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Whether the gateway takes requests. No plugin has a say in that.
    fn health(&self, method: &Method) -> Response<HttpBody> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return wrong_method(method.as_str(), HEALTH, "GET").map(HttpBody::whole);
        }
        let (status, text) = match self.shared.draining.load(Ordering::Relaxed) {
            true => (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#),
            false => (StatusCode::OK, r#"{"status":"ok"}"#),
        };
        let mut response = Response::new(HttpBody::whole(text));
        *response.status_mut() = status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }

    async fn routed(
        &self,
        id: &RequestId,
        mut parts: Parts,
        incoming: Incoming,
    ) -> Response<HttpBody> {
        // The request stays with these plugins, whatever takes their place meanwhile.
        let pipeline = self.shared.pipeline.now();
        let choice = match taking_part::choose(&pipeline, id, &mut parts) {
            Ok(choice) => choice,
            Err(error) => {
                let error = api_error::plain(&error);
                let route = Route::of(parts.method.as_str(), parts.uri.path());
                return in_their_form(route, id, error).map(HttpBody::whole);
            }
        };
        let hooks = HttpHooks::of(&pipeline).of_some(&pipeline, &choice);
        let route = Route::of(parts.method.as_str(), parts.uri.path());
        if matches!(route, Route::Pass) && !hooks.pre && !hooks.post {
            // Nobody looks at it, so nothing of it is kept.
            let whole = Whole::within(self.shared.passing_timeout);
            let body = Paced::new(incoming.into(), self.shared.body_timeout, whole);
            let body = HttpBody::passed(body);
            return match passing::pass(&self.providers, id, parts, body).await {
                Ok(response) => response,
                Err(error) => api_error::plain(&error).map(HttpBody::whole),
            };
        }
        let span = tracing::info_span!("request", id = id.as_str());
        // In a box of its own: a future is moved as often as a request is, and this one is large.
        Box::pin(self.collected(id, pipeline, choice, parts, incoming).instrument(span)).await
    }

    /// Answers a request whose body is read, by a hook or by the gateway.
    async fn collected(
        &self,
        id: &RequestId,
        pipeline: Arc<Pipeline>,
        mut choice: Choice,
        parts: Parts,
        incoming: Incoming,
    ) -> Response<HttpBody> {
        let Shared { max_body_bytes, body_timeout, .. } = &*self.shared;
        let route = Route::of(parts.method.as_str(), parts.uri.path());
        let body =
            match collect::read(&parts.headers, incoming, *max_body_bytes, *body_timeout).await {
                Ok(body) => body,
                // Hooks are not shown half a request.
                Err(refused) => {
                    return in_their_form(route, id, refuse(&refused)).map(HttpBody::whole);
                }
            };
        taking_part::settle(&mut choice, &pipeline, &self.providers, route, &parts.headers, &body)
            .await;
        let hooks = HttpHooks::of(&pipeline).of_some(&pipeline, &choice);
        let request = match hooks.see_request() {
            true => translate::request(&parts, &body),
            false => translate::no_request(),
        };
        let mut exchange = Exchange::chosen(pipeline, choice, id.as_str(), request);
        if let Some(watch) = self.shared.observer.as_ref().and_then(|observer| observer.hooks()) {
            exchange.watch(watch);
        }
        // Dropped with the exchange in it where the client leaves before its answer begins.
        let mut unanswered = Unanswered::new(exchange, self.background.clone());
        let Some(exchange) = unanswered.exchange() else { return Response::default() };
        let flow = match hooks.pre {
            true => {
                let check = |before: &HttpRequest, after: &HttpRequest| {
                    llm::readable(&self.providers, before, after)
                };
                exchange.http_pre_checked(&check).await
            }
            false => HttpPreFlow::Continue,
        };
        let is_head = parts.method == Method::HEAD;
        let reply = match flow {
            HttpPreFlow::Continue => self.reply(id, hooks, exchange, parts, body).await,
            HttpPreFlow::Respond(response) => Reply::Plugin(response),
            HttpPreFlow::Failed(failure) => {
                Reply::Whole(in_their_form(route, id, api_error::plain(&failure.to_error())))
            }
        };
        self.finish(unanswered, hooks.post, is_head, reply).await
    }

    /// What the request comes to, as the hooks left it.
    async fn reply(
        &self,
        id: &RequestId,
        hooks: HttpHooks,
        exchange: &mut Exchange,
        sent: Parts,
        body: Bytes,
    ) -> Reply {
        let seen = hooks.pre.then(|| exchange.request());
        let (method, path) = match seen {
            Some(request) => (request.method.as_str(), request.path.as_str()),
            None => (sent.method.as_str(), sent.uri.path()),
        };
        match Route::of(method, path) {
            Route::Model(endpoint) => {
                let kind = match seen {
                    Some(request) => translate::header(request, &CONTENT_TYPE),
                    None => sent.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()),
                };
                let body = match seen.map(|request| request.body.bytes()) {
                    Some(changed) if changed != body => Bytes::copy_from_slice(changed),
                    _ => body,
                };
                let asked = llm::parse(&self.providers, endpoint, kind, body).await;
                llm::complete(&self.providers, exchange, asked).await
            }
            Route::Messages => {
                let body = seen.map_or(&*body, |request| request.body.bytes());
                let asked = messages::parse(&self.providers, body);
                messages::reply(llm::complete(&self.providers, exchange, asked).await, id.as_str())
            }
            Route::Models => Reply::Whole(models::list(&self.providers).await),
            Route::WrongMethod { wanted } => Reply::Whole(wrong_method(method, path, wanted)),
            Route::Unknown => Reply::error(&passing::not_found(method, path)),
            Route::Pass => {
                let (parts, body) = match seen {
                    Some(_) => match translate::sent_on(exchange.revealed(), sent, body) {
                        Ok(changed) => changed,
                        Err(error) => return Reply::error(&error),
                    },
                    None => (sent, body),
                };
                match passing::pass(&self.providers, id, parts, HttpBody::whole(body)).await {
                    Ok(response) => Reply::Passed(response),
                    Err(error) => Reply::error(&error),
                }
            }
        }
    }

    /// From the reply to the response: what is left for `http_post` to do.
    async fn finish(
        &self,
        mut unanswered: Unanswered,
        post: bool,
        is_head: bool,
        reply: Reply,
    ) -> Response<HttpBody> {
        // Given back when the hooks have seen it.
        let mut taken = None;
        let (response, headers) = match reply {
            Reply::Stream(streamed) => {
                let Some(exchange) = unanswered.answered() else { return Response::default() };
                return streaming::response(exchange, streamed, self.background.clone());
            }
            Reply::Passed(response) if post && passing::is_event_stream(response.headers()) => {
                let Some(exchange) = unanswered.answered() else { return response };
                return passing::shown_at_the_end(exchange, response, self.background.clone());
            }
            reply if !post => {
                drop(unanswered.answered());
                return match reply {
                    Reply::Whole(response) => response.map(HttpBody::whole),
                    Reply::Passed(response) => response,
                    Reply::Plugin(response) => translate::response(response, &HeaderMap::new()),
                    // Above.
                    Reply::Stream(_) => Response::default(),
                };
            }
            Reply::Plugin(response) => (response, HeaderMap::new()),
            Reply::Whole(response) => translate::shown(response),
            Reply::Passed(response) => {
                let taken = taken.insert(self.shared.collected.nothing());
                match passing::whole_within(response, taken).await {
                    Ok(response) => translate::shown(response),
                    Err(error) => (api_error::response(error), HeaderMap::new()),
                }
            }
        };
        let response = match unanswered.exchange() {
            Some(exchange) => exchange.http_post(response, api_error::response).await,
            None => response,
        };
        drop(unanswered.answered());
        let mut response = translate::response(response, &headers);
        // The length of what is not sent is all that HEAD is told of it.
        if let (true, Some(length)) = (is_head, headers.get(CONTENT_LENGTH)) {
            response.headers_mut().insert(CONTENT_LENGTH, length.clone());
        }
        response
    }
}

/// An error of the gateway's own, as the endpoint's clients know errors.
fn in_their_form(route: Route, id: &RequestId, error: Response<Bytes>) -> Response<Bytes> {
    match route {
        Route::Messages => messages::whole(error, id.as_str()),
        _ => error,
    }
}

fn wrong_method(found: &str, path: &str, wanted: &'static str) -> Response<Bytes> {
    let message = format!("found {found} {path}, wanted {wanted}");
    let mut response = api_error::plain(&invalid(405, "method_not_allowed", message));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(wanted));
    response
}

fn refuse(refused: &collect::Refused) -> Response<Bytes> {
    match refused.close {
        true => last(&refused.error),
        false => api_error::plain(&refused.error),
    }
}

/// An error after which nothing more of its connection is read.
pub(crate) fn last(error: &HookError) -> Response<Bytes> {
    let mut response = api_error::plain(error);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
