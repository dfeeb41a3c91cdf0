//! The upstream of every proxy: reads a request and answers with a fixed body.
//!
//! `bench-upstream THREADS`

#![forbid(unsafe_code)]

use std::convert::Infallible;

use benches_http::Failure;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;

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

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, mut body) = request.into_parts();
    let text = match parts.uri.path().ends_with("/chat/completions") {
        true => CHAT,
        false => ANSWER,
    };
    // Before anything is measured: what did the proxy send? The gateway hands on the id alone.
    let echo = parts.headers.contains_key("x-echo")
        || parts.headers.get("x-request-id").is_some_and(|id| id == "echo");
    let mut response = if echo {
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let mut response = Response::new(Full::from(body));
        let seen = parts.headers.get("x-plugin").cloned();
        response.headers_mut().insert("x-seen", seen.unwrap_or(HeaderValue::from_static("none")));
        response
    } else {
        while let Some(Ok(_)) = body.frame().await {}
        Response::new(Full::from(text))
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
