//! WebSockets: what goes over them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_async, accept_hdr_async};

use super::super::dial::Io;
use super::super::tls::Tls;
use super::super::{
    Capped, Network, NetworkError, Received, SocketId, SocketLimits, SocketMessage, SocketRequest,
    WebSockets,
};
use super::servers::{Certificate, Server};
use super::{Fake, ListedResolver, PUBLIC, Recorder, Switchboard, addresses, granted};

pub(super) const LONG: Duration = Duration::from_secs(60);

pub(super) fn message(text: &str) -> SocketMessage {
    SocketMessage::Text(text.to_owned())
}

pub(super) fn ws(server: &Server) -> SocketRequest {
    SocketRequest::new(format!("ws://{}/", server.address))
}

/// One plugin with a grant for one server.
pub(super) struct Plugin {
    pub(super) grant: plugbay_policy::Network,
    pub(super) decider: Arc<Recorder>,
    pub(super) sockets: WebSockets,
}

impl Plugin {
    pub(super) fn of(server: &Server, limits: SocketLimits) -> Self {
        let grant = granted(&[], &[server.address]);
        let decider = Recorder::new(&grant);
        Self { grant, decider, sockets: WebSockets::new(Network::new(), limits) }
    }

    pub(super) async fn open(&self, request: SocketRequest) -> Result<SocketId, NetworkError> {
        let opened = self.sockets.open(&self.grant, &*self.decider, request).await;
        opened.map(|opened| opened.id)
    }

    pub(super) async fn send(
        &self,
        id: SocketId,
        message: SocketMessage,
    ) -> Result<(), NetworkError> {
        self.sockets.send(&*self.decider, id, message).await
    }

    pub(super) async fn receive(&self, id: SocketId) -> Result<Received, NetworkError> {
        self.sockets.receive(&*self.decider, id, LONG).await
    }
}

pub(super) async fn echo<S: Io>(mut socket: WebSocketStream<S>) {
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

pub(super) async fn echoing() -> Server {
    Server::raw(|tcp| async move { echo(accept_async(tcp).await.unwrap()).await }).await
}

/// A server that does this with each WebSocket.
pub(super) async fn server<F>(
    serve: impl Fn(WebSocketStream<TcpStream>) -> F + Clone + Send + Sync + 'static,
) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    Server::raw(move |tcp| {
        let serve = serve.clone();
        async move { serve(accept_async(tcp).await.unwrap()).await }
    })
    .await
}

#[tokio::test]
async fn messages_go_out_and_come_back() {
    let seen: Arc<Mutex<Vec<http::HeaderMap>>> = Arc::default();
    let all = Arc::clone(&seen);
    let server = Server::raw(move |tcp| {
        let all = Arc::clone(&all);
        async move {
            #[expect(clippy::result_large_err, reason = "the library's own signature")]
            let choose =
                |request: &Request, mut answer: Response| -> Result<Response, ErrorResponse> {
                    all.lock().unwrap().push(request.headers().clone());
                    answer.headers_mut().insert("sec-websocket-protocol", "b".parse().unwrap());
                    Ok(answer)
                };
            echo(accept_hdr_async(tcp, choose).await.unwrap()).await;
        }
    })
    .await;
    let plugin = Plugin::of(&server, SocketLimits::default());
    let mut request = ws(&server);
    request.headers.push(("x-key".to_owned(), b"value".to_vec()));
    request.protocols = vec!["a".to_owned(), "b".to_owned()];
    let opened = plugin.sockets.open(&plugin.grant, &*plugin.decider, request).await.unwrap();
    assert_eq!(opened.protocol.as_deref(), Some("b"));
    let id = opened.id;
    for sent in [message("hello"), message(""), SocketMessage::Binary(vec![0, 255].into())] {
        plugin.send(id, sent.clone()).await.unwrap();
        assert_eq!(plugin.receive(id).await.unwrap(), Received::Message(sent));
    }
    let headers = seen.lock().unwrap()[0].clone();
    assert_eq!(headers["x-key"], "value");
    assert_eq!(headers["host"], server.address.to_string());
    assert_eq!(headers["sec-websocket-protocol"], "a, b");

    plugin.sockets.close(id).await.unwrap();
    assert!(plugin.sockets.is_empty());
    let error = plugin.send(id, message("late")).await.unwrap_err();
    assert_eq!(
        (error.class(), error.to_string().as_str()),
        ("bad_request", "no open WebSocket has the number 1")
    );
}

#[tokio::test]
async fn tls_is_spoken_where_the_url_says_so() {
    let certificate = Certificate::of("allowed.example");
    let acceptor = certificate.acceptor();
    let server = Server::raw(move |tcp| {
        let acceptor = acceptor.clone();
        async move {
            let tls = acceptor.accept(tcp).await.unwrap();
            echo(accept_async(tls).await.unwrap()).await;
        }
    })
    .await;
    let fake = Fake::with_tls(
        ListedResolver::default().with("allowed.example", addresses(&[PUBLIC])),
        Switchboard::new(&[("93.184.216.34:443", server.address)]),
        Tls::with_roots(certificate.roots()),
    );
    let grant = granted(&["allowed.example"], &[]);
    let decider = Recorder::new(&grant);
    let sockets = WebSockets::new(fake.network, SocketLimits::default());
    let request = SocketRequest::new("wss://allowed.example/");
    let id = sockets.open(&grant, &*decider, request).await.unwrap().id;
    sockets.send(&*decider, id, message("hello")).await.unwrap();
    let received = sockets.receive(&*decider, id, LONG).await.unwrap();
    assert_eq!(received, Received::Message(message("hello")));
}

#[tokio::test]
async fn a_message_too_long_ends_the_socket_after_those_before_it() {
    let ended = Arc::new(Notify::new());
    let tell = Arc::clone(&ended);
    let server = server(move |mut socket| {
        let ended = Arc::clone(&tell);
        async move {
            socket.send(Message::text("fits")).await.unwrap();
            socket.send(Message::text("x".repeat(101))).await.unwrap();
            // The client's goodbye, or the end of the connection.
            while let Some(Ok(_)) = socket.next().await {}
            ended.notify_one();
        }
    })
    .await;
    let limits = SocketLimits { max_message_bytes: 100, ..SocketLimits::default() };
    let plugin = Plugin::of(&server, limits);
    let id = plugin.open(ws(&server)).await.unwrap();
    assert_eq!(plugin.receive(id).await.unwrap(), Received::Message(message("fits")));
    let error = plugin.receive(id).await.unwrap_err();
    assert_eq!(error, NetworkError::TooLarge { what: Capped::ReceivedMessage, limit: 100 });
    assert_eq!(error.guest_message(), "a received message of more than 100 bytes");
    ended.notified().await;
    assert!(plugin.sockets.is_empty());
}

#[tokio::test]
async fn the_grants_caps_hold_for_messages() {
    let server = server(|mut socket| async move {
        socket.send(Message::text("x".repeat(21))).await.unwrap();
        echo(socket).await;
    })
    .await;
    let mut plugin = Plugin::of(&server, SocketLimits::default());
    plugin.grant.max_request_bytes = 10;
    plugin.grant.max_response_bytes = 20;
    let id = plugin.open(ws(&server)).await.unwrap();
    let error = plugin.send(id, message("01234567890")).await.unwrap_err();
    assert_eq!(error, NetworkError::TooLarge { what: Capped::SentMessage, limit: 10 });
    let error = plugin.receive(id).await.unwrap_err();
    assert_eq!(error, NetworkError::TooLarge { what: Capped::ReceivedMessage, limit: 20 });
}

#[tokio::test]
async fn a_message_too_long_to_send_costs_nothing_else() {
    let server = echoing().await;
    let plugin =
        Plugin::of(&server, SocketLimits { max_message_bytes: 5, ..SocketLimits::default() });
    let id = plugin.open(ws(&server)).await.unwrap();
    let error = plugin.send(id, message("too long")).await.unwrap_err();
    assert_eq!(error.to_string(), "a message to send of more than 5 bytes");
    plugin.send(id, message("fits")).await.unwrap();
    assert_eq!(plugin.receive(id).await.unwrap(), Received::Message(message("fits")));
}

#[tokio::test]
async fn a_queue_that_is_full_loses_nothing() {
    let server = server(|mut socket| async move {
        for n in 0..200 {
            socket.send(Message::text(format!("{n:0>1000}"))).await.unwrap();
        }
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let mut limits = SocketLimits::default();
    (limits.max_queued_messages, limits.max_queued_bytes) = (3, 1_500);
    let plugin = Plugin::of(&server, limits);
    let id = plugin.open(ws(&server)).await.unwrap();
    for n in 0..200 {
        let wanted = Received::Message(message(&format!("{n:0>1000}")));
        assert_eq!(plugin.receive(id).await.unwrap(), wanted);
    }
    assert!(matches!(plugin.receive(id).await.unwrap(), Received::Closed { .. }));
}

#[tokio::test]
async fn hosts_and_addresses_are_decided_as_for_requests() {
    let server = echoing().await;
    let fake = Fake::new(
        ListedResolver::default().with("allowed.example", addresses(&["127.0.0.1"])),
        Switchboard::new(&[("127.0.0.1:80", server.address)]),
    );
    let grant = granted(&["allowed.example"], &[]);
    let decider = Recorder::new(&grant);
    let sockets = WebSockets::new(fake.network, SocketLimits::default());
    for (url, class) in [
        ("ws://127.0.0.1/", "denied"),
        ("ws://allowed.example/", "denied"),
        ("wss://other.example/", "denied"),
        ("http://allowed.example/", "bad_request"),
        ("ws://user@allowed.example/", "bad_request"),
    ] {
        let error = sockets.open(&grant, &*decider, SocketRequest::new(url)).await.unwrap_err();
        assert_eq!(error.class(), class, "{url}: {error}");
    }
    assert_eq!(decider.denied().len(), 3);
    assert_eq!(fake.resolver.asked(), ["allowed.example"]);
    assert!(fake.switchboard.dialed().is_empty());

    let mut request = SocketRequest::new("ws://allowed.example/");
    request.headers.push(("Sec-WebSocket-Extensions".to_owned(), b"x".to_vec()));
    let error = sockets.open(&grant, &*decider, request).await.unwrap_err();
    assert!(
        error.to_string().contains("\"sec-websocket-extensions\" is not for a plugin"),
        "{error}"
    );
    for name in ["", "a,b", "a b", "a\r\nx: y"] {
        let mut request = SocketRequest::new("ws://allowed.example/");
        request.protocols.push(name.to_owned());
        let error = sockets.open(&grant, &*decider, request).await.unwrap_err();
        assert_eq!(error.class(), "bad_request", "{name:?}: {error}");
    }
}
