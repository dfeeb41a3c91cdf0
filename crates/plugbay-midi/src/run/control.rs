//! A run from outside, while it runs.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::feed::Feed;
use super::{ActionPlugin, MappingReport, NoSuchMode, PluginSummary};
use crate::config::{Config, Plugin};
use crate::engine::Succession;

/// Commands that wait at most. Whoever asks waits for an answer, so that there are hardly ever two.
const WAITING: usize = 16;

/// Asks a run and tells it what to do. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    commands: mpsc::Sender<Command>,
    feed: Feed,
}

/// The run takes no commands any more: it is about to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("conductor is stopping")]
pub struct Stopping;

/// How a run is at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The mode for the next event.
    pub mode: String,
    /// All of them, in the order of the configuration.
    pub modes: Vec<String>,
    /// Mappings of all modes, and the global ones.
    pub mappings: usize,
    /// Plugins by name.
    pub plugins: Vec<String>,
    /// How long it runs.
    pub uptime_ms: u64,
    /// Events that came.
    pub events: u64,
    /// Things that the source skipped.
    pub notices: u64,
    /// Actions that were queued.
    pub fired: u64,
    /// Actions that ran and did not succeed.
    pub failed: u64,
    /// Actions that were never run.
    pub dropped: u64,
    /// Changes of mode.
    pub mode_changes: u64,
    /// How often another configuration or version was taken over.
    pub reloads: u64,
    /// Keys that are down.
    pub held_keys: u32,
    /// Actions that wait for their time.
    pub waiting: usize,
}

/// One plugin of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PluginState {
    /// Its module.
    pub path: PathBuf,
    /// What of its files is loaded, where the host can tell.
    pub version: Option<String>,
    /// Actions that wait for it, with the one that it carries out.
    pub waiting: u64,
    /// What became of its calls.
    #[serde(flatten)]
    pub calls: PluginSummary,
}

pub(super) enum Command {
    Status(oneshot::Sender<Status>),
    Plugins(oneshot::Sender<Vec<PluginState>>),
    Latencies(oneshot::Sender<Vec<MappingReport>>),
    Mode(String, oneshot::Sender<Result<(), NoSuchMode>>),
    Loaded(oneshot::Sender<Loaded>),
    Replace(Box<Prepared>, oneshot::Sender<Succession>),
}

/// What a run has loaded.
pub(super) struct Loaded {
    pub(super) config: Arc<Config>,
    pub(super) plugins: Vec<Known>,
}

/// A plugin that is loaded.
pub(super) struct Known {
    pub(super) config: Plugin,
    /// What of its files is loaded, where the host can tell.
    pub(super) version: Option<String>,
    pub(super) plugin: Arc<dyn ActionPlugin>,
}

/// A configuration that is ready to be taken over.
pub(super) struct Prepared {
    pub(super) config: Arc<Config>,
    /// For each plugin of it: a new version, or the one that there is.
    pub(super) plugins: Vec<Option<Fresh>>,
}

/// A version that nobody has called yet.
pub(super) struct Fresh {
    pub(super) plugin: Arc<dyn ActionPlugin>,
    pub(super) version: Option<String>,
}

/// The run's end of it.
#[derive(Default)]
pub(super) struct Commands(Option<mpsc::Receiver<Command>>);

impl Commands {
    /// The next command. It may be dropped while it waits.
    pub(super) async fn next(&mut self) -> Command {
        if let Some(commands) = &mut self.0
            && let Some(command) = commands.recv().await
        {
            return command;
        }
        // Nobody is there to command.
        std::future::pending().await
    }
}

impl Control {
    pub(super) fn new(feed: Feed) -> (Self, Commands) {
        let (commands, received) = mpsc::channel(WAITING);
        (Self { commands, feed }, Commands(Some(received)))
    }

    /// What happens in the run.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// How it is.
    ///
    /// # Errors
    ///
    /// When the run is about to end, as all of these.
    pub async fn status(&self) -> Result<Status, Stopping> {
        self.ask(Command::Status).await
    }

    /// Its plugins.
    ///
    /// # Errors
    ///
    /// When the run is about to end.
    pub async fn plugins(&self) -> Result<Vec<PluginState>, Stopping> {
        self.ask(Command::Plugins).await
    }

    /// How long the calls of plugins waited and took, by mapping.
    ///
    /// # Errors
    ///
    /// When the run is about to end.
    pub async fn latencies(&self) -> Result<Vec<MappingReport>, Stopping> {
        self.ask(Command::Latencies).await
    }

    /// Changes the mode at once.
    ///
    /// # Errors
    ///
    /// When the run is about to end; the inner one, when there is no such mode.
    pub async fn change_mode(&self, name: &str) -> Result<Result<(), NoSuchMode>, Stopping> {
        self.ask(|answer| Command::Mode(name.to_owned(), answer)).await
    }

    pub(super) async fn loaded(&self) -> Result<Loaded, Stopping> {
        self.ask(Command::Loaded).await
    }

    /// Without an answer, nothing was taken over.
    pub(super) async fn replace(&self, prepared: Prepared) -> Result<Succession, Stopping> {
        self.ask(|answer| Command::Replace(Box::new(prepared), answer)).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Stopping> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).await.map_err(|_| Stopping)?;
        answered.await.map_err(|_| Stopping)
    }
}
