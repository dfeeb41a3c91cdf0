//! Requests to models: parse, `pre`, provider, `post`.

mod asked;
mod reply;

use plugbay::abi::hook::{HookError, LlmRequest, LlmResponse};
use plugbay::abi::interface::Hook;
use plugbay_hooks::{Exchange, PreFlow};

pub(crate) use self::asked::{Asked, parse};
use self::reply::{as_it_comes, assemble, chunks_of, passed_through, reply, shown};
use crate::api::Reply;
use crate::api_error::{invalid, server};
use crate::endpoint::Endpoint;
use crate::provider::{Answer, ChunkStream, LlmCall, ProviderError, Registry, UpstreamError};
use crate::streaming::Streamed;

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
    let streamed = |chunks| Reply::Stream(Streamed { endpoint, chunks, post_at_end: true });
    let (result, upstream) = match exchange.pre(request).await {
        PreFlow::Answer(result) => (result, None),
        PreFlow::Stream(chunks) if stream => return streamed(chunks_of(endpoint, chunks)),
        PreFlow::Stream(chunks) => (assemble(endpoint, &chunks).map_err(|error| *error), None),
        PreFlow::Send(request) => {
            let id = exchange.context().request_id();
            match ask(providers, &id, endpoint, &request, stream).await {
                Ok(Answered::Stream(chunks)) => return streamed(chunks),
                Ok(Answered::Whole(Answer::Json(json))) => {
                    (Ok(LlmResponse::new(endpoint.response_key(), json)), None)
                }
                // Nobody looks at it, so nothing of it is kept.
                Ok(Answered::Whole(Answer::Other { content_type, body }))
                    if !exchange.exports(Hook::Post) =>
                {
                    return Reply::Passed(as_it_comes(content_type, body));
                }
                Ok(Answered::Whole(Answer::Other { content_type, body })) => {
                    (shown(endpoint, content_type, body).await, None)
                }
                Err(Failed { error, upstream }) => (Err(error), upstream),
            }
        }
    };
    let before = result.as_ref().err().cloned();
    let after = exchange.post(result).await;
    match (after, upstream) {
        // The provider's own error goes out as it came in, if nobody had anything to say.
        (Err(after), Some(upstream)) if Some(&after) == before.as_ref() => {
            Reply::Whole(passed_through(upstream, &after))
        }
        (after, _) => reply(endpoint, after, stream, usage),
    }
}

enum Answered {
    Whole(Answer),
    Stream(ChunkStream),
}

struct Failed {
    error: HookError,
    upstream: Option<UpstreamError>,
}

impl From<HookError> for Failed {
    fn from(error: HookError) -> Self {
        Self { error, upstream: None }
    }
}

impl From<ProviderError> for Failed {
    fn from(failed: ProviderError) -> Self {
        tracing::warn!(error = %failed, "a provider gave no answer");
        let error = failed.to_error();
        let upstream = match failed {
            ProviderError::Upstream { error, .. } => Some(error),
            _ => None,
        };
        Self { error, upstream }
    }
}

/// Sends the request to the provider that it names now: a plugin may have changed that.
async fn ask(
    providers: &Registry,
    request_id: &str,
    endpoint: Endpoint,
    request: &LlmRequest,
    stream: bool,
) -> Result<Answered, Failed> {
    let name = request.provider().ok().flatten().unwrap_or_default();
    let provider = providers.get(&name).ok_or_else(|| {
        invalid(404, "provider_not_found", format!("there is no provider `{name}`"))
            .with_param("model")
    })?;
    let unusable = |what: &str| {
        server(502, "unusable_request", format!("a plugin left the request without {what}"))
    };
    let call = LlmCall {
        endpoint,
        request_id: request_id.to_owned(),
        model: request.model().ok().flatten().ok_or_else(|| unusable("a model"))?,
        input: request.input().ok_or_else(|| unusable("its input"))?.to_owned(),
        params: request.params().map_err(|_| unusable("usable params"))?,
    };
    Ok(match stream {
        true => Answered::Stream(provider.stream(call).await?),
        false => Answered::Whole(provider.complete(call).await?),
    })
}
