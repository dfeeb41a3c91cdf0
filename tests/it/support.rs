//! Programs, started and always stopped; and the artefacts that tests need.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// No test waits that long; a program that hangs is killed then, and the test fails.
const SAFETY: Duration = Duration::from_secs(120);

/// The engines, by the names of `--backend`.
pub(crate) const BACKENDS: [&str; 2] = ["wasmtime", "wasmi"];

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A sample plugin's module.
pub(crate) fn sample(name: &str) -> PathBuf {
    let path = root().join("target/plugins").join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is not there: `cargo xtask plugins` makes it", path.display());
    path
}

/// The interpreter that has the official clients.
pub(crate) fn python() -> PathBuf {
    let path = root().join("target/venv/bin/python");
    assert!(path.is_file(), "{} is not there: `cargo xtask ci` makes it", path.display());
    path
}

/// The script that has OpenAI's client for Node.js.
pub(crate) fn node() -> PathBuf {
    let folder = root().join("tests/node");
    let modules = folder.join("node_modules/openai");
    assert!(modules.is_dir(), "{} is not there: `cargo xtask ci` makes it", modules.display());
    folder.join("client.mjs")
}

/// A script of `tests/python`.
pub(crate) fn script(name: &str) -> PathBuf {
    root().join("tests/python").join(name)
}

/// A folder of this test's own.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Writes a file into a folder and returns its path.
pub(crate) fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// The program `plugbay`.
pub(crate) fn plugbay() -> Command {
    program(env!("CARGO_BIN_EXE_tested-plugbay"), "plugbay")
}

/// The program `conductor`.
pub(crate) fn conductor() -> Command {
    program(env!("CARGO_BIN_EXE_tested-conductor"), "conductor")
}

/// The program `conductorctl`.
pub(crate) fn conductorctl() -> Command {
    program(env!("CARGO_BIN_EXE_tested-conductorctl"), "conductorctl")
}

/// The program `conductor-sign`.
pub(crate) fn conductor_sign() -> Command {
    program(env!("CARGO_BIN_EXE_tested-conductor-sign"), "conductor-sign")
}

/// Any other program.
pub(crate) fn tool(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    // Whoever runs the tests may have these set, and each changes what is tested.
    for name in
        ["RUST_LOG", "DEBUG", "NO_COLOR", "CLICOLOR_FORCE", "OPENAI_API_KEY", "OPENAI_BASE_URL"]
    {
        command.env_remove(name);
    }
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
    {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn program(path: &str, name: &str) -> Command {
    let mut command = tool(path);
    // Of the tests' own, and filled by whichever of them comes first: as a user's is.
    command.env("PLUGBAY_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/code"));
    command.env("PLUGBAY_GRANTS", concat!(env!("CARGO_TARGET_TMPDIR"), "/grants.json"));
    command.env("PLUGBAY_AUDIT_LOG", concat!(env!("CARGO_TARGET_TMPDIR"), "/audit.jsonl"));
    command.env("PLUGBAY_DATA_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/data"));
    // Whom the user trusts is none of a test's business; one that has to do with trust has a folder of its own.
    command.env("XDG_CONFIG_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/configuration"));
    // Where the conductors of tests that are not about that are reached.
    command.env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"));
    command.env_remove("CONDUCTOR_SIGN_PASSPHRASE");
    // Nor is where the user's spans go.
    for name in ["ENDPOINT", "HEADERS", "PROTOCOL"] {
        command.env_remove(format!("OTEL_EXPORTER_OTLP_{name}"));
    }
    for name in ["SERVICE_NAME", "TRACES_SAMPLER", "TRACES_SAMPLER_ARG", "SDK_DISABLED"] {
        command.env_remove(format!("OTEL_{name}"));
    }
    // The name that users know it by.
    command.arg0(name);
    command
}

/// What a program that ended has left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// The exit code; a program that a signal ended has none.
    pub(crate) fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("ended by signal {:?}: {self}", self.status.signal()))
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn exits(self, wanted: i32) -> Self {
        assert_eq!(self.code(), wanted, "{self}");
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self}"))
    }
}

/// What it said, without the frames of a plugin's backtrace: one of the engines has none.
pub(crate) fn without_frames(finished: &Finished) -> &str {
    let begins = finished.stderr.find("backtrace, innermost first:\n");
    finished.stderr.get(..begins.unwrap_or(finished.stderr.len())).unwrap_or_default()
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n--- stdout\n{}\n--- stderr\n{}", self.status, self.stdout, self.stderr)
    }
}

/// Runs a program to its end.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Finished {
    run_with(command, b"")
}

/// Runs a program to its end, with something on its standard input.
#[track_caller]
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Finished {
    let mut running = Running::start(command);
    running.feed(input);
    running.finish()
}

/// A program that runs. Dropped, it is told to stop, and killed if it does not.
pub(crate) struct Running {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    /// Both readers, which end when the program and all that it started have.
    readers: mpsc::Receiver<()>,
}

impl Running {
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("cannot start {command:?}: {error}"),
        };
        let (ended, readers) = mpsc::channel();
        let stdout = Lines::read(child.stdout.take().unwrap(), ended.clone());
        let stderr = Lines::read(child.stderr.take().unwrap(), ended);
        Self { child, stdout, stderr, readers }
    }

    /// What it has printed so far.
    pub(crate) fn stdout(&self) -> &Lines {
        &self.stdout
    }

    /// What it has said beside that so far.
    pub(crate) fn stderr(&self) -> &Lines {
        &self.stderr
    }

    /// Writes to its standard input. A program that does not want it all may end before.
    pub(crate) fn feed(&mut self, input: &[u8]) {
        let stdin = self.child.stdin.as_mut().unwrap();
        match stdin.write_all(input).and_then(|()| stdin.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Ends its standard input and waits for its end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Finished {
        drop(self.child.stdin.take());
        let end = Instant::now() + SAFETY;
        for _ in 0..2 {
            let left = end.saturating_duration_since(Instant::now());
            if let Err(mpsc::RecvTimeoutError::Timeout) = self.readers.recv_timeout(left) {
                panic!("did not end: {}\n{}", self.stdout.text(), self.stderr.text());
            }
        }
        // It has closed both streams, so it is ending.
        let status = self.child.wait().unwrap();
        Finished { status, stdout: self.stdout.text(), stderr: self.stderr.text() }
    }

    /// Tells it to stop, as a service manager would, and waits for its end.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Finished {
        self.terminate();
        self.finish()
    }

    /// Tells it to stop.
    pub(crate) fn terminate(&mut self) {
        self.signal("TERM");
    }

    /// Does what Ctrl-C does.
    pub(crate) fn interrupt(&mut self) {
        self.signal("INT");
    }

    /// Sends it SIGHUP.
    pub(crate) fn hang_up(&mut self) {
        self.signal("HUP");
    }

    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&mut self, name: &str) {
        // Not yet waited for, so that the number is still its own.
        if let Ok(None) = self.child.try_wait() {
            let id = self.child.id().to_string();
            drop(Command::new("kill").args(["-s", name, &id]).status());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        self.terminate();
        drop(self.child.stdin.take());
        if self.readers.recv_timeout(Duration::from_secs(10)).is_err() {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

/// Lines as they come.
#[derive(Clone)]
pub(crate) struct Lines {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    fn read(stream: impl Read + Send + 'static, ended: mpsc::Sender<()>) -> Self {
        let lines = Self { shared: Arc::default() };
        let theirs = lines.clone();
        thread::spawn(move || {
            let (state, news) = &*theirs.shared;
            let mut stream = BufReader::new(stream);
            let mut bytes = Vec::new();
            while stream.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
                let line = String::from_utf8_lossy(&bytes).into_owned();
                state.lock().unwrap().lines.push(line);
                news.notify_all();
                bytes.clear();
            }
            state.lock().unwrap().ended = true;
            news.notify_all();
            // Nobody waits for it any more when the test has ended.
            let _ = ended.send(());
        });
        lines
    }

    /// All so far.
    pub(crate) fn text(&self) -> String {
        self.shared.0.lock().unwrap().lines.concat()
    }

    /// Waits for the first line that has a text in it, and returns it without its end.
    #[track_caller]
    pub(crate) fn wait_for(&self, wanted: &str) -> String {
        self.wait_for_nth(wanted, 0)
    }

    /// Waits for a later line of those that have a text in them.
    #[track_caller]
    pub(crate) fn wait_for_nth(&self, wanted: &str, nth: usize) -> String {
        let (state, news) = &*self.shared;
        let found = |state: &State| {
            let line = state.lines.iter().filter(|line| line.contains(wanted)).nth(nth);
            line.map(|line| line.trim_end().to_owned())
        };
        let waiting = |state: &mut State| found(state).is_none() && !state.ended;
        let state = state.lock().unwrap();
        let (state, _) = news.wait_timeout_while(state, SAFETY, waiting).unwrap();
        found(&state).unwrap_or_else(|| {
            panic!("no line with {wanted:?} came:\n{}", state.lines.concat());
        })
    }
}

/// A server of this machine, with the URL that it said it listens on.
pub(crate) struct Server {
    pub(crate) url: String,
    running: Running,
}

impl Server {
    /// Starts a server that prints `listening on URL`.
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        let running = Running::start(command);
        const LISTENING: &str = "listening on ";
        let (state, news) = &*running.stdout.shared;
        let silent = |state: &mut State| state.lines.is_empty() && !state.ended;
        let (state, _) = news.wait_timeout_while(state.lock().unwrap(), SAFETY, silent).unwrap();
        let url = state.lines.first().and_then(|line| line.strip_prefix(LISTENING));
        let url = url.map(|url| url.trim_end().to_owned());
        drop(state);
        match url {
            Some(url) => Self { url, running },
            None => panic!("it does not serve: {}", running.finish()),
        }
    }

    /// A gateway with this configuration, which is in a folder of its own.
    #[track_caller]
    pub(crate) fn gateway(config: &Path) -> Self {
        Self::start(plugbay().args(["gateway", "--listen", "127.0.0.1:0", "--config"]).arg(config))
    }

    /// The scripted provider.
    #[track_caller]
    pub(crate) fn upstream() -> Self {
        Self::start(tool(python()).arg(script("upstream.py")))
    }

    /// A URL of it.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The process.
    pub(crate) fn running(&mut self) -> &mut Running {
        &mut self.running
    }

    /// What it says on standard error.
    pub(crate) fn log(&self) -> &Lines {
        self.running.stderr()
    }

    /// What it prints.
    pub(crate) fn printed(&self) -> &Lines {
        self.running.stdout()
    }

    /// Tells it to stop and waits until it has.
    #[track_caller]
    pub(crate) fn stop(self) -> Finished {
        self.running.stop()
    }

    /// Waits for its end, which somebody has told it to come to.
    #[track_caller]
    pub(crate) fn finish(self) -> Finished {
        self.running.finish()
    }

    /// The `nth` request that the scripted provider received, from 0.
    #[track_caller]
    pub(crate) fn received(&self, nth: usize) -> Value {
        let line = self.running.stdout().wait_for_nth("{\"method\"", nth);
        serde_json::from_str(&line).unwrap()
    }
}
