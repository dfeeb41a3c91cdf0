//! What the programs share: threads with a runtime and a listening socket each, and the stream that is asked for.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};

pub mod stream;

/// What a server ends with.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Serves on that many threads and a free port of 127.0.0.1, which it prints, until the process is
/// ended. Each thread has a service of its own, made by `service`.
///
/// # Errors
///
/// When a socket or a thread cannot be had.
pub fn serve<S, F, B>(
    threads: usize,
    service: impl Fn() -> S + Clone + Send + 'static,
) -> Result<(), Failure>
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, Infallible>> + Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Failure>,
{
    let mut address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut running = Vec::new();
    for _ in 0..threads.max(1) {
        let (say, told) = std::sync::mpsc::channel();
        let service = service.clone();
        running.push(std::thread::spawn(move || -> Result<(), Failure> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async move {
                let listener = listen(address)?;
                say.send(listener.local_addr()?)?;
                accept(listener, service()).await
            })
        }));
        address = match told.recv() {
            Ok(address) => address,
            // It ended, and says why.
            Err(_) => break,
        };
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()?;
    for thread in running {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    Ok(())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

async fn accept<S, F, B>(listener: TcpListener, service: S) -> Result<(), Failure>
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, Infallible>> + Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Failure>,
{
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service_fn(service.clone());
        tokio::spawn(async move {
            // A client that goes away is no concern of a bench.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

/// The number after a flag of the command line.
///
/// # Errors
///
/// When it is missing or no number.
pub fn threads(arguments: &mut impl Iterator<Item = String>) -> Result<usize, Failure> {
    let number = arguments.next().ok_or("wanted the number of threads")?;
    Ok(number.parse().map_err(|_| format!("found `{number}`, wanted a number of threads"))?)
}
