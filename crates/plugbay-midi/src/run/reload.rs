//! The configuration and its plugins, read again while a run goes on.
//!
//! A new version is compiled and has run its `init` before it takes the place of the old one, on another thread than
//! that of events. What does not load changes nothing.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use plugbay::signing::signature_path;
use plugbay::{FileWatch, WatchError};
use tokio::sync::Notify;

use super::control::{Fresh, Known, Loaded, Prepared};
use super::worker::backtrace;
use super::{ActionHost, ActionPlugin, Control, LoadFailure, Stopping, TARGET};
use crate::config::{Config, ConfigError, Plugin};

/// Reads a run's configuration again when it is told to.
pub struct Reloader {
    path: PathBuf,
    host: Arc<dyn ActionHost>,
    control: Control,
    /// One at a time.
    reloading: tokio::sync::Mutex<()>,
    /// Why the last one was not taken over.
    error: Mutex<Option<String>>,
    told: Told,
    /// Whoever waits for the next one.
    reloaded: Notify,
}

/// Hears what came of reading the configuration again.
type Told = Box<dyn Fn(&Result<Reloaded, ReloadError>) + Send + Sync>;

/// What was taken over.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reloaded {
    /// Modes that there are now.
    pub modes: usize,
    /// Mappings that there are now.
    pub mappings: usize,
    /// Plugins that there are now.
    pub plugins: usize,
    /// Those of them that were loaded anew, by name.
    pub loaded: Vec<String>,
    /// Those whose new version does not load, or waits for a grant: their last good one runs on.
    pub broken: Vec<LoadFailure>,
    /// Whether the mode is the first one now, because the one before is not there any more.
    pub mode_is_gone: bool,
    /// Parts of the configuration that have changed and count from the next start only.
    pub needs_restart: Vec<&'static str>,
    /// What in it is not as it seems.
    pub warnings: crate::config::Report,
    /// How long it took, from reading the file until events are decided by it.
    pub took: Duration,
}

/// Why nothing was taken over: all is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The configuration cannot be used.
    #[error("{}", .0.brief())]
    Config(#[from] ConfigError),
    /// It has plugins that do not load, and of which there is no version that did.
    #[error("{}", super::list(.0))]
    Load(Vec<LoadFailure>),
    /// The run is about to end.
    #[error(transparent)]
    Stopping(#[from] Stopping),
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { modes, mappings, plugins, loaded, took, .. } = self;
        write!(f, "modes: {modes}, mappings: {mappings}, plugins: {plugins}, ")?;
        match loaded.as_slice() {
            [] => f.write_str("none of them new"),
            names => write!(f, "new: {}", names.join(", ")),
        }?;
        write!(f, "; took {:.1} ms", took.as_secs_f64() * 1e3)?;
        if self.mode_is_gone {
            f.write_str("; the mode is gone, it is the first one now")?;
        }
        Ok(())
    }
}

impl Reloader {
    /// For the run of `control`, whose configuration is in this file.
    pub fn new(path: PathBuf, host: Arc<dyn ActionHost>, control: Control) -> Self {
        Self {
            path,
            host,
            control,
            reloading: tokio::sync::Mutex::default(),
            error: Mutex::default(),
            told: Box::new(|_| {}),
            reloaded: Notify::new(),
        }
    }

    /// The same, with somebody who is told each time what came of it.
    #[must_use]
    pub fn telling(
        mut self,
        told: impl Fn(&Result<Reloaded, ReloadError>) + Send + Sync + 'static,
    ) -> Self {
        self.told = Box::new(told);
        self
    }

    /// Reads the configuration again whenever one of the files changes that it comes from: from now on, though the run of `config`
    /// may begin later. It ends with the run.
    ///
    /// # Errors
    ///
    /// When the system does not tell of changes.
    pub async fn keep_up(&self, config: &Config) -> Result<(), WatchError> {
        let mut watch = FileWatch::new()?;
        watch.look_at(&self.files(&config.plugins));
        tracing::debug!(target: TARGET, "files are watched");
        loop {
            tokio::select! {
                () = watch.changed() => {
                    if let Err(ReloadError::Stopping(_)) = self.reload().await {
                        return Ok(());
                    }
                }
                // By somebody else: there may be other files now.
                () = self.reloaded.notified() => {}
            }
            let Ok(Loaded { config, .. }) = self.control.loaded().await else { return Ok(()) };
            watch.look_at(&self.files(&config.plugins));
        }
    }

    /// The configuration.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why the last time nothing was taken over, if so.
    pub fn error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The configuration, the modules, and the signatures beside them.
    fn files(&self, plugins: &[Plugin]) -> Vec<PathBuf> {
        let modules =
            plugins.iter().flat_map(|plugin| [signature_path(&plugin.path), plugin.path.clone()]);
        std::iter::once(self.path.clone()).chain(modules).collect()
    }

    /// Reads the configuration again and takes it over, with the plugins that have changed.
    ///
    /// A plugin is loaded anew when its files or what the configuration says of it have changed. One whose files alone have
    /// changed, and that does not load or asks for more than it is granted, runs on as it was.
    ///
    /// # Errors
    ///
    /// When nothing was taken over. It is logged, too.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let _one = self.reloading.lock().await;
        let result = self.take_over().await;
        let (error, text) = match &result {
            Ok(reloaded) => {
                tracing::info!(target: TARGET, "taken over: {reloaded}");
                (None, reloaded.to_string())
            }
            Err(error) => {
                tracing::error!(target: TARGET, "nothing is taken over, all is as it was: {error}");
                (Some(error.to_string()), error.to_string())
            }
        };
        self.control.feed().reloaded(error.is_none(), &text);
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
        (self.told)(&result);
        self.reloaded.notify_one();
        result
    }

    async fn take_over(&self) -> Result<Reloaded, ReloadError> {
        let began = Instant::now();
        let path = self.path.clone();
        let load = move || {
            regular(&path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
            Config::load(&path)
        };
        let read = tokio::task::spawn_blocking(load).await;
        let read = read.map_err(|_| Stopping)??;
        let (config, warnings) = (Arc::new(read.config), read.warnings);
        let loaded = self.control.loaded().await?;
        let News { plugins, names, failures, broken } = self.prepare(&config, &loaded).await;
        if !failures.is_empty() {
            end(plugins).await;
            failures.iter().for_each(LoadFailure::tell_backtrace);
            return Err(ReloadError::Load(failures));
        }
        for LoadFailure { plugin, error, .. } in &broken {
            let backtrace = backtrace(error).map(tracing::field::display);
            tracing::error!(target: TARGET, %plugin, backtrace, "its new version is not taken over, the last good one runs on: {error}");
        }
        let needs_restart = needs_restart(&loaded.config, &config);
        if !needs_restart.is_empty() {
            tracing::warn!(target: TARGET, keys = ?needs_restart, "these count from the next start only");
        }
        // In case the run ends before it has them.
        let kept: Vec<_> =
            plugins.iter().flatten().map(|fresh| Arc::clone(&fresh.plugin)).collect();
        let prepared = Prepared { config: Arc::clone(&config), plugins };
        let succession = match self.control.replace(prepared).await {
            Ok(succession) => succession,
            Err(stopping) => {
                shut_down(kept).await;
                return Err(stopping.into());
            }
        };
        let own = config.modes.iter().map(|mode| mode.mappings.len()).sum::<usize>();
        Ok(Reloaded {
            modes: config.modes.len(),
            mappings: own + config.global_mappings.len(),
            plugins: config.plugins.len(),
            loaded: names,
            broken,
            mode_is_gone: succession.mode_is_gone,
            needs_restart,
            warnings,
            took: began.elapsed(),
        })
    }

    async fn prepare(&self, config: &Config, loaded: &Loaded) -> News {
        let mut news = News::default();
        for plugin in &config.plugins {
            let version = self.host.version(plugin).await;
            let known = loaded.plugins.iter().find(|known| known.config.path == plugin.path);
            let is_same = known.is_some_and(|known| known.config == *plugin);
            if is_same && version.is_some() && known.is_some_and(|known| known.version == version) {
                news.plugins.push(None);
                continue;
            }
            let fresh = load(&self.host, plugin).await;
            let fresh = match wait_for_grants(fresh, known, plugin).await {
                Ok(loaded) => {
                    news.names.push(plugin.name.clone());
                    Some(Fresh { plugin: loaded, version })
                }
                Err(error) => {
                    let (plugin, path) = (plugin.name.clone(), plugin.path.clone());
                    let failure = LoadFailure { plugin, path, error };
                    if is_same {
                        news.broken.push(failure)
                    } else {
                        news.failures.push(failure)
                    }
                    None
                }
            };
            news.plugins.push(fresh);
        }
        news
    }
}

/// What there is of another configuration's plugins.
#[derive(Default)]
struct News {
    plugins: Vec<Option<Fresh>>,
    /// Of those that are new.
    names: Vec<String>,
    /// Those without which the configuration cannot be taken over.
    failures: Vec<LoadFailure>,
    /// Those of which there is a version that runs.
    broken: Vec<LoadFailure>,
}

/// Refuses what is there and no file: reading it might never end, and with it no later reload and no run would.
fn regular(file: &Path) -> io::Result<()> {
    match std::fs::metadata(file) {
        Ok(found) if !found.is_file() => Err(io::Error::other(format!(
            "{}: found something that is no regular file",
            file.display()
        ))),
        // Whoever reads it says what else is wrong.
        _ => Ok(()),
    }
}

/// Compiling keeps its thread busy: it is another one than that of events, where the runtime has several.
async fn load(
    host: &Arc<dyn ActionHost>,
    plugin: &Plugin,
) -> Result<Arc<dyn ActionPlugin>, super::ActionError> {
    for file in [&plugin.path, &signature_path(&plugin.path)] {
        regular(file)?;
    }
    let (host, plugin) = (Arc::clone(host), plugin.clone());
    tokio::spawn(async move { host.load(&plugin).await }).await?
}

/// A new version that asks for more than the one before takes its place when that is granted, and not before.
async fn wait_for_grants(
    fresh: Result<Arc<dyn ActionPlugin>, super::ActionError>,
    known: Option<&Known>,
    plugin: &Plugin,
) -> Result<Arc<dyn ActionPlugin>, super::ActionError> {
    let (fresh, known) = match (fresh, known) {
        (Ok(fresh), Some(known)) => (fresh, known),
        (fresh, _) => return fresh,
    };
    let asks = fresh.asks_beyond(&*known.plugin);
    if asks.is_empty() {
        return Ok(fresh);
    }
    shut_down(vec![fresh]).await;
    let (asks, path) = (asks.join(" and "), plugin.path.to_string_lossy());
    let path = shell_words::quote(&path);
    Err(format!(
        "it asks for {asks}, which it is not granted; `plugbay grant {path}` and a reload, and it is taken over"
    )
    .into())
}

async fn end(plugins: Vec<Option<Fresh>>) {
    shut_down(plugins.into_iter().flatten().map(|fresh| fresh.plugin).collect()).await;
}

async fn shut_down(plugins: Vec<Arc<dyn ActionPlugin>>) {
    for plugin in plugins {
        if let Err(error) = plugin.shutdown().await {
            tracing::warn!(target: TARGET, "{error}");
        }
    }
}

fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let changed = [
        ("device", old.device != new.device),
        ("logging", old.logging != new.logging),
        ("audit", old.audit != new.audit),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}
