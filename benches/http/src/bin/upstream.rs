//! The upstream of every proxy: reads a request and answers with a fixed body, or with a stream of fixed chunks if
//! that is what the request asks for.
//!
//! `bench-upstream THREADS`

#![forbid(unsafe_code)]

use std::convert::Infallible;

use benches_http::Failure;
use benches_http::stream::{self, Chunks};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};

/// 1 KiB of JSON.
const ANSWER: &str = concat!(
    r#"{"object":"list","model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8},"#,
    r#""data":[{"object":"embedding","index":0,"embedding":["#,
    include_str!("../../embedding.txt"),
    "]}]}"
);

const CHAT: &str = concat!(
    r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o","choices":[{"index":0,"#,
    r#""message":{"role":"assistant","content":""#,
    include_str!("../../prose.txt"),
    r#""},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":160,"total_tokens":360}}"#
);

fn main() -> Result<(), Failure> {
    let threads = benches_http::threads(&mut std::env::args().skip(1))?;
    benches_http::serve(threads, || answer)
}

type Answer = BoxBody<Bytes, Infallible>;

async fn answer(request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
    let (parts, body) = request.into_parts();
    // Before anything is measured: what did the proxy send? The gateway hands on the id alone.
    let echo = parts.headers.contains_key("x-echo")
        || parts.headers.get("x-request-id").is_some_and(|id| id == "echo");
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    if echo {
        let mut response = with(APPLICATION_JSON, Full::from(body));
        let seen = parts.headers.get("x-plugin").cloned();
        response.headers_mut().insert("x-seen", seen.unwrap_or(HeaderValue::from_static("none")));
        return Ok(response);
    }
    Ok(match parts.uri.path().ends_with("/chat/completions") {
        true if stream::is_asked_for(&body) => with("text/event-stream", Chunks::default()),
        true => with(APPLICATION_JSON, Full::from(CHAT)),
        false => with(APPLICATION_JSON, Full::from(ANSWER)),
    })
}

const APPLICATION_JSON: &str = "application/json";

fn with(
    content_type: &'static str,
    body: impl Body<Data = Bytes, Error = Infallible> + Send + Sync + 'static,
) -> Response<Answer> {
    let mut response = Response::new(body.boxed());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
