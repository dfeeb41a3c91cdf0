//! How plugins are doing, for operators.

use std::collections::BTreeMap;
use std::time::Duration;

use plugbay::Usage;
use plugbay_hooks::{FailureKind, HookStats};
use serde::Serialize;

use super::entry::{Entry, State};
use super::{Plugins, lock};

/// What a plugin is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PluginState {
    /// It is called.
    Active,
    /// It is not called for now, because it failed too often.
    Tripped,
    /// It could not be loaded.
    Error,
    /// Its configuration says that it is not to be loaded.
    Disabled,
    /// It is being loaded: for the first time, or again while the version before serves.
    Loading,
}

/// How one plugin is doing.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PluginReport {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub status: PluginState,
    /// What went wrong last, if nothing went well since.
    pub error: Option<String>,
    /// What the configuration says of its version.
    pub version: Option<String>,
    /// The SHA-256 of the module that runs.
    pub sha256: Option<String>,
    /// The key that signed it.
    pub signer: Option<String>,
    /// What runs it.
    pub backend: Option<String>,
    /// How many instances it may have at one time.
    pub instances: Option<usize>,
    /// What its instances hold now.
    pub usage: Option<UsageReport>,
    /// Whether the version before is kept until this one has made its first calls.
    pub on_trial: bool,
    /// Calls that ended, well or not.
    pub calls: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Its hooks that were called, by name.
    pub hooks: BTreeMap<&'static str, HookReport>,
}

/// What the instances of a plugin hold now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UsageReport {
    /// Instances that there are.
    pub instances: usize,
    /// Those of them that wait for a call.
    pub idle: usize,
    /// Linear memory of all of them, in bytes, each as it was after its last call.
    pub memory_bytes: u64,
    /// The largest linear memory that one had since the plugin was loaded, in bytes.
    pub peak_memory_bytes: u64,
}

impl From<Usage> for UsageReport {
    fn from(usage: Usage) -> Self {
        let Usage { instances, idle, memory_bytes, peak_memory_bytes, .. } = usage;
        Self { instances, idle, memory_bytes, peak_memory_bytes }
    }
}

/// How one hook is doing.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct HookReport {
    /// Calls that ended, well or not.
    pub calls: u64,
    /// Calls that failed, by what they are counted as.
    pub errors: BTreeMap<&'static str, u64>,
    /// Calls that were not made, because the plugin was tripped.
    pub tripped: u64,
    /// The fuel of all calls put together, failed ones included, where the limits count any.
    pub fuel: Option<u64>,
    /// What half of the calls did not take longer than, in microseconds.
    pub p50_us: Option<f64>,
    /// What 99 of 100 calls did not take longer than, in microseconds.
    pub p99_us: Option<f64>,
}

impl From<&HookStats> for HookReport {
    fn from(stats: &HookStats) -> Self {
        let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
        let errors = FailureKind::ALL.into_iter().map(|kind| (kind.name(), stats.failed(kind)));
        Self {
            calls: stats.calls(),
            errors: errors.filter(|(_, count)| *count > 0).collect(),
            tripped: stats.tripped,
            fuel: (stats.fuel.calls() > 0).then_some(stats.fuel.total),
            p50_us: stats.durations.quantile(0.5).map(micros),
            p99_us: stats.durations.quantile(0.99).map(micros),
        }
    }
}

impl Plugins {
    /// How all are doing, as the configuration lists them.
    pub(crate) fn report(&self) -> Vec<PluginReport> {
        self.entries().iter().map(|entry| self.report_of(entry)).collect()
    }

    /// Why the configuration was not taken over when it changed last.
    pub(crate) fn reload_error(&self) -> Option<String> {
        lock(&self.error).clone()
    }

    /// The name that what it prints goes under.
    pub(crate) fn log_name(&self, plugin: &str) -> Option<String> {
        let entries = self.entries();
        let entry = entries.iter().find(|entry| entry.name() == plugin)?;
        Some(entry.config.display_name())
    }

    fn report_of(&self, entry: &Entry) -> PluginReport {
        let mut report = PluginReport {
            name: entry.name(),
            status: PluginState::Error,
            error: entry.error.clone(),
            version: entry.config.version.clone(),
            sha256: None,
            signer: None,
            backend: None,
            instances: None,
            usage: None,
            on_trial: false,
            calls: 0,
            errors: 0,
            hooks: BTreeMap::new(),
        };
        match &entry.state {
            State::Disabled => report.status = PluginState::Disabled,
            State::Failed => {}
            State::Running(running) => {
                let status = running.placed.status(self.clock.now());
                report.status =
                    if status.tripped { PluginState::Tripped } else { PluginState::Active };
                report.version.clone_from(&running.config.version);
                report.sha256 = Some(running.plugin.module_hash().to_string());
                report.signer = running.plugin.signer().map(|key| key.to_string());
                let runtime = running.config.runtime;
                let backend = runtime.map_or_else(|| self.host.backend_name(), |it| it.name());
                report.backend = Some(backend.to_owned());
                report.instances = running.plugin.instances().size.map(|size| size.get());
                report.usage = status.usage.map(UsageReport::from);
                report.on_trial = running.previous.is_some();
                report.calls = status.calls;
                report.errors = status.failures;
                let hooks = status.hooks.iter();
                report.hooks = hooks.map(|it| (it.hook.export(), it.into())).collect();
            }
        }
        if entry.loading {
            report.status = PluginState::Loading;
        }
        report
    }
}
