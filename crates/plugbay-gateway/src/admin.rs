//! What operators are served, on a listener of its own: how plugins are doing, what they print, and changes of them.

mod guard;
mod openapi;
mod routes;

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::config::AdminConfig;
use crate::error::GatewayError;
use crate::plugins::Plugins;
use guard::Guard;
pub(crate) use guard::token;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);

/// Pause after a failed accept: it fails when files run out, and then again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where operators are served.
pub(crate) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    guard: Guard,
}

impl Admin {
    /// Takes the address; nobody is answered yet.
    pub(crate) fn bind(config: &AdminConfig) -> Result<Self, GatewayError> {
        let guard = Guard::new(token(config)?);
        let address = config.listen;
        let failed = |source| GatewayError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, guard })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until it is dropped.
    pub(crate) async fn serve(self, plugins: Arc<Plugins>) {
        let listener = match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "operators cannot be served"),
        };
        tracing::info!(address = %self.address, "operators are served");
        let guard = Arc::new(self.guard);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let (plugins, guard) = (Arc::clone(&plugins), Arc::clone(&guard));
                        connections.spawn(connection(stream, plugins, guard));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }
}

async fn connection(stream: TcpStream, plugins: Arc<Plugins>, guard: Arc<Guard>) {
    let service = service_fn(move |request| {
        let (plugins, guard) = (Arc::clone(&plugins), Arc::clone(&guard));
        async move { Ok::<_, Infallible>(routes::answer(plugins, &guard, request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = serving.await {
        tracing::debug!(%error, "an operator's connection broke off");
    }
}
