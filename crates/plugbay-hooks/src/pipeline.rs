//! The plugins in their order, and what a request does on its way through them.

mod choice;
mod entry;
mod exchange;
mod live;
mod slot;
mod stream_part;
mod trial;
mod watch;

use std::sync::Arc;

use plugbay::Usage;
use plugbay::abi::interface::Hook;
use plugbay::runtime::Clock;

pub use choice::{Choice, SkipError};
pub use entry::{OnError, PluginEntry};
pub use exchange::{Check, Exchange, HttpPreFlow, PostFlow, PreFlow};
pub use live::{Ending, Live, Placed};
use slot::Slot;
pub use trial::{Trial, Verdict};
pub use watch::{HookCall, HookOutcome, Watch};

use crate::{CallFailure, HookStats, order};

/// All plugins of a gateway, in order. Requests go through it as [`Exchange`]s.
pub struct Pipeline {
    slots: Vec<Arc<Slot>>,
    /// Which hooks any plugin has, so that nobody has to be asked for each request.
    hooks: Vec<Hook>,
    clock: Arc<dyn Clock>,
}

/// How one plugin is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginStatus {
    /// Its name.
    pub name: String,
    /// Calls of its hooks that ended, well or not.
    pub calls: u64,
    /// Calls that failed, those not made while it was tripped excluded.
    pub failures: u64,
    /// Whether it is left alone at the moment because it failed too often.
    pub tripped: bool,
    /// What each of its hooks came to, those that were never called left out.
    pub hooks: Vec<HookStats>,
    /// What its instances hold now, where it has any.
    pub usage: Option<Usage>,
}

impl Pipeline {
    /// A pipeline of plugins as listed; they are sorted here. `clock` times the cooldowns.
    pub fn new(entries: Vec<PluginEntry>, clock: Arc<dyn Clock>) -> Self {
        Self::with(entries.into_iter().map(|entry| Arc::new(Slot::new(entry))).collect(), clock)
    }

    /// A pipeline of plugins that others may have, too; they are sorted as by [`new`](Self::new).
    pub fn of(plugins: impl IntoIterator<Item = Placed>, clock: Arc<dyn Clock>) -> Self {
        Self::with(plugins.into_iter().map(|placed| placed.slot).collect(), clock)
    }

    fn with(mut slots: Vec<Arc<Slot>>, clock: Arc<dyn Clock>) -> Self {
        order::sort(&mut slots, |slot| slot.place);
        let has = |hook: &Hook| slots.iter().any(|slot| slot.exports(*hook));
        let hooks = Hook::ALL.into_iter().filter(has).collect();
        Self { slots, hooks, clock }
    }

    /// Whether any plugin has the hook.
    pub fn exports(&self, hook: Hook) -> bool {
        self.hooks.contains(&hook)
    }

    /// The plugins' names, in the order of the pre hooks.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|slot| slot.name())
    }

    /// How each plugin is doing, in the order of the pre hooks.
    pub fn status(&self) -> Vec<PluginStatus> {
        let now = self.clock.now();
        self.slots.iter().map(|slot| slot.status(now)).collect()
    }

    /// Ends all plugins, the last one first, and tells which of them failed at it.
    ///
    /// Call it when no exchange is left.
    pub async fn close(&self) -> Vec<(String, CallFailure)> {
        let mut failed = Vec::new();
        for slot in self.slots.iter().rev() {
            if let Err(failure) = slot.close().await {
                tracing::warn!(plugin = slot.name(), error = %failure, "cleanup failed");
                failed.push((slot.name().to_owned(), failure));
            }
        }
        failed
    }
}
