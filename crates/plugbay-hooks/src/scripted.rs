//! A plugin that does what a test tells it, and keeps what it was shown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use plugbay::FuelMeter;
use plugbay::abi::hook::{
    ChunkInput, ChunkOutput, HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutput,
    OutputError, PostInput, PostOutput, PreInput, PreOutput,
};
use plugbay::abi::interface::Hook;
use plugbay::abi::json::JsonError;
use plugbay::runtime::BoxFuture;
use serde_json::Value;

use crate::plugin::Called;
use crate::{CallFailure, HookPlugin};

/// What a scripted hook does with one call.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Returns this JSON, read as a real plugin's output would be.
    Json(String),
    /// Returns nothing: change nothing.
    Nothing,
    /// Fails.
    Fail(CallFailure),
}

impl Reply {
    /// Returns this JSON.
    pub fn json(json: impl Into<String>) -> Self {
        Self::Json(json.into())
    }

    /// Traps, as a plugin with a wild pointer does.
    pub fn trap() -> Self {
        Self::Fail(CallFailure::new("invalid memory access", "load at 0xfffffff0 is outside"))
    }
}

/// One call that a scripted plugin got.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The plugin.
    pub plugin: String,
    /// The hook's export, or `cleanup`.
    pub hook: &'static str,
    /// The input document; `null` for `cleanup`.
    pub input: Value,
}

/// The calls of all scripted plugins that share it, in order.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Journal {
    /// All calls up to now.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All calls up to now as `plugin.hook`.
    pub fn order(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{}.{}", seen.plugin, seen.hook)).collect()
    }

    /// The inputs of one plugin's one hook.
    pub fn inputs(&self, plugin: &str, hook: &str) -> Vec<Value> {
        let ours = |seen: &Seen| seen.plugin == plugin && seen.hook == hook;
        self.seen().into_iter().filter(ours).map(|seen| seen.input).collect()
    }

    fn note(&self, plugin: &str, hook: &'static str, input: Value) {
        let seen = Seen { plugin: plugin.to_owned(), hook, input };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }
}

type Script = Arc<dyn Fn(Value) -> BoxFuture<'static, Reply> + Send + Sync>;

/// A plugin for tests: it exports the hooks that it has a script for.
pub struct Scripted {
    name: String,
    scripts: HashMap<Hook, Script>,
    journal: Journal,
}

impl Scripted {
    /// A plugin without hooks and with a journal of its own.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), scripts: HashMap::new(), journal: Journal::default() }
    }

    /// The same plugin, writing into `journal`.
    #[must_use]
    pub fn noting(mut self, journal: &Journal) -> Self {
        self.journal = journal.clone();
        self
    }

    /// The same plugin with a hook that always returns the same JSON.
    #[must_use]
    pub fn replying(self, hook: Hook, json: &str) -> Self {
        let reply = Reply::json(json);
        self.on(hook, move |_| reply.clone())
    }

    /// The same plugin with a hook that looks at its input.
    #[must_use]
    pub fn on(self, hook: Hook, script: impl Fn(Value) -> Reply + Send + Sync + 'static) -> Self {
        self.on_async(hook, move |input| Box::pin(std::future::ready(script(input))))
    }

    /// The same plugin with a hook that may wait.
    #[must_use]
    pub fn on_async(
        mut self,
        hook: Hook,
        script: impl Fn(Value) -> BoxFuture<'static, Reply> + Send + Sync + 'static,
    ) -> Self {
        self.scripts.insert(hook, Arc::new(script));
        self
    }

    /// What it was called with.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    fn play<'a, T: Send + 'a>(
        &'a self,
        hook: Hook,
        input: Vec<u8>,
        read: impl FnOnce(&[u8]) -> Result<T, OutputError> + Send + 'a,
    ) -> Called<'a, T> {
        Box::pin(async move {
            let unusable = |error: JsonError| CallFailure::new("no input", error.to_string());
            let input: Value = plugbay::abi::json::parse(&input).map_err(unusable)?;
            self.journal.note(&self.name, hook.export(), input.clone());
            let Some(script) = self.scripts.get(&hook) else { return Ok(None) };
            match script(input).await {
                Reply::Nothing => Ok(None),
                Reply::Fail(failure) => Err(failure),
                Reply::Json(json) => read(json.as_bytes()).map(Some).map_err(CallFailure::from),
            }
        })
    }
}

impl HookPlugin for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn exports(&self, hook: Hook) -> bool {
        self.scripts.contains_key(&hook)
    }

    fn http_pre<'a>(
        &'a self,
        input: HttpPreInput<'a>,
        _: &'a FuelMeter,
    ) -> Called<'a, HttpPreOutput> {
        self.play(Hook::HttpPre, input.encode(), move |json| HttpPreOutput::decode(json, &input))
    }

    fn pre<'a>(&'a self, input: PreInput<'a>, _: &'a FuelMeter) -> Called<'a, PreOutput> {
        self.play(Hook::Pre, input.encode(), move |json| PreOutput::decode(json, &input))
    }

    fn post<'a>(&'a self, input: PostInput<'a>, _: &'a FuelMeter) -> Called<'a, PostOutput> {
        self.play(Hook::Post, input.encode(), move |json| PostOutput::decode(json, &input))
    }

    fn chunk<'a>(&'a self, input: ChunkInput<'a>, _: &'a FuelMeter) -> Called<'a, ChunkOutput> {
        self.play(Hook::HttpStreamChunk, input.encode(), move |json| {
            ChunkOutput::decode(json, &input)
        })
    }

    fn http_post<'a>(
        &'a self,
        input: HttpPostInput<'a>,
        _: &'a FuelMeter,
    ) -> Called<'a, HttpPostOutput> {
        self.play(Hook::HttpPost, input.encode(), move |json| HttpPostOutput::decode(json, &input))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), CallFailure>> {
        self.journal.note(&self.name, "cleanup", Value::Null);
        Box::pin(std::future::ready(Ok(())))
    }
}
