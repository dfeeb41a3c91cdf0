//! A plugin's hooks as one trait, which the attribute implements.

use super::{
    HttpPostHook, HttpPreHook, HttpResponse, Nothing, PostHook, PreHook, ShortCircuit,
    StreamAction, StreamChunkHook,
};
use crate::json::Value;

/// The hooks of a plugin. `#[plugbay_guest::hooks]` implements it: what it does not find stays as it is here.
///
/// Errors are messages, which the host shows.
#[allow(clippy::missing_errors_doc, unused_variables, reason = "said once, above")]
pub trait Plugin: Sized {
    /// The plugin's name.
    const NAME: &'static str;
    /// Whether bodies are beside the documents.
    const BINARY_BODIES: bool = false;

    /// Makes the plugin of its configuration.
    fn init(config: &Value) -> Result<Self, String>;

    /// A request as it came in.
    fn http_pre_hook<'c>(
        &mut self,
        call: &mut HttpPreHook<'c>,
    ) -> Result<Option<HttpResponse<'c>>, String> {
        Ok(None)
    }

    /// A request on its way to the provider.
    fn pre_hook<'c>(&mut self, call: &mut PreHook<'c>) -> Result<Option<ShortCircuit<'c>>, String> {
        Ok(None)
    }

    /// What the provider answered.
    fn post_hook(&mut self, call: &mut PostHook<'_>) -> Result<Option<Nothing>, String> {
        Ok(None)
    }

    /// One chunk of a stream.
    fn http_stream_chunk_hook<'c>(
        &mut self,
        call: &mut StreamChunkHook<'c>,
    ) -> Result<Option<StreamAction<'c>>, String> {
        Ok(None)
    }

    /// A response on its way to the client.
    fn http_post_hook(&mut self, call: &mut HttpPostHook<'_>) -> Result<Option<Nothing>, String> {
        Ok(None)
    }

    /// The plugin is unloaded.
    fn cleanup(&mut self) -> Result<Option<Nothing>, String> {
        Ok(None)
    }
}
