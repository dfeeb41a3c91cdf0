//! Clients of a run, good ones and others.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::*;
use crate::config::Config;
use crate::engine::MidiEvent;
use crate::run::{RecordingHost, Reloader, Runner};
use crate::source::{MidiSource, SourceError, SourceItem};

const CONFIG: &str = r#"
[[modes]]
name = "Stage"
mappings = [{ trigger = { Note = { note = 60 } }, action = { WasmPlugin = { path = "a.wasm" } } }]
[[modes]]
name = "Break"
"#;

/// Events that a test sends when it likes.
struct Played(tokio::sync::mpsc::UnboundedReceiver<MidiEvent>);

impl MidiSource for Played {
    fn next(&mut self) -> plugbay::runtime::BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
        Box::pin(async {
            let event = self.0.recv().await;
            let timed = |event| crate::engine::TimedEvent { at: Duration::ZERO, event };
            Ok(event.map(|event| SourceItem::Event(timed(event))))
        })
    }
}

/// A run with a socket, for as long as a test needs it.
struct Stage {
    folder: tempfile::TempDir,
    keys: tokio::sync::mpsc::UnboundedSender<MidiEvent>,
    run: tokio::task::JoinHandle<()>,
    serving: tokio::task::JoinHandle<()>,
    _place: Place,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.serving.abort();
        self.run.abort();
    }
}

impl Stage {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.toml");
        std::fs::write(&file, CONFIG).unwrap();
        let config = Config::load(&file).unwrap().config;
        let mut runner = Runner::new(Arc::new(config));
        let control = runner.control();
        let host = RecordingHost::new();
        let reloader = Reloader::new(file, Arc::new(host.clone()), control.clone());
        let mut place = Place::take(&folder.path().join("s")).unwrap();
        let desk = Desk::new(control, Arc::new(reloader));
        let serving = tokio::spawn(serve(place.listener().unwrap(), desk.clone()));
        let (keys, played) = tokio::sync::mpsc::unbounded_channel();
        let run = tokio::spawn(async move {
            let mut source = Played(played);
            runner.run(&mut source, &host, desk.stopped()).await.unwrap();
        });
        Self { folder, keys, run, serving, _place: place }
    }

    async fn client(&self) -> Client {
        let stream = UnixStream::connect(self.folder.path().join("s")).await.unwrap();
        Client(BufReader::new(stream))
    }
}

struct Client(BufReader<UnixStream>);

impl Client {
    async fn says(&mut self, line: impl AsRef<[u8]>) {
        self.0.write_all(line.as_ref()).await.unwrap();
    }

    /// The next line; `null` at the end.
    async fn hears(&mut self) -> Value {
        let mut line = String::new();
        if self.0.read_line(&mut line).await.unwrap_or(0) == 0 {
            return Value::Null;
        }
        serde_json::from_str(&line).unwrap()
    }

    async fn asks(&mut self, request: Value) -> Value {
        self.says(format!("{request}\n")).await;
        self.hears().await
    }
}

#[tokio::test]
async fn a_run_is_asked_and_told() {
    let stage = Stage::start();
    let mut client = stage.client().await;
    let status = client.asks(json!({ "command": "status" })).await;
    assert_eq!(status["ok"]["mode"], "Stage", "{status}");
    assert_eq!(status["ok"]["modes"], json!(["Stage", "Break"]));
    let changed = client.asks(json!({ "command": "mode", "name": "Break" })).await;
    assert_eq!(changed, json!({ "ok": { "mode": "Break" } }));
    let refused = client.asks(json!({ "command": "mode", "name": "Brake" })).await;
    assert_eq!(refused, json!({ "error": "there is no mode \"Brake\"; there are Stage, Break" }));
    let status = client.asks(json!({ "command": "status" })).await;
    assert_eq!(
        (&status["ok"]["mode"], &status["ok"]["mode_changes"]),
        (&json!("Break"), &json!(1))
    );
    let plugins = client.asks(json!({ "command": "plugins" })).await;
    assert_eq!(plugins["ok"][0]["name"], "a", "{plugins}");
    let reloaded = client.asks(json!({ "command": "reload" })).await;
    assert!(reloaded["ok"]["text"].as_str().unwrap().starts_with("modes: 2"), "{reloaded}");
    std::fs::write(stage.folder.path().join("c.toml"), "[[modes").unwrap();
    let broken = client.asks(json!({ "command": "reload" })).await;
    assert!(broken["error"].as_str().unwrap().contains("c.toml:1:"), "{broken}");
    let status = client.asks(json!({ "command": "status" })).await;
    assert!(status["ok"]["reload_error"].as_str().unwrap().contains("c.toml:1:"), "{status}");
    assert_eq!(client.asks(json!({ "command": "stop" })).await, json!({ "ok": {} }));
}

#[tokio::test]
async fn what_happens_is_told_to_whoever_listens() {
    let stage = Stage::start();
    let mut listener = stage.client().await;
    assert_eq!(listener.asks(json!({ "command": "events" })).await, json!({ "ok": {} }));
    stage.keys.send(MidiEvent::NoteOn { channel: 1, note: 60, velocity: 9 }).unwrap();
    let event = listener.hears().await;
    assert_eq!((&event["kind"], &event["midi"]), (&json!("event"), &json!("903c09")), "{event}");
    let action = listener.hears().await;
    assert_eq!((&action["kind"], &action["target"]), (&json!("action"), &json!("a")), "{action}");
    let done = listener.hears().await;
    assert_eq!((&done["kind"], &done["plugin"]), (&json!("done"), &json!("a")), "{done}");
    assert!(done["waited_us"].is_u64() && done["ok"] == true, "{done}");
    let stats = stage.client().await.asks(json!({ "command": "stats" })).await;
    assert_eq!(
        (&stats["ok"][0]["line"], &stats["ok"][0]["calls"]),
        (&json!(4), &json!(1)),
        "{stats}"
    );
}

#[tokio::test]
async fn what_is_no_request_is_answered_and_the_next_one_counts() {
    let stage = Stage::start();
    let mut client = stage.client().await;
    for nonsense in
        ["hello\n", "{}\n", "[1]\n", "{\"command\":\"fly\"}\n", "\"status\"\n", "\u{0}\n"]
    {
        client.says(nonsense).await;
        let answer = client.hears().await;
        assert!(answer["error"].as_str().unwrap().starts_with("this is no request: "), "{answer}");
    }
    client.says("\n \n").await;
    assert!(client.asks(json!({ "command": "status" })).await["ok"].is_object());
    // Deep nesting, and text that is no UTF-8.
    client.says("[".repeat(4_000) + "\n").await;
    assert!(client.hears().await["error"].is_string());
    client.says(b"\xff\xfe\n").await;
    assert!(client.hears().await["error"].is_string());
}

#[tokio::test]
async fn a_line_that_does_not_end_ends_the_client() {
    let stage = Stage::start();
    let mut client = stage.client().await;
    client.says(vec![b'x'; usize::try_from(LONGEST_REQUEST).unwrap()]).await;
    let answer = client.hears().await;
    assert_eq!(answer, json!({ "error": "a request has at most 4096 bytes" }));
    assert_eq!(client.hears().await, Value::Null);
    assert!(stage.client().await.asks(json!({ "command": "status" })).await["ok"].is_object());
}

#[tokio::test]
async fn clients_beyond_the_most_are_told_so() {
    let stage = Stage::start();
    let mut clients = Vec::new();
    for _ in 0..MOST_CLIENTS {
        let mut client = stage.client().await;
        assert!(client.asks(json!({ "command": "status" })).await["ok"].is_object());
        clients.push(client);
    }
    let mut more = stage.client().await;
    assert_eq!(more.hears().await, json!({ "error": "there are 16 clients, which is the most" }));
    assert_eq!(more.hears().await, Value::Null);
    // One that goes makes room; when the run has seen that is not ours to know.
    clients.pop();
    loop {
        let mut next = stage.client().await;
        next.says("{\"command\":\"status\"}\n").await;
        if next.hears().await["ok"].is_object() {
            break;
        }
    }
}

/// On a clock that stands, whatever waits for nothing but time is over at once.
#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_left_and_keeps_nobody() {
    let stage = Stage::start();
    let mut deaf = stage.client().await;
    deaf.says("{\"command\":\"events\"}\n").await;
    assert_eq!(deaf.hears().await, json!({ "ok": {} }));
    // More than the socket holds: the rest is dropped for this client, and at last the client.
    for _ in 0..20 {
        for _ in 0..1_000 {
            stage.keys.send(MidiEvent::NoteOn { channel: 1, note: 1, velocity: 9 }).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let status = stage.client().await.asks(json!({ "command": "status" })).await;
    assert_eq!(status["ok"]["events"], 20_000, "{status}");
    let mut taken = Vec::new();
    let read = deaf.0.read_to_end(&mut taken).await;
    assert!(read.is_ok() || !taken.is_empty(), "it has ended: {read:?}");
    assert!(taken.len() < 20_000 * 90, "{}", taken.len());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_left() {
    let stage = Stage::start();
    let mut silent = stage.client().await;
    assert_eq!(silent.hears().await, Value::Null);
}

/// A directory that nobody else can put anything into.
fn own_folder() -> tempfile::TempDir {
    let permissions = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(permissions).tempdir().unwrap()
}

#[test]
fn a_dead_conductors_socket_is_replaced_and_a_live_ones_is_not() {
    let folder = own_folder();
    let path = folder.path().join("s");
    // As a process leaves it that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let place = Place::take(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let taken = Place::take(&path).unwrap_err().to_string();
    assert_eq!(taken, format!("another conductor listens on {}", path.display()));
    assert_eq!(find(folder.path()).unwrap().len(), 0, "it is not called as conductor's are");
    drop(place);
    assert!(!path.exists());
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(Place::take(&path), Err(PlaceError::NoSocket { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    let nowhere = Place::take(Path::new("/none/there/s")).unwrap_err().to_string();
    assert!(nowhere.starts_with("the control socket /none/there/s cannot be made: "), "{nowhere}");
}

#[tokio::test]
async fn those_that_live_are_found() {
    let folder = own_folder();
    let name = |name: &str| folder.path().join(name);
    drop(std::os::unix::net::UnixListener::bind(name("conductor-1.sock")).unwrap());
    let _live = Place::take(&name("conductor.sock")).unwrap();
    let found: Vec<_> = find(folder.path()).unwrap().into_iter().map(|(path, _)| path).collect();
    assert_eq!(found, [name("conductor.sock")]);
}

#[test]
fn what_others_may_have_put_there_is_not_talked_to() {
    let folder = own_folder();
    let _live = Place::take(&folder.path().join("conductor.sock")).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = find(folder.path()).unwrap_err().to_string();
    assert!(error.contains("is not this user's alone"), "{error}");
    assert_eq!(find(&folder.path().join("none")).unwrap().len(), 0);
}
