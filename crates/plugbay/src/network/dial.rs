//! Connections to addresses that were decided.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use plugbay_runtime::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::NetworkError;
use super::target::Target;

/// What HTTP and WebSockets are spoken over: TCP, or TLS over it.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(super) type Connection = Box<dyn Io>;

/// Opens a connection to one address. Tests have one that tells them where it would have gone.
pub(super) trait Dialer: Send + Sync {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>>;
}

#[derive(Debug)]
pub(super) struct SystemDialer;

impl Dialer for SystemDialer {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        Box::pin(async move {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            Ok(tcp)
        })
    }
}

/// A connection to the first of the addresses that takes one. An address that does not answer gets its share of
/// `time` and no more, so that the next has its turn.
pub(super) async fn first(
    dialer: &dyn Dialer,
    target: &Target,
    addresses: &[SocketAddr],
    time: Duration,
) -> Result<(SocketAddr, TcpStream), NetworkError> {
    let began = Instant::now();
    let mut reasons = Vec::new();
    let turns = (1..=u32::try_from(addresses.len()).unwrap_or(u32::MAX)).rev();
    for (address, turns_left) in addresses.iter().zip(turns) {
        let share = time.saturating_sub(began.elapsed()) / turns_left;
        match timeout(share, dialer.dial(*address)).await {
            Ok(Ok(tcp)) => return Ok((*address, tcp)),
            Ok(Err(error)) => reasons.push(format!("{address}: {error}")),
            Err(_) => reasons.push(format!("{address}: no answer within {} ms", share.as_millis())),
        }
    }
    let (host, port) = (target.host().to_string(), target.port());
    Err(NetworkError::Connect { host, port, reason: reasons.join("; ") })
}
