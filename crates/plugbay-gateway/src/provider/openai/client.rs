//! The HTTP client, with or without TLS.

use std::io;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client as Pooled, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::body::HttpBody;

/// Two kinds, so that a machine without certificates can talk to a local model.
pub(super) enum Client {
    Plain(Pooled<HttpConnector, HttpBody>, HttpConnector),
    Tls(Pooled<Https, HttpBody>, Https),
}

type Https = HttpsConnector<HttpConnector>;

impl Client {
    pub(super) fn new(https: bool, connect_timeout: Duration) -> io::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout));
        if !https {
            return Ok(Self::plain(tcp));
        }
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
            .https_only()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self::tls(tls))
    }

    fn plain(connector: HttpConnector) -> Self {
        Self::Plain(builder().build(connector.clone()), connector)
    }

    fn tls(connector: Https) -> Self {
        Self::Tls(builder().build(connector.clone()), connector)
    }

    /// One with the same settings and no connection yet. The certificates are not read again.
    pub(super) fn with_own_connections(&self) -> Self {
        match self {
            Client::Plain(_, connector) => Self::plain(connector.clone()),
            Client::Tls(_, connector) => Self::tls(connector.clone()),
        }
    }

    pub(super) async fn request(
        &self,
        request: Request<HttpBody>,
    ) -> Result<Response<Incoming>, Error> {
        match self {
            Client::Plain(client, _) => client.request(request).await,
            Client::Tls(client, _) => client.request(request).await,
        }
    }
}

fn builder() -> Builder {
    let mut builder = Pooled::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new());
    builder
}
