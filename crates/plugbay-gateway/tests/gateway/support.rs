//! A gateway with scripted plugins and the mock provider.

use std::sync::Arc;

use plugbay::runtime::SystemClock;
use plugbay_gateway::{
    Gateway, GatewayBuilder, MockProvider, OpenAiProvider, Running, UpstreamTimeouts,
};
use plugbay_hooks::{Journal, OnError, Pipeline, PluginEntry, Scripted};
use serde_json::{Value, json};

use crate::client::Client;
use crate::upstream::Upstream;

pub(crate) struct Setup {
    pub(crate) gateway: Running,
    pub(crate) mock: Arc<MockProvider>,
    pub(crate) journal: Journal,
}

impl Setup {
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.gateway.local_addr()).await
    }

    /// One request on a connection of its own.
    pub(crate) async fn chat(&self, body: &Value) -> crate::client::Response {
        self.client().await.chat(body).await
    }

    /// What the mock provider received last.
    pub(crate) fn provider_saw(&self) -> Value {
        serde_json::from_str(&self.mock.received().last().unwrap().body).unwrap()
    }
}

pub(crate) fn pipeline(plugins: Vec<Scripted>, on_error: OnError) -> Pipeline {
    let entry = |plugin| PluginEntry { on_error, ..PluginEntry::new(Arc::new(plugin)) };
    Pipeline::new(plugins.into_iter().map(entry).collect(), Arc::new(SystemClock::new()))
}

pub(crate) async fn with(
    plugin: impl FnOnce(Scripted) -> Scripted,
    builder: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
) -> Setup {
    let journal = Journal::default();
    let plugin = plugin(Scripted::new("tester").noting(&journal));
    let mock = Arc::new(MockProvider::new());
    let gateway =
        Gateway::builder().pipeline(pipeline(vec![plugin], OnError::Closed)).provider(mock.clone());
    let gateway = builder(gateway).bind().await.unwrap();
    Setup { gateway, mock, journal }
}

/// A gateway with one plugin.
pub(crate) async fn with_plugin(plugin: impl FnOnce(Scripted) -> Scripted) -> Setup {
    with(plugin, |builder| builder).await
}

/// A gateway in front of a scripted upstream, which is the default provider.
pub(crate) async fn with_upstream(plugin: impl FnOnce(Scripted) -> Scripted) -> (Setup, Upstream) {
    with_upstream_and(plugin, |builder| builder).await
}

/// The same, set up otherwise.
pub(crate) async fn with_upstream_and(
    plugin: impl FnOnce(Scripted) -> Scripted,
    builder: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
) -> (Setup, Upstream) {
    let upstream = Upstream::start().await;
    let provider = OpenAiProvider::new(
        "openai",
        &upstream.base_url(),
        Some("sk-test"),
        UpstreamTimeouts::default(),
    );
    let provider = Arc::new(provider.unwrap());
    let setup = with(plugin, |it| builder(it.provider(provider).default_provider("openai"))).await;
    (setup, upstream)
}

pub(crate) fn user(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}

pub(crate) fn plain(text: &str) -> Value {
    json!({"model": "mock/echo", "messages": user(text)})
}

pub(crate) fn streamed(text: &str) -> Value {
    json!({"model": "mock/echo", "messages": user(text), "stream": true})
}
