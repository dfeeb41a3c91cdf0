//! Requests that the gateway knows nothing of: sent on to the default provider, and what it answers
//! sent back, both piece by piece unless a hook wants to see them.

use std::convert::Infallible;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::header::{CONTENT_TYPE, EXPECT, HOST};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use plugbay::abi::hook::HookError;
use plugbay_hooks::Exchange;

use crate::api_error::{invalid, server};
use crate::body::{BodyError, HttpBody};
use crate::budget::{Budget, Taken};
use crate::provider::Registry;
use crate::request_id::{self, RequestId};
use crate::server::Background;
use crate::streaming::MAX_ASSEMBLED;
use crate::translate;

/// Longest answer that is collected for a hook, in bytes.
const MAX_COLLECTED: usize = 64 << 20;

/// Sends a request to the default provider.
pub(crate) async fn pass(
    providers: &Registry,
    id: &RequestId,
    mut parts: Parts,
    body: HttpBody,
) -> Result<Response<HttpBody>, HookError> {
    // Each connection has a version of its own.
    parts.version = Version::HTTP_11;
    let headers = &mut parts.headers;
    translate::strip(headers);
    headers.remove(HOST);
    // The gateway has answered that itself, when it began to read the body.
    headers.remove(EXPECT);
    headers.insert(request_id::HEADER, id.value());
    // For the message, should nobody take it.
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let provider = providers.default_provider();
    let request = Request::from_parts(parts, body);
    let Some(passing) = provider.and_then(|provider| provider.pass(request)) else {
        return Err(not_found(method.as_str(), uri.path()));
    };
    match passing.await {
        Ok(mut response) => {
            *response.version_mut() = Version::HTTP_11;
            translate::strip(response.headers_mut());
            if response.status().is_informational() {
                // `101 Switching Protocols`: nobody asked for that, and nothing would ever follow.
                *response.status_mut() = StatusCode::BAD_GATEWAY;
            }
            Ok(response)
        }
        Err(error) => {
            tracing::warn!(id = id.as_str(), %error, "a provider gave no answer");
            Err(error.to_error())
        }
    }
}

pub(crate) fn not_found(method: &str, path: &str) -> HookError {
    let message = format!("there is nothing at {method} {path}");
    invalid(404, "unknown_url", message)
}

pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let wanted = b"text/event-stream";
    kind.trim_ascii_start()
        .get(..wanted.len())
        .is_some_and(|kind| kind.eq_ignore_ascii_case(wanted))
}

/// A provider's answer as a whole.
pub(crate) async fn whole(response: Response<HttpBody>) -> Result<Response<Bytes>, HookError> {
    whole_within(response, &mut Budget::new(MAX_COLLECTED).nothing()).await
}

/// The same, as part of what all answers may take.
pub(crate) async fn whole_within(
    response: Response<HttpBody>,
    taken: &mut Taken,
) -> Result<Response<Bytes>, HookError> {
    let (parts, mut body) = response.into_parts();
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > MAX_COLLECTED {
            let message = format!("the provider's answer is longer than {MAX_COLLECTED} bytes");
            return Err(server(502, "answer_too_large", message));
        }
        if !taken.grow(data.len()) {
            let message = "too much is being collected for plugins at the moment";
            return Err(server(503, "too_much_collected", message));
        }
        bytes.extend_from_slice(data);
    }
    Ok(Response::from_parts(parts, bytes.freeze()))
}

fn broken(error: &BodyError) -> HookError {
    tracing::warn!(%error, "a provider's answer broke off");
    match error {
        BodyError::Stalled { .. } | BodyError::TooSlow { .. } => {
            server(504, "provider_timeout", format!("the provider's answer: {error}"))
        }
        BodyError::Broken { .. } => {
            server(502, "provider_unreachable", "the provider's answer broke off")
        }
    }
}

/// A stream of events goes out as it comes, and `http_post` is shown at its end what went out: as
/// much of it as is kept.
pub(crate) fn shown_at_the_end(
    exchange: Exchange,
    response: Response<HttpBody>,
    background: Background,
) -> Response<HttpBody> {
    let (parts, body) = response.into_parts();
    let shown = Response::from_parts(parts.clone(), Bytes::new());
    let live = Live(Some(Going { exchange, body, shown, sent: Vec::new(), background }));
    let frames = stream::unfold(live, |live| async move { live.next().await });
    Response::from_parts(parts, HttpBody::made(StreamBody::new(frames)))
}

/// A stream that passes; none once it has ended. Dropped before that, it was left by its client.
struct Live(Option<Going>);

struct Going {
    exchange: Exchange,
    body: HttpBody,
    shown: Response<Bytes>,
    sent: Vec<u8>,
    background: Background,
}

impl Live {
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Infallible>, Self)> {
        let going = self.0.as_mut()?;
        let last = match going.body.frame().await {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    let room = MAX_ASSEMBLED - going.sent.len();
                    going.sent.extend(data.iter().take(room));
                }
                return Some((Ok(frame), self));
            }
            Some(Err(error)) => Some(Frame::data(streaming_error(&error))),
            None => None,
        };
        self.0.take()?.finish();
        last.map(|frame| (Ok(frame), self))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Where no runtime is any more, there is nobody to show it either.
        if let Some(mut going) = self.0.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            going.exchange.cancelled();
            going.finish();
        }
    }
}

impl Going {
    fn finish(self) {
        let Self { mut exchange, body, shown, sent, background } = self;
        drop(body);
        let (response, _) = translate::shown(shown.map(|_| sent.into()));
        background.spawn(async move { exchange.streamed(None, &response).await });
    }
}

fn streaming_error(error: &BodyError) -> Bytes {
    crate::sse::error_frame(&crate::api_error::document(&broken(error)))
}
