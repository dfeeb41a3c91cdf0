//! Answering on the control socket, whoever is at the other end.
//!
//! A client costs one task and a few kilobytes, and there are at most [`MOST_CLIENTS`] of them. One that sends no line, too long a
//! one, or takes nothing of what it asked for is left; what it sent that is no request is answered with an error.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use super::{LONGEST_REQUEST, MOST_CLIENTS, Request};
use crate::run::{Control, Reloader, Status, TARGET};

/// How long a client may say nothing, and how long it may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// What clients reach.
#[derive(Clone)]
pub struct Desk {
    control: Control,
    reloader: Arc<Reloader>,
    stop: Arc<Notify>,
}

impl Desk {
    /// For one run.
    pub fn new(control: Control, reloader: Arc<Reloader>) -> Self {
        Self { control, reloader, stop: Arc::default() }
    }

    /// Ready when a client has told the run to stop.
    pub async fn stopped(&self) {
        self.stop.notified().await;
    }

    async fn answer(&self, request: Request) -> Result<Value, String> {
        let stopping = |error: crate::run::Stopping| error.to_string();
        match request {
            Request::Status => {
                let status = self.control.status().await.map_err(stopping)?;
                Ok(json!(Whole {
                    status,
                    config: self.reloader.path(),
                    reload_error: self.reloader.error(),
                    pid: std::process::id(),
                    version: env!("CARGO_PKG_VERSION"),
                }))
            }
            Request::Reload => match self.reloader.reload().await {
                Ok(reloaded) => {
                    let broken: Vec<_> = reloaded
                        .broken
                        .iter()
                        .map(|failure| json!({ "plugin": failure.plugin, "error": failure.error.to_string() }))
                        .collect();
                    Ok(json!({
                        "text": reloaded.to_string(),
                        "loaded": reloaded.loaded,
                        "broken": broken,
                        "needs_restart": reloaded.needs_restart,
                        "took_us": u64::try_from(reloaded.took.as_micros()).unwrap_or(u64::MAX),
                    }))
                }
                Err(error) => Err(format!("nothing is taken over, all is as it was: {error}")),
            },
            Request::Mode { name } => {
                let changed = self.control.change_mode(&name).await.map_err(stopping)?;
                changed.map_err(|error| error.to_string())?;
                Ok(json!({ "mode": name }))
            }
            Request::Plugins => Ok(json!(self.control.plugins().await.map_err(stopping)?)),
            Request::Stats => Ok(json!(self.control.latencies().await.map_err(stopping)?)),
            Request::Events => Ok(json!({})),
            Request::Stop => {
                self.stop.notify_one();
                Ok(json!({}))
            }
        }
    }
}

/// A run's status, with what its process knows.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    status: Status,
    config: &'a Path,
    /// Why the last reload changed nothing, if so.
    reload_error: Option<String>,
    pid: u32,
    version: &'static str,
}

/// Takes clients until it is dropped.
pub async fn serve(listener: UnixListener, desk: Desk) {
    let places = Arc::new(Semaphore::new(MOST_CLIENTS));
    // They end with this.
    let mut clients = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = clients.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) if is_own(&stream) => stream,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(target: TARGET, %error, "a client of the control socket was lost");
                // Such as too many open files, which lasts.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let desk = desk.clone();
                clients.spawn(async move {
                    let _place = place;
                    // That it has gone is no news.
                    let _: io::Result<()> = attend(stream, &desk).await;
                });
            }
            Err(_) => {
                let full = refusal(&format!("there are {MOST_CLIENTS} clients, which is the most"));
                // It has room for that, or is left without.
                let _: io::Result<usize> = stream.try_write(full.as_bytes());
            }
        }
    }
}

/// Others of the machine cannot open the socket; this holds where it is in a directory that does not know of modes.
fn is_own(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

async fn attend(stream: UnixStream, desk: &Desk) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let limited = (&mut reader).take(LONGEST_REQUEST);
        let read = async { { limited }.read_until(b'\n', &mut line).await };
        timeout(PATIENCE, read).await??;
        if line.is_empty() {
            return Ok(());
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == LONGEST_REQUEST {
            let text = format!("a request has at most {LONGEST_REQUEST} bytes");
            return send(&mut writer, &refusal(&text)).await;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let request: Request = match serde_json::from_slice(&line) {
            Ok(request) => request,
            Err(error) => {
                let wanted = "wanted one such as {\"command\":\"status\"}";
                send(&mut writer, &refusal(&format!("this is no request: {error}; {wanted}")))
                    .await?;
                continue;
            }
        };
        // Before the answer, so that nothing that happens after it is missed.
        let events = (request == Request::Events).then(|| desk.control.feed().listen());
        let answer = match desk.answer(request).await {
            Ok(answer) => format!("{}\n", json!({ "ok": answer })),
            Err(error) => refusal(&error),
        };
        send(&mut writer, &answer).await?;
        let Some(mut events) = events else { continue };
        loop {
            tokio::select! {
                line = events.next() => match line {
                    Some(line) => send(&mut writer, &format!("{line}\n")).await?,
                    None => return Ok(()),
                },
                () = hung_up(&mut reader) => return Ok(()),
            }
        }
    }
}

fn refusal(error: &str) -> String {
    format!("{}\n", json!({ "error": error }))
}

async fn send(writer: &mut OwnedWriteHalf, text: &str) -> io::Result<()> {
    timeout(PATIENCE, writer.write_all(text.as_bytes())).await?
}

/// Ready when a client that is told what happens has gone. What it still says is not read as requests.
async fn hung_up(reader: &mut BufReader<OwnedReadHalf>) {
    let mut rest = [0; 256];
    while let Ok(1..) = reader.read(&mut rest).await {}
}
