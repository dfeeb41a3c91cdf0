//! A terminal in which a page is followed.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::matching::{compare, same};
use super::page::Part;
use crate::support::{Server, folder, plugbay, root, run, tool};

/// Where a page says that a gateway's clients, Prometheus, operators and the provider find each other.
const CLIENTS: &str = ":8080";
const METRICS: &str = ":9090";
const OPERATORS: &str = ":9091";
const PROVIDER: &str = "127.0.0.1:8000";
/// What a gateway writes beside its answers is there a moment later: what only reads is read again.
const TRIES: u32 = 400;
const PAUSE: Duration = Duration::from_millis(50);

/// Any free one.
const FREE: &str = ":0";

pub(super) struct Session {
    page: String,
    folder: TempDir,
    gateway: Option<Server>,
    upstream: Option<Server>,
    /// What a page writes, and what it is here.
    places: Vec<(String, String)>,
    exported: Vec<(String, String)>,
    status: i32,
    /// What was not as the page says.
    differs: Vec<String>,
}

impl Session {
    pub(super) fn begin(page: &str) -> Self {
        let folder = folder();
        let link = |to: &Path, name: &str| {
            std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
        };
        // The programs, by the names that users know.
        for place in ["bin", "target/release", "target/debug"] {
            std::fs::create_dir_all(folder.path().join(place)).unwrap();
            for (program, file) in [
                ("plugbay", env!("CARGO_BIN_EXE_tested-plugbay")),
                ("conductor", env!("CARGO_BIN_EXE_tested-conductor")),
            ] {
                link(Path::new(file), &format!("{place}/{program}"));
            }
        }
        let plugins = root().join("target/plugins");
        assert!(plugins.is_dir(), "`cargo xtask plugins` makes {}", plugins.display());
        link(&plugins, "target/plugins");
        link(&root().join("examples"), "examples");
        Self {
            page: page.to_owned(),
            folder,
            gateway: None,
            upstream: None,
            places: Vec::new(),
            exported: Vec::new(),
            status: 0,
            differs: Vec::new(),
        }
    }

    pub(super) fn goes_on(&mut self, part: &Part) {
        match part {
            Part::File { name, content } => self.write(name, content),
            Part::Step { line, command, printed } => {
                let place = format!("{}:{line}: {command}", self.page);
                self.step(&place, command, printed);
            }
        }
    }

    /// Fails if anything was not as the page says, and tells all of it.
    #[track_caller]
    pub(super) fn end(mut self) {
        let log = self.gateway.as_ref().map(|gateway| gateway.log().text()).unwrap_or_default();
        self.stop();
        assert!(self.differs.is_empty(), "{}\n\nlog\n{log}", self.differs.join("\n\n"));
    }

    fn write(&mut self, name: &str, content: &str) {
        if content.contains(PROVIDER) && self.upstream.is_none() {
            let upstream = Server::upstream();
            self.places.push((PROVIDER.to_owned(), address(&upstream.url).to_owned()));
            self.upstream = Some(upstream);
        }
        let mut content = self.here(content);
        for listens in [METRICS, OPERATORS] {
            content = content.replace(listens, FREE);
        }
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if name.ends_with(".wat") {
            let wasm = wat::parse_str(&content).unwrap_or_else(|error| panic!("{name}: {error}"));
            std::fs::write(path.with_extension("wasm"), wasm).unwrap();
        }
        std::fs::write(path, content).unwrap();
    }

    fn step(&mut self, place: &str, command: &str, printed: &[String]) {
        if let Some((name, value)) =
            command.strip_prefix("export ").and_then(|it| it.split_once('='))
        {
            self.exported.push((name.to_owned(), value.to_owned()));
            return;
        }
        if serves(command) {
            return self.serve(place, command, printed);
        }
        // As on a terminal: both streams, and the status of the command before.
        let script = format!("exec 2>&1; (exit {})\n{}", self.status, self.here(command));
        let tries = if only_reads(command) { TRIES } else { 1 };
        let mut differs = String::new();
        for again in 0..tries {
            if again > 0 {
                std::thread::sleep(PAUSE);
            }
            let ended = run(self.shell().arg(&script));
            self.status = ended.code();
            match compare(printed, &self.there(&ended.stdout)) {
                Ok(()) => return,
                Err(differ) => differs = differ,
            }
        }
        self.differs.push(format!("{place}\n{differs}"));
    }

    /// Starts a gateway in the place of the one before.
    fn serve(&mut self, place: &str, command: &str, printed: &[String]) {
        self.stop();
        let mut shell = self.shell();
        let script = format!("exec {} --listen 127.0.0.1{FREE}", self.here(command));
        let gateway = Server::start(shell.arg(script));
        self.places.push((CLIENTS.to_owned(), port(&gateway.url).to_owned()));
        let log = gateway.log().clone();
        self.gateway = Some(gateway);
        for (says, usual) in [("metrics at http://", METRICS), ("admin API at http://", OPERATORS)]
        {
            if printed.iter().any(|line| line.starts_with(says)) {
                let line = log.wait_for(says);
                let found = line[says.len()..].split('/').next().unwrap();
                self.places.push((usual.to_owned(), port(found).to_owned()));
            }
        }
        for wanted in printed {
            let first = wanted.split(['…', '<']).next().unwrap();
            let listening = self.gateway.as_ref().unwrap().url.clone();
            let found = match wanted.starts_with("listening on ") {
                true => format!("listening on {listening}"),
                false => log.wait_for(&self.here(first)),
            };
            let found = self.there(&found);
            if !same(wanted, &found) {
                self.differs.push(format!("{place}\nwanted\n{wanted}\nfound\n{found}"));
            }
        }
    }

    fn stop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.stop().exits(0);
        }
        self.places.retain(|(there, _)| there == PROVIDER);
    }

    fn shell(&self) -> Command {
        let mut shell = tool("sh");
        shell.current_dir(self.folder.path()).arg("-c");
        // What keeps a test from the user's own files.
        for (name, value) in plugbay().get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let bin = self.folder.path().join("bin");
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", bin.display())).env("NO_PROXY", "*");
        shell.envs(self.exported.iter().cloned());
        shell
    }

    /// What a page writes, with what it is here.
    fn here(&self, text: &str) -> String {
        self.places.iter().fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
    }

    /// What is printed here, as a page has it.
    fn there(&self, text: &str) -> String {
        self.places.iter().fold(text.to_owned(), |text, (there, here)| text.replace(here, there))
    }
}

/// Whether a command is a gateway that goes on until it is stopped.
fn serves(command: &str) -> bool {
    let mut words = command.split_whitespace().skip_while(|word| word.contains('='));
    let program = words.next().unwrap_or_default();
    program.rsplit('/').next() == Some("plugbay")
        && words.next() == Some("gateway")
        && !words.any(|word| matches!(word, "--check" | "--print-schema" | "--help"))
}

/// Whether a command reads what somebody else writes, and changes nothing.
fn only_reads(command: &str) -> bool {
    let program = command.split(' ').next().unwrap_or_default();
    matches!(program, "cat" | "ls") || command.starts_with("curl -s localhost:9090/metrics")
}

fn address(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

fn port(url: &str) -> &str {
    &url[url.rfind(':').unwrap()..]
}
