//! Spans of hook calls: one for each, and of a stream's chunks one for each plugin.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanBuilder};
use plugbay::abi::interface::Hook;
use plugbay_hooks::{HookCall, HookOutcome, Watch};

use super::{RequestSpan, fails, number};

/// The hook calls of one request. Dropped with it, which is when its chunks have ended.
#[derive(Debug)]
pub(crate) struct HookSpans {
    request: Arc<RequestSpan>,
    /// By plugin: what its calls for chunks came to up to now.
    chunks: Mutex<Vec<Made>>,
}

/// Calls of one hook of one plugin.
#[derive(Debug)]
struct Made {
    plugin: String,
    hook: Hook,
    began: SystemTime,
    ended: SystemTime,
    took: Duration,
    calls: u64,
    /// The first thing that went wrong, if anything did.
    outcome: HookOutcome,
    fuel: Option<u64>,
}

impl HookSpans {
    pub(crate) fn new(request: Arc<RequestSpan>) -> Self {
        Self { request, chunks: Mutex::default() }
    }

    fn tell(&self, made: &Made) {
        let hook = made.hook.export();
        let builder = SpanBuilder::from_name(format!("{hook} {}", made.plugin))
            .with_start_time(made.began)
            .with_attributes([
                KeyValue::new("plugbay.plugin.name", made.plugin.clone()),
                KeyValue::new("plugbay.hook", hook),
                KeyValue::new("plugbay.outcome", made.outcome.name()),
            ]);
        let mut span = self.request.child(builder);
        if let Some(fuel) = made.fuel {
            span.set_attribute(KeyValue::new("plugbay.fuel", number(fuel)));
        }
        if made.hook == Hook::HttpStreamChunk {
            span.set_attribute(KeyValue::new("plugbay.calls", number(made.calls)));
            span.set_attribute(KeyValue::new("plugbay.busy_seconds", made.took.as_secs_f64()));
        }
        if made.outcome != HookOutcome::Ok {
            fails(&mut span, made.outcome.name());
        }
        span.end_with_timestamp(made.ended);
    }
}

impl Watch for HookSpans {
    fn called(&self, call: &HookCall<'_>) {
        let ended = SystemTime::now();
        let made = Made {
            plugin: call.plugin.to_owned(),
            hook: call.hook,
            began: ended.checked_sub(call.took).unwrap_or(ended),
            ended,
            took: call.took,
            calls: 1,
            outcome: call.outcome,
            fuel: call.fuel,
        };
        if call.hook != Hook::HttpStreamChunk {
            return self.tell(&made);
        }
        // A stream has thousands of chunks, and nobody reads as many spans.
        let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        match chunks.iter_mut().find(|before| before.plugin == call.plugin) {
            Some(before) => before.and(&made),
            None => chunks.push(made),
        }
    }
}

impl Made {
    fn and(&mut self, next: &Self) {
        self.ended = next.ended;
        self.took += next.took;
        self.calls += next.calls;
        if self.outcome == HookOutcome::Ok {
            self.outcome = next.outcome;
        }
        self.fuel = match (self.fuel, next.fuel) {
            (Some(fuel), Some(more)) => Some(fuel.saturating_add(more)),
            (fuel, more) => fuel.or(more),
        };
    }
}

impl Drop for HookSpans {
    fn drop(&mut self) {
        let chunks = self.chunks.get_mut().unwrap_or_else(PoisonError::into_inner);
        for made in std::mem::take(chunks) {
            self.tell(&made);
        }
    }
}
