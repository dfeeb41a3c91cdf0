//! The least that a proxy of hyper's does: what the gateway's own work is measured against.
//!
//! The same threads, sockets and client pools as the gateway has, and no more: no timeouts, no
//! request ids, no header is taken out or put in, nothing is counted, nothing can be stopped.
//!
//! `bench-proxy THREADS HOST:PORT`

#![forbid(unsafe_code)]

use std::convert::Infallible;

use benches_http::Failure;
use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let threads = benches_http::threads(&mut arguments)?;
    let authority: Authority = arguments.next().ok_or("wanted HOST:PORT")?.parse()?;
    benches_http::serve(threads, move || {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(tcp);
        let authority = authority.clone();
        move |request| pass(client.clone(), authority.clone(), request)
    })
}

type Body = Either<Incoming, Empty<Bytes>>;

async fn pass(
    client: Client<HttpConnector, Incoming>,
    authority: Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    let path = request.uri().path_and_query().cloned();
    parts.path_and_query = path.or_else(|| Some(PathAndQuery::from_static("/")));
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    Ok(match client.request(request).await {
        Ok(response) => response.map(Either::Left),
        Err(_) => {
            let mut response = Response::new(Either::Right(Empty::new()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    })
}
