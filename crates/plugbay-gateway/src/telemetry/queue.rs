//! Spans that wait: a bounded queue, and the task that empties it in batches.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

/// Spans that wait at most; those that come when so many do are dropped.
const MOST_WAITING: usize = 4_096;

/// Spans of one batch at most.
const BATCH: usize = 512;

/// How long a batch waits to become full.
const DELAY: Duration = Duration::from_secs(2);

/// Pauses before a batch is sent again that was not taken.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// How often it is told that spans are lost.
const GRUMBLE: Duration = Duration::from_secs(60);

/// What became of spans.
#[derive(Debug, Default)]
pub(crate) struct SpanCounts {
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl SpanCounts {
    /// By what became of them: a word for it, and how many.
    pub(crate) fn all(&self) -> [(&'static str, u64); 3] {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [("sent", get(&self.sent)), ("dropped", get(&self.dropped)), ("failed", get(&self.failed))]
    }
}

impl fmt::Display for SpanCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(_, sent), (_, dropped), (_, failed)] = self.all();
        write!(f, "{sent} sent, {dropped} dropped, {failed} not taken")
    }
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Where batches go.
pub(super) trait Export: Send + Sync + 'static {
    /// A batch as it is sent.
    fn written(&self, spans: Vec<SpanData>) -> Bytes;

    /// Sends a batch once; how many of its spans were refused.
    fn send(&self, spans: Bytes) -> impl Future<Output = Result<u64, Failed>> + Send;
}

/// Why a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    /// Whether it may be taken later.
    pub(super) again: bool,
    pub(super) why: String,
}

/// Takes in the spans that end.
#[derive(Debug)]
pub(super) struct Queue {
    spans: mpsc::Sender<SpanData>,
    counts: Arc<SpanCounts>,
}

impl Queue {
    pub(super) fn new(counts: Arc<SpanCounts>) -> (Self, Work) {
        let (spans, waiting) = mpsc::channel(MOST_WAITING);
        (Self { spans, counts: Arc::clone(&counts) }, Work { waiting, counts, told: None })
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            add(&self.counts.dropped, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// What sends them.
pub(super) struct Work {
    waiting: mpsc::Receiver<SpanData>,
    counts: Arc<SpanCounts>,
    /// When it was told last that spans are lost.
    told: Option<Instant>,
}

impl Work {
    /// Sends batches until `closing` says that no more spans come, and then those that are left.
    pub(super) async fn run(mut self, export: impl Export, mut closing: oneshot::Receiver<()>) {
        let mut batch = Vec::new();
        loop {
            let closed = tokio::select! {
                biased;
                _ = &mut closing => true,
                more = self.collect(&mut batch) => !more,
            };
            if closed {
                break;
            }
            let spans = std::mem::take(&mut batch);
            if !self.send(&export, spans, Some(&mut closing)).await {
                break;
            }
        }
        self.waiting.close();
        loop {
            while batch.len() < BATCH
                && let Ok(span) = self.waiting.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                return;
            }
            self.send(&export, std::mem::take(&mut batch), None).await;
        }
    }

    /// Waits for a batch: full, or as long as its first span may wait. `false` where none will come.
    async fn collect(&mut self, batch: &mut Vec<SpanData>) -> bool {
        let waiting = &mut self.waiting;
        if batch.is_empty() && waiting.recv_many(batch, BATCH).await == 0 {
            return false;
        }
        let full = async {
            while batch.len() < BATCH {
                let room = BATCH - batch.len();
                if waiting.recv_many(batch, room).await == 0 {
                    break;
                }
            }
        };
        // What is there leaves, full or not.
        let _ = timeout(DELAY, full).await;
        true
    }

    /// Sends a batch, again after pauses if need be and if it is not the end. `false` where it was the end.
    async fn send(
        &mut self,
        export: &impl Export,
        spans: Vec<SpanData>,
        closing: Option<&mut oneshot::Receiver<()>>,
    ) -> bool {
        let count = spans.len() as u64;
        let written = export.written(spans);
        let mut pauses = if closing.is_some() { &PAUSES[..] } else { &[] };
        let mut closing = closing;
        let mut goes_on = true;
        loop {
            let failed = match export.send(written.clone()).await {
                Ok(refused) => {
                    let refused = refused.min(count);
                    add(&self.counts.sent, count - refused);
                    add(&self.counts.failed, refused);
                    if refused > 0 {
                        self.grumble(&format!("the collector refused {refused} of {count} spans"));
                    }
                    return goes_on;
                }
                Err(failed) => failed,
            };
            match (pauses.split_first(), closing.as_deref_mut()) {
                (Some((pause, rest)), Some(closing)) if failed.again && goes_on => {
                    pauses = rest;
                    tokio::select! {
                        // Once more, at once, and then no more.
                        _ = closing => goes_on = false,
                        () = sleep(*pause) => {}
                    }
                }
                _ => {
                    add(&self.counts.failed, count);
                    self.grumble(&failed.why);
                    return goes_on;
                }
            }
        }
    }

    /// Tells that spans are lost, now and then; whether it did.
    fn grumble(&mut self, why: &str) -> bool {
        let now = Instant::now();
        if self.told.is_some_and(|told| now < told + GRUMBLE) {
            return false;
        }
        self.told = Some(now);
        let why = plugbay::plain(why, 400);
        tracing::warn!("spans are lost: {why}; since the start: {}", self.counts);
        true
    }
}

#[cfg(test)]
mod tests;
