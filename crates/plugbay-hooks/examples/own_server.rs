//! The pipeline in a hyper server of one's own: plugins see each request before its handler, each response after it.
//!
//! ```text
//! handled /new
//! ```

use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use plugbay::abi::hook::{Body, HookError, HttpRequest, HttpResponse};
use plugbay::{Host, PluginOptions, runtime::SystemClock};
use plugbay_hooks::{Exchange, HttpPreFlow, Pipeline, PluginEntry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
const GUEST: &str = r#"(module (memory (export "memory") 1) (data (i32.const 0) "mover{\"request\":{\"path\":\"/new\"}}")
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "get_name") (result i64) (i64.const 5))
    (func (export "http_pre_hook") (param i32 i32) (result i64) (i64.const 0x50000001b)))"#;

fn answer(status_code: u16, text: String) -> HttpResponse {
    let (body, (headers, extra)) = (Body::from_bytes(text), Default::default());
    HttpResponse { status_code, headers, body, extra }
}

async fn serve(plugins: Arc<Pipeline>, request: Request<Incoming>) -> Result<Response<String>> {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let body = Body::from_bytes(request.into_body().collect().await?.to_bytes());
    let (headers, query, extra) = Default::default();
    let request = HttpRequest { method, path, headers, query, body, extra };
    let mut exchange = Exchange::new(plugins, "r-1", request);
    let failed = |error: HookError| answer(502, error.error.message);
    let response = match exchange.http_pre().await {
        HttpPreFlow::Continue => answer(200, format!("handled {}", exchange.request().path)),
        HttpPreFlow::Respond(response) => response,
        HttpPreFlow::Failed(failure) => failed(failure.to_error()),
    };
    let response = exchange.http_post(response, failed).await;
    let (status, body) = (response.status_code, response.body.bytes().to_vec());
    Ok(Response::builder().status(status).body(String::from_utf8(body)?)?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let (host, wasm) = (Host::builder().build()?, wat::parse_str(GUEST)?);
    let plugin = host.load_unsigned("mover", &wasm, PluginOptions::default()).await?;
    let entries = vec![PluginEntry::new(Arc::new(plugin))];
    let plugins = Arc::new(Pipeline::new(entries, Arc::new(SystemClock::new())));
    // Both ends of one connection; elsewhere a listener gives the server's.
    let (mut client, server) = tokio::io::duplex(1 << 16);
    client.write_all(b"POST /old HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
    let service = service_fn(move |request| serve(plugins.clone(), request));
    http1::Builder::new().serve_connection(hyper_util::rt::TokioIo::new(server), service).await?;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await?;
    println!("{}", answer.lines().last().unwrap_or_default());
    Ok(())
}
