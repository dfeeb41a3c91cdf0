//! A plugin with what the configuration says about it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{BreakerSettings, HookPlugin, Match, Placement};

/// What becomes of a request when a plugin fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The client gets a 502.
    #[default]
    Closed,
    /// It goes on as if the plugin were not there.
    Open,
}

/// One plugin's place in a pipeline.
pub struct PluginEntry {
    /// The plugin.
    pub plugin: Arc<dyn HookPlugin>,
    /// Where it stands relative to the built-in ones.
    pub placement: Placement,
    /// Its place among those of the same placement, lowest first.
    pub order: i64,
    /// What becomes of a request when it fails.
    pub on_error: OnError,
    /// When it is left alone.
    pub breaker: BreakerSettings,
    /// The requests that it takes part in.
    pub matching: Match,
    /// Whether a request may go past it.
    pub opt_out: bool,
    /// Whether it is shown the keys in a request's headers rather than masks.
    pub see_credentials: bool,
}

impl PluginEntry {
    /// A plugin with the defaults: after the built-in ones, order 0, closed, for all requests.
    pub fn new(plugin: Arc<dyn HookPlugin>) -> Self {
        Self {
            plugin,
            placement: Placement::default(),
            order: 0,
            on_error: OnError::default(),
            breaker: BreakerSettings::default(),
            matching: Match::default(),
            opt_out: false,
            see_credentials: false,
        }
    }
}
