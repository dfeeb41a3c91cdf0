//! Requests to models: parse, `pre`, provider, `post`.

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, Response};
use plugbay::abi::hook::{HookError, LlmRequest, LlmResponse};
use plugbay::abi::json::RawObject;
use plugbay_hooks::stream::{Assembler, split};
use plugbay_hooks::{Exchange, PostFlow, PreFlow};
use serde_json::value::RawValue;

use crate::api::Reply;
use crate::api_error::{self, invalid, server};
use crate::depth;
use crate::endpoint::Endpoint;
use crate::provider::{ChunkStream, LlmCall, ProviderError, Registry, UpstreamError, wants_usage};
use crate::streaming::MAX_ASSEMBLED;

/// A client's request, as far as the gateway looks at it.
pub(crate) struct Asked {
    request: LlmRequest,
    stream: bool,
    usage: bool,
}

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
    let Asked { request, stream, usage } = asked;
    let (result, upstream) = match exchange.pre(request).await {
        PreFlow::Answer(result) => (result, None),
        PreFlow::Stream(chunks) if stream => {
            let chunks = Box::pin(stream::iter(chunks.into_iter().map(Ok)));
            return Reply::Stream { chunks, post_at_end: true };
        }
        PreFlow::Stream(chunks) => (Ok(assemble(&chunks)), None),
        PreFlow::Send(request) => {
            match ask(providers, &exchange.context().request_id(), &request, stream).await {
                Ok(Answer::Stream(chunks)) => return Reply::Stream { chunks, post_at_end: true },
                Ok(Answer::Whole(response)) => (Ok(response), None),
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
        (after, _) => reply(after, stream, usage),
    }
}

/// Reads the body of a request.
pub(crate) fn parse(providers: &Registry, body: &[u8]) -> Result<Asked, Box<HookError>> {
    depth::check(body)?;
    // serde's own error says line and column.
    let mut params: RawObject = serde_json::from_slice(body)
        .map_err(|error| invalid(400, "invalid_json", format!("the request's body: {error}")))
        .map_err(Box::new)?;
    characters(body)?;
    let wrong = |param: &str, message: String| {
        Box::new(invalid(400, "invalid_parameter", message).with_param(param))
    };
    let missing = |param: &str| {
        let error = invalid(400, "missing_parameter", format!("`{param}` is missing"));
        Box::new(error.with_param(param))
    };
    let model: String = params
        .get("model")
        .map_err(|error| wrong("model", error.to_string()))?
        .ok_or_else(|| missing("model"))?;
    let messages = params.remove("messages").ok_or_else(|| missing("messages"))?;
    if !messages.get().starts_with('[') {
        return Err(wrong("messages", "messages: wanted a list".to_owned()));
    }
    let stream: Option<bool> =
        params.get("stream").map_err(|error| wrong("stream", error.to_string()))?;
    let usage = wants_usage(&params);
    params.remove("model");
    let (provider, model) = providers.resolve(&model);
    let request = LlmRequest::new(provider, model, messages, params)
        .map_err(|error| wrong("model", error.to_string()))?;
    Ok(Asked { request, stream: stream.unwrap_or(false), usage })
}

/// Refuses escapes that are JSON by its grammar and no character: half of a surrogate pair. What they
/// are in is passed on unparsed, and would otherwise be a plugin's failure rather than the client's.
fn characters(body: &[u8]) -> Result<(), Box<HookError>> {
    // Nearly no body has such an escape; only one that does is parsed for it.
    let suspicious = body.windows(3).any(|bytes| matches!(bytes, [b'\\', b'u', b'd' | b'D']));
    if !suspicious {
        return Ok(());
    }
    serde_json::from_slice::<serde_json::Value>(body)
        .map(drop)
        .map_err(|error| invalid(400, "invalid_json", format!("the request's body: {error}")))
        .map_err(Box::new)
}

enum Answer {
    Whole(LlmResponse),
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
    request: &LlmRequest,
    stream: bool,
) -> Result<Answer, Failed> {
    let name = request.provider().ok().flatten().unwrap_or_default();
    let provider = providers.get(&name).ok_or_else(|| {
        invalid(404, "provider_not_found", format!("there is no provider `{name}`"))
            .with_param("model")
    })?;
    let unusable = |what: &str| {
        server(502, "unusable_request", format!("a plugin left the request without {what}"))
    };
    let call = LlmCall {
        endpoint: Endpoint::Chat,
        request_id: request_id.to_owned(),
        model: request.model().ok().flatten().ok_or_else(|| unusable("a model"))?,
        input: request.input().ok_or_else(|| unusable("its input"))?.to_owned(),
        params: request.params().map_err(|_| unusable("usable params"))?,
    };
    Ok(match stream {
        true => Answer::Stream(provider.stream(call).await?),
        false => Answer::Whole(provider.complete(call).await?),
    })
}

fn reply(result: PostFlow, stream: bool, usage: bool) -> Reply {
    let response = match result {
        Ok(response) => response,
        Err(error) => return Reply::error(&error),
    };
    let Some(chat) = response.get(LlmResponse::CHAT) else {
        let message = format!("a plugin answered without `{}`", LlmResponse::CHAT);
        return Reply::error(&server(502, "unusable_response", message));
    };
    if !stream {
        return Reply::Whole(api_error::json(200, chat.get().to_owned()));
    }
    match split(chat, usage) {
        Some(chunks) => {
            let chunks = Box::pin(stream::iter(chunks.into_iter().map(Ok)));
            Reply::Stream { chunks, post_at_end: false }
        }
        None => {
            let message = "a plugin's answer is no chat completion and cannot be streamed";
            Reply::error(&server(502, "unusable_response", message))
        }
    }
}

fn assemble(chunks: &[Box<RawValue>]) -> LlmResponse {
    let mut assembler = Assembler::new(MAX_ASSEMBLED);
    chunks.iter().for_each(|chunk| assembler.push(chunk));
    LlmResponse::new(LlmResponse::CHAT, assembler.finish())
}

fn passed_through(upstream: UpstreamError, error: &HookError) -> Response<Bytes> {
    let mut response = match upstream.is_openai_shaped() {
        true => api_error::json(upstream.status, upstream.body),
        false => api_error::plain(error),
    };
    for (name, value) in upstream.headers {
        let header = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
