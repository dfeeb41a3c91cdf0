//! A plugin of whose calls some are kept.

use std::sync::Arc;

use plugbay::abi::hook::{
    ChunkInput, ChunkOutput, HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutput,
    OutputError, PostInput, PostOutput, PreInput, PreOutput,
};
use plugbay::abi::interface::Hook;
use plugbay::runtime::BoxFuture;
use plugbay::{FuelMeter, Plugin, Usage};
use plugbay_hooks::{CallFailure, HookPlugin, HookStream};

use super::{RecordedCall, Recorder};

/// A plugin and who keeps its calls.
pub(crate) struct Taped {
    plugin: Plugin,
    recorder: Arc<Recorder>,
}

type Called<'a, T> = BoxFuture<'a, Result<Option<T>, CallFailure>>;

impl Taped {
    pub(crate) fn new(plugin: Plugin, recorder: Arc<Recorder>) -> Self {
        Self { plugin, recorder }
    }

    /// A call that is kept: with the documents as a plugin without bodies of its own has them.
    async fn taped<T>(
        &self,
        request_id: String,
        meter: &FuelMeter,
        hook: Hook,
        input: Vec<u8>,
        decode: impl FnOnce(&[u8]) -> Result<T, OutputError>,
    ) -> Result<Option<T>, CallFailure> {
        let call = RecordedCall::new(hook, &input);
        let output = self.plugin.metered(meter).hook_raw(hook, &input).await;
        let output = output.map_err(CallFailure::from);
        let document = output.map(|output| output.document);
        if let Ok(mut call) = call {
            call.request_id = request_id;
            call.plugin = self.plugin.name().to_owned();
            call.sha256 = self.plugin.module_hash().to_string();
            let unusable = match &document {
                Ok(Some(document)) => call.returned(document).err().map(|_| "invalid output JSON"),
                Ok(None) => None,
                Err(failure) => Some(failure.class.as_str()),
            };
            call.failed = unusable.map(str::to_owned);
            self.recorder.keep(call);
        }
        match document? {
            Some(document) => Ok(Some(decode(&document)?)),
            None => Ok(None),
        }
    }
}

impl HookPlugin for Taped {
    fn name(&self) -> &str {
        Plugin::name(&self.plugin)
    }

    fn exports(&self, hook: Hook) -> bool {
        HookPlugin::exports(&self.plugin, hook)
    }

    fn http_pre<'a>(
        &'a self,
        input: HttpPreInput<'a>,
        meter: &'a FuelMeter,
    ) -> Called<'a, HttpPreOutput> {
        let id = input.context.request_id();
        if !self.recorder.wants(&id) {
            return HookPlugin::http_pre(&self.plugin, input, meter);
        }
        Box::pin(self.taped(id, meter, Hook::HttpPre, input.encode(), move |json| {
            HttpPreOutput::decode(json, &input)
        }))
    }

    fn pre<'a>(&'a self, input: PreInput<'a>, meter: &'a FuelMeter) -> Called<'a, PreOutput> {
        let id = input.context.request_id();
        if !self.recorder.wants(&id) {
            return HookPlugin::pre(&self.plugin, input, meter);
        }
        Box::pin(self.taped(id, meter, Hook::Pre, input.encode(), move |json| {
            PreOutput::decode(json, &input)
        }))
    }

    fn post<'a>(&'a self, input: PostInput<'a>, meter: &'a FuelMeter) -> Called<'a, PostOutput> {
        let id = input.context.request_id();
        if !self.recorder.wants(&id) {
            return HookPlugin::post(&self.plugin, input, meter);
        }
        Box::pin(self.taped(id, meter, Hook::Post, input.encode(), move |json| {
            PostOutput::decode(json, &input)
        }))
    }

    fn chunk<'a>(&'a self, input: ChunkInput<'a>, meter: &'a FuelMeter) -> Called<'a, ChunkOutput> {
        let id = input.context.request_id();
        if !self.recorder.wants(&id) {
            return HookPlugin::chunk(&self.plugin, input, meter);
        }
        Box::pin(self.taped(id, meter, Hook::HttpStreamChunk, input.encode(), move |json| {
            ChunkOutput::decode(json, &input)
        }))
    }

    fn stream(&self) -> Option<Box<dyn HookStream>> {
        HookPlugin::stream(&self.plugin)
    }

    fn http_post<'a>(
        &'a self,
        input: HttpPostInput<'a>,
        meter: &'a FuelMeter,
    ) -> Called<'a, HttpPostOutput> {
        let id = input.context.request_id();
        if !self.recorder.wants(&id) {
            return HookPlugin::http_post(&self.plugin, input, meter);
        }
        Box::pin(self.taped(id, meter, Hook::HttpPost, input.encode(), move |json| {
            HttpPostOutput::decode(json, &input)
        }))
    }

    fn usage(&self) -> Option<Usage> {
        HookPlugin::usage(&self.plugin)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), CallFailure>> {
        HookPlugin::close(&self.plugin)
    }
}
