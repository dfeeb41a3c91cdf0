//! One plugin in its place: the breaker, the counters, and who decides when it fails.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;
use plugbay::abi::hook::{HttpRequest, Written};
use plugbay::abi::interface::Hook;

use super::trial::Verdicts;
use super::watch::Calling;
use super::{HookOutcome, OnError, PluginEntry, PluginStatus};
use crate::breaker::Breaker;
use crate::credentials::Credentials;
use crate::stats::Stats;
use crate::{
    CallFailure, Cause, FailureKind, HookFailure, HookPlugin, HookStats, HookStream, Match,
    Placement,
};

pub(super) struct Slot {
    plugin: Arc<dyn HookPlugin>,
    on_error: OnError,
    breaker: Breaker,
    /// The requests that it takes part in; `None` is all.
    pub(super) matching: Option<Match>,
    /// Whether a request may go past it.
    pub(super) opt_out: bool,
    see_credentials: bool,
    stats: Stats,
    /// Where it stands among the others.
    pub(super) place: (Placement, i64),
    verdicts: Option<Verdicts>,
    /// Whoever waits for the end of this sees that nobody needs the plugin any more.
    _alive: Option<oneshot::Sender<Infallible>>,
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
            stats: Stats::default(),
            place: (entry.placement, entry.order),
            verdicts: None,
            _alive: None,
        }
    }

    pub(super) fn with(
        self,
        alive: oneshot::Sender<Infallible>,
        verdicts: Option<Verdicts>,
    ) -> Self {
        Self { _alive: Some(alive), verdicts, ..self }
    }

    pub(super) fn name(&self) -> &str {
        self.plugin.name()
    }

    pub(super) fn exports(&self, hook: Hook) -> bool {
        self.plugin.exports(hook)
    }

    pub(super) fn status(&self, now: Duration) -> PluginStatus {
        let hooks = self.stats.snapshot();
        PluginStatus {
            name: self.name().to_owned(),
            calls: hooks.iter().map(HookStats::calls).sum(),
            failures: hooks.iter().map(HookStats::failures).sum(),
            tripped: self.breaker.is_tripped(now),
            hooks,
            usage: self.plugin.usage(),
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
        calling: &Calling<'_>,
        call: impl FnOnce(&'a dyn HookPlugin) -> F,
    ) -> Result<Option<T>, HookFailure>
    where
        F: Future<Output = Result<Option<T>, CallFailure>> + Send + 'a,
    {
        let hook = calling.hook;
        if !self.exports(hook) {
            return Ok(None);
        }
        let began = calling.clock.now();
        let Some(permit) = self.breaker.admit(hook, began) else {
            self.stats.not_called(hook);
            calling.tell(self.name(), Duration::ZERO, HookOutcome::Tripped);
            return self.failed(HookFailure::new(self.name(), hook, Cause::Tripped));
        };
        let result = call(&*self.plugin).await;
        let ended = calling.clock.now();
        let took = ended.saturating_sub(began);
        self.stats.called(hook, result.as_ref().err(), took, calling.meter.used());
        let outcome = |failure: &CallFailure| HookOutcome::Failed(failure.kind);
        calling.tell(self.name(), took, result.as_ref().err().map_or(HookOutcome::Ok, outcome));
        match result {
            Ok(output) => {
                permit.succeeded();
                self.judge(false);
                Ok(output)
            }
            Err(failure) => {
                let tripped = failure.kind != FailureKind::Busy && permit.failed(ended);
                self.judge(tripped);
                self.failed(HookFailure::new(self.name(), hook, failure))
            }
        }
    }

    fn judge(&self, tripped: bool) {
        if let Some(verdicts) = &self.verdicts {
            verdicts.called(tripped);
        }
    }

    fn failed<T>(&self, failure: HookFailure) -> Result<Option<T>, HookFailure> {
        let HookFailure { plugin, hook, cause } = &failure;
        let backtrace = failure.backtrace().map(tracing::field::display);
        match self.on_error {
            OnError::Open => {
                tracing::warn!(%plugin, %hook, error = %cause, backtrace, "a plugin failed and was passed over");
                Ok(None)
            }
            OnError::Closed => {
                tracing::error!(%plugin, %hook, error = %cause, backtrace, "a plugin failed");
                Err(failure)
            }
        }
    }
}
