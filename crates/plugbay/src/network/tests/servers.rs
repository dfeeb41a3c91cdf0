//! Servers on free ports of 127.0.0.1, which end with their handle.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::super::dial::Io;

pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// A request that a server got.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// One that does with each connection what it is told.
    pub(super) async fn raw<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut serving = JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                *counted.lock().unwrap() += 1;
                serving.spawn(serve(tcp));
            }
        });
        Self { address, seen: Arc::default(), connections, task }
    }

    /// One that reads a request's head, and then says this and no more, with the connection left open.
    pub(super) async fn saying(answer: &'static str) -> Self {
        Self::raw(move |mut tcp| async move {
            read_head(&mut tcp).await;
            // The client may have had enough before the end.
            let _ = tcp.write_all(answer.as_bytes()).await;
            std::future::pending().await
        })
        .await
    }

    /// A real one.
    pub(super) async fn http(
        answer: impl Fn(&Seen) -> Answer + Clone + Send + Sync + 'static,
    ) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let all = Arc::clone(&seen);
        let mut server = Self::raw(move |tcp| serve(tcp, Arc::clone(&all), answer.clone())).await;
        server.seen = seen;
        server
    }

    /// A real one, behind TLS.
    pub(super) async fn https(
        certificate: &Certificate,
        answer: impl Fn(&Seen) -> Answer + Clone + Send + Sync + 'static,
    ) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let all = Arc::clone(&seen);
        let acceptor = certificate.acceptor();
        let mut server = Self::raw(move |tcp| {
            let (acceptor, all, answer) = (acceptor.clone(), Arc::clone(&all), answer.clone());
            async move {
                // A client that does not trust the certificate goes away here.
                if let Ok(tls) = acceptor.accept(tcp).await {
                    serve(tls, all, answer).await;
                }
            }
        })
        .await;
        server.seen = seen;
        server
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn serve(
    io: impl Io + 'static,
    all: Arc<Mutex<Vec<Seen>>>,
    answer: impl Fn(&Seen) -> Answer + Clone + Send + Sync + 'static,
) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (all, answer) = (Arc::clone(&all), answer.clone());
        async move {
            let (head, body) = request.into_parts();
            let seen = Seen {
                method: head.method.to_string(),
                path: head.uri.to_string(),
                headers: head.headers,
                body: body.collect().await?.to_bytes(),
            };
            all.lock().unwrap().push(seen.clone());
            Ok::<_, hyper::Error>(answer(&seen))
        }
    });
    // What the client made of it is what the test looks at.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(io), service).await;
}

/// Reads to the empty line after a request's headers.
pub(super) async fn read_head(tcp: &mut TcpStream) {
    let mut last = [0; 4];
    while last != *b"\r\n\r\n" {
        last.rotate_left(1);
        last[3] = tcp.read_u8().await.unwrap();
    }
}

pub(super) fn text(body: impl Into<Bytes>) -> Answer {
    Response::new(Full::new(body.into()).boxed())
}

pub(super) fn status(status: u16) -> Answer {
    let mut answer = text("");
    *answer.status_mut() = status.try_into().unwrap();
    answer
}

/// Of unknown length, so in chunks.
pub(super) fn chunks(stream: impl Stream<Item = &'static str> + Send + Sync + 'static) -> Answer {
    let frames = stream.map(|piece| Ok(Frame::data(Bytes::from(piece))));
    Response::new(BodyExt::boxed(StreamBody::new(frames)))
}

pub(super) fn redirect(code: u16, location: &str) -> Answer {
    let mut answer = status(code);
    answer.headers_mut().insert("location", location.parse().unwrap());
    answer
}

/// A certificate that vouches for itself.
pub(super) struct Certificate {
    der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Certificate {
    pub(super) fn of(name: &str) -> Self {
        Self::with(name, |_| ())
    }

    pub(super) fn with(name: &str, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { der, key: PrivateKeyDer::try_from(key.serialize_der()).unwrap() }
    }

    /// What a client that trusts it and nothing else has.
    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        roots
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let cryptography = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(cryptography)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], self.key.clone_key())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}
