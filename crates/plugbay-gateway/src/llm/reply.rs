//! What a client gets of a model's answer: JSON, sound, text, or a stream.

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response};
use plugbay::abi::hook::{Body, HookError, LlmResponse};
use plugbay::abi::json::RawObject;
use plugbay_hooks::PostFlow;
use plugbay_hooks::stream::{Assembler, split};
use serde_json::value::RawValue;

use crate::api::Reply;
use crate::api_error::{self, server};
use crate::body::HttpBody;
use crate::endpoint::Endpoint;
use crate::passing;
use crate::provider::{ChunkStream, UpstreamError};
use crate::streaming::{MAX_ASSEMBLED, Streamed};

/// The field that holds sound, in base64.
const AUDIO: &str = "audio";
/// The field that holds text.
const TEXT: &str = "text";
/// What an answer is that is no JSON.
const KIND: &str = "content_type";

/// What the post hooks left, as the client asked for it.
pub(super) fn reply(endpoint: Endpoint, result: PostFlow, stream: bool, usage: bool) -> Reply {
    let response = match result {
        Ok(response) => response,
        Err(error) => return Reply::error(&error),
    };
    let key = endpoint.response_key();
    let Some(response) = response.get(key) else {
        return unusable(format!("a plugin answered without `{key}`"));
    };
    if !stream {
        return match whole(endpoint, response) {
            Ok(response) => Reply::Whole(response),
            Err(what) => unusable(format!("{key} of a plugin's answer: {what}")),
        };
    }
    match endpoint.stream_form().and_then(|form| split(form, response, usage)) {
        Some(chunks) => {
            let chunks = chunks_of(endpoint, chunks);
            Reply::Stream(Streamed { endpoint, chunks, post_at_end: false })
        }
        None => unusable(format!("{key} of a plugin's answer cannot be streamed")),
    }
}

fn unusable(message: String) -> Reply {
    Reply::error(&server(502, "unusable_response", message))
}

/// A response as the API has it.
fn whole(endpoint: Endpoint, response: &RawValue) -> Result<Response<Bytes>, String> {
    let json = || api_error::json(200, response.get().to_owned());
    if !matches!(endpoint, Endpoint::Speech | Endpoint::Transcriptions) {
        return Ok(json());
    }
    let fields: RawObject =
        plugbay::abi::json::parse(response.get().as_bytes()).map_err(|error| error.to_string())?;
    let kind: Option<String> = fields.get(KIND).map_err(|error| error.to_string())?;
    let bytes: Bytes = match endpoint {
        Endpoint::Speech => {
            let audio: Option<String> = fields.get(AUDIO).map_err(|error| error.to_string())?;
            let audio = audio.ok_or_else(|| format!("wanted `{AUDIO}`"))?;
            let audio =
                Body::from_base64(&audio).map_err(|error| error.below(AUDIO).to_string())?;
            Bytes::copy_from_slice(audio.bytes())
        }
        _ if kind.is_none() => return Ok(json()),
        _ => {
            let text: Option<String> = fields.get(TEXT).map_err(|error| error.to_string())?;
            text.ok_or_else(|| format!("wanted `{TEXT}`"))?.into()
        }
    };
    let kind = kind.as_deref().unwrap_or("application/octet-stream");
    let kind = HeaderValue::from_str(kind).map_err(|_| format!("{KIND}: no header can be this"))?;
    let mut response = Response::new(bytes);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// An answer that is no JSON, as it comes.
pub(super) fn as_it_comes(kind: HeaderValue, body: HttpBody) -> Response<HttpBody> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The same as the post hooks are shown it.
pub(super) async fn shown(
    endpoint: Endpoint,
    kind: HeaderValue,
    body: HttpBody,
) -> Result<LlmResponse, HookError> {
    let response = passing::whole(as_it_comes(kind, body)).await?;
    let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    let kind = String::from_utf8_lossy(kind.unwrap_or_default()).into_owned();
    let bytes = response.into_body();
    let mut fields = RawObject::new();
    // Text can always be written.
    drop(match endpoint {
        Endpoint::Speech => fields.set(AUDIO, Body::from_bytes(bytes).base64()),
        _ => fields.set(TEXT, &String::from_utf8_lossy(&bytes)),
    });
    drop(fields.set(KIND, &kind));
    let fields = RawValue::from_string(fields.to_json());
    let fields = fields.unwrap_or_else(|_| RawValue::NULL.to_owned());
    Ok(LlmResponse::new(endpoint.response_key(), fields))
}

/// A stream of chunks that are all there.
pub(super) fn chunks_of(endpoint: Endpoint, chunks: Vec<Box<RawValue>>) -> ChunkStream {
    Box::pin(stream::iter(chunks.into_iter().map(move |json| Ok(endpoint.chunk(json)))))
}

/// A plugin's chunks, for a client that wanted no stream.
pub(super) fn assemble(
    endpoint: Endpoint,
    chunks: &[Box<RawValue>],
) -> Result<LlmResponse, Box<HookError>> {
    let Some(form) = endpoint.stream_form() else {
        let what = "a plugin answered with a stream, which this endpoint has not";
        return Err(Box::new(server(502, "unusable_response", what)));
    };
    let mut assembler = Assembler::new(form, MAX_ASSEMBLED);
    chunks.iter().for_each(|chunk| assembler.push(chunk));
    Ok(LlmResponse::new(endpoint.response_key(), assembler.finish()))
}

/// A provider's own error.
pub(super) fn passed_through(upstream: UpstreamError, error: &HookError) -> Response<Bytes> {
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
