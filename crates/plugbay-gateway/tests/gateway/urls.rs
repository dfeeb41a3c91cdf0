//! Plugins from URLs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use plugbay::signing::{
    Candidate, Developer, PluginInfo, Release, SecretKey, TrustDirectory, signature_path,
};
use plugbay_gateway::PluginState;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::modules::{Folder, content, module, only, state};

/// A server of files; what is not there is a 404.
struct Files {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// By path: the status line, the headers and the body.
    files: Mutex<HashMap<String, (String, Vec<u8>)>>,
    /// What was asked for: the path, and the status that it was answered with.
    asked: Mutex<Vec<String>>,
}

impl Files {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let served = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever asked may be gone.
                drop(answer(stream, &served).await);
            }
        });
        Self { address, shared, serving }
    }

    fn put(&self, path: &str, head: &str, body: impl Into<Vec<u8>>) {
        let file = (head.to_owned(), body.into());
        self.shared.files.lock().unwrap().insert(path.to_owned(), file);
    }

    /// What was asked for since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap())
    }

    async fn stop(self) {
        self.serving.abort();
        drop(self.serving.await);
    }

    /// A plugin from here, and what else is said of it.
    fn plugin(&self, path: &str, more: Value) -> Value {
        let mut plugin = json!({"name": "one", "url": format!("http://{}{path}", self.address),
            "allow_http": true, "allow_private": [self.address], "require_signature": false});
        plugin.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([plugin])
    }
}

async fn answer(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut known) = (String::new(), String::new());
    stream.read_line(&mut line).await?;
    loop {
        let mut header = String::new();
        if stream.read_line(&mut header).await? <= 2 {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("if-none-match")
        {
            value.trim().clone_into(&mut known);
        }
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let file = shared.files.lock().unwrap().get(&path).cloned();
    let (head, body) = match file {
        Some((head, _)) if !known.is_empty() && head.contains(&known) => {
            ("304 Not Modified\r\n".to_owned(), Vec::new())
        }
        Some(file) => file,
        None => ("404 Not Found\r\n".to_owned(), Vec::new()),
    };
    let status = head.split(' ').next().unwrap_or_default();
    shared.asked.lock().unwrap().push(format!("{path} {status}"));
    let length = body.len();
    let head = format!("HTTP/1.1 {head}content-length: {length}\r\nconnection: close\r\n\r\n");
    stream.get_mut().write_all(head.as_bytes()).await?;
    stream.get_mut().write_all(&body).await
}

fn with_etag(etag: &str) -> String {
    format!("200 OK\r\netag: \"{etag}\"\r\n")
}

#[tokio::test]
async fn a_module_is_fetched_once_and_the_last_good_one_serves_while_its_server_is_down() {
    let (folder, files) = (Folder::new(), Files::start().await);
    files.put("/p.wasm", &with_etag("a"), module("one"));
    let plugin = files.plugin("/p.wasm", json!({}));
    let running = folder.start(plugin.clone()).await.unwrap();
    assert_eq!(content(&running).await, "one");
    assert_eq!(files.asked(), ["/p.wasm 200", "/p.wasm.sig 404"]);
    running.reload().await.unwrap();
    assert!(files.asked().is_empty(), "a reload of what has not changed asks nobody");

    let running = folder.start(plugin.clone()).await.unwrap();
    assert_eq!(content(&running).await, "one");
    assert_eq!(files.asked(), ["/p.wasm 304", "/p.wasm.sig 404"]);

    // What does not load is no good copy.
    files.put("/p.wasm", &with_etag("b"), "no module");
    let broken = folder.start(plugin.clone()).await.unwrap();
    assert_eq!(state(&broken), PluginState::Error);
    let pinned = files.plugin("/p.wasm", json!({"sha256": "0".repeat(64)}));
    files.stop().await;
    let running = folder.start(plugin.clone()).await.unwrap();
    assert_eq!((content(&running).await, state(&running)), ("one".into(), PluginState::Active));
    let running = folder.start(pinned).await.unwrap();
    let error = only(&running).error.unwrap();
    assert!(error.contains("SHA-256"), "a copy is held against its pin, too: {error}");

    // One that was changed on the disk is none.
    for file in std::fs::read_dir(folder.path("modules")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            std::fs::write(path, module("evil")).unwrap();
        }
    }
    let running = folder.start(plugin).await.unwrap();
    assert_eq!(state(&running), PluginState::Error);
}

#[tokio::test]
async fn where_it_leads_is_bounded() {
    let (folder, files) = (Folder::new(), Files::start().await);
    files.put("/p.wasm", "200 OK\r\n", module("one"));
    files.put("/moved", "302 Found\r\nlocation: /p.wasm\r\n", "");
    files.put("/round", "302 Found\r\nlocation: /round\r\n", "");
    files.put("/inside", "302 Found\r\nlocation: http://127.0.0.1:1/p.wasm\r\n", "");
    files.put("/broken", "500 Oh No\r\n", "");
    let length = module("one").len();
    for (path, more, wanted) in [
        ("/moved", json!({}), None),
        ("/round", json!({}), Some("redirects")),
        ("/inside", json!({}), Some("127.0.0.1:1")),
        ("/p.wasm", json!({"allow_private": []}), Some("loopback")),
        ("/p.wasm", json!({"limits": {"module_bytes": length - 1}}), Some("bytes")),
        ("/broken?key=s3cret", json!({}), Some("found status 404, wanted 200")),
        ("/broken", json!({}), Some("found status 500, wanted 200")),
        ("/p.wasm", json!({"require_signature": null}), Some("not signed")),
    ] {
        let running = folder.start(files.plugin(path, more)).await.unwrap();
        match (only(&running).error, wanted) {
            (None, None) => {}
            (Some(error), Some(wanted)) => {
                assert!(error.contains(wanted), "{path}: {error}");
                assert!(!error.contains("s3cret"), "{error}");
            }
            (found, wanted) => panic!("{path}: {found:?} instead of {wanted:?}"),
        }
    }
}

#[tokio::test]
async fn a_signature_beside_it_is_fetched_with_it() {
    let (folder, files) = (Folder::new(), Files::start().await);
    let key = SecretKey::from_seed(&[7; 32]);
    let release = Release {
        plugin: PluginInfo::named("one"),
        developer: Developer::default(),
        signed_at: "2001-01-01T00:00:00Z".parse().unwrap(),
        expires_at: None,
    };
    let signature = Candidate::from_bytes(module("one")).sign(&key, &release).unwrap();
    let file = signature_path(&folder.path("p.wasm"));
    signature.write(&file).unwrap();
    files.put("/p.wasm", &with_etag("a"), module("one"));
    files.put("/p.wasm.sig", "200 OK\r\n", std::fs::read(file).unwrap());
    let plugin = files.plugin("/p.wasm", json!({"require_signature": null}));
    let running = folder.start(plugin.clone()).await.unwrap();
    assert_eq!(state(&running), PluginState::Error, "nobody knows the key");

    let now = "2026-11-22T10:00:00Z".parse().unwrap();
    let trust = TrustDirectory::new(folder.path("trust"));
    trust.edit_keys(|keys| keys.add(key.public_key(), "Ada", None, now)).unwrap();
    let running = folder.start(plugin.clone()).await.unwrap();
    assert_eq!((content(&running).await, only(&running).error), ("one".into(), None));
    assert_eq!(only(&running).signer.as_deref(), Some(&*key.public_key().to_string()));

    files.put("/p.wasm.sig", "404 Not Found\r\n", "");
    let running = folder.start(plugin).await.unwrap();
    assert_eq!(state(&running), PluginState::Error, "it was taken back");
}
