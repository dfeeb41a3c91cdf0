//! Real modules, and a gateway that loads them from a folder.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use plugbay::runtime::Stream;
use plugbay::signing::TrustDirectory;
use plugbay::{GrantStore, Host, PluginOutput};
use plugbay_gateway::{
    Config, Gateway, GatewayError, GatewayOptions, PluginLogs, PluginReport, PluginState, Running,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Client, Response};
use crate::support::plain;

/// A plugin that answers each request with `answer`, and prints `init` and `cleanup` when it is called for that.
/// An answer of nothing is a trap.
pub(crate) fn module(answer: &str) -> Vec<u8> {
    module_with(answer, "", "")
}

/// The same with capabilities that it asks for, a JSON array: it is an action plugin, too, since the contract of hooks
/// has no export to ask by.
pub(crate) fn module_that_asks(answer: &str, capabilities: &str) -> Vec<u8> {
    let asks = format!(
        r#"(data (i32.const 512) "{}\00")
        (func (export "capabilities") (result i32) (i32.const 512))
        (func (export "execute") (param i32 i32) (result i32) (i32.const 0))"#,
        capabilities.replace('"', "\\22")
    );
    module_with(answer, "", &asks)
}

/// The same with more imports and more of everything else.
pub(crate) fn module_with(answer: &str, imports: &str, more: &str) -> Vec<u8> {
    let chat = json!({"has_short_circuit": true, "short_circuit": {"response": {
        "chat_response": {"choices": [{"message": {"content": answer}}]}}}});
    let chat = chat.to_string();
    let (length, data) = (chat.len(), chat.replace('"', "\\22"));
    let pre = match answer {
        "" => "unreachable".to_owned(),
        _ => format!("i64.const {}", (1024u64 << 32) | length as u64),
    };
    let wat = format!(
        r#"(module
            {imports}
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 64) "itself")
            (data (i32.const 128) "init\0acleanup\0a")
            (data (i32.const 1024) "{data}")
            {more}
            (func $say (param $text i32) (param $length i32) (result i32)
                (i32.store (i32.const 0) (local.get $text))
                (i32.store (i32.const 4) (local.get $length))
                (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (func (export "malloc") (param i32) (result i32) i32.const 8192)
            (func (export "free") (param i32))
            (func (export "get_name") (result i64) i64.const {name})
            (func (export "init") (param i32 i32) (result i32)
                (call $say (i32.const 128) (i32.const 5)))
            (func (export "pre_hook") (param i32 i32) (result i64) {pre})
            (func (export "cleanup") (result i32)
                (call $say (i32.const 133) (i32.const 8))))"#,
        name = (64u64 << 32) | 6,
    );
    wat::parse_str(wat).unwrap()
}

/// Everything that plugins print.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<String>>);

impl Lines {
    pub(crate) fn count(&self, line: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|found| *found == line).count()
    }
}

impl PluginOutput for Lines {
    fn line(&self, plugin: &str, _: Stream, line: &str) {
        self.0.lock().unwrap().push(format!("{plugin}: {line}"));
    }
}

/// A folder with modules and a configuration.
pub(crate) struct Folder {
    folder: TempDir,
    pub(crate) lines: Arc<Lines>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), lines: Arc::default() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file in the place of another, as editors do.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let new = self.path(&format!(".{name}.new"));
        std::fs::write(&new, bytes).unwrap();
        std::fs::rename(new, self.path(name)).unwrap();
    }

    /// Puts a configuration there with these plugins, and what else is said.
    pub(crate) fn configure(&self, plugins: Value, more: Value) -> PathBuf {
        let mut config = json!({"listen": "127.0.0.1:0", "server": {"threads": 2}});
        config["plugins"] = plugins;
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.put("config.json", config.to_string());
        self.path("config.json")
    }

    pub(crate) async fn start(&self, plugins: Value) -> Result<Running, GatewayError> {
        // Nothing happens here that a test does not ask for.
        self.start_with(plugins, json!({"reload": {"watch": false}})).await
    }

    pub(crate) async fn start_with(
        &self,
        plugins: Value,
        more: Value,
    ) -> Result<Running, GatewayError> {
        start(&self.configure(plugins, more), &self.lines).await
    }
}

async fn start(file: &Path, lines: &Arc<Lines>) -> Result<Running, GatewayError> {
    let logs = Arc::new(PluginLogs::before(Arc::clone(lines) as _));
    let backend = plugbay::backend("wasmi").unwrap();
    let host = Host::builder().backend(backend).output(Arc::clone(&logs) as _);
    let trust = TrustDirectory::new(file.with_file_name("trust"));
    let grants = Arc::new(GrantStore::at(file.with_file_name("grants.json")));
    let host = host.trust(trust).grants(grants).build().unwrap();
    let mut options = GatewayOptions::default();
    (options.logs, options.modules) = (logs, Some(file.with_file_name("modules")));
    Gateway::start_with(Config::load(file).unwrap(), &host, options).await
}

pub(crate) async fn chat(running: &Running) -> Response {
    Client::connect(running.local_addr()).await.chat(&plain("hi")).await
}

pub(crate) async fn content(running: &Running) -> String {
    chat(running).await.content()
}

/// The only plugin there is.
pub(crate) fn only(running: &Running) -> PluginReport {
    let mut report = running.report();
    assert_eq!(report.len(), 1, "{report:?}");
    report.remove(0)
}

pub(crate) fn state(running: &Running) -> PluginState {
    only(running).status
}

/// Waits for something that comes about by itself.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(30), waiting).await;
    waited.unwrap_or_else(|_| panic!("it did not come: {what}"));
}
