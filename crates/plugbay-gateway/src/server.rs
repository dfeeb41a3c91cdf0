//! Connections of one thread: taken in, served, and let go of when the gateway stops.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use plugbay_hooks::CallFailure;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use crate::api::{self, Api};
use crate::body::HttpBody;
use crate::config::ServerTimeouts;
use crate::shape;
use crate::wire::Wire;

/// Pause after a failed accept: it fails when files run out, and then again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What background work has at least, even when connections took all the time there was.
const GRACE: Duration = Duration::from_secs(1);

/// How a gateway ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Connections whose requests did not end in time and were cut off.
    pub cut_off: usize,
    /// Plugins whose `cleanup` failed, with what is known about it.
    pub failed_cleanups: Vec<(String, CallFailure)>,
}

/// Work that goes on after its response; the gateway does not stop before it.
#[derive(Debug, Clone)]
pub(crate) struct Background {
    alive: mpsc::Sender<()>,
}

impl Background {
    /// Work whose end is that of the channel.
    pub(crate) fn new(alive: mpsc::Sender<()>) -> Self {
        Self { alive }
    }

    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let alive = self.alive.clone();
        drop(tokio::spawn(async move {
            work.await;
            drop(alive);
        }));
    }
}

/// Connections of one thread.
pub(crate) struct Connections {
    api: Arc<Api>,
    header_timeout: Duration,
    write_timeout: Duration,
    going: watch::Receiver<bool>,
    tasks: JoinSet<()>,
}

impl Connections {
    /// None yet. They are let go of when `going` says so.
    pub(crate) fn new(api: Api, timeouts: &ServerTimeouts, going: watch::Receiver<bool>) -> Self {
        let (header_timeout, write_timeout) = (timeouts.header(), timeouts.write());
        let (api, tasks) = (Arc::new(api), JoinSet::new());
        Self { api, header_timeout, write_timeout, going, tasks }
    }

    /// Takes connections until `closing` comes, and then no more.
    pub(crate) async fn accept<T>(
        &mut self,
        listener: TcpListener,
        closing: impl Future<Output = T>,
    ) {
        let mut closing = std::pin::pin!(closing);
        loop {
            tokio::select! {
                _ = &mut closing => break,
                // Reaps those that ended.
                Some(_) = self.tasks.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.take(stream, peer),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        // Those that are there already would be cut off by closing the socket.
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, peer)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            match stream {
                Ok(stream) => self.take(stream, peer),
                Err(error) => tracing::debug!(%peer, %error, "a connection broke off"),
            }
        }
    }

    fn take(&mut self, stream: TcpStream, peer: SocketAddr) {
        let (api, going) = (Arc::clone(&self.api), self.going.clone());
        let timeouts = (self.header_timeout, self.write_timeout);
        self.tasks.spawn(connection(stream, peer, api, timeouts, going));
    }

    /// Waits for the requests under way until `end`, cuts off the rest, and tells how many that
    /// were. Then waits for the background work, whose end is that of `all_done`.
    pub(crate) async fn drain(
        self,
        mut all_done: mpsc::Receiver<()>,
        end: std::time::Instant,
    ) -> usize {
        let Self { api, mut tasks, .. } = self;
        let end = Instant::from_std(end);
        let drained = timeout_at(end, async { while tasks.join_next().await.is_some() {} });
        let cut_off = match drained.await {
            Ok(()) => 0,
            Err(_) => {
                let left = tasks.len();
                tracing::warn!(connections = left, "cut off: their requests did not end in time");
                tasks.shutdown().await;
                left
            }
        };
        drop(api);
        // Nothing is ever sent: the channel ends when the last piece of work has.
        if timeout_at(end.max(Instant::now() + GRACE), all_done.recv()).await.is_err() {
            tracing::warn!("plugins were still being shown what was streamed");
        }
        cut_off
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    api: Arc<Api>,
    (header_timeout, write_timeout): (Duration, Duration),
    mut going: watch::Receiver<bool>,
) {
    // Events are small and each of them is waited for.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "TCP_NODELAY cannot be set");
    }
    let (wire, ambiguous) = Wire::new(stream, write_timeout);
    let service = service_fn(move |request| {
        let api = Arc::clone(&api);
        let ambiguous = ambiguous.load(Ordering::Relaxed);
        async move {
            Ok::<_, Infallible>(match ambiguous {
                true => api::last(&shape::two_lengths()).map(HttpBody::whole),
                false => api.answer(request).await,
            })
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(shape::MAX_HEAD)
        .serve_connection(TokioIo::new(wire), service);
    let mut serving = std::pin::pin!(serving);
    let result = tokio::select! {
        biased;
        result = &mut serving => result,
        () = stopped(&mut going) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "a connection broke off");
    }
}

/// Comes when the gateway stops, or nobody is left who could say so.
async fn stopped(going: &mut watch::Receiver<bool>) {
    drop(going.wait_for(|going| *going).await);
}
