//! One plugin's queue: its calls in order, at its own pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plugbay::abi::action::TriggerContext;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{ActionPlugin, TARGET};

/// One action, ready to be run.
pub(super) struct Call {
    pub(super) params: Box<RawValue>,
    pub(super) context: TriggerContext,
    /// The mapping's line in the configuration.
    pub(super) line: usize,
}

/// What became of the calls that a worker took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) abandoned: u64,
}

/// A plugin at work. Different plugins' workers never wait for each other.
pub(super) struct Worker {
    pub(super) plugin: Arc<dyn ActionPlugin>,
    pub(super) name: String,
    queue: mpsc::Sender<Call>,
    task: JoinHandle<Tally>,
    /// Actions that the queue had no room for.
    pub(super) overflowed: u64,
    /// Actions put into the queue.
    pub(super) fired: u64,
}

impl Worker {
    pub(super) fn spawn(
        name: String,
        plugin: Arc<dyn ActionPlugin>,
        queue_length: usize,
        stopped: Arc<AtomicBool>,
    ) -> Self {
        let (queue, calls) = mpsc::channel(queue_length.max(1));
        let task = tokio::spawn(work(name.clone(), Arc::clone(&plugin), calls, stopped));
        Self { plugin, name, queue, task, overflowed: 0, fired: 0 }
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
                "the plugin's queue is full: actions are dropped"
            );
        }
    }

    /// No more calls: waits for those under way.
    pub(super) async fn finish(self) -> (Arc<dyn ActionPlugin>, Tally) {
        drop(self.queue);
        let tally = match self.task.await {
            Ok(tally) => tally,
            Err(error) => {
                tracing::error!(target: TARGET, plugin = %self.name, %error, "the plugin's worker broke down");
                Tally { failed: self.fired, ..Tally::default() }
            }
        };
        (self.plugin, tally)
    }
}

async fn work(
    name: String,
    plugin: Arc<dyn ActionPlugin>,
    mut calls: mpsc::Receiver<Call>,
    stopped: Arc<AtomicBool>,
) -> Tally {
    let mut tally = Tally::default();
    while let Some(call) = calls.recv().await {
        if stopped.load(Ordering::Relaxed) {
            tally.abandoned += 1;
            continue;
        }
        match plugin.execute(&call.params, &call.context).await {
            Ok(()) => tally.succeeded += 1,
            Err(error) => {
                tally.failed += 1;
                tracing::warn!(target: TARGET, plugin = %name, line = call.line, "{error}");
            }
        }
    }
    tally
}
