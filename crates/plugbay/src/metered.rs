//! Calls of hooks that tell what they used.

use plugbay_runtime::abi::hook::{
    ChunkInput, ChunkOutput, HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutput, PostInput,
    PostOutput, PreInput, PreOutput,
};
use plugbay_runtime::abi::interface::Hook;

use crate::error::PluginError;
use crate::plugin::{On, Plugin, RawOutput};
use crate::usage::FuelMeter;

/// A plugin whose next call tells a meter what it used: [`Plugin::metered`].
#[derive(Clone, Copy)]
pub struct Metered<'a> {
    plugin: &'a Plugin,
    meter: &'a FuelMeter,
}

impl<'a> Metered<'a> {
    pub(crate) fn new(plugin: &'a Plugin, meter: &'a FuelMeter) -> Self {
        Self { plugin, meter }
    }

    fn on(&self) -> On<'a> {
        On { meter: Some(self.meter), ..On::default() }
    }

    /// As [`Plugin::http_pre`].
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn http_pre(
        &self,
        input: &HttpPreInput<'_>,
    ) -> Result<Option<HttpPreOutput>, PluginError> {
        self.plugin.http_pre_on(self.on(), input).await
    }

    /// As [`Plugin::pre`].
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn pre(&self, input: &PreInput<'_>) -> Result<Option<PreOutput>, PluginError> {
        self.plugin.pre_on(self.on(), input).await
    }

    /// As [`Plugin::post`].
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn post(&self, input: &PostInput<'_>) -> Result<Option<PostOutput>, PluginError> {
        self.plugin.post_on(self.on(), input).await
    }

    /// As [`Plugin::chunk`].
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn chunk(&self, input: &ChunkInput<'_>) -> Result<Option<ChunkOutput>, PluginError> {
        self.plugin.chunk_on(self.on(), input).await
    }

    /// As [`Plugin::http_post`].
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn http_post(
        &self,
        input: &HttpPostInput<'_>,
    ) -> Result<Option<HttpPostOutput>, PluginError> {
        self.plugin.http_post_on(self.on(), input).await
    }

    /// As [`Plugin::hook_raw`].
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn hook_raw(&self, hook: Hook, input: &[u8]) -> Result<RawOutput, PluginError> {
        self.plugin.hook_raw_on(self.on(), hook, input).await
    }
}
