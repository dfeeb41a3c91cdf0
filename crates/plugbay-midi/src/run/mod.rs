//! From a source through the engine to plugins.

mod clock;
mod control;
mod feed;
mod host;
mod journal;
mod latency;
mod modes;
mod obey;
mod outlets;
mod performance;
mod recording;
mod reload;
mod summary;
#[cfg(test)]
mod tests;
mod version;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use clock::{Clock, TokioClock};
pub use control::{Control, PluginState, Status, Stopping};
pub use feed::{Feed, Listener};
pub use host::{ActionError, ActionHost, ActionPlugin, NoActionPlugin};
pub use journal::{Journal, JournalError};
pub use latency::{MappingReport, Quantiles};
pub use modes::{ModeChanger, NoSuchMode};
pub use outlets::{Outlets, Programs, RecordedPrograms};
pub use recording::{Recorded, RecordingHost};
pub use reload::{ReloadError, Reloaded, Reloader};
pub use summary::{End, PluginSummary, Summary};

use crate::config::{Config, WallTime};
use crate::engine::{Calendar, Engine};
use crate::source::MidiSource;
use control::Commands;
use latency::Latencies;
use outlets::OutletWorkers;
use performance::{Loaded, Performance, Tally};
use tokio::task::JoinSet;
use version::Slot;
use worker::{Name, Shift, Worker};

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
    journal: Option<Journal>,
    feed: Feed,
    commands: Commands,
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

impl LoadFailure {
    /// Where the plugin was, if it was stopped, in the log: what is said of the failure has no room for it.
    fn tell_backtrace(&self) {
        if let Some(backtrace) = worker::backtrace(&self.error) {
            let (plugin, error) = (&self.plugin, &self.error);
            tracing::error!(target: TARGET, %plugin, %backtrace, "stopped while it was loaded: {error}");
        }
    }
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
        let clock = Arc::new(TokioClock::new());
        Self {
            engine: Engine::new(Arc::clone(&config)),
            modes: ModeChanger::new(config),
            feed: Feed::new(clock.clone()),
            commands: Commands::default(),
            clock,
            queue_length: QUEUE_LENGTH,
            outlets: Outlets::default(),
            journal: None,
            calendar: Arc::new(utc),
        }
    }

    /// The same run on another clock, before anything else is asked of it.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.feed = Feed::new(Arc::clone(&clock));
        self.clock = clock;
        self
    }

    /// What asks this run and tells it what to do. A later one takes the place of an earlier one.
    pub fn control(&mut self) -> Control {
        let (control, commands) = Control::new(self.feed.clone());
        self.commands = commands;
        control
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

    /// The same run, written down.
    #[must_use]
    pub fn with_journal(mut self, journal: Journal) -> Self {
        self.journal = Some(journal);
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
        let shift = Shift {
            queue_length: self.queue_length,
            stopped: Arc::clone(&stopped),
            clock: Arc::clone(&self.clock),
            feed: self.feed.clone(),
        };
        let plugins = self.load(host, &shift).await?;
        let base = self.clock.now();
        let repeats = source.repeats();
        let epoch_ms = match repeats {
            Some(run) => run.epoch_ms,
            None => self.clock.epoch_ms().saturating_add(millis(base)),
        };
        let mut journal = self.journal;
        if let Some(journal) = &mut journal {
            journal.begin(epoch_ms);
        }
        let calendar = self.calendar;
        let wall: Calendar = Arc::new(move |at| calendar(epoch_ms.saturating_add(millis(at))));
        let outlets = OutletWorkers::new(self.outlets, shift.clone());
        let mut commands = self.commands;
        let mut run = Performance {
            engine: self.engine.with_calendar(wall),
            modes: self.modes,
            clock: self.clock,
            base,
            epoch_ms,
            plugins,
            outlets,
            journal,
            latencies: Latencies::default(),
            shift,
            retiring: JoinSet::new(),
            is_live: source.is_live(),
            is_repeated: repeats.is_some(),
            tally: Tally::default(),
            decisions: Vec::new(),
        };
        let end = tokio::select! {
            biased;
            () = &mut stop => {
                stopped.store(true, Ordering::Relaxed);
                End::Stopped
            }
            end = run.take_events(source, &mut commands) => end,
        };
        if stopped.load(Ordering::Relaxed) {
            run.stopped();
        }
        if let End::Broken(error) = &end {
            tracing::error!(target: TARGET, "{error}");
        }
        // From here on, nothing is asked of it or taken over.
        drop(commands);
        let Performance { plugins, outlets, tally, journal, latencies, engine, retiring, .. } = run;
        let (plugins, outlets) = {
            let mut finish =
                std::pin::pin!(async { (finish(plugins, retiring).await, outlets.finish().await) });
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
        let journal = journal.map_or(Ok(()), Journal::finish).err();
        let latencies = latencies.report(engine.config());
        let Tally { events, notices, mode_changes, given_up, reloads } = tally;
        let abandoned = plugins.iter().chain(&outlets).any(|worker| worker.abandoned > 0);
        let end = if abandoned && matches!(end, End::Source) { End::Stopped } else { end };
        Ok(Summary {
            end,
            events,
            notices,
            mode_changes,
            given_up,
            reloads,
            plugins,
            outlets,
            latencies,
            journal,
        })
    }

    async fn load(&self, host: &dyn ActionHost, shift: &Shift) -> Result<Vec<Loaded>, RunError> {
        let mut plugins = Vec::new();
        let mut failures = Vec::new();
        for plugin in &self.engine.config().plugins {
            // Before it is read: what comes meanwhile is another version then.
            let version = host.version(plugin).await;
            match host.load(plugin).await {
                Ok(loaded) => {
                    tracing::debug!(target: TARGET, plugin = %plugin.name, path = %plugin.path.display(), "loaded");
                    let slot = Arc::new(Slot::new(loaded));
                    let worker = Worker::spawn(Name::Plugin(plugin.name.clone()), shift);
                    plugins.push(Loaded { config: plugin.clone(), version, slot, worker });
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
        finish(plugins, JoinSet::new()).await;
        failures.iter().for_each(LoadFailure::tell_backtrace);
        Err(RunError::Load(failures))
    }
}

/// Waits for every worker, then shuts its plugin down. Those that were taken away come last.
async fn finish(
    plugins: Vec<Loaded>,
    retiring: JoinSet<Option<PluginSummary>>,
) -> Vec<PluginSummary> {
    let mut summaries = Vec::new();
    for loaded in plugins {
        summaries.push(loaded.finish().await);
    }
    summaries.extend(retiring.join_all().await.into_iter().flatten());
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
