//! The HTTP client, with or without TLS.

use std::path::Path;
use std::time::Duration;

use http::{Request, Response};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client as Pooled};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::SetupError;
use super::base::Base;
use super::connect::{BoxError, Timed};
use super::kept::{Kept, Lent};
use super::settings::{Http2, UpstreamSettings};
use crate::body::HttpBody;

/// How often an HTTP/2 connection that is in use is asked whether it is still there.
const STILL_THERE: Duration = Duration::from_secs(30);

/// The client of one thread.
pub(super) struct Client {
    kind: Kind,
    http2: Http2,
}

/// TLS apart, so that a machine without certificates can talk to a local model.
enum Kind {
    /// Every request goes over HTTP/1.1.
    Http1(Kept),
    Plain(Pooled<Tcp, HttpBody>, Tcp),
    Tls(Pooled<Tls, HttpBody>, Tls),
}

type Tcp = Timed<HttpConnector>;
type Tls = Timed<HttpsConnector<HttpConnector>>;

impl Client {
    pub(super) fn new(base: &Base, settings: &UpstreamSettings) -> Result<Self, SetupError> {
        let limit = Duration::from_millis(settings.timeouts.connect_ms);
        let http2 = settings.http2;
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        if !base.is_https() {
            let tcp = Timed::new(tcp, limit);
            let kind = match http2 {
                Http2::PriorKnowledge => Kind::Plain(builder(http2).build(tcp.clone()), tcp),
                Http2::Auto | Http2::Off => Kind::Http1(Kept::new(tcp, base.origin())),
            };
            return Ok(Self { kind, http2 });
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
        let tls = Timed::new(tls, limit);
        let kind = match http2 {
            Http2::Off => Kind::Http1(Kept::new(tls, base.origin())),
            Http2::Auto | Http2::PriorKnowledge => {
                Kind::Tls(builder(http2).build(tls.clone()), tls)
            }
        };
        Ok(Self { kind, http2 })
    }

    /// One with the same settings and no connection yet. The certificates are not read again.
    pub(super) fn with_own_connections(&self) -> Self {
        let http2 = self.http2;
        let kind = match &self.kind {
            Kind::Http1(kept) => Kind::Http1(kept.with_own_connections()),
            Kind::Plain(_, tcp) => Kind::Plain(builder(http2).build(tcp.clone()), tcp.clone()),
            Kind::Tls(_, tls) => Kind::Tls(builder(http2).build(tls.clone()), tls.clone()),
        };
        Self { kind, http2 }
    }

    /// Whether every request goes over HTTP/1.1. HTTP/2 has the host in the URL and not in `host`.
    pub(super) fn is_http1(&self) -> bool {
        matches!(self.kind, Kind::Http1(_))
    }

    pub(super) async fn request(
        &self,
        request: Request<HttpBody>,
    ) -> Result<Response<Lent>, SendError> {
        let answered = match &self.kind {
            Kind::Http1(kept) => return kept.request(request).await,
            Kind::Plain(client, _) => client.request(request).await,
            Kind::Tls(client, _) => client.request(request).await,
        };
        match answered {
            Ok(response) => Ok(response.map(Lent::from)),
            Err(error) if error.is_connect() => Err(SendError::no_connection(error.into())),
            Err(error) => Err(SendError::other(error)),
        }
    }
}

/// Why a request has no answer.
pub(super) struct SendError {
    /// Whether there was no connection that it could have been sent over.
    pub(super) is_connect: bool,
    pub(super) why: BoxError,
}

impl SendError {
    pub(super) fn no_connection(why: BoxError) -> Self {
        Self { is_connect: true, why }
    }

    pub(super) fn other(why: impl Into<BoxError>) -> Self {
        Self { is_connect: false, why: why.into() }
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
        let base = Base::parse(&settings.base_url).unwrap();
        match Client::new(&base, &settings) {
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
            let error = Client::new(&base, &settings).err().unwrap().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
