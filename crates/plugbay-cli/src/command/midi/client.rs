//! The other end of a running conductor's control socket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use plugbay_midi::control::{Request, directory, find};
use serde_json::Value;

/// Longest line that is taken, in bytes: the plugins and latencies of a large configuration are far below it.
const LONGEST: u64 = 16 << 20;

/// `--socket`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SocketOption {
    /// The control socket of the conductor that is meant [default: the one that runs, below XDG_RUNTIME_DIR]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// A connection.
pub(crate) struct Client {
    path: PathBuf,
    lines: BufReader<UnixStream>,
}

impl SocketOption {
    /// One that the caller read from an option of its own; none is the only conductor that there is.
    pub(crate) fn at(socket: Option<PathBuf>) -> Self {
        Self { socket }
    }

    /// Connects to the conductor that is meant, or to the only one that there is.
    pub(crate) fn connect(&self) -> Result<Client> {
        let (path, stream) = match &self.socket {
            Some(path) => {
                let stream = UnixStream::connect(path)
                    .with_context(|| format!("no conductor listens on {}", path.display()))?;
                (path.clone(), stream)
            }
            None => only(&directory())?,
        };
        Ok(Client { path, lines: BufReader::new(stream) })
    }
}

fn only(directory: &Path) -> Result<(PathBuf, UnixStream)> {
    let mut found = find(directory)?;
    let Some(last) = found.pop() else {
        bail!("no conductor runs: there is no socket of one in {}", directory.display());
    };
    if found.is_empty() {
        return Ok(last);
    }
    found.push(last);
    let paths: Vec<_> = found.iter().map(|(path, _)| path.display().to_string()).collect();
    bail!("several conductors run; name one by --socket: {}", paths.join(", "))
}

impl Client {
    /// Where it leads.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Asks for something. The inner error is conductor's own.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<std::result::Result<Value, String>> {
        let line = serde_json::to_string(request)?;
        let sent = self.lines.get_mut().write_all(format!("{line}\n").as_bytes());
        // Where it does not take it, it may have said why.
        let answer = self.line();
        let Some(answer) = answer? else {
            sent.context("conductor does not answer")?;
            bail!("conductor has ended without an answer");
        };
        let mut answer: Value =
            serde_json::from_str(&answer).context("what answers is no conductor")?;
        match answer.get_mut("ok") {
            Some(ok) => Ok(Ok(ok.take())),
            None => {
                let error = answer.get("error").and_then(Value::as_str);
                Ok(Err(error.unwrap_or("it does not say why").to_owned()))
            }
        }
    }

    /// The next line; `None` when conductor has ended.
    pub(super) fn line(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        match self.lines.by_ref().take(LONGEST).read_line(&mut line) {
            Ok(0) => Ok(None),
            Ok(_) if line.len() as u64 == LONGEST => {
                bail!("found a line of {LONGEST} bytes and more: what answers is no conductor")
            }
            Ok(_) => Ok(Some(line.trim_end().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(error).context("the control socket cannot be read"),
        }
    }
}
