//! One plugin of the configuration, and what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use plugbay::Plugin;
use plugbay::policy::ModuleHash;
use plugbay_hooks::{BreakerSettings, Ending, HookPlugin, OnError, Placed, PluginEntry};

use super::absent::Absent;
use crate::config::PluginConfig;

pub(super) struct Entry {
    /// What was asked for last: what runs may be older.
    pub(super) config: PluginConfig,
    /// The module that was found last.
    pub(super) found: Option<ModuleHash>,
    pub(super) state: State,
    /// What went wrong last.
    pub(super) error: Option<String>,
    /// Whether a new version is on its way.
    pub(super) loading: bool,
    /// Whether a new version waits for a grant.
    pub(super) waits: bool,
}

#[allow(clippy::large_enum_variant, reason = "nearly all of them run")]
pub(super) enum State {
    Disabled,
    Failed,
    Running(Running),
}

/// A version that serves.
pub(super) struct Running {
    /// Tells versions apart.
    pub(super) number: u64,
    pub(super) config: PluginConfig,
    pub(super) plugin: Plugin,
    pub(super) placed: Placed,
    pub(super) ending: Ending,
    /// The version before, until it is known that this one will do.
    pub(super) previous: Option<Box<Running>>,
}

impl Running {
    pub(super) fn new(
        config: PluginConfig,
        plugin: Plugin,
        placed: Placed,
        ending: Ending,
    ) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { number, config, plugin, placed, ending, previous: None }
    }
}

impl Entry {
    pub(super) fn running(config: PluginConfig, found: ModuleHash, running: Running) -> Self {
        let state = State::Running(running);
        Self { config, found: Some(found), state, error: None, loading: false, waits: false }
    }

    pub(super) fn disabled(config: PluginConfig) -> Self {
        Self {
            config,
            found: None,
            state: State::Disabled,
            error: None,
            loading: false,
            waits: false,
        }
    }

    pub(super) fn failed(config: PluginConfig, error: String) -> Self {
        Self {
            config,
            found: None,
            state: State::Failed,
            error: Some(error),
            loading: false,
            waits: false,
        }
    }

    /// The plugin's own name, once it is known.
    pub(super) fn name(&self) -> String {
        match &self.state {
            State::Running(running) => running.plugin.name().to_owned(),
            _ => self.config.display_name(),
        }
    }

    /// Its place in the pipeline, if it has one.
    pub(super) fn placed(&self) -> Option<Placed> {
        match &self.state {
            State::Running(running) => Some(running.placed.clone()),
            State::Failed if self.config.on_error == OnError::Closed => {
                let entry = placed(&self.config, Arc::new(Absent::new(self.name())));
                // It is no better after a while, and has nothing to end.
                let breaker = BreakerSettings::new(0, 0);
                Some(Placed::new(PluginEntry { breaker, ..entry }).0)
            }
            State::Failed | State::Disabled => None,
        }
    }
}

/// A plugin with what the configuration says about it.
pub(super) fn placed(config: &PluginConfig, plugin: Arc<dyn HookPlugin>) -> PluginEntry {
    PluginEntry {
        placement: config.placement,
        order: config.order,
        on_error: config.on_error,
        breaker: config.breaker,
        matching: config.matching.clone(),
        opt_out: config.opt_out,
        see_credentials: config.see_credentials,
        ..PluginEntry::new(plugin)
    }
}
