//! Asks for one stream after the other, and says how long they took.
//!
//! `bench-streams HOST:PORT STREAMS FILE` sends FILE as a chat request. It prints the medians in microseconds, of
//! the time from the request to the first byte of the body, and to its last.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use benches_http::{Failure, stream::CHUNKS};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().ok_or("wanted HOST:PORT")?.parse()?;
    let streams: usize = arguments.next().ok_or("wanted the number of streams")?.parse()?;
    let body = Bytes::from(std::fs::read(arguments.next().ok_or("wanted a file")?)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let (mut client, connection) = http1::handshake(TokioIo::new(tcp)).await?;
        tokio::spawn(connection);
        let mut times = Vec::new();
        for _ in 0..streams {
            times.push(ask(&mut client, address, body.clone()).await?);
        }
        let first = median(times.iter().map(|time| time.first).collect());
        let whole = median(times.iter().map(|time| time.whole).collect());
        println!("first {first:.1} whole {whole:.1}");
        Ok(())
    })
}

struct Times {
    first: Duration,
    whole: Duration,
}

async fn ask(
    client: &mut SendRequest<Full<Bytes>>,
    address: SocketAddr,
    body: Bytes,
) -> Result<Times, Failure> {
    let request = Request::post("/v1/chat/completions")
        .header("host", address.to_string())
        .header("content-type", "application/json")
        .body(Full::new(body))?;
    client.ready().await?;
    let start = Instant::now();
    let response = client.send_request(request).await?;
    let status = response.status();
    let mut body = response.into_body();
    let (mut first, mut all) = (None, Vec::new());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            first.get_or_insert_with(|| start.elapsed());
            all.extend_from_slice(&data);
        }
    }
    let whole = start.elapsed();
    let text = String::from_utf8_lossy(&all);
    let chunks = text.matches("data: {").count();
    if !status.is_success() || chunks != CHUNKS || !text.ends_with("data: [DONE]\n\n") {
        return Err(format!("{status}, {chunks} chunks, wanted {CHUNKS} and [DONE]: {text}").into());
    }
    Ok(Times { first: first.ok_or("an empty body")?, whole })
}

/// In microseconds.
fn median(mut all: Vec<Duration>) -> f64 {
    all.sort();
    all.get(all.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}
