//! One plugin in its place: the breaker, the counters, and who decides when it fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plugbay::abi::hook::{HttpRequest, Written};
use plugbay::abi::interface::Hook;
use plugbay::runtime::Clock;

use super::{OnError, PluginEntry, PluginStatus};
use crate::breaker::Breaker;
use crate::credentials::Credentials;
use crate::{CallFailure, Cause, HookFailure, HookPlugin, HookStream, Match};

pub(super) struct Slot {
    plugin: Arc<dyn HookPlugin>,
    on_error: OnError,
    breaker: Breaker,
    /// The requests that it takes part in; `None` is all.
    pub(super) matching: Option<Match>,
    /// Whether a request may go past it.
    pub(super) opt_out: bool,
    see_credentials: bool,
    calls: AtomicU64,
    failures: AtomicU64,
}

impl Slot {
    pub(super) fn new(entry: PluginEntry) -> Self {
        Self {
            plugin: entry.plugin,
            on_error: entry.on_error,
            breaker: Breaker::new(entry.breaker),
            matching: Some(entry.matching).filter(|rule| !rule.is_any()),
            opt_out: entry.opt_out,
            see_credentials: entry.see_credentials,
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.plugin.name()
    }

    pub(super) fn exports(&self, hook: Hook) -> bool {
        self.plugin.exports(hook)
    }

    pub(super) fn status(&self, now: Duration) -> PluginStatus {
        PluginStatus {
            name: self.name().to_owned(),
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            tripped: self.breaker.is_tripped(now),
        }
    }

    /// A request as the plugin is shown it.
    pub(super) fn shown<'a>(
        &self,
        request: &'a Written<HttpRequest>,
        credentials: &'a Credentials,
    ) -> &'a Written<HttpRequest> {
        if self.see_credentials { credentials.reveal(request) } else { request }
    }

    pub(super) fn stream(&self) -> Option<Box<dyn HookStream>> {
        self.plugin.stream().filter(|_| self.exports(Hook::HttpStreamChunk))
    }

    pub(super) async fn close(&self) -> Result<(), CallFailure> {
        self.plugin.close().await
    }

    /// Calls a hook unless the plugin is tripped.
    ///
    /// `Ok(None)` is a plugin that changes nothing: because it has no such hook, because it said
    /// so, or because it failed and its failures are passed over.
    pub(super) async fn call<'a, T, F>(
        &'a self,
        clock: &dyn Clock,
        hook: Hook,
        call: impl FnOnce(&'a dyn HookPlugin) -> F,
    ) -> Result<Option<T>, HookFailure>
    where
        F: Future<Output = Result<Option<T>, CallFailure>> + Send + 'a,
    {
        if !self.exports(hook) {
            return Ok(None);
        }
        let Some(permit) = self.breaker.admit(clock.now()) else {
            return self.failed(HookFailure::new(self.name(), hook, Cause::Tripped));
        };
        let result = call(&*self.plugin).await;
        self.calls.fetch_add(1, Ordering::Relaxed);
        match result {
            Ok(output) => {
                permit.succeeded();
                Ok(output)
            }
            Err(failure) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                if !failure.busy {
                    permit.failed(clock.now());
                }
                self.failed(HookFailure::new(self.name(), hook, failure))
            }
        }
    }

    fn failed<T>(&self, failure: HookFailure) -> Result<Option<T>, HookFailure> {
        let HookFailure { plugin, hook, cause } = &failure;
        match self.on_error {
            OnError::Open => {
                tracing::warn!(%plugin, %hook, error = %cause, "a plugin failed and was passed over");
                Ok(None)
            }
            OnError::Closed => {
                tracing::error!(%plugin, %hook, error = %cause, "a plugin failed");
                Err(failure)
            }
        }
    }
}
