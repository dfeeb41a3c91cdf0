//! One plugin's or outlet's queue: its work in order, at its own pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use plugbay::runtime::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::feed::{Feed, Told, Who};
use super::latency::Stamp;
use super::{ActionError, Clock, PluginSummary, TARGET};

/// One action, ready to be run.
pub(super) struct Call {
    /// What is done when its turn comes.
    pub(super) work: BoxFuture<'static, Result<(), ActionError>>,
    /// The mapping's line in the configuration.
    pub(super) line: usize,
    /// When it was due, where that is counted.
    pub(super) stamp: Option<Stamp>,
}

/// Who does the work.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Name {
    Plugin(String),
    Output(String),
    Program(String),
    Desktop,
}

impl Name {
    /// Its own name, without what it is.
    pub(super) fn own(&self) -> &str {
        match self {
            Self::Plugin(name) | Self::Output(name) | Self::Program(name) => name,
            Self::Desktop => "desktop",
        }
    }

    fn who(&self) -> Who<'_> {
        match self {
            Self::Plugin(name) => Who::Plugin(name),
            Self::Output(name) => Who::Output(name),
            Self::Program(name) => Who::Program(name),
            Self::Desktop => Who::Desktop("desktop"),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plugin(name) => f.write_str(name),
            Self::Output(name) => write!(f, "MIDI output {name}"),
            Self::Program(name) => write!(f, "program {name}"),
            Self::Desktop => f.write_str("desktop"),
        }
    }
}

/// A warning with who it is about in the field of its kind.
macro_rules! warn_of {
    ($name:expr, $($rest:tt)*) => {
        match $name {
            Name::Plugin(name) => tracing::warn!(target: TARGET, plugin = %name, $($rest)*),
            Name::Output(name) => tracing::warn!(target: TARGET, output = %name, $($rest)*),
            Name::Program(name) => tracing::warn!(target: TARGET, program = %name, $($rest)*),
            Name::Desktop => tracing::warn!(target: TARGET, desktop = true, $($rest)*),
        }
    };
}

/// Where a plugin was, if it was stopped, loading or called, and its engine can tell.
pub(super) fn backtrace(error: &ActionError) -> Option<&plugbay::GuestBacktrace> {
    match error.downcast_ref::<plugbay::PluginError>() {
        Some(error) => error.backtrace(),
        None => error.downcast_ref::<plugbay::LoadError>()?.backtrace(),
    }
}

/// What all workers of a run have in common.
#[derive(Clone)]
pub(super) struct Shift {
    pub(super) queue_length: usize,
    pub(super) stopped: Arc<AtomicBool>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) feed: Feed,
}

/// What became of calls.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Actions put into the queue.
    fired: AtomicU64,
    /// Actions that the queue had no room for.
    overflowed: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    abandoned: AtomicU64,
}

impl Counts {
    pub(super) fn summary(&self, name: &Name) -> PluginSummary {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PluginSummary {
            name: name.to_string(),
            succeeded: get(&self.succeeded),
            failed: get(&self.failed),
            abandoned: get(&self.abandoned),
            overflowed: get(&self.overflowed),
            // Read last: whatever has ended was fired before.
            fired: get(&self.fired),
        }
    }
}

/// Somebody at work. Different workers never wait for each other.
pub(super) struct Worker {
    pub(super) name: Arc<Name>,
    queue: mpsc::Sender<Call>,
    task: JoinHandle<()>,
    counts: Arc<Counts>,
}

impl Worker {
    pub(super) fn spawn(name: Name, shift: &Shift) -> Self {
        let (queue, calls) = mpsc::channel(shift.queue_length.max(1));
        let (name, counts) = (Arc::new(name), Arc::<Counts>::default());
        let task = work(Arc::clone(&name), calls, shift.clone(), Arc::clone(&counts));
        Self { name, queue, task: tokio::spawn(task), counts }
    }

    /// Queues a call, waiting for room only where that was asked for.
    pub(super) async fn fire(&mut self, call: Call, wait: bool) {
        let line = call.line;
        // Counted before it is there: it may have ended when this goes on.
        self.counts.fired.fetch_add(1, Ordering::Relaxed);
        let queued = if wait {
            self.queue.send(call).await.is_ok()
        } else {
            self.queue.try_send(call).is_ok()
        };
        if queued {
            return;
        }
        self.counts.fired.fetch_sub(1, Ordering::Relaxed);
        let dropped = self.counts.overflowed.fetch_add(1, Ordering::Relaxed) + 1;
        // The first of a run says it all; the summary has the number.
        if dropped.is_power_of_two() {
            warn_of!(&*self.name, line, dropped, "the queue is full: actions are dropped");
        }
    }

    /// What became of its calls until now.
    pub(super) fn summary(&self) -> PluginSummary {
        self.counts.summary(&self.name)
    }

    /// No more calls: waits for those under way.
    pub(super) async fn finish(self) -> PluginSummary {
        let Self { name, queue, task, counts } = self;
        drop(queue);
        let broke_down = task.await;
        let mut summary = counts.summary(&name);
        if let Err(error) = broke_down {
            warn_of!(&*name, %error, "its worker broke down");
            summary.failed = summary.fired - summary.succeeded - summary.abandoned;
        }
        summary
    }
}

async fn work(name: Arc<Name>, mut calls: mpsc::Receiver<Call>, shift: Shift, counts: Arc<Counts>) {
    let Shift { stopped, clock, feed, .. } = shift;
    let count = |counter: &AtomicU64| {
        counter.fetch_add(1, Ordering::Relaxed);
    };
    while let Some(Call { work, line, stamp }) = calls.recv().await {
        if stopped.load(Ordering::Relaxed) {
            count(&counts.abandoned);
            continue;
        }
        let waited = stamp.as_ref().map(|stamp| stamp.enter(&*clock));
        let began = clock.now();
        let result = work.await;
        let took = clock.now().saturating_sub(began);
        if let Some(stamp) = &stamp {
            stamp.end(&*clock);
        }
        match &result {
            Ok(()) => count(&counts.succeeded),
            Err(error) => {
                count(&counts.failed);
                let backtrace = backtrace(error).map(tracing::field::display);
                warn_of!(&*name, line, backtrace, "{error}");
            }
        }
        let micros =
            |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        feed.tell(|| Told::Done {
            who: name.who(),
            line,
            ok: result.is_ok(),
            error: result.as_ref().err().map(ToString::to_string),
            waited_us: waited.map(micros),
            took_us: micros(took),
        });
    }
}
