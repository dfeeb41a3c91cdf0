//! From a source through the engine to plugins.

mod clock;
mod host;
mod modes;
mod recording;
mod summary;
#[cfg(test)]
mod tests;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use clock::{Clock, TokioClock};
pub use host::{ActionError, ActionHost, ActionPlugin, NoActionPlugin};
pub use modes::{ModeChanger, NoSuchMode};
pub use recording::{Recorded, RecordingHost};
pub use summary::{End, PluginSummary, Summary};

use crate::config::{Action, Config, PluginId};
use crate::engine::{Decision, Engine};
use crate::source::{MidiSource, SourceItem};
use worker::{Call, Worker};

/// The `tracing` target of everything that this crate reports: failed actions and
/// skipped input as warnings, each event and decision at the level `debug`.
pub const TARGET: &str = "conductor";

/// How many actions wait for a plugin that is busy, unless it is set otherwise.
pub const QUEUE_LENGTH: usize = 1024;

/// Runs a configuration against a source.
///
/// Each plugin has a queue and a task of its own: its calls are made in order, and
/// however slow it is, it delays neither another plugin nor the engine. A runtime with
/// more than one thread keeps that true for plugins that compute without a pause.
pub struct Runner {
    engine: Engine,
    modes: ModeChanger,
    clock: Arc<dyn Clock>,
    queue_length: usize,
}

/// A run that did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Plugins do not load. None is left alive.
    #[error("{}", list(.0))]
    Load(Vec<LoadFailure>),
}

/// A plugin that does not load.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoadFailure {
    /// Its name.
    pub plugin: String,
    /// Its module.
    pub path: PathBuf,
    /// Why.
    pub error: ActionError,
}

fn list(failures: &[LoadFailure]) -> String {
    let lines = failures.iter().map(|LoadFailure { path, error, .. }| {
        format!("cannot load the plugin {}: {error}", path.display())
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Runner {
    /// A run in the configuration's first mode, on tokio's clock.
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            engine: Engine::new(Arc::clone(&config)),
            modes: ModeChanger::new(config),
            clock: Arc::new(TokioClock::new()),
            queue_length: QUEUE_LENGTH,
        }
    }

    /// The same run on another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The same run with room for another number of waiting actions per plugin, at least 1.
    #[must_use]
    pub fn with_queue_length(mut self, actions: usize) -> Self {
        self.queue_length = actions;
        self
    }

    /// What changes the mode of this run beside its mappings: for plugins that may.
    pub fn mode_changer(&self) -> ModeChanger {
        self.modes.clone()
    }

    /// Loads the plugins, takes events until the source ends or `stop` is ready, waits for
    /// what is under way, and shuts the plugins down.
    ///
    /// When the source ends, every action that was fired is run first. When `stop` is
    /// ready, calls that have begun are waited for, and those that wait are abandoned.
    ///
    /// # Errors
    ///
    /// When a plugin does not load; all that do not are named. A source that breaks off
    /// later is no error here but the [`end`](Summary::end) of the run.
    pub async fn run(
        self,
        source: &mut dyn MidiSource,
        host: &dyn ActionHost,
        stop: impl Future<Output = ()>,
    ) -> Result<Summary, RunError> {
        let mut stop = std::pin::pin!(stop);
        let stopped = Arc::new(AtomicBool::new(false));
        let workers = self.load(host, &stopped).await?;
        let mut run = Run {
            engine: self.engine,
            modes: self.modes,
            epoch_ms: self.clock.epoch_ms().saturating_add(millis(self.clock.now())),
            workers,
            events: 0,
            notices: 0,
            mode_changes: 0,
            decisions: Vec::new(),
        };
        let end = tokio::select! {
            biased;
            () = &mut stop => {
                stopped.store(true, Ordering::Relaxed);
                End::Stopped
            }
            end = run.take_events(source) => end,
        };
        if let End::Broken(error) = &end {
            tracing::error!(target: TARGET, "{error}");
        }
        let plugins = {
            let mut finish = std::pin::pin!(finish(std::mem::take(&mut run.workers)));
            if matches!(end, End::Stopped) {
                finish.await
            } else {
                tokio::select! {
                    biased;
                    plugins = &mut finish => plugins,
                    () = &mut stop => {
                        stopped.store(true, Ordering::Relaxed);
                        finish.await
                    }
                }
            }
        };
        let Run { events, notices, mode_changes, .. } = run;
        let abandoned = plugins.iter().any(|plugin| plugin.abandoned > 0);
        let end = if abandoned && matches!(end, End::Source) { End::Stopped } else { end };
        Ok(Summary { end, events, notices, mode_changes, plugins })
    }

    async fn load(
        &self,
        host: &dyn ActionHost,
        stopped: &Arc<AtomicBool>,
    ) -> Result<Vec<Worker>, RunError> {
        let mut workers = Vec::new();
        let mut failures = Vec::new();
        for plugin in &self.engine.config().plugins {
            match host.load(plugin).await {
                Ok(loaded) => {
                    tracing::debug!(target: TARGET, plugin = %plugin.name, path = %plugin.path.display(), "loaded");
                    let (name, stopped) = (plugin.name.clone(), Arc::clone(stopped));
                    workers.push(Worker::spawn(name, loaded, self.queue_length, stopped));
                }
                Err(error) => failures.push(LoadFailure {
                    plugin: plugin.name.clone(),
                    path: plugin.path.clone(),
                    error,
                }),
            }
        }
        if failures.is_empty() {
            return Ok(workers);
        }
        finish(workers).await;
        Err(RunError::Load(failures))
    }
}

struct Run {
    engine: Engine,
    modes: ModeChanger,
    /// The source's time 0.
    epoch_ms: u64,
    workers: Vec<Worker>,
    events: u64,
    notices: u64,
    mode_changes: u64,
    decisions: Vec<Decision>,
}

impl Run {
    async fn take_events(&mut self, source: &mut dyn MidiSource) -> End {
        let wait = source.can_wait();
        loop {
            match source.next().await {
                Ok(Some(SourceItem::Event(timed))) => {
                    self.events += 1;
                    tracing::debug!(target: TARGET, at = ?timed.at, "{}", timed.event);
                    if let Some(mode) = self.modes.take() {
                        self.mode_changes += 1;
                        self.engine.set_mode(mode);
                    }
                    let mut decisions = std::mem::take(&mut self.decisions);
                    self.engine.handle(timed.at, &timed.event, &mut decisions);
                    for decision in decisions.drain(..) {
                        self.carry_out(&decision, wait).await;
                    }
                    self.decisions = decisions;
                }
                Ok(Some(SourceItem::Notice(notice))) => {
                    self.notices += 1;
                    tracing::warn!(target: TARGET, "{notice}");
                }
                Ok(None) => return End::Source,
                Err(error) => return End::Broken(error),
            }
        }
    }

    async fn carry_out(&mut self, decision: &Decision, wait: bool) {
        let Some(mapping) = self.engine.mapping(decision.mapping) else { return };
        let mode_name = self.engine.mode_of(decision.mode).map_or("", |mode| &mode.name);
        let line = mapping.line;
        match &mapping.action {
            Action::WasmPlugin { plugin: PluginId(plugin), params } => {
                let Some(worker) = self.workers.get_mut(*plugin) else { return };
                let params = params.render(&decision.placeholders()).into_owned();
                let context = decision.context(mode_name, self.epoch_ms);
                tracing::debug!(target: TARGET, mode = mode_name, line, plugin = %worker.name, params = params.get(), "run a plugin");
                worker.fire(Call { params, context, line }, wait).await;
            }
            Action::ModeChange { mode } => {
                let to = self.engine.mode_of(*mode).map_or("", |mode| &mode.name);
                tracing::debug!(target: TARGET, mode = mode_name, line, to, "change the mode");
                self.mode_changes += 1;
            }
        }
    }
}

/// Waits for every worker, then shuts its plugin down.
async fn finish(workers: Vec<Worker>) -> Vec<PluginSummary> {
    let mut summaries = Vec::new();
    for worker in workers {
        let (name, fired, overflowed) = (worker.name.clone(), worker.fired, worker.overflowed);
        let (plugin, tally) = worker.finish().await;
        if let Err(error) = plugin.shutdown().await {
            tracing::warn!(target: TARGET, plugin = %name, "{error}");
        }
        summaries.push(PluginSummary {
            name,
            fired,
            succeeded: tally.succeeded,
            failed: tally.failed,
            abandoned: tally.abandoned,
            overflowed,
        });
    }
    summaries
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
