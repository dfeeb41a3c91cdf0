//! A hook's input as the gateway has it, rather than as JSON.

use plugbay::abi::hook::{
    Body, ChunkInput, Context, HookError, HttpPostInput, HttpPostOutput, HttpPreInput,
    HttpPreOutcome, HttpPreOutput, HttpRequest, HttpResponse, LlmRequest, LlmResponse, PostInput,
    PostOutcome, PostOutput, PreInput, PreOutcome, PreOutput, Written,
};
use plugbay::abi::interface::Hook;
use plugbay::abi::json::RawObject;
use plugbay::{Plugin, PluginError};
use serde_json::value::RawValue;

/// An input, of which nothing is written yet.
pub(super) struct Typed {
    context: Context,
    of: Of,
}

enum Of {
    HttpPre(Written<HttpRequest>),
    Pre(LlmRequest),
    Post(Result<LlmResponse, Written<HookError>>),
    Chunk(Written<HttpRequest>, Box<RawValue>),
    HttpPost(Written<HttpRequest>, Written<HttpResponse>),
}

impl Typed {
    /// Reads a document of a hook's. What a hook returns has the same shape, so that its reader is the one.
    pub(super) fn read(hook: Hook, document: &RawValue) -> Option<Self> {
        let fields = RawObject::parse(document.get().as_bytes()).ok()?;
        let mut context = Context::new("bench");
        if let Some(given) = fields.raw("context") {
            context.merge(RawObject::parse(given.get().as_bytes()).ok()?);
        }
        let of = match hook {
            Hook::HttpPre => Of::HttpPre(http_request(&fields)?),
            Hook::Pre => Of::Pre(llm_request(&fields)?),
            Hook::Post => Of::Post(llm_result(document)?),
            Hook::HttpStreamChunk => {
                Of::Chunk(http_request(&fields)?, fields.raw("chunk")?.to_owned())
            }
            Hook::HttpPost => Of::HttpPost(http_request(&fields)?, http_response(&fields)?),
        };
        Some(Self { context, of })
    }

    pub(super) async fn call(&self, plugin: &Plugin) -> Result<(), PluginError> {
        let context = &self.context;
        match &self.of {
            Of::HttpPre(request) => {
                drop(plugin.http_pre(&HttpPreInput { context, request }).await?)
            }
            Of::Pre(request) => drop(plugin.pre(&PreInput { context, request }).await?),
            Of::Post(result) => {
                drop(plugin.post(&PostInput { context, result: result.as_ref() }).await?);
            }
            Of::Chunk(request, chunk) => {
                drop(plugin.chunk(&ChunkInput::new(context, request, chunk)).await?);
            }
            Of::HttpPost(request, response) => {
                drop(plugin.http_post(&HttpPostInput { context, request, response }).await?);
            }
        }
        Ok(())
    }
}

/// A document that is an output with one field of this one.
fn output(fields: &RawObject, key: &str) -> Option<String> {
    Some(format!("{{\"{key}\":{}}}", fields.raw(key)?.get()))
}

fn nobody() -> Written<HttpRequest> {
    Written::new(HttpRequest {
        method: String::new(),
        path: String::new(),
        headers: Default::default(),
        query: Default::default(),
        body: Body::default(),
        extra: RawObject::new(),
    })
}

fn http_request(fields: &RawObject) -> Option<Written<HttpRequest>> {
    let (context, request) = (Context::new(""), nobody());
    let sent = HttpPreInput { context: &context, request: &request };
    let read = HttpPreOutput::decode(output(fields, "request")?.as_bytes(), &sent).ok()?;
    match read.outcome {
        HttpPreOutcome::Request(request) => Some(Written::new(request.into_inner())),
        _ => None,
    }
}

fn http_response(fields: &RawObject) -> Option<Written<HttpResponse>> {
    let (context, request) = (Context::new(""), nobody());
    let response = Written::new(HttpResponse {
        status_code: 0,
        headers: Default::default(),
        body: Body::default(),
        extra: RawObject::new(),
    });
    let sent = HttpPostInput { context: &context, request: &request, response: &response };
    let read = HttpPostOutput::decode(output(fields, "response")?.as_bytes(), &sent).ok()?;
    read.response.map(|response| Written::new(response.into_inner()))
}

fn llm_request(fields: &RawObject) -> Option<LlmRequest> {
    let context = Context::new("");
    let request = LlmRequest::new("", "", RawValue::NULL.to_owned(), RawObject::new()).ok()?;
    let sent = PreInput { context: &context, request: &request };
    let read = PreOutput::decode(output(fields, "request")?.as_bytes(), &sent).ok()?;
    match read.outcome {
        PreOutcome::Request(request) => Some(request),
        _ => None,
    }
}

fn llm_result(document: &RawValue) -> Option<Result<LlmResponse, Written<HookError>>> {
    let context = Context::new("");
    let other = LlmResponse::new("other", RawValue::NULL.to_owned());
    let sent = PostInput { context: &context, result: Ok(&other) };
    let read = PostOutput::decode(document.get().as_bytes(), &sent).ok()?;
    match read.outcome {
        PostOutcome::Response(response) => Some(Ok(response)),
        PostOutcome::Error(error) => Some(Err(error)),
        PostOutcome::Unchanged => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hooks_document_is_read() {
        let request =
            r#"{"method": "GET", "path": "/", "headers": {"a": "b"}, "query": {}, "body": "YQ=="}"#;
        for (hook, rest) in [
            (Hook::HttpPre, format!(r#""request": {request}"#)),
            (Hook::Pre, r#""request": {"provider": "p", "model": "m", "input": [], "params": {}}"#.to_owned()),
            (Hook::Post, r#""response": {"chat_response": {"id": "1"}}, "error": {}, "has_error": false"#.to_owned()),
            (Hook::Post, r#""response": {}, "error": {"error": {"message": "m", "type": "t"}}, "has_error": true"#.to_owned()),
            (Hook::HttpStreamChunk, format!(r#""request": {request}, "chunk": {{"id": "1"}}"#)),
            (
                Hook::HttpPost,
                format!(r#""request": {request}, "response": {{"status_code": 200, "headers": {{}}, "body": ""}}"#),
            ),
        ] {
            let document = RawValue::from_string(format!(r#"{{"context": {{"k": 1}}, {rest}}}"#)).unwrap();
            let typed = Typed::read(hook, &document).unwrap_or_else(|| panic!("{hook}: {rest}"));
            assert!(typed.context.raw("k").is_some(), "{hook}");
        }
    }
}
