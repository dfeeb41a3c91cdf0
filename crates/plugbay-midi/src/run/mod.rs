//! From a source through the engine to plugins.

mod clock;
mod host;
mod modes;
mod outlets;
mod recording;
mod summary;
#[cfg(test)]
mod tests;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use clock::{Clock, TokioClock};
pub use host::{ActionError, ActionHost, ActionPlugin, NoActionPlugin};
pub use modes::{ModeChanger, NoSuchMode};
pub use outlets::{Outlets, Programs, RecordedPrograms};
pub use recording::{Recorded, RecordingHost};
pub use summary::{End, PluginSummary, Summary};

use crate::config::{Action, Config, PluginId, WallTime};
use crate::engine::{Calendar, Decision, Engine, TimedEvent};
use crate::source::{MidiSource, SourceItem};
use outlets::OutletWorkers;
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
    outlets: Outlets,
    /// By milliseconds since the Unix epoch.
    calendar: Arc<dyn Fn(u64) -> WallTime + Send + Sync>,
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
            outlets: Outlets::default(),
            calendar: Arc::new(utc),
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

    /// The same run with what its actions reach beside plugins.
    #[must_use]
    pub fn with_outlets(mut self, outlets: Outlets) -> Self {
        self.outlets = outlets;
        self
    }

    /// The same run with what the clock on the wall shows at a time of the clock's, for conditions on it.
    /// Without this, it is the time in UTC.
    #[must_use]
    pub fn with_calendar(
        mut self,
        calendar: impl Fn(u64) -> WallTime + Send + Sync + 'static,
    ) -> Self {
        self.calendar = Arc::new(calendar);
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
        let plugins = self.load(host, &stopped).await?;
        let base = self.clock.now();
        let epoch_ms = self.clock.epoch_ms().saturating_add(millis(base));
        let calendar = self.calendar;
        let wall: Calendar = Arc::new(move |at| calendar(epoch_ms.saturating_add(millis(at))));
        let outlets = OutletWorkers::new(self.outlets, self.queue_length, Arc::clone(&stopped));
        let mut run = Run {
            engine: self.engine.with_calendar(wall),
            modes: self.modes,
            clock: self.clock,
            base,
            epoch_ms,
            plugins,
            outlets,
            tally: Tally::default(),
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
        let Run { plugins, outlets, tally, .. } = run;
        let (plugins, outlets) = {
            let mut finish =
                std::pin::pin!(async { (finish(plugins).await, outlets.finish().await) });
            if matches!(end, End::Stopped) {
                finish.await
            } else {
                tokio::select! {
                    biased;
                    ended = &mut finish => ended,
                    () = &mut stop => {
                        stopped.store(true, Ordering::Relaxed);
                        finish.await
                    }
                }
            }
        };
        let Tally { events, notices, mode_changes, given_up } = tally;
        let abandoned = plugins.iter().chain(&outlets).any(|worker| worker.abandoned > 0);
        let end = if abandoned && matches!(end, End::Source) { End::Stopped } else { end };
        Ok(Summary { end, events, notices, mode_changes, given_up, plugins, outlets })
    }

    async fn load(
        &self,
        host: &dyn ActionHost,
        stopped: &Arc<AtomicBool>,
    ) -> Result<Vec<Loaded>, RunError> {
        let mut plugins = Vec::new();
        let mut failures = Vec::new();
        for plugin in &self.engine.config().plugins {
            match host.load(plugin).await {
                Ok(loaded) => {
                    tracing::debug!(target: TARGET, plugin = %plugin.name, path = %plugin.path.display(), "loaded");
                    let (name, stopped) = (plugin.name.clone(), Arc::clone(stopped));
                    let worker = Worker::spawn(name, self.queue_length, stopped);
                    plugins.push(Loaded { plugin: loaded, worker });
                }
                Err(error) => failures.push(LoadFailure {
                    plugin: plugin.name.clone(),
                    path: plugin.path.clone(),
                    error,
                }),
            }
        }
        if failures.is_empty() {
            return Ok(plugins);
        }
        finish(plugins).await;
        Err(RunError::Load(failures))
    }
}

/// A plugin, and the queue of what it is to do.
struct Loaded {
    plugin: Arc<dyn ActionPlugin>,
    worker: Worker,
}

#[derive(Default)]
struct Tally {
    events: u64,
    notices: u64,
    mode_changes: u64,
    given_up: u64,
}

struct Run {
    engine: Engine,
    modes: ModeChanger,
    clock: Arc<dyn Clock>,
    /// The source's time 0, by the clock.
    base: Duration,
    /// The source's time 0.
    epoch_ms: u64,
    plugins: Vec<Loaded>,
    outlets: OutletWorkers,
    tally: Tally,
    decisions: Vec<Decision>,
}

impl Run {
    async fn take_events(&mut self, source: &mut dyn MidiSource) -> End {
        let (wait, live) = (source.can_wait(), source.is_live());
        let end = loop {
            let item = {
                // Kept until it is ready: what a wait that is given up would have had may be lost.
                let mut next = source.next();
                loop {
                    let deadline = self.engine.deadline().filter(|_| live);
                    let due = deadline.map(|at| self.base.saturating_add(at));
                    let clock = Arc::clone(&self.clock);
                    tokio::select! {
                        biased;
                        item = &mut next => break item,
                        () = until(&*clock, due) => self.pass(clock.now(), wait).await,
                    }
                }
            };
            match item {
                Ok(Some(SourceItem::Event(timed))) => self.take(&timed, wait).await,
                Ok(Some(SourceItem::Notice(notice))) => {
                    self.tally.notices += 1;
                    tracing::warn!(target: TARGET, "{notice}");
                }
                Ok(None) => break End::Source,
                Err(error) => break End::Broken(error),
            }
        };
        self.let_go(live, wait).await;
        end
    }

    async fn take(&mut self, timed: &TimedEvent, wait: bool) {
        self.tally.events += 1;
        tracing::debug!(target: TARGET, at = ?timed.at, "{}", timed.event);
        if let Some(mode) = self.modes.take() {
            self.tally.mode_changes += 1;
            self.engine.set_mode(mode);
        }
        let mut decisions = std::mem::take(&mut self.decisions);
        self.engine.handle(timed.at, &timed.event, &mut decisions);
        self.carry_out_all(decisions, wait).await;
    }

    /// The clock has come to `now`: what was due until then is done.
    async fn pass(&mut self, now: Duration, wait: bool) {
        let mut decisions = std::mem::take(&mut self.decisions);
        self.engine.advance(now.saturating_sub(self.base), &mut decisions);
        self.carry_out_all(decisions, wait).await;
    }

    /// Nothing more comes. Keys that are down are let go of, and what waits for its time is waited for, but
    /// where the source's time is not the clock's.
    async fn let_go(&mut self, live: bool, wait: bool) {
        let now = self.clock.now().saturating_sub(self.base);
        let mut decisions = std::mem::take(&mut self.decisions);
        self.engine.release_all(if live { now } else { Duration::ZERO }, &mut decisions);
        self.carry_out_all(decisions, wait).await;
        while let Some(at) = self.engine.deadline() {
            let due = self.base.saturating_add(at);
            if live {
                self.clock.sleep_until(due).await;
            }
            self.pass(due, wait).await;
        }
    }

    async fn carry_out_all(&mut self, mut decisions: Vec<Decision>, wait: bool) {
        for decision in decisions.drain(..) {
            self.carry_out(&decision, wait).await;
        }
        self.decisions = decisions;
        let given_up = self.engine.take_given_up();
        if given_up > 0 {
            tracing::warn!(target: TARGET, given_up, "too many actions wait for their time: the last ones are given up");
            self.tally.given_up += given_up;
        }
    }

    async fn carry_out(&mut self, decision: &Decision, wait: bool) {
        let Some(mapping) = self.engine.mapping(decision.mapping) else { return };
        let mode_name = self.engine.mode_of(decision.mode).map_or("", |mode| &mode.name);
        let line = mapping.line;
        match &*decision.action {
            Action::WasmPlugin { plugin: PluginId(plugin), params } => {
                let Some(Loaded { plugin, worker }) = self.plugins.get_mut(*plugin) else { return };
                let params = params.render(&decision.placeholders()).into_owned();
                let context = decision.context(mode_name, self.epoch_ms);
                tracing::debug!(target: TARGET, mode = mode_name, line, plugin = %worker.name, params = params.get(), "run a plugin");
                let plugin = Arc::clone(plugin);
                let work = Box::pin(async move { plugin.execute(&params, &context).await });
                worker.fire(Call { work, line }, wait).await;
            }
            Action::ModeChange { mode } => {
                let to = self.engine.mode_of(*mode).map_or("", |mode| &mode.name);
                tracing::debug!(target: TARGET, mode = mode_name, line, to, "change the mode");
                self.tally.mode_changes += 1;
            }
            Action::SendMidi { port, message } => {
                let message = message.render(&decision.placeholders());
                tracing::debug!(target: TARGET, mode = mode_name, line, port, ?message, "send a message");
                self.outlets.send(port, message, line, wait).await;
            }
            Action::Desktop { operation, argument } => {
                tracing::debug!(target: TARGET, mode = mode_name, line, %operation, "work the desktop");
                self.outlets.perform(*operation, argument, line, wait).await;
            }
            Action::Shell(command) => {
                tracing::debug!(target: TARGET, mode = mode_name, line, program = command.program, "run a program");
                self.outlets.run(command, line, wait).await;
            }
            // The engine's own.
            Action::Sequence { .. }
            | Action::Delay { .. }
            | Action::Repeat { .. }
            | Action::Conditional { .. } => {}
        }
    }
}

/// Waits for a time of the clock's, or for ever.
async fn until(clock: &dyn Clock, due: Option<Duration>) {
    match due {
        Some(due) => clock.sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Waits for every worker, then shuts its plugin down.
async fn finish(plugins: Vec<Loaded>) -> Vec<PluginSummary> {
    let mut summaries = Vec::new();
    for Loaded { plugin, worker } in plugins {
        let summary = worker.finish().await;
        if let Err(error) = plugin.shutdown().await {
            tracing::warn!(target: TARGET, plugin = %summary.name, "{error}");
        }
        summaries.push(summary);
    }
    summaries
}

/// The time in UTC. 1970 began on a Thursday.
fn utc(epoch_ms: u64) -> WallTime {
    let minutes = epoch_ms / 60_000;
    let minute = u16::try_from(minutes % 1_440).unwrap_or_default();
    let weekday = u8::try_from((minutes / 1_440 + 3) % 7).unwrap_or_default();
    WallTime { minute, weekday }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
