//! `/v1/messages`: Anthropic's own requests, which are chat requests to the hooks and the providers,
//! and are answered in Anthropic's form.

mod blocks;
mod request;
mod response;
mod stream;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use plugbay::abi::hook::HookError;
use serde_json::Value;

use crate::api::Reply;
use crate::api_error::{self, invalid, server};
use crate::depth;
use crate::llm::{self, Asked};
use crate::provider::Registry;
use crate::sse;

pub(crate) use self::stream::Events;

/// Reads the body of a request.
pub(crate) fn parse(providers: &Registry, body: &[u8]) -> Result<Asked, Box<HookError>> {
    depth::check(body)?;
    let chat = request::to_chat(body).map_err(|error| {
        let code = if error.path.is_empty() { "invalid_json" } else { "invalid_parameter" };
        let message = format!("the request's body: {error}");
        Box::new(invalid(400, code, message).with_param(error.path))
    })?;
    llm::parse_chat(providers, chat)
}

/// A reply to a chat request, in Anthropic's form.
pub(crate) fn reply(reply: Reply, id: &str) -> Reply {
    match reply {
        Reply::Whole(response) => Reply::Whole(whole(response, id)),
        Reply::Stream(mut streamed) => {
            streamed.as_messages = Some(Events::new(id));
            Reply::Stream(streamed)
        }
        // A plugin's own is what the plugin wants the client to see.
        reply @ (Reply::Plugin(_) | Reply::Passed(_)) => reply,
    }
}

/// A whole response, in Anthropic's form.
pub(crate) fn whole(response: Response<Bytes>, id: &str) -> Response<Bytes> {
    let (mut parts, body) = response.into_parts();
    let body = match parts.status.is_success() {
        false => response::to_error(parts.status.as_u16(), &body, id),
        true => response::to_message(&body).unwrap_or_else(|error| {
            let message = format!("the answer is no chat completion: {error}");
            let error = server(502, "unusable_response", message);
            parts.status = StatusCode::BAD_GATEWAY;
            response::to_error(502, api_error::document(&error).as_bytes(), id)
        }),
    };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(parts, body.into())
}

/// Events as they are sent.
pub(crate) fn frames(events: &[Value]) -> Bytes {
    let mut bytes = Vec::new();
    for event in events {
        let name = event.get("type").and_then(Value::as_str).unwrap_or_default();
        bytes.extend_from_slice(&sse::named_frame(name, &event.to_string()));
    }
    bytes.into()
}
