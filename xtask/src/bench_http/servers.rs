//! Servers of this machine: started, looked at, and always stopped by their own handle.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use xshell::Shell;

use super::{
    Case,
    load::{self, Measured},
    rig::Rig,
};

/// How long a server may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// All servers, each there from the first round to the last.
pub(crate) struct Servers {
    pub(crate) upstream: Server,
    pub(crate) bare: Server,
    pub(crate) gateway: Server,
    pub(crate) serde: Server,
    pub(crate) binary: Server,
    pub(crate) redactor: Server,
    pub(crate) chunks: Server,
    pub(crate) nginx: Server,
    pub(crate) envoy: Server,
}

impl Servers {
    /// The server of a case, and which of its addresses.
    pub(crate) fn of(&self, case: Case) -> (&Server, usize) {
        match case {
            Case::BareProxy => (&self.bare, 0),
            Case::Gateway | Case::OneGateway => (&self.gateway, 0),
            Case::Nginx => (&self.nginx, 0),
            Case::Serde => (&self.serde, 0),
            Case::SerdeBinary => (&self.binary, 0),
            Case::LuaEnvelope => (&self.nginx, 1),
            Case::LuaBody => (&self.nginx, 2),
            Case::Redactor => (&self.redactor, 0),
            Case::EnvoyLua => (&self.envoy, 1),
            Case::OneDirect => (&self.upstream, 0),
            Case::OneEnvoy => (&self.envoy, 0),
        }
    }

    /// Loads the server of a case.
    pub(crate) fn load(&self, sh: &Shell, rig: &Rig, case: Case, seconds: u32) -> Result<Measured> {
        let (server, which) = self.of(case);
        let address = server.address(which)?.to_string();
        let before = server.processor_time()?;
        let said = load::wrk(sh, &rig.files(), &address, &case.load(), seconds)
            .with_context(|| case.label())?;
        let spent = server.processor_time()?.saturating_sub(before);
        let cpu = spent.as_secs_f64() * 1e6 / said.requests.max(1.0);
        Ok(Measured { requests: said.requests, rate: said.rate, cpu, median: said.median })
    }

    /// Asks the server of a case once, and looks whether it did its work.
    pub(crate) fn check(&self, case: Case, rig: &Rig) -> Result<()> {
        let (server, which) = self.of(case);
        let load = case.load();
        let body = fs::read_to_string(rig.files().join(load.body))?;
        let answer = ask(server.address(which)?, load.path, &body)
            .with_context(|| format!("{} does not answer", case.label()))?;
        let mut wanted = vec!["HTTP/1.1 200", "application/json"];
        match case {
            // Both ways: the upstream says what it was sent.
            Case::Serde | Case::SerdeBinary | Case::LuaEnvelope | Case::LuaBody => {
                wanted.extend(["x-plugin: json", "x-seen: json"]);
            }
            Case::Redactor | Case::EnvoyLua => {
                wanted.push("Write to [redacted] about it, or to [redacted] if");
            }
            _ => {}
        }
        for wanted in wanted {
            if !answer.to_ascii_lowercase().contains(&wanted.to_ascii_lowercase()) {
                bail!("{}: no `{wanted}` in its answer:\n{answer}", case.label());
            }
        }
        println!("    {}", case.label());
        Ok(())
    }

    /// Stops them, the upstream last.
    pub(crate) fn stop(self) -> Result<()> {
        let Self { upstream, bare, gateway, serde, binary, redactor, chunks, nginx, envoy } = self;
        for server in [bare, gateway, serde, binary, redactor, chunks, nginx, envoy, upstream] {
            server.stop()?;
        }
        Ok(())
    }
}

/// One request on a connection of its own, and all that is answered.
pub(crate) fn ask(address: SocketAddr, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-echo: 1\r\n\
         x-request-id: echo\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A program that serves.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    addresses: Vec<SocketAddr>,
}

impl Server {
    /// Starts one that prints `listening on http://ADDRESS`.
    pub(crate) fn that_says_where(
        name: &'static str,
        command: &mut Command,
        log: &Path,
    ) -> Result<Self> {
        let mut server = Self::spawn(name, command.stdout(Stdio::piped()), log)?;
        let stdout = server.child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").map(str::parse);
        match address {
            Some(Ok(address)) => {
                server.addresses.push(address);
                Ok(server)
            }
            _ => bail!("{name} does not serve: {line}{}", fs::read_to_string(log)?),
        }
    }

    /// Starts one that was told where to listen.
    pub(crate) fn at(
        name: &'static str,
        command: &mut Command,
        log: &Path,
        addresses: &[SocketAddr],
    ) -> Result<Self> {
        let mut server = Self::spawn(name, command.stdout(Stdio::null()), log)?;
        server.addresses = addresses.to_vec();
        let end = Instant::now() + PATIENCE;
        for address in addresses {
            while TcpStream::connect(address).is_err() {
                let ended = server.child.try_wait()?.is_some();
                if ended || Instant::now() > end {
                    bail!("{name} does not serve: {}", fs::read_to_string(log)?);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(server)
    }

    /// It listens there, too.
    pub(crate) fn also_at(mut self, addresses: &[SocketAddr]) -> Self {
        self.addresses.extend(addresses);
        self
    }

    fn spawn(name: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        let command = command.stdin(Stdio::null()).stderr(fs::File::create(log)?);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, addresses: Vec::new() })
    }

    pub(crate) fn address(&self, which: usize) -> Result<SocketAddr> {
        let address = self.addresses.get(which).copied();
        address.with_context(|| format!("{} has no address {which}", self.name))
    }

    /// What it and the processes that it started have used up to now.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let mut nanos = 0;
        let mut processes = vec![self.child.id().to_string()];
        while let Some(process) = processes.pop() {
            let tasks = format!("/proc/{process}/task");
            for task in fs::read_dir(&tasks).with_context(|| format!("{} is gone", self.name))? {
                let task = task?.path();
                let times = fs::read_to_string(task.join("schedstat"))?;
                let time = times.split_whitespace().next().context("an empty schedstat")?;
                nanos += time.parse::<u64>()?;
                let children = fs::read_to_string(task.join("children"))?;
                processes.extend(children.split_whitespace().map(str::to_owned));
            }
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// What of its memory is resident, in KiB.
    pub(crate) fn resident_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let line = line.with_context(|| format!("{} is gone", self.name))?;
        line.trim().trim_end_matches(" kB").parse().with_context(|| format!("VmRSS: found {line}"))
    }

    fn stop(mut self) -> Result<()> {
        self.end().with_context(|| format!("cannot stop {}", self.name))
    }

    /// Tells it to stop, and kills it if it does not.
    fn end(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        // Not yet waited for, so that the number is still its own.
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > end {
                self.child.kill()?;
                self.child.wait()?;
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("warning: {} may still be running: {error:#}", self.name);
        }
    }
}
