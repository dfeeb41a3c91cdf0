//! From a configuration to a gateway, or to an error that says why not.

use std::path::Path;
use std::sync::Arc;

use plugbay::Host;
use plugbay::runtime::{Backend, CompileError, Metering, Module};
use plugbay_gateway::{Config, Gateway, Running};
use serde_json::json;

use crate::client::Client;
use crate::support::{plain, user};
use crate::upstream::Upstream;

/// An engine that takes no module: starting a gateway needs none without plugins.
struct NoEngine;

impl Backend for NoEngine {
    fn name(&self) -> &'static str {
        "none"
    }

    fn compile(&self, _: &[u8], _: Metering) -> Result<Arc<dyn Module>, CompileError> {
        Err(CompileError { message: "no engine".to_owned() })
    }
}

async fn start(file: &Path, config: &serde_json::Value) -> Result<Running, String> {
    let mut config = config.clone();
    config["listen"] = "127.0.0.1:0".into();
    std::fs::write(file, config.to_string()).unwrap();
    let host = Host::builder().backend(Arc::new(NoEngine)).build().unwrap();
    let config = Config::load(file).map_err(|error| error.to_string())?;
    Gateway::start(config, &host).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn without_a_word_the_mock_answers() {
    let folder = tempfile::tempdir().unwrap();
    let disabled = json!({"plugins": [{"path": "not-there.wasm", "enabled": false}]});
    let running = start(&folder.path().join("config.json"), &disabled).await.unwrap();
    let mut client = Client::connect(running.local_addr()).await;
    assert_eq!(client.chat(&plain("hi")).await.content(), "hi");
    assert_eq!(running.mock().unwrap().received().len(), 1);
    assert!(running.plugins().is_empty());
    drop(client);
    assert_eq!(running.shutdown().await.cut_off, 0);
}

#[tokio::test]
async fn what_keeps_it_from_starting_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("broken.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let file = folder.path().join("config.json");
    for (config, wanted) in [
        (
            json!({"plugins": [{"path": "gone.wasm", "name": "first", "required": true}]}),
            &["plugin `first`", "gone.wasm"][..],
        ),
        (
            json!({"plugins": [{"path": "broken.wasm", "name": "b", "required": true}]}),
            &["plugin `b`", "no engine"],
        ),
        (
            json!({"providers": {"openai": {"api_key_env": "PLUGBAY_TEST_NO_SUCH_KEY"}}}),
            &["`openai`", "PLUGBAY_TEST_NO_SUCH_KEY", "is not set"],
        ),
        (
            json!({"providers": {"openai": {"base_url": "api.example.com"}}}),
            &["`openai`", "base_url", "found `api.example.com`"],
        ),
    ] {
        let error = start(&file, &config).await.err().unwrap();
        for part in wanted {
            assert!(error.contains(part), "{part:?} not in {error:?}");
        }
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let mock = Arc::new(plugbay_gateway::MockProvider::new());
    let error = Gateway::builder().listen(address).provider(mock).bind().await.err().unwrap();
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: ")), "{error}");
    let error = Gateway::builder().bind().await.err().unwrap();
    assert!(error.to_string().contains("default provider"), "{error}");
}

#[tokio::test]
async fn keys_come_out_of_files_and_several_providers_have_any_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let upstream = Upstream::start().await;
    std::fs::write(folder.path().join("key"), "sk-of-the-file\n").unwrap();
    std::fs::write(folder.path().join("empty"), " \n").unwrap();
    let config = |key: &str| {
        let keys = json!([{"file": key}]);
        json!({"providers": {
            "groq": {"type": "openai", "base_url": upstream.base_url(), "keys": keys},
            "claude": {"type": "anthropic", "base_url": upstream.base_url(), "models": ["c"]},
            "mock": {},
        }})
    };
    for (key, wanted) in
        [("gone", "provider `groq`: the key's file "), ("empty", "found nothing, wanted a key")]
    {
        let error = start(&file, &config(key)).await.err().unwrap();
        assert!(error.contains(wanted) && error.contains(key), "{error}");
    }
    let running = start(&file, &config("key")).await.unwrap();
    let mut client = Client::connect(running.local_addr()).await;
    client.ask(&json!({"model": "groq/any/name", "messages": []})).await;
    let mut asked = upstream.asked().await;
    assert!(asked.head.contains("authorization: Bearer sk-of-the-file\r\n"), "{}", asked.head);
    asked.answer("200 OK", "", r#"{"choices": [{"message": {"content": "groq's"}}]}"#).await;
    assert_eq!(client.response().await.content(), "groq's");
    let response = client.chat(&json!({"model": "claude/d", "messages": []})).await;
    assert!(response.body.contains("it has `claude/c`"), "{}", response.body);
    assert_eq!(client.chat(&plain("hi")).await.content(), "hi");
}

#[tokio::test]
async fn fallbacks_of_the_configuration_are_asked() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let base_url = upstream.base_url();
    drop(upstream);
    let config = json!({"providers": {
        "openai": {"base_url": base_url, "retry": {"attempts": 2, "base_ms": 1},
                   "fallbacks": ["mock/echo"]},
        "mock": {},
    }});
    let running = start(&folder.path().join("config.json"), &config).await.unwrap();
    let mut client = Client::connect(running.local_addr()).await;
    let response = client.chat(&json!({"model": "gpt", "messages": user("hi")})).await;
    assert_eq!(response.content(), "hi");
    assert_eq!(response.head.header("x-plugbay-fallback"), Some("mock/echo"));
}
