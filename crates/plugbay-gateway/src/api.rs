//! From a request to its response: where it goes, and the HTTP hooks around that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{ALLOW, CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use plugbay::abi::hook::{HookError, HttpResponse};
use plugbay_hooks::{Exchange, HttpPreFlow, Pipeline};
use tracing::Instrument as _;

use crate::api_error::{self, invalid};
use crate::chat::{self, Reply};
use crate::provider::Registry;
use crate::server::Background;
use crate::translate::{self, Body};
use crate::{body, models, request_id, streaming};

/// What all requests of one gateway share.
pub(crate) struct Api {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) providers: Registry,
    pub(crate) max_body_bytes: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) draining: AtomicBool,
}

const CHAT: &str = "/v1/chat/completions";
const MODELS: &str = "/v1/models";
const HEALTH: &str = "/health";

impl Api {
    /// Answers a request.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        background: Background,
    ) -> Response<Body> {
        let id = request_id::of(request.headers());
        let mut response = if request.uri().path() == HEALTH {
            self.health(request.method())
        } else {
            let span = tracing::info_span!("request", %id);
            self.with_hooks(&id, request, background).instrument(span).await
        };
        if let Some(value) = request_id::value(&id) {
            response.headers_mut().insert(request_id::HEADER, value);
        }
        response
    }

    /// Whether the gateway takes requests. No plugin has a say in that.
    fn health(&self, method: &Method) -> Response<Body> {
        if !is_get(method) {
            return translate::response(wrong_method(method.as_str(), HEALTH, "GET"));
        }
        let (status, text) = match self.draining.load(Ordering::Relaxed) {
            true => (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#),
            false => (StatusCode::OK, r#"{"status":"ok"}"#),
        };
        let mut response = Response::new(translate::whole(text));
        *response.status_mut() = status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }

    async fn with_hooks(
        &self,
        id: &str,
        request: Request<Incoming>,
        background: Background,
    ) -> Response<Body> {
        let (parts, incoming) = request.into_parts();
        let read = body::read(&parts.headers, incoming, self.max_body_bytes, self.body_timeout);
        let body = match read.await {
            Ok(body) => body,
            // Hooks are not shown half a request.
            Err(refused) => return refuse(refused),
        };
        let request = translate::request(&parts, body);
        let mut exchange = Exchange::new(Arc::clone(&self.pipeline), id, request);
        let reply = match exchange.http_pre().await {
            HttpPreFlow::Continue => self.route(&mut exchange).await,
            HttpPreFlow::Respond(response) => Reply::Whole(response),
            HttpPreFlow::Failed(failure) => Reply::Whole(api_error::response(failure.to_error())),
        };
        match reply {
            Reply::Whole(response) => {
                translate::response(exchange.http_post(response, api_error::response).await)
            }
            Reply::Stream { chunks, post_at_end } => {
                streaming::response(exchange, chunks, post_at_end, background)
            }
        }
    }

    /// Where the request goes, as the hooks left it.
    async fn route(&self, exchange: &mut Exchange) -> Reply {
        let request = exchange.request();
        let (method, path) = (request.method.as_str(), request.path.as_str());
        match (path, method) {
            (CHAT, "POST") => chat::complete(&self.providers, exchange).await,
            (CHAT, _) => Reply::Whole(wrong_method(method, path, "POST")),
            (MODELS, "GET" | "HEAD") => Reply::Whole(models::list(&self.providers).await),
            (MODELS, _) => Reply::Whole(wrong_method(method, path, "GET")),
            _ => Reply::Whole(api_error::response(not_found(method, path))),
        }
    }
}

fn is_get(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn not_found(method: &str, path: &str) -> HookError {
    let message = format!("there is nothing at {method} {path}");
    invalid(404, "unknown_url", message)
}

fn wrong_method(found: &str, path: &str, wanted: &'static str) -> HttpResponse {
    let message = format!("found {found} {path}, wanted {wanted}");
    let mut response = api_error::response(invalid(405, "method_not_allowed", message));
    response.headers.insert(ALLOW.as_str().to_owned(), wanted.to_owned());
    response
}

fn refuse(refused: body::Refused) -> Response<Body> {
    let mut response = translate::response(api_error::response(refused.error));
    if refused.close {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
