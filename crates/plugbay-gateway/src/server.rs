//! Connections: taken in, served, and let go of when the gateway stops.

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

use crate::api::Api;
use crate::config::ServerTimeouts;

/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// Pause after a failed accept: it fails when files run out, and then again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let alive = self.alive.clone();
        drop(tokio::spawn(async move {
            work.await;
            drop(alive);
        }));
    }
}

/// Serves until `stop` says so, or nobody is left who could.
pub(crate) async fn serve(
    listener: TcpListener,
    api: Arc<Api>,
    timeouts: ServerTimeouts,
    mut stop: watch::Receiver<bool>,
) -> ShutdownReport {
    let (alive, mut all_done) = mpsc::channel(1);
    let background = Background { alive };
    let mut connections = JoinSet::new();
    let template = stop.clone();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            // Reaps those that ended.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let api = Arc::clone(&api);
                    let (background, stop) = (background.clone(), template.clone());
                    let header = timeouts.header();
                    connections.spawn(connection(stream, peer, api, background, header, stop));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    api.draining.store(true, Ordering::Relaxed);

    let end = Instant::now() + timeouts.drain();
    let drained = timeout_at(end, async { while connections.join_next().await.is_some() {} });
    let cut_off = match drained.await {
        Ok(()) => 0,
        Err(_) => {
            let left = connections.len();
            tracing::warn!(connections = left, "cut off: their requests did not end in time");
            connections.shutdown().await;
            left
        }
    };
    drop(background);
    // Nothing is ever sent: the channel ends when the last piece of work has.
    if timeout_at(end.max(Instant::now() + GRACE), all_done.recv()).await.is_err() {
        tracing::warn!("plugins were still being shown what was streamed");
    }
    ShutdownReport { cut_off, failed_cleanups: api.pipeline.close().await }
}

/// Comes when the gateway is told to stop, or nobody is left who could tell it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// What background work has at least, even when connections took all the time there was.
const GRACE: Duration = Duration::from_secs(1);

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    api: Arc<Api>,
    background: Background,
    header_timeout: Duration,
    mut stop: watch::Receiver<bool>,
) {
    // Events are small and each of them is waited for.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "TCP_NODELAY cannot be set");
    }
    let service = service_fn(move |request| {
        let (api, background) = (Arc::clone(&api), background.clone());
        async move { Ok::<_, Infallible>(api.answer(request, background).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let mut stopping = false;
    loop {
        tokio::select! {
            result = &mut serving => {
                if let Err(error) = result {
                    tracing::debug!(%peer, %error, "a connection broke off");
                }
                return;
            }
            () = stopped(&mut stop), if !stopping => {
                stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
