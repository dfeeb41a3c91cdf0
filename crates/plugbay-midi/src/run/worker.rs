//! One plugin's or outlet's queue: its work in order, at its own pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plugbay::runtime::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{ActionError, PluginSummary, TARGET};

/// One action, ready to be run.
pub(super) struct Call {
    /// What is done when its turn comes.
    pub(super) work: BoxFuture<'static, Result<(), ActionError>>,
    /// The mapping's line in the configuration.
    pub(super) line: usize,
}

/// What became of the calls that a worker took.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    succeeded: u64,
    failed: u64,
    abandoned: u64,
}

/// Somebody at work. Different workers never wait for each other.
pub(super) struct Worker {
    pub(super) name: String,
    queue: mpsc::Sender<Call>,
    task: JoinHandle<Tally>,
    /// Actions that the queue had no room for.
    overflowed: u64,
    /// Actions put into the queue.
    fired: u64,
}

impl Worker {
    pub(super) fn spawn(name: String, queue_length: usize, stopped: Arc<AtomicBool>) -> Self {
        let (queue, calls) = mpsc::channel(queue_length.max(1));
        let task = tokio::spawn(work(name.clone(), calls, stopped));
        Self { name, queue, task, overflowed: 0, fired: 0 }
    }

    /// Queues a call, waiting for room only where that was asked for.
    pub(super) async fn fire(&mut self, call: Call, wait: bool) {
        let line = call.line;
        let queued = if wait {
            self.queue.send(call).await.is_ok()
        } else {
            self.queue.try_send(call).is_ok()
        };
        if queued {
            self.fired += 1;
            return;
        }
        self.overflowed += 1;
        // The first of a run says it all; the summary has the number.
        if self.overflowed.is_power_of_two() {
            tracing::warn!(
                target: TARGET,
                plugin = %self.name,
                line,
                dropped = self.overflowed,
                "the queue is full: actions are dropped"
            );
        }
    }

    /// No more calls: waits for those under way.
    pub(super) async fn finish(self) -> PluginSummary {
        let Self { name, queue, task, overflowed, fired } = self;
        drop(queue);
        let Tally { succeeded, failed, abandoned } = match task.await {
            Ok(tally) => tally,
            Err(error) => {
                tracing::error!(target: TARGET, plugin = %name, %error, "its worker broke down");
                Tally { failed: fired, ..Tally::default() }
            }
        };
        PluginSummary { name, fired, succeeded, failed, abandoned, overflowed }
    }
}

async fn work(name: String, mut calls: mpsc::Receiver<Call>, stopped: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    while let Some(Call { work, line }) = calls.recv().await {
        if stopped.load(Ordering::Relaxed) {
            tally.abandoned += 1;
            continue;
        }
        match work.await {
            Ok(()) => tally.succeeded += 1,
            Err(error) => {
                tally.failed += 1;
                tracing::warn!(target: TARGET, plugin = %name, line, "{error}");
            }
        }
    }
    tally
}
