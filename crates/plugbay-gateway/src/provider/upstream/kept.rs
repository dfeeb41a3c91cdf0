//! Connections that speak HTTP/1.1 and are kept for the next request.
//!
//! An upstream is one host, and each thread has connections of its own: there is nothing to look up and nobody to
//! wait for. A request takes the connection that was used last, and the answer's body gives it back.

use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use plugbay::runtime::BoxFuture;
use tower_service::Service;

use super::client::SendError;
use super::connect::BoxError;
use crate::body::HttpBody;

/// How often those are closed that nobody has used since.
const SWEEP: Duration = Duration::from_secs(45);

type Connection = SendRequest<HttpBody>;
type Connect = Arc<dyn Fn() -> BoxFuture<'static, Result<Connection, BoxError>> + Send + Sync>;

/// Connections to one host.
pub(super) struct Kept {
    connect: Connect,
    idle: Arc<Idle>,
}

impl Kept {
    /// None yet, to where `to` says.
    pub(super) fn new<C>(connector: C, to: Uri) -> Self
    where
        C: Service<Uri, Error = BoxError> + Clone + Send + Sync + 'static,
        C::Future: Send,
        C::Response: Read + Write + Unpin + Send + 'static,
    {
        let connect =
            move || -> BoxFuture<'static, _> { Box::pin(connect(connector.clone(), to.clone())) };
        Self { connect: Arc::new(connect), idle: Arc::default() }
    }

    /// The same with no connection yet.
    pub(super) fn with_own_connections(&self) -> Self {
        Self { connect: Arc::clone(&self.connect), idle: Arc::default() }
    }

    pub(super) async fn request(
        &self,
        mut request: Request<HttpBody>,
    ) -> Result<Response<Lent>, SendError> {
        loop {
            let kept = self.idle.take();
            let is_new = kept.is_none();
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.another().await.map_err(SendError::no_connection)?,
            };
            match connection.try_send_request(request).await {
                Ok(response) => return Ok(response.map(|body| self.lend(body, connection))),
                Err(mut error) => match error.take_message() {
                    // It was closed while it was idle, and nothing of the request has left.
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err(SendError::other(error.into_error())),
                },
            }
        }
    }

    fn lend(&self, body: Incoming, connection: Connection) -> Lent {
        Lent { body, connection: Some((connection, Arc::clone(&self.idle))) }
    }

    async fn another(&self) -> Result<Connection, BoxError> {
        let connection = (self.connect)().await?;
        if !self.idle.is_swept.swap(true, Ordering::Relaxed) {
            drop(tokio::spawn(sweep(Arc::downgrade(&self.idle))));
        }
        Ok(connection)
    }
}

async fn connect<C>(mut connector: C, to: Uri) -> Result<Connection, BoxError>
where
    C: Service<Uri, Error = BoxError>,
    C::Response: Read + Write + Unpin + Send + 'static,
{
    std::future::poll_fn(|context| connector.poll_ready(context)).await?;
    let stream = connector.call(to).await?;
    let (mut connection, serving) = http1::handshake(stream).await?;
    drop(tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::debug!(%error, "a connection to a provider broke off");
        }
    }));
    connection.ready().await?;
    Ok(connection)
}

/// Connections that nobody uses.
#[derive(Default)]
struct Idle {
    connections: Mutex<Vec<Left>>,
    is_swept: AtomicBool,
}

struct Left {
    connection: Connection,
    /// Whether it was there at the last sweep.
    is_old: bool,
}

impl Idle {
    fn lock(&self) -> MutexGuard<'_, Vec<Left>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that was used last, so that those that are not needed get old. One whose last answer was not read to
    /// the end may not be ready yet, and may never be.
    fn take(&self) -> Option<Connection> {
        let mut connections = self.lock();
        let mut busy = Vec::new();
        let found = loop {
            match connections.pop() {
                Some(left) if left.connection.is_ready() => break Some(left.connection),
                Some(left) if left.connection.is_closed() => {}
                Some(left) => busy.push(left),
                None => break None,
            }
        };
        connections.append(&mut busy);
        found
    }

    fn sweep(&self) {
        self.lock().retain_mut(|left| {
            !left.connection.is_closed() && !mem::replace(&mut left.is_old, true)
        });
    }

    fn give_back(&self, connection: Connection) {
        if !connection.is_closed() {
            self.lock().push(Left { connection, is_old: false });
        }
    }
}

/// Closes connections that are not used, for as long as there is somebody who could.
async fn sweep(idle: Weak<Idle>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(idle) = idle.upgrade() else { return };
        idle.sweep();
    }
}

/// The body of a message, and the connection that is kept when it has come.
pub(crate) struct Lent {
    body: Incoming,
    connection: Option<(Connection, Arc<Idle>)>,
}

impl From<Incoming> for Lent {
    /// A body whose connection is somebody else's to keep.
    fn from(body: Incoming) -> Self {
        Self { body, connection: None }
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some((connection, idle)) = self.connection.take() {
            idle.give_back(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use hyper_util::client::legacy::connect::HttpConnector;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::connect::Timed;
    use super::*;

    /// Connections to a listener of the test's own.
    async fn kept() -> (Kept, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let connector = Timed::new(HttpConnector::new(), Duration::from_secs(60));
        (Kept::new(connector, to), listener)
    }

    async fn ask(kept: &Kept) -> Result<Bytes, SendError> {
        let response = kept.request(Request::new(HttpBody::default())).await?;
        Ok(response.into_body().collect().await.map_err(SendError::other)?.to_bytes())
    }

    /// Reads a request and answers with its number on this connection.
    async fn answer(stream: &mut TcpStream, number: u8) {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).await.unwrap();
            head.extend_from_slice(&byte);
        }
        let text = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}");
        stream.write_all(text.as_bytes()).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_is_used_until_it_is_closed_and_then_there_is_another() {
        let (kept, listener) = kept().await;
        let server = tokio::spawn(async move {
            for requests in [3, 1, 0] {
                let (mut stream, _) = listener.accept().await.unwrap();
                for number in 0..requests {
                    answer(&mut stream, number).await;
                }
            }
        });
        for wanted in ["0", "1", "2", "0"] {
            let answered = ask(&kept).await.ok().unwrap();
            assert_eq!(answered, wanted);
        }
        // A new one that is closed at once is no answer, and is not asked again.
        assert!(ask(&kept).await.is_err());
        server.await.unwrap();
        assert!(ask(&kept).await.err().unwrap().is_connect);
    }

    #[tokio::test]
    async fn those_that_nobody_uses_are_closed_at_the_second_sweep() {
        let (kept, listener) = kept().await;
        let (mut stream, answered) = {
            let asked = tokio::spawn(async move { (ask(&kept).await.ok(), kept) });
            let (mut stream, _) = listener.accept().await.unwrap();
            answer(&mut stream, 7).await;
            (stream, asked.await.unwrap())
        };
        let kept = answered.1;
        assert_eq!(answered.0.unwrap(), "7");
        kept.idle.sweep();
        assert_eq!(kept.idle.lock().len(), 1);
        kept.idle.sweep();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }
}
