//! Requests to models: parse, `pre`, provider, `post`.

mod asked;
mod reply;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::CONTENT_TYPE;
use plugbay::abi::hook::{HookError, HttpRequest, LlmRequest, LlmResponse};
use plugbay::abi::interface::Hook;
use plugbay_hooks::{Exchange, PostFlow, PreFlow};

pub(crate) use self::asked::{Asked, parse, parse_chat};
use self::reply::{as_it_comes, assemble, chunks_of, passed_through, reply, shown};
use crate::api::Reply;
use crate::api_error::{invalid, server};
use crate::attempts::{self, Attempts};
use crate::endpoint::Endpoint;
use crate::provider::{
    Answer, ChunkStream, LlmCall, Provider, ProviderError, Registry, UpstreamError,
};
use crate::route::Route;
use crate::streaming::Streamed;
use crate::{messages, passing, translate};

/// Answers the request that the HTTP hooks left.
pub(crate) async fn complete(
    providers: &Registry,
    exchange: &mut Exchange,
    asked: Result<Asked, Box<HookError>>,
) -> Reply {
    let asked = match asked {
        Ok(asked) => asked,
        Err(error) => return Reply::error(&error),
    };
    let Asked { endpoint, request, stream, usage } = asked;
    let mut attempts = Attempts::new(request);
    loop {
        let (result, upstream) =
            match attempt(providers, exchange, &mut attempts, endpoint, stream).await {
                Went::Out(reply) => return reply,
                Went::Back(result, upstream) => (result, upstream),
            };
        let before = result.as_ref().err().cloned();
        let after = exchange.post(result).await;
        if let Err(error) = &after
            && attempts.again(providers, error)
        {
            continue;
        }
        let reply = match (after, upstream) {
            // The provider's own error goes out as it came in, if nobody had anything to say.
            (Err(after), Some(upstream)) if Some(&after) == before.as_ref() => {
                Reply::Whole(passed_through(upstream, &after))
            }
            (after, _) => reply(endpoint, after, stream, usage),
        };
        return reply.answered_by(attempts.fallback());
    }
}

/// How an attempt went.
#[allow(clippy::large_enum_variant, reason = "made once an attempt, and never stored")]
enum Went {
    /// To the client, as it comes.
    Out(Reply),
    /// To the post hooks; and the provider's own error, if it is one.
    Back(PostFlow, Option<UpstreamError>),
}

/// One attempt: `pre`, and whoever the request then names.
async fn attempt(
    providers: &Registry,
    exchange: &mut Exchange,
    attempts: &mut Attempts,
    endpoint: Endpoint,
    stream: bool,
) -> Went {
    let out = |reply: Reply, attempts: &Attempts| Went::Out(reply.answered_by(attempts.fallback()));
    let streamed = |chunks| Reply::Stream(Streamed::new(endpoint, chunks, true));
    let check =
        |before: &LlmRequest, after: &LlmRequest| sendable(providers, endpoint, before, after);
    let request = match exchange.pre_checked(attempts.request(), &check).await {
        PreFlow::Answer(result) => return Went::Back(result, None),
        PreFlow::Stream(chunks) if stream => {
            return out(streamed(chunks_of(endpoint, chunks)), attempts);
        }
        PreFlow::Stream(chunks) => {
            return Went::Back(assemble(endpoint, &chunks).map_err(|error| *error), None);
        }
        PreFlow::Send(request) => request,
    };
    if let Err(error) = attempts.sent(providers, &request) {
        return Went::Back(Err(*error), None);
    }
    let id = exchange.context().request_id();
    match ask(providers, &id, endpoint, &request, stream).await {
        Ok(Answered::Stream(chunks)) => out(streamed(chunks), attempts),
        Ok(Answered::Whole(Answer::Json(json))) => {
            Went::Back(Ok(LlmResponse::new(endpoint.response_key(), json)), None)
        }
        // Nobody looks at it, so nothing of it is kept.
        Ok(Answered::Whole(Answer::Other { content_type, body }))
            if !exchange.exports(Hook::Post) =>
        {
            out(Reply::Passed(as_it_comes(content_type, body)), attempts)
        }
        Ok(Answered::Whole(Answer::Other { content_type, body })) => {
            Went::Back(shown(endpoint, content_type, body).await, None)
        }
        Err(Failed { mut error, upstream, unknown_model }) => {
            // A name that nobody has is misspelt; who is asked in its place would hide that.
            if unknown_model && attempts.is_first() && !providers.forgives(&provider_of(&request)) {
                error.allow_fallbacks = Some(false);
            }
            Went::Back(Err(error), upstream)
        }
    }
}

enum Answered {
    Whole(Answer),
    Stream(ChunkStream),
}

struct Failed {
    error: HookError,
    upstream: Option<UpstreamError>,
    /// The gateway knows that there is no such model: nobody was asked.
    unknown_model: bool,
}

impl From<HookError> for Failed {
    fn from(error: HookError) -> Self {
        Self { error, upstream: None, unknown_model: false }
    }
}

impl From<ProviderError> for Failed {
    fn from(failed: ProviderError) -> Self {
        let unknown_model = matches!(failed, ProviderError::UnknownModel { .. });
        match &failed {
            ProviderError::UnknownModel { .. } => {
                tracing::warn!(error = %failed, "there is no such model: no provider was asked");
            }
            ProviderError::NoEndpoint { .. }
            | ProviderError::BadRequest { .. }
            | ProviderError::ClientBody { .. } => {
                tracing::warn!(error = %failed, "a request cannot be sent to its provider");
            }
            ProviderError::Upstream { error: UpstreamError { status: 400..=499, .. }, .. } => {
                tracing::warn!(error = %failed, "a provider refused a request");
            }
            _ => tracing::warn!(error = %failed, "a provider gave no answer"),
        }
        let error = failed.to_error();
        let upstream = match failed {
            ProviderError::Upstream { error, .. } => Some(error),
            _ => None,
        };
        Self { error, upstream, unknown_model }
    }
}

fn provider_of(request: &LlmRequest) -> String {
    request.provider().ok().flatten().unwrap_or_default()
}

/// Whether the gateway can read what a plugin made of a request's head and body, where it could read what they
/// were before: if not, the plugin has failed, and not the client.
pub(crate) fn readable(
    providers: &Registry,
    before: &HttpRequest,
    after: &HttpRequest,
) -> Result<(), String> {
    let kind = |request: &HttpRequest| translate::header(request, &CONTENT_TYPE).map(str::to_owned);
    let parts =
        |request: &HttpRequest| (request.method.clone(), request.path.clone(), kind(request));
    if before.body == after.body && parts(before) == parts(after) {
        return Ok(());
    }
    let read = |request: &HttpRequest| {
        let body = request.body.bytes();
        match Route::of(&request.method, &request.path) {
            Route::Model(endpoint) => {
                let (kind, body) = (kind(request), Bytes::copy_from_slice(body));
                let parsed = parse(providers, endpoint, kind.as_deref(), body).now_or_never();
                // All of it is there, so nothing was waited for.
                parsed.map_or(Ok(()), |parsed| parsed.map(drop))
            }
            Route::Messages => messages::parse(providers, body).map(drop),
            Route::Models | Route::Pass => Ok(()),
            Route::WrongMethod { .. } | Route::Unknown => {
                Err(passing::not_found(&request.method, &request.path).into())
            }
        }
    };
    match read(after) {
        Err(problem) if read(before).is_ok() => Err(problem.error.message),
        _ => Ok(()),
    }
}

/// A request as the provider that it names gets it: a plugin may have changed whom it names.
fn call<'a>(
    providers: &'a Registry,
    request_id: &str,
    endpoint: Endpoint,
    request: &LlmRequest,
) -> Result<(&'a Arc<dyn Provider>, LlmCall), Box<HookError>> {
    let name = provider_of(request);
    let provider = providers.get(&name).ok_or_else(|| {
        invalid(404, "provider_not_found", format!("there is no provider `{name}`"))
            .with_param("model")
    })?;
    let unusable = |what: &str| {
        let message = format!("a plugin left the request without {what}");
        Box::new(server(502, "unusable_request", message))
    };
    let call = LlmCall {
        endpoint,
        request_id: request_id.to_owned(),
        model: request.model().ok().flatten().ok_or_else(|| unusable("a model"))?,
        input: request.input().ok_or_else(|| unusable("its input"))?.to_owned(),
        params: request.params().map_err(|_| unusable("usable params"))?,
    };
    Ok((provider, call))
}

/// Sends a request to its provider.
async fn ask(
    providers: &Registry,
    request_id: &str,
    endpoint: Endpoint,
    request: &LlmRequest,
    stream: bool,
) -> Result<Answered, Failed> {
    let (provider, call) =
        call(providers, request_id, endpoint, request).map_err(|error| *error)?;
    Ok(match stream {
        true => Answered::Stream(provider.stream(call).await?),
        false => Answered::Whole(provider.complete(call).await?),
    })
}

/// Whether a provider can take what a plugin made of a request, where one could take what it was before: if not,
/// the plugin has failed, and not the client.
fn sendable(
    providers: &Registry,
    endpoint: Endpoint,
    before: &LlmRequest,
    after: &LlmRequest,
) -> Result<(), String> {
    let check = |request: &LlmRequest| {
        let (provider, call) = call(providers, "", endpoint, request)?;
        asked::check_input(endpoint, &call.input)?;
        if let Some(fallbacks) = request.fields().raw(attempts::FIELD) {
            attempts::check(fallbacks)
                .map_err(|error| invalid(400, "invalid_parameter", error.to_string()))?;
        }
        provider.check(&call).map_err(|error| Box::new(error.to_error()))
    };
    match check(after) {
        Err(problem) if check(before).is_ok() => Err(problem.error.message),
        _ => Ok(()),
    }
}
