//! The WebSockets of one plugin.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use http::{HeaderName, HeaderValue, Uri};
use plugbay_policy as policy;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::dial::Connection;
use super::socket::{Socket, failed};
use super::target::{Schemes, Target};
use super::{
    Capped, Decider, Network, NetworkError, Received, SocketMessage, headers, redirect, route,
};

/// Buffer of one socket, in bytes.
const BUFFER: usize = 8 << 10;

/// How much one plugin's WebSockets may hold. All of it is the host's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketLimits {
    /// Most sockets at a time. Default 8. One that the server closed counts until the plugin has received that.
    pub max_open: usize,
    /// Longest message in either direction, in bytes. Default 1 MiB; the grant's `max_request_bytes` and
    /// `max_response_bytes` make it shorter.
    pub max_message_bytes: u64,
    /// Most messages of one socket that wait to be received. Default 64. Then no more is read from the server.
    pub max_queued_messages: usize,
    /// Most bytes of them, likewise. Default 4 MiB; one message more may be half read.
    pub max_queued_bytes: u64,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            max_open: 8,
            max_message_bytes: 1 << 20,
            max_queued_messages: 64,
            max_queued_bytes: 4 << 20,
        }
    }
}

/// A WebSocket that a plugin wants opened. Nothing in it has been looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketRequest {
    /// `ws:` or `wss:`.
    pub url: String,
    /// Names and values, as those of [`HttpRequest`](super::HttpRequest); `sec-websocket-` ones are refused too.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The subprotocols, best first. May be empty.
    pub protocols: Vec<String>,
}

impl SocketRequest {
    /// Without headers and subprotocols.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new(), protocols: Vec::new() }
    }
}

/// Names one socket of one plugin. No number is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// A socket that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenedSocket {
    /// Its name from now on.
    pub id: SocketId,
    /// The subprotocol that the server chose, where any was asked for.
    pub protocol: Option<String>,
}

/// The WebSockets of one plugin. Dropping it closes them.
///
/// Each socket has a task, which runs on the runtime that opened it.
pub struct WebSockets {
    network: Network,
    limits: SocketLimits,
    /// One permit for each socket that is listed here, is being opened, or still says goodbye.
    free: Arc<Semaphore>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last: u64,
    sockets: BTreeMap<SocketId, Arc<Entry>>,
}

struct Entry {
    socket: Socket,
    /// What was decided when it was opened, to be asked again.
    requests: [policy::Request; 2],
    send_timeout: Duration,
    max_sent: u64,
    _permit: Arc<OwnedSemaphorePermit>,
}

impl WebSockets {
    /// None open yet.
    pub fn new(network: Network, limits: SocketLimits) -> Self {
        let free = Arc::new(Semaphore::new(limits.max_open.min(Semaphore::MAX_PERMITS)));
        Self { network, limits, free, open: Mutex::default() }
    }

    /// Opens a socket. Host, name and addresses are checked as those of a request are; redirects are not followed,
    /// as browsers do not either.
    ///
    /// # Errors
    ///
    /// Every class of [`NetworkError`] but `redirects`.
    pub async fn open(
        &self,
        grant: &policy::Network,
        decider: &dyn Decider,
        request: SocketRequest,
    ) -> Result<OpenedSocket, NetworkError> {
        let target =
            Target::parse(&request.url, Schemes::WebSocket).map_err(NetworkError::bad_request)?;
        let handshake = handshake(&target, &request)?;
        let most = self.limits.max_open as u64;
        let too_many = |_| NetworkError::TooLarge { what: Capped::OpenSockets, limit: most };
        let permit = Arc::new(Arc::clone(&self.free).try_acquire_owned().map_err(too_many)?);
        let mut limits = self.limits;
        limits.max_message_bytes = limits.max_message_bytes.min(grant.max_response_bytes);
        let max_sent = self.limits.max_message_bytes.min(grant.max_request_bytes);
        let after = Duration::from_millis(grant.timeout_ms);
        let opening =
            self.shake_hands(decider, &target, handshake, config(limits, max_sent), after);
        let opened = timeout(after, opening).await;
        let Shaken { stream, address, protocol } =
            opened.unwrap_or(Err(NetworkError::Timeout { after }))?;
        let connect = policy::Request::Connect { host: target.host().to_string(), address };
        let entry = Entry {
            socket: Socket::start(stream, limits, Arc::clone(&permit)),
            _permit: permit,
            requests: [target.request(), connect],
            send_timeout: after,
            max_sent,
        };
        let mut open = self.lock();
        open.last += 1;
        let id = SocketId(open.last);
        open.sockets.insert(id, Arc::new(entry));
        Ok(OpenedSocket { id, protocol })
    }

    /// Sends a message, and waits until it is written, no longer than the `timeout_ms` that the socket was opened
    /// with. Whether the server got it is for the server to say.
    ///
    /// # Errors
    ///
    /// `denied` where the host or its address is not allowed any more: then the socket is gone. `too_large`,
    /// `timeout`; `protocol` where the socket has ended; `bad_request` where there is none of that name.
    pub async fn send(
        &self,
        decider: &dyn Decider,
        id: SocketId,
        message: SocketMessage,
    ) -> Result<(), NetworkError> {
        let entry = self.entry(decider, id)?;
        if message.len() as u64 > entry.max_sent {
            return Err(NetworkError::TooLarge {
                what: Capped::SentMessage,
                limit: entry.max_sent,
            });
        }
        let after = entry.send_timeout;
        let sent = timeout(after, entry.socket.send(message)).await;
        sent.unwrap_or(Err(NetworkError::Timeout { after }))
    }

    /// Waits for a message, no longer than `wait`.
    ///
    /// # Errors
    ///
    /// `denied` where the host or its address is not allowed any more, `too_large` after a message that was too
    /// long, `protocol` where the connection broke: in each case the socket is gone. `bad_request` where there is none
    /// of that name.
    pub async fn receive(
        &self,
        decider: &dyn Decider,
        id: SocketId,
        wait: Duration,
    ) -> Result<Received, NetworkError> {
        let received = self.entry(decider, id)?.socket.receive(wait).await;
        // What was revoked while it waited is not handed over.
        self.entry(decider, id)?;
        if matches!(received, Ok(Received::Closed { .. }) | Err(_)) {
            self.remove(id);
        }
        received
    }

    /// Closes a socket. What it has received until then is dropped.
    ///
    /// # Errors
    ///
    /// `bad_request` where there is none of that name.
    pub async fn close(&self, id: SocketId) -> Result<(), NetworkError> {
        let entry = self.remove(id).ok_or_else(|| unknown(id))?;
        entry.socket.close().await;
        Ok(())
    }

    /// Closes a socket without a word, if it is there still.
    pub(crate) fn abandon(&self, id: SocketId) {
        drop(self.remove(id));
    }

    /// How many there are: open, or closed by the server and not yet received to the end.
    pub fn len(&self) -> usize {
        self.lock().sockets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    async fn shake_hands(
        &self,
        decider: &dyn Decider,
        target: &Target,
        handshake: Request,
        config: WebSocketConfig,
        time: Duration,
    ) -> Result<Shaken, NetworkError> {
        let (connection, address) = self.network.connect(decider, target, 0, time).await?;
        let (stream, response) = client_async_with_config(handshake, connection, Some(config))
            .await
            .map_err(|error| failed(&error, 0))?;
        let protocol = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
        let protocol = protocol.and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Shaken { stream, address, protocol })
    }

    /// A socket that its plugin may still use. One that it may not is gone.
    fn entry(&self, decider: &dyn Decider, id: SocketId) -> Result<Arc<Entry>, NetworkError> {
        let entry = self.lock().sockets.get(&id).map(Arc::clone).ok_or_else(|| unknown(id))?;
        route::still_allowed(decider, &entry.requests).inspect_err(|_| drop(self.remove(id)))?;
        Ok(entry)
    }

    fn remove(&self, id: SocketId) -> Option<Arc<Entry>> {
        self.lock().sockets.remove(&id)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for WebSockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSockets").field("open", &self.len()).finish_non_exhaustive()
    }
}

struct Shaken {
    stream: WebSocketStream<Connection>,
    address: SocketAddr,
    protocol: Option<String>,
}

fn config(limits: SocketLimits, max_sent: u64) -> WebSocketConfig {
    let bytes = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    let longest = Some(bytes(limits.max_message_bytes));
    WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        // Nobody sends before the last message is written; beside it are answers to pings.
        .max_write_buffer_size(bytes(max_sent).saturating_add(BUFFER))
        .max_message_size(longest)
        .max_frame_size(longest)
}

fn unknown(id: SocketId) -> NetworkError {
    NetworkError::bad_request(format!("no open WebSocket has the number {}", id.0))
}

/// The request that asks a server for a WebSocket.
fn handshake(target: &Target, request: &SocketRequest) -> Result<Request, NetworkError> {
    let headers = headers::parse(&request.headers)?;
    let wrong = |error: String| NetworkError::bad_request(format!("the URL: {error}"));
    let uri: Uri = target.as_str().parse().map_err(|error| wrong(format!("{error}")))?;
    let mut handshake = uri.into_client_request().map_err(|error| wrong(error.to_string()))?;
    let sent = handshake.headers_mut();
    sent.extend(headers);
    sent.entry(USER_AGENT).or_insert(redirect::AGENT);
    if !request.protocols.is_empty() {
        sent.insert(SEC_WEBSOCKET_PROTOCOL, protocols(&request.protocols)?);
    }
    Ok(handshake)
}

fn protocols(names: &[String]) -> Result<HeaderValue, NetworkError> {
    let list = names.join(", ");
    // Each is a token, as the names of headers are; a comma in one would be two.
    let tokens = names.iter().all(|name| HeaderName::from_bytes(name.as_bytes()).is_ok());
    let value = HeaderValue::from_str(&list).ok().filter(|_| tokens);
    value.ok_or_else(|| NetworkError::bad_request(format!("{list:?} has no names of subprotocols")))
}
