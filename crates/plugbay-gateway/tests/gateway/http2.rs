//! TLS and HTTP/2 towards a provider, against servers of this machine.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use plugbay::abi::hook::Body;
use plugbay_gateway::{Gateway, Http2, OpenAiProvider, Running, UpstreamSettings};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::client::Client;

/// A certificate of `localhost` that vouches for itself.
struct Certificate {
    der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Certificate {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { der, key: PrivateKeyDer::try_from(key.serialize_der()).unwrap() }
    }

    fn write(&self, file: &Path) {
        let body = Body::from_bytes(self.der.to_vec());
        let lines: Vec<&str> =
            body.base64().as_bytes().chunks(64).map(|it| str::from_utf8(it).unwrap()).collect();
        let lines = lines.join("\n");
        let pem = format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n");
        std::fs::write(file, pem).unwrap();
    }

    fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], self.key.clone_key())
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A server that answers with how it was asked.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// With TLS, or in HTTP/2 without it.
    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let tls = tls.clone();
                tokio::spawn(async move {
                    let Some(tls) = tls else { return serve(stream, true).await };
                    // A client that does not trust the certificate is gone.
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    serve(stream, http2).await;
                });
            }
        });
        Self { address, connections, task }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, http2: bool) {
    let stream = TokioIo::new(stream);
    let service = service_fn(answer);
    // How it ends is the client's affair.
    if http2 {
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        drop(server.serve_connection(stream, service).await);
    } else {
        drop(hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await);
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let version = format!("{:?}", request.version());
    let host = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
    let host = host.or_else(|| request.uri().authority().map(ToString::to_string));
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let content = json!([version, host, path, asked["model"]]).to_string();
    let answer = json!({"choices": [{"message": {"content": content}}]});
    Ok(Response::new(Full::new(answer.to_string().into())))
}

/// A gateway of one thread before such a server.
async fn gateway(url: String, http2: Http2, authorities: Option<&Path>) -> Running {
    let mut settings = UpstreamSettings::new(url);
    settings.http2 = http2;
    settings.ca_file = authorities.map(Path::to_owned);
    let provider = Arc::new(OpenAiProvider::with("up", settings).unwrap());
    let builder = Gateway::builder().provider(provider).threads(NonZeroUsize::MIN);
    builder.bind().await.unwrap()
}

async fn asked(client: &mut Client) -> Value {
    let response = client.chat(&json!({"model": "m", "messages": []})).await;
    assert_eq!(response.status(), 200, "{}", response.body);
    serde_json::from_str(&response.content()).unwrap()
}

#[tokio::test]
async fn tls_agrees_on_http_2_and_one_connection_does_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let certificate = Certificate::new();
    certificate.write(&file);
    let both = ["h2", "http/1.1"];
    for (protocols, setting, version) in [
        (&both[..], Http2::Auto, "HTTP/2.0"),
        (&both[..], Http2::PriorKnowledge, "HTTP/2.0"),
        (&both[..], Http2::Off, "HTTP/1.1"),
        (&both[1..], Http2::Auto, "HTTP/1.1"),
        (&[], Http2::Auto, "HTTP/1.1"),
    ] {
        let server = Server::start(Some(certificate.acceptor(protocols))).await;
        let port = server.address.port();
        let url = format!("https://localhost:{port}/v1");
        let gateway = gateway(url, setting, Some(&file)).await;
        let host = format!("localhost:{port}");
        let wanted = json!([version, host, "/v1/chat/completions", "m"]);
        let mut one = Client::connect(gateway.local_addr()).await;
        let mut other = Client::connect(gateway.local_addr()).await;
        assert_eq!(asked(&mut one).await, wanted, "{protocols:?} {setting:?}");
        assert_eq!(asked(&mut one).await, wanted);
        assert_eq!(server.connections(), 1, "{protocols:?} {setting:?}");
        let at_once = tokio::join!(asked(&mut one), asked(&mut other));
        assert_eq!(at_once, (wanted.clone(), wanted));
        if version == "HTTP/2.0" {
            assert_eq!(server.connections(), 1);
        }
        // What passes goes the same way.
        one.send("GET /v1/files", "", "").await;
        let passed = one.response().await;
        let passed: Value = serde_json::from_str(&passed.content()).unwrap();
        assert_eq!(passed, json!([version, host, "/v1/files", null]));
    }
}

#[tokio::test]
async fn http_2_without_tls_is_spoken_where_the_configuration_says_so() {
    let server = Server::start(None).await;
    let url = format!("http://{}/v1", server.address);
    let gateway = gateway(url, Http2::PriorKnowledge, None).await;
    let mut client = Client::connect(gateway.local_addr()).await;
    assert_eq!(asked(&mut client).await[0], "HTTP/2.0");
}

#[tokio::test]
async fn a_certificate_of_somebody_else_s_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    Certificate::new().write(&file);
    let server = Server::start(Some(Certificate::new().acceptor(&["h2"]))).await;
    let url = format!("https://localhost:{}/v1", server.address.port());
    let gateway = gateway(url, Http2::Auto, Some(&file)).await;
    let mut client = Client::connect(gateway.local_addr()).await;
    let response = client.chat(&json!({"model": "m", "messages": []})).await;
    assert_eq!(response.status(), 502);
    assert_eq!(response.json()["error"]["message"], "provider `up` cannot be reached");
}

#[tokio::test]
async fn a_handshake_that_is_not_answered_ends_in_time() {
    // It takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    Certificate::new().write(&file);
    let url = format!("https://localhost:{}/v1", silent.local_addr().unwrap().port());
    let mut settings = UpstreamSettings::new(url);
    settings.ca_file = Some(file);
    settings.timeouts = serde_json::from_str(r#"{"connect_ms": 30}"#).unwrap();
    let provider = Arc::new(OpenAiProvider::with("up", settings).unwrap());
    let gateway = Gateway::builder().provider(provider).bind().await.unwrap();
    let mut client = Client::connect(gateway.local_addr()).await;
    let response = client.chat(&json!({"model": "m", "messages": []})).await;
    assert_eq!(response.json()["error"]["code"], "provider_unreachable");
}
