//! Pipelines that take each other's place while requests are under way.
//!
//! A request goes through the pipeline that it began with. A plugin is part of as many pipelines as have it, with
//! one breaker and one set of counters, and ends when the last of them has: which nobody has to wait for on the
//! way of a request.

use std::convert::Infallible;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_channel::oneshot;

use super::slot::Slot;
use super::trial::{Trial, Verdicts};
use super::{Pipeline, PluginEntry, PluginStatus};
use crate::{CallFailure, HookPlugin};

/// The pipeline that new requests go through.
pub struct Live {
    current: ArcSwap<Pipeline>,
}

impl Live {
    /// Begins with this one.
    pub fn new(pipeline: Pipeline) -> Self {
        Self { current: ArcSwap::from_pointee(pipeline) }
    }

    /// The one of now, for as long as it is kept.
    pub fn now(&self) -> Arc<Pipeline> {
        self.current.load_full()
    }

    /// Looks at the one of now, which costs less than to keep it.
    pub fn look<T>(&self, look: impl FnOnce(&Pipeline) -> T) -> T {
        look(&self.current.load())
    }

    /// From now on, requests begin with this one.
    pub fn replace(&self, pipeline: Pipeline) {
        self.current.store(Arc::new(pipeline));
    }
}

/// A plugin in its place, for one pipeline or several.
#[derive(Clone)]
pub struct Placed {
    pub(super) slot: Arc<Slot>,
}

impl Placed {
    /// A plugin, and what ends it.
    pub fn new(entry: PluginEntry) -> (Self, Ending) {
        Self::with(entry, None)
    }

    /// The same, and a word on how its first `calls` went.
    pub fn on_trial(entry: PluginEntry, calls: u64) -> (Self, Ending, Trial) {
        let (verdicts, trial) = Verdicts::new(calls);
        let (placed, ending) = Self::with(entry, Some(verdicts));
        (placed, ending, trial)
    }

    fn with(entry: PluginEntry, verdicts: Option<Verdicts>) -> (Self, Ending) {
        let (alive, gone) = oneshot::channel();
        let plugin = Arc::clone(&entry.plugin);
        let slot = Slot::new(entry).with(alive, verdicts);
        (Self { slot: Arc::new(slot) }, Ending { plugin, gone })
    }

    /// How it is doing. `now` is the time by the clock of its pipelines.
    pub fn status(&self, now: std::time::Duration) -> PluginStatus {
        self.slot.status(now)
    }
}

/// What is left to do for a plugin when nobody needs it any more.
#[must_use = "without it, the plugin's `cleanup` is never called"]
pub struct Ending {
    plugin: Arc<dyn HookPlugin>,
    gone: oneshot::Receiver<Infallible>,
}

impl Ending {
    /// The plugin's name.
    pub fn name(&self) -> &str {
        self.plugin.name()
    }

    /// Waits until no pipeline has the plugin and no request goes through one that has.
    pub async fn unused(&mut self) {
        // Nothing is ever sent: the channel ends with the plugin's place.
        let Err(oneshot::Canceled) = (&mut self.gone).await;
    }

    /// Ends the plugin, whoever may still need it.
    ///
    /// # Errors
    ///
    /// When its `cleanup` fails.
    pub async fn close(self) -> Result<(), CallFailure> {
        self.plugin.close().await
    }
}
