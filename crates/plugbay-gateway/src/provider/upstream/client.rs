//! The HTTP client, with or without TLS.

use std::path::Path;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client as Pooled, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::SetupError;
use super::connect::Timed;
use super::settings::{Http2, UpstreamSettings};
use crate::body::HttpBody;

/// How often an HTTP/2 connection that is in use is asked whether it is still there.
const STILL_THERE: Duration = Duration::from_secs(30);

/// The client of one thread.
pub(super) struct Client {
    kind: Kind,
    http2: Http2,
}

/// Two kinds, so that a machine without certificates can talk to a local model.
enum Kind {
    Plain(Pooled<Tcp, HttpBody>, Tcp),
    Tls(Pooled<Tls, HttpBody>, Tls),
}

type Tcp = Timed<HttpConnector>;
type Tls = Timed<HttpsConnector<HttpConnector>>;

impl Client {
    pub(super) fn new(https: bool, settings: &UpstreamSettings) -> Result<Self, SetupError> {
        let limit = Duration::from_millis(settings.timeouts.connect_ms);
        let http2 = settings.http2;
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        if !https {
            return Ok(Self::plain(Timed::new(tcp, limit), http2));
        }
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_tls_config(tls_config(settings.ca_file.as_deref())?)
            .https_only();
        let tls = match http2 {
            Http2::Auto => tls.enable_all_versions().wrap_connector(tcp),
            Http2::PriorKnowledge => tls.enable_http2().wrap_connector(tcp),
            Http2::Off => tls.enable_http1().wrap_connector(tcp),
        };
        Ok(Self::tls(Timed::new(tls, limit), http2))
    }

    fn plain(connector: Tcp, http2: Http2) -> Self {
        let kind = Kind::Plain(builder(http2).build(connector.clone()), connector);
        Self { kind, http2 }
    }

    fn tls(connector: Tls, http2: Http2) -> Self {
        Self { kind: Kind::Tls(builder(http2).build(connector.clone()), connector), http2 }
    }

    /// One with the same settings and no connection yet. The certificates are not read again.
    pub(super) fn with_own_connections(&self) -> Self {
        match &self.kind {
            Kind::Plain(_, connector) => Self::plain(connector.clone(), self.http2),
            Kind::Tls(_, connector) => Self::tls(connector.clone(), self.http2),
        }
    }

    /// Whether every request goes over HTTP/1.1. HTTP/2 has the host elsewhere than in `host`.
    pub(super) fn is_http1(&self) -> bool {
        match (&self.kind, self.http2) {
            (_, Http2::PriorKnowledge) | (Kind::Tls(..), Http2::Auto) => false,
            (_, Http2::Off) | (Kind::Plain(..), Http2::Auto) => true,
        }
    }

    pub(super) async fn request(
        &self,
        request: Request<HttpBody>,
    ) -> Result<Response<Incoming>, Error> {
        match &self.kind {
            Kind::Plain(client, _) => client.request(request).await,
            Kind::Tls(client, _) => client.request(request).await,
        }
    }
}

fn builder(http2: Http2) -> Builder {
    let mut builder = Pooled::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http2_adaptive_window(true)
        .http2_keep_alive_interval(STILL_THERE)
        .http2_only(http2 == Http2::PriorKnowledge);
    builder
}

fn tls_config(authorities: Option<&Path>) -> Result<ClientConfig, SetupError> {
    let ring = rustls::crypto::ring::default_provider();
    let builder = ClientConfig::builder_with_provider(ring.into())
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Tls { reason: error.to_string() })?;
    let Some(file) = authorities else {
        let builder =
            builder.with_native_roots().map_err(|source| SetupError::Certificates { source })?;
        return Ok(builder.with_no_client_auth());
    };
    let unusable = |reason: String| SetupError::Authorities { file: file.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it has no certificate".to_owned()));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tls_can_be_set_up_or_says_why_not() {
        let mut settings = UpstreamSettings::new("https://api.example.com/v1");
        match Client::new(true, &settings) {
            Ok(client) => assert!(matches!(client.kind, Kind::Tls(..)) && !client.is_http1()),
            Err(error) => assert!(matches!(error, SetupError::Certificates { .. }), "{error}"),
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        for (text, wanted) in [
            (None, "ca.pem"),
            (Some(""), "it has no certificate"),
            (Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "ca_file"),
        ] {
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            settings.ca_file = Some(file.clone());
            let error = Client::new(true, &settings).err().unwrap().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
