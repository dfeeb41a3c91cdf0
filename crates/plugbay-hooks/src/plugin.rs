//! The seam between the pipeline and what a plugin is.

use plugbay::abi::hook::{
    ChunkInput, ChunkOutput, HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutput, PostInput,
    PostOutput, PreInput, PreOutput,
};
use plugbay::abi::interface::Hook;
use plugbay::runtime::BoxFuture;
use plugbay::{FuelMeter, Usage};

use crate::CallFailure;

/// What a hook call comes to: an output, `None` for "change nothing", or a failure.
pub(crate) type Called<'a, T> = BoxFuture<'a, Result<Option<T>, CallFailure>>;

/// A plugin as the pipeline knows it.
///
/// A hook is called only where [`exports`](Self::exports) says that there is one, and only then is
/// its input written as JSON. Dropping a call's future abandons the call. A call tells the meter that it is
/// given what it used, where that is known.
pub trait HookPlugin: Send + Sync {
    /// Its name in errors and logs.
    fn name(&self) -> &str;

    /// Whether it has the hook. The answer never changes.
    fn exports(&self, hook: Hook) -> bool;

    /// Calls `http_pre_hook`.
    fn http_pre<'a>(
        &'a self,
        input: HttpPreInput<'a>,
        meter: &'a FuelMeter,
    ) -> Called<'a, HttpPreOutput>;

    /// Calls `pre_hook`.
    fn pre<'a>(&'a self, input: PreInput<'a>, meter: &'a FuelMeter) -> Called<'a, PreOutput>;

    /// Calls `post_hook`.
    fn post<'a>(&'a self, input: PostInput<'a>, meter: &'a FuelMeter) -> Called<'a, PostOutput>;

    /// Calls `http_stream_chunk_hook`.
    fn chunk<'a>(&'a self, input: ChunkInput<'a>, meter: &'a FuelMeter) -> Called<'a, ChunkOutput>;

    /// For one stream: what takes all its chunks. `None`, the default: the plugin itself does,
    /// and need not know which chunk belongs to which stream.
    fn stream(&self) -> Option<Box<dyn HookStream>> {
        None
    }

    /// Calls `http_post_hook`.
    fn http_post<'a>(
        &'a self,
        input: HttpPostInput<'a>,
        meter: &'a FuelMeter,
    ) -> Called<'a, HttpPostOutput>;

    /// What its instances hold now, where it has any: `None`, the default, where nobody knows.
    fn usage(&self) -> Option<Usage> {
        None
    }

    /// Ends the plugin: `cleanup`, where it has one. No hook is called after this.
    fn close(&self) -> BoxFuture<'_, Result<(), CallFailure>>;
}

/// A plugin's part in one stream, for plugins that keep what they know of it to themselves.
///
/// Dropped when the stream has ended, or its client has gone away.
pub trait HookStream: Send {
    /// Calls `http_stream_chunk_hook`.
    fn chunk<'a>(
        &'a mut self,
        input: ChunkInput<'a>,
        meter: &'a FuelMeter,
    ) -> Called<'a, ChunkOutput>;
}
