//! One open WebSocket: a task that reads into a queue with an end, and writes what it is given.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::dial::Connection;
use super::{Capped, NetworkError, SocketLimits};

/// How long the two sides may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// A message in either direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl SocketMessage {
    /// Its length in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// What waiting for a message came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// A message.
    Message(SocketMessage),
    /// None in that time. There may be one later.
    Nothing,
    /// The server closed the socket, which is gone now.
    Closed {
        /// Its reason as a number, if it gave one: 1000 is that all is well.
        code: Option<u16>,
        /// Its reason in words, which may be empty.
        reason: String,
    },
}

/// The plugin's end of a socket. Dropping it closes the connection without a word.
#[derive(Debug)]
pub(super) struct Socket {
    commands: mpsc::Sender<Command>,
    queue: Mutex<mpsc::Receiver<Queued>>,
    task: Mutex<JoinHandle<()>>,
    abort: AbortHandle,
}

#[derive(Debug)]
enum Command {
    Send(Message, oneshot::Sender<Result<(), NetworkError>>),
    Close,
}

/// What the task has for the plugin, the last of which is the end.
#[derive(Debug)]
enum Queued {
    /// With its share of the queue's bytes, which it takes until somebody receives it.
    Message(SocketMessage, OwnedSemaphorePermit),
    Closed(Option<CloseFrame>),
    Failed(NetworkError),
}

type Stream = WebSocketStream<Connection>;

impl Socket {
    /// Starts the task. `kept` is held until that has ended.
    pub(super) fn start(stream: Stream, limits: SocketLimits, kept: impl Send + 'static) -> Self {
        // One at a time: whoever sends waits until it is written.
        let (commands, commanded) = mpsc::channel(1);
        let (queued, queue) = mpsc::channel(limits.max_queued_messages.clamp(1, 1 << 16));
        let reader = Reader {
            queued,
            room: Arc::new(Semaphore::new(permits(limits.max_queued_bytes) as usize)),
            limits,
        };
        let task = tokio::spawn(async move {
            run(stream, commanded, reader).await;
            drop(kept);
        });
        let abort = task.abort_handle();
        Self { commands, queue: Mutex::new(queue), task: Mutex::new(task), abort }
    }

    /// Waits until the message is written, or the socket has ended.
    pub(super) async fn send(&self, message: SocketMessage) -> Result<(), NetworkError> {
        let closed = || NetworkError::protocol("the WebSocket is closed");
        let message = match message {
            SocketMessage::Text(text) => Message::text(text),
            SocketMessage::Binary(bytes) => Message::binary(bytes),
        };
        let (done, outcome) = oneshot::channel();
        self.commands.send(Command::Send(message, done)).await.map_err(|_| closed())?;
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Waits for a message. What is in the queue comes before the end, whatever that was.
    pub(super) async fn receive(&self, wait: Duration) -> Result<Received, NetworkError> {
        let next = async { self.queue.lock().await.recv().await };
        match timeout(wait, next).await {
            Err(_) => Ok(Received::Nothing),
            Ok(Some(Queued::Message(message, _room))) => Ok(Received::Message(message)),
            Ok(Some(Queued::Closed(frame))) => Ok(Received::Closed {
                code: frame.as_ref().map(|frame| frame.code.into()),
                reason: frame.map_or(String::new(), |frame| frame.reason.as_str().to_owned()),
            }),
            Ok(Some(Queued::Failed(error))) => Err(error),
            Ok(None) => Ok(Received::Closed { code: None, reason: String::new() }),
        }
    }

    /// Says goodbye, and waits a moment for the server's. It is closed either way.
    pub(super) async fn close(&self) {
        let goodbye = async {
            // Where the socket has ended there is nobody to say it to.
            if self.commands.send(Command::Close).await.is_ok() {
                // Only cancelling it could fail it, and that ends it too.
                let _ = (&mut *self.task.lock().await).await;
            }
        };
        if timeout(2 * GOODBYE, goodbye).await.is_err() {
            self.abort.abort();
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

async fn run(stream: Stream, commands: mpsc::Receiver<Command>, reader: Reader) {
    let (mut sink, mut stream) = stream.split();
    let queued = reader.queued.clone();
    let end = match select(pin!(reader.read(&mut stream)), pin!(write(&mut sink, commands))).await {
        Either::Left((end, _)) => Some(end),
        Either::Right((end, _)) => end.map(Queued::Failed),
    };
    let parting = match &end {
        Some(Queued::Failed(NetworkError::TooLarge { .. })) => Some(goodbye(CloseCode::Size)),
        Some(Queued::Failed(_)) => Some(goodbye(CloseCode::Protocol)),
        _ => None,
    };
    let told = async {
        if let Some(end) = end {
            // Where nobody receives any more, nobody has to know.
            let _ = queued.send(end).await;
        }
    };
    // Owns the connection: it does not wait for a plugin that is slow to ask.
    let leave = async move {
        if let Some(parting) = parting {
            let _ = sink.send(parting).await;
        }
        // Answers the server's goodbye, or waits for its answer to ours.
        while let Some(Ok(_)) = stream.next().await {}
    };
    let leave = async move {
        let _ = timeout(GOODBYE, leave).await;
    };
    futures_util::future::join(leave, told).await;
}

fn goodbye(code: CloseCode) -> Message {
    Message::Close(Some(CloseFrame { code, reason: "".into() }))
}

/// Writes what it is told to. `None` when the plugin is done with the socket.
async fn write(
    sink: &mut SplitSink<Stream, Message>,
    mut commands: mpsc::Receiver<Command>,
) -> Option<NetworkError> {
    while let Some(command) = commands.recv().await {
        let (message, done) = match command {
            Command::Send(message, done) => (message, done),
            Command::Close => {
                // Whether it arrives or not, the socket is closed.
                let _ = timeout(GOODBYE, sink.send(goodbye(CloseCode::Normal))).await;
                return None;
            }
        };
        let outcome = sink.send(message).await.map_err(|error| failed(&error, 0));
        let error = outcome.clone().err();
        // Whoever sent it may have stopped waiting.
        let _ = done.send(outcome);
        if error.is_some() {
            return error;
        }
    }
    None
}

/// The way from the server to the queue.
struct Reader {
    queued: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
    limits: SocketLimits,
}

impl Reader {
    /// Reads until the end, and no further than there is room: what is not received stays with the server.
    async fn read(self, stream: &mut SplitStream<Stream>) -> Queued {
        loop {
            let message = match stream.next().await {
                Some(Ok(Message::Text(text))) => SocketMessage::Text(text.as_str().to_owned()),
                Some(Ok(Message::Binary(bytes))) => SocketMessage::Binary(bytes),
                Some(Ok(Message::Close(frame))) => return Queued::Closed(frame),
                // Pings are answered below us.
                Some(Ok(_)) => continue,
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => {
                    return Queued::Closed(None);
                }
                Some(Err(error)) => {
                    return Queued::Failed(failed(&error, self.limits.max_message_bytes));
                }
            };
            let bytes = (message.len() as u64).min(self.limits.max_queued_bytes);
            let room = Arc::clone(&self.room).acquire_many_owned(permits(bytes)).await;
            let sent = match room {
                Ok(room) => self.queued.send(Queued::Message(message, room)).await.is_ok(),
                Err(_) => false,
            };
            if !sent {
                return Queued::Closed(None);
            }
        }
    }
}

fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX >> 4).min(u32::MAX >> 4)
}

/// A failed handshake, message or connection.
pub(super) fn failed(error: &Error, max_message: u64) -> NetworkError {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            NetworkError::TooLarge { what: Capped::ReceivedMessage, limit: max_message }
        }
        Error::Http(response) => NetworkError::protocol(format!(
            "the server does not open a WebSocket: it answers {}, wanted 101",
            response.status().as_u16()
        )),
        Error::AttackAttempt | Error::Capacity(_) => NetworkError::protocol(
            "the head of the server's answer is too long, or in too many pieces",
        ),
        error => NetworkError::protocol(format!("the WebSocket broke: {error}")),
    }
}
