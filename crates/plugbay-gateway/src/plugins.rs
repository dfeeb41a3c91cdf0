//! The plugins of a gateway while it serves: loaded, loaded again, put in each other's place, and ended.
//!
//! A change is prepared beside what serves and takes its place at once, or not at all: what does not load leaves
//! everything as it was.

mod absent;
mod change;
mod check;
mod download;
mod entry;
mod fetch;
mod load;
mod logs;
mod report;
mod retired;
mod waiting;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use plugbay::Host;
use plugbay::runtime::Clock;
use plugbay_hooks::{CallFailure, Live, Pipeline};

use crate::config::{Config, Origin, PluginConfig};
use crate::error::{GatewayError, ReloadError};
use crate::record::{RecordConfig, Recorder};
pub use check::CheckReport;
pub(crate) use check::check;
pub(crate) use download::tls;
pub use download::{download, shown};
use entry::{Entry, Running, State};
pub use fetch::FetchError;
use fetch::Fetcher;
pub(crate) use fetch::Remote;
pub use logs::{LogLine, PluginLogs};
pub use report::{HookReport, PluginReport, PluginState, UsageReport};
use retired::Retired;
pub(crate) use watch::watch;

/// What a gateway has beside its configuration and its host.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct GatewayOptions {
    /// What operators are shown of what plugins print. It is to be the host's output.
    pub logs: Arc<PluginLogs>,
    /// The folder in which modules from URLs are kept. Without one, there are none from URLs.
    pub modules: Option<PathBuf>,
}

/// All plugins of one gateway.
pub(crate) struct Plugins {
    me: Weak<Self>,
    host: Host,
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
    live: Arc<Live>,
    logs: Arc<PluginLogs>,
    /// Who keeps calls, where that was asked for.
    recorder: Option<Arc<Recorder>>,
    retired: Retired,
    origin: Origin,
    /// Held while a change is prepared: one at a time. Whether there will be no more.
    changing: tokio::sync::Mutex<bool>,
    entries: Mutex<Vec<Entry>>,
    /// Why the last change of the configuration was not taken over.
    error: Mutex<Option<String>>,
}

impl Plugins {
    /// Loads all plugins of a configuration. Those that cannot be loaded are not there, unless they are required.
    pub(crate) async fn start(
        config: &Config,
        host: &Host,
        clock: Arc<dyn Clock>,
        options: GatewayOptions,
    ) -> Result<Arc<Self>, GatewayError> {
        let recorder = config.record.as_ref().map(recorder).transpose()?;
        let none = Pipeline::new(Vec::new(), Arc::clone(&clock));
        let plugins = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            host: host.clone(),
            fetcher: Fetcher::new(options.modules),
            clock,
            live: Arc::new(Live::new(none)),
            logs: options.logs,
            recorder,
            retired: Retired::new(),
            origin: config.origin.clone(),
            changing: tokio::sync::Mutex::new(false),
            entries: Mutex::default(),
            error: Mutex::default(),
        });
        match plugins.change(config.plugins.clone(), None, true).await {
            Ok(()) => Ok(plugins),
            Err(error) => {
                plugins.close().await;
                Err(error)
            }
        }
    }

    /// The pipeline of requests.
    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// What the plugins printed.
    pub(crate) fn logs(&self) -> &PluginLogs {
        &self.logs
    }

    /// Reads the configuration again and takes over what it says of plugins.
    ///
    /// # Errors
    ///
    /// When it cannot be used, or a plugin in it cannot be loaded: everything is as it was then.
    pub(crate) async fn reload(&self) -> Result<(), ReloadError> {
        let result = self.take_over().await;
        let error = result.as_ref().err().map(ToString::to_string);
        match &error {
            Some(error) => {
                tracing::error!(%error, "the configuration is not taken over; all is as it was");
            }
            None => tracing::info!("the configuration is taken over"),
        }
        *lock(&self.error) = error;
        result
    }

    async fn take_over(&self) -> Result<(), ReloadError> {
        let file = self.origin.file.as_deref().ok_or(ReloadError::NoFile)?;
        // Reading anything else might never end.
        if std::fs::metadata(file).is_ok_and(|found| !found.is_file()) {
            return Err(ReloadError::NoRegularFile { file: file.to_owned() });
        }
        let config = Config::load(file)?;
        let fixed = self.origin.differing(&config.origin);
        if !fixed.is_empty() {
            tracing::warn!(keys = ?fixed, "only `plugins` is taken over; the rest needs a restart");
        }
        Ok(self.change(config.plugins, None, false).await?)
    }

    /// Loads one plugin again, whether anything of it has changed or not.
    pub(crate) async fn reload_one(&self, name: &str) -> Result<(), ReloadError> {
        let key = self.key(name)?;
        Ok(self.change(self.configs(), Some(&key), false).await?)
    }

    /// Changes the configuration of one plugin until the file says something else; without one, takes it away.
    pub(crate) async fn configure(
        &self,
        name: &str,
        change: impl FnOnce(PluginConfig) -> Option<PluginConfig>,
    ) -> Result<(), ReloadError> {
        let key = self.key(name)?;
        let mut configs = self.configs();
        if let Some(place) = configs.iter().position(|config| config.key() == key) {
            let config = configs.remove(place);
            if let Some(changed) = change(config) {
                configs.insert(place, changed);
            }
        }
        Ok(self.change(configs, None, false).await?)
    }

    /// The files from which it all comes.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let configs = self.configs();
        let modules = configs.iter().filter_map(|config| Some(config.file()?.to_owned()));
        self.origin.file.iter().cloned().chain(modules).collect()
    }

    /// Ends all of them, the last one first, and tells which of them failed at it.
    pub(crate) async fn close(&self) -> Vec<(String, CallFailure)> {
        *self.changing.lock().await = true;
        let entries = std::mem::take(&mut *self.entries());
        let current = self.live.now();
        for entry in entries {
            if let State::Running(mut running) = entry.state {
                running.previous.take().into_iter().for_each(|old| self.retire(*old));
            }
        }
        let mut failed = current.close().await;
        failed.extend(self.retired.close().await);
        failed
    }

    fn configs(&self) -> Vec<PluginConfig> {
        self.entries().iter().map(|entry| entry.config.clone()).collect()
    }

    fn key(&self, name: &str) -> Result<String, ReloadError> {
        let entries = self.entries();
        let named = entries.iter().find(|entry| entry.name() == name);
        let missing = || ReloadError::NoPlugin { name: name.to_owned() };
        named.map(|entry| entry.config.key()).ok_or_else(missing)
    }

    /// From now on, requests begin with these.
    fn serve(&self, entries: &[Entry]) {
        let placed = entries.iter().filter_map(Entry::placed);
        self.live.replace(Pipeline::of(placed, Arc::clone(&self.clock)));
    }

    fn retire_entry(&self, entry: Entry) {
        if let State::Running(running) = entry.state {
            self.retire(running);
        }
    }

    fn retire(&self, running: Running) {
        running.previous.into_iter().for_each(|older| self.retire(*older));
        self.retired.end(running.ending);
    }

    /// Looks at the entry that a configuration is for, if there is one.
    fn with<T>(&self, config: &PluginConfig, look: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let (mut entries, key) = (self.entries(), config.key());
        entries.iter_mut().find(|entry| entry.config.key() == key).map(look)
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        lock(&self.entries)
    }
}

/// Nothing that is locked here is left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who keeps calls.
pub(crate) fn recorder(config: &RecordConfig) -> Result<Arc<Recorder>, GatewayError> {
    let directory = config.directory.clone();
    let failed = |source| GatewayError::Record { directory, source };
    Recorder::start(config).map(Arc::new).map_err(failed)
}
