//! Listening sockets, one for each thread that serves.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;

use tokio::net::TcpSocket;

/// Connections that the kernel keeps until they are accepted, for each socket.
const BACKLOG: u32 = 1024;

/// Sockets on one address, and the address: port 0 is a free one, the same for all of them.
///
/// On Linux each has a queue of its own and the kernel spreads the connections over them. Elsewhere
/// the same option gives all connections to one socket, so that there is one socket, which the
/// threads share.
pub(crate) fn sockets(
    address: SocketAddr,
    count: NonZeroUsize,
) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
    match cfg!(target_os = "linux") && count.get() > 1 {
        true => spread(address, count),
        false => shared(address, count),
    }
}

#[cfg(target_os = "linux")]
fn spread(address: SocketAddr, count: NonZeroUsize) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
    let first = socket(address)?;
    // Bound before it is opened to others: a second gateway on the same address is refused, and
    // does not take half of this one's connections.
    first.bind(address)?;
    first.set_reuseport(true)?;
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..count.get() {
        let next = socket(address)?;
        next.set_reuseport(true)?;
        next.bind(address)?;
        sockets.push(next);
    }
    // Only now, so that no connection comes while there are too few.
    let listening = sockets.into_iter().map(|socket| socket.listen(BACKLOG)?.into_std());
    Ok((listening.collect::<io::Result<_>>()?, address))
}

#[cfg(not(target_os = "linux"))]
use shared as spread;

fn shared(address: SocketAddr, count: NonZeroUsize) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
    let first = socket(address)?;
    first.bind(address)?;
    let first = first.listen(BACKLOG)?.into_std()?;
    let address = first.local_addr()?;
    let mut listening = Vec::with_capacity(count.get());
    for _ in 1..count.get() {
        listening.push(first.try_clone()?);
    }
    listening.push(first);
    Ok((listening, address))
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A gateway that was just stopped leaves connections behind that keep the port for a
    // while. On Windows the option means something else.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    fn three() -> NonZeroUsize {
        NonZeroUsize::new(3).unwrap()
    }

    /// All connections are taken by one of the sockets.
    fn check(sockets: &[TcpListener], address: SocketAddr) {
        assert_ne!(address.port(), 0);
        assert_eq!(sockets.len(), 3);
        let clients: Vec<_> = (0..20).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut accepted = 0;
        for socket in sockets {
            assert_eq!(socket.local_addr().unwrap(), address);
            loop {
                match socket.accept() {
                    Ok(_) => accepted += 1,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        assert_eq!(accepted, clients.len());
    }

    #[tokio::test]
    async fn a_free_port_is_the_same_for_all() {
        let (listening, address) = sockets(FREE, three()).unwrap();
        check(&listening, address);
    }

    #[tokio::test]
    async fn one_socket_can_be_shared() {
        let (listening, address) = shared(FREE, three()).unwrap();
        check(&listening, address);
    }

    #[tokio::test]
    async fn nobody_else_gets_the_address() {
        let (_listening, address) = sockets(FREE, three()).unwrap();
        for count in [1, 3] {
            let error = sockets(address, NonZeroUsize::new(count).unwrap()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{count}");
        }
    }
}
