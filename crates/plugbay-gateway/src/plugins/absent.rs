//! What stands in the place of a plugin that could not be loaded and whose requests must not go unprotected.

use plugbay::FuelMeter;
use plugbay::abi::hook::{
    ChunkInput, ChunkOutput, HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutput, PostInput,
    PostOutput, PreInput, PreOutput,
};
use plugbay::abi::interface::Hook;
use plugbay::runtime::BoxFuture;
use plugbay_hooks::{CallFailure, HookPlugin};

/// Fails each request at the first hook there is: nobody knows which hooks the plugin has.
pub(super) struct Absent {
    name: String,
}

impl Absent {
    pub(super) fn new(name: String) -> Self {
        Self { name }
    }
}

type Fails<'a, T> = BoxFuture<'a, Result<Option<T>, CallFailure>>;

fn fails<T: Send + 'static>() -> Fails<'static, T> {
    let failure = CallFailure::new("it is not loaded", "it could not be loaded");
    Box::pin(std::future::ready(Err(failure)))
}

impl HookPlugin for Absent {
    fn name(&self) -> &str {
        &self.name
    }

    fn exports(&self, hook: Hook) -> bool {
        hook == Hook::HttpPre
    }

    fn http_pre<'a>(&'a self, _: HttpPreInput<'a>, _: &'a FuelMeter) -> Fails<'a, HttpPreOutput> {
        fails()
    }

    fn pre<'a>(&'a self, _: PreInput<'a>, _: &'a FuelMeter) -> Fails<'a, PreOutput> {
        fails()
    }

    fn post<'a>(&'a self, _: PostInput<'a>, _: &'a FuelMeter) -> Fails<'a, PostOutput> {
        fails()
    }

    fn chunk<'a>(&'a self, _: ChunkInput<'a>, _: &'a FuelMeter) -> Fails<'a, ChunkOutput> {
        fails()
    }

    fn http_post<'a>(
        &'a self,
        _: HttpPostInput<'a>,
        _: &'a FuelMeter,
    ) -> Fails<'a, HttpPostOutput> {
        fails()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
