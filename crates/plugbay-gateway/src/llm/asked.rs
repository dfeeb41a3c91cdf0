//! A client's request to a model, read as far as the gateway looks at it.

use bytes::Bytes;
use plugbay::abi::hook::{HookError, LlmRequest};
use plugbay::abi::json::RawObject;
use serde_json::value::RawValue;

use crate::api_error::invalid;
use crate::attempts;
use crate::depth;
use crate::endpoint::Endpoint;
use crate::form;
use crate::provider::{Registry, wants_usage};

/// A client's request, as far as the gateway looks at it.
pub(crate) struct Asked {
    pub(super) endpoint: Endpoint,
    pub(super) request: LlmRequest,
    pub(super) stream: bool,
    pub(super) usage: bool,
}

/// Reads the body of a request.
pub(crate) async fn parse(
    providers: &Registry,
    endpoint: Endpoint,
    content_type: Option<&str>,
    body: Bytes,
) -> Result<Asked, Box<HookError>> {
    match endpoint {
        Endpoint::Transcriptions => {
            sorted(providers, endpoint, form::read(content_type, body).await?)
        }
        _ => sorted(providers, endpoint, json(&body)?),
    }
}

/// Reads a chat request that was another one.
pub(crate) fn parse_chat(providers: &Registry, chat: RawObject) -> Result<Asked, Box<HookError>> {
    characters(chat.to_json().as_bytes())?;
    sorted(providers, Endpoint::Chat, chat)
}

fn json(body: &[u8]) -> Result<RawObject, Box<HookError>> {
    depth::check(body)?;
    // serde's own error says line and column.
    let fields = serde_json::from_slice(body)
        .map_err(|error| invalid(400, "invalid_json", format!("the request's body: {error}")))
        .map_err(Box::new)?;
    characters(body)?;
    Ok(fields)
}

/// What is said, taken apart as plugins are shown it.
fn sorted(
    providers: &Registry,
    endpoint: Endpoint,
    mut params: RawObject,
) -> Result<Asked, Box<HookError>> {
    let model: String = params
        .get("model")
        .map_err(|error| wrong("model", error.to_string()))?
        .ok_or_else(|| missing("model"))?;
    let input = input(endpoint, params.remove(endpoint.input_key()))?;
    let stream = endpoint
        .wants_stream(&params)
        .map_err(|error| wrong(endpoint.stream_param().unwrap_or_default(), error.to_string()))?;
    let usage = wants_usage(&params);
    params.remove("model");
    let fallbacks = params.remove(attempts::FIELD);
    let (provider, model) = providers.resolve(&model);
    let mut request = LlmRequest::new(provider, model, input, params)
        .map_err(|error| wrong("model", error.to_string()))?;
    if let Some(fallbacks) = fallbacks {
        attempts::check(&fallbacks).map_err(|error| wrong(attempts::FIELD, error.to_string()))?;
        request.fields_mut().set_raw(attempts::FIELD, fallbacks);
    }
    Ok(Asked { endpoint, request, stream, usage })
}

fn wrong(param: &str, message: String) -> Box<HookError> {
    Box::new(invalid(400, "invalid_parameter", message).with_param(param))
}

fn missing(param: &str) -> Box<HookError> {
    let error = invalid(400, "missing_parameter", format!("`{param}` is missing"));
    Box::new(error.with_param(param))
}

/// What the model is asked, if it is of a kind that can be.
fn input(
    endpoint: Endpoint,
    found: Option<Box<RawValue>>,
) -> Result<Box<RawValue>, Box<HookError>> {
    let key = endpoint.input_key();
    let input = match found {
        Some(input) => input,
        // A prompt that is kept with the provider may be all.
        None if endpoint == Endpoint::Responses => return Ok(RawValue::NULL.to_owned()),
        None => return Err(missing(key)),
    };
    check_input(endpoint, &input)?;
    Ok(input)
}

/// Whether this is of a kind that a model can be asked.
pub(super) fn check_input(endpoint: Endpoint, input: &RawValue) -> Result<(), Box<HookError>> {
    if endpoint == Endpoint::Responses && input.get() == "null" {
        return Ok(());
    }
    let key = endpoint.input_key();
    let (begins, wanted): (&[char], _) = match endpoint {
        Endpoint::Chat => (&['['], "a list"),
        Endpoint::Speech | Endpoint::Images => (&['"'], "a text"),
        Endpoint::Transcriptions => (&['{'], "a file"),
        Endpoint::Completions | Endpoint::Responses | Endpoint::Embeddings => {
            (&['"', '['], "a text or a list")
        }
    };
    match input.get().starts_with(begins) {
        true => Ok(()),
        false => Err(wrong(key, format!("{key}: wanted {wanted}"))),
    }
}

/// Refuses escapes that are JSON by its grammar and no character: half of a surrogate pair. What they
/// are in is passed on unparsed, and would otherwise be a plugin's failure rather than the client's.
fn characters(body: &[u8]) -> Result<(), Box<HookError>> {
    // Nearly no body has such an escape; only one that does is parsed for it.
    let escapes = memchr::memmem::find_iter(body, b"\\u");
    let mut begin = escapes.filter_map(|escape| body.get(escape + 2));
    if !begin.any(|digit| matches!(digit, b'd' | b'D')) {
        return Ok(());
    }
    serde_json::from_slice::<serde_json::Value>(body)
        .map(drop)
        .map_err(|error| invalid(400, "invalid_json", format!("the request's body: {error}")))
        .map_err(Box::new)
}
