//! The plugins of a gateway while it serves: loaded, loaded again, put in each other's place, and ended.
//!
//! A change is prepared beside what serves and takes its place at once, or not at all: what does not load leaves
//! everything as it was.

mod absent;
mod check;
mod entry;
mod load;
mod logs;
mod report;
mod retired;
mod watch;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use plugbay::Host;
use plugbay::runtime::Clock;
use plugbay_hooks::{CallFailure, Live, Pipeline, Placed, Verdict};

use crate::config::{Config, Origin, PluginConfig};
use crate::error::{GatewayError, ReloadError};
pub use check::CheckReport;
pub(crate) use check::check;
use entry::{Entry, Running, State};
pub use logs::{LogLine, PluginLogs};
pub use report::{HookReport, PluginReport, PluginState};
use retired::Retired;
pub(crate) use watch::watch;

/// All plugins of one gateway.
pub(crate) struct Plugins {
    me: Weak<Self>,
    host: Host,
    clock: Arc<dyn Clock>,
    live: Arc<Live>,
    logs: Arc<PluginLogs>,
    retired: Retired,
    origin: Origin,
    /// Held while a change is prepared: one at a time.
    changing: tokio::sync::Mutex<()>,
    entries: Mutex<Vec<Entry>>,
    /// Why the last change of the configuration was not taken over.
    error: Mutex<Option<String>>,
}

/// What becomes of a plugin in a change.
enum Next {
    Keep,
    Disable,
    Load(Result<plugbay::Plugin, GatewayError>),
}

impl Plugins {
    /// Loads all plugins of a configuration. Those that cannot be loaded are not there, unless they are required.
    pub(crate) async fn start(
        config: &Config,
        host: &Host,
        clock: Arc<dyn Clock>,
        logs: Arc<PluginLogs>,
    ) -> Result<Arc<Self>, GatewayError> {
        let none = Pipeline::new(Vec::new(), Arc::clone(&clock));
        let plugins = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            host: host.clone(),
            clock,
            live: Arc::new(Live::new(none)),
            logs,
            retired: Retired::new(),
            origin: config.origin.clone(),
            changing: tokio::sync::Mutex::new(()),
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
        let modules = configs.iter().map(|config| config.file().to_owned());
        self.origin.file.iter().cloned().chain(modules).collect()
    }

    /// Ends all of them, the last one first, and tells which of them failed at it.
    pub(crate) async fn close(&self) -> Vec<(String, CallFailure)> {
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

    /// Prepares what `wanted` says beside what is there, and then puts it in its place.
    async fn change(
        &self,
        wanted: Vec<PluginConfig>,
        forced: Option<&str>,
        first: bool,
    ) -> Result<(), GatewayError> {
        let _one_at_a_time = self.changing.lock().await;
        let mut changes = Vec::new();
        let mut names = HashSet::new();
        for config in wanted {
            let next = self.next(&config, forced == Some(&config.key())).await;
            let name = match &next {
                Next::Load(Ok(plugin)) => plugin.name().to_owned(),
                Next::Keep => self.named(&config),
                _ => config.key(),
            };
            let next = match next {
                Next::Load(Ok(plugin)) if !names.insert(name.clone()) => {
                    load::end(&plugin).await;
                    Next::Load(Err(GatewayError::SameName { name }))
                }
                next => {
                    names.insert(name);
                    next
                }
            };
            let fatal = match (&next, first) {
                (Next::Load(Err(_)), true) => config.required,
                // What was not there before may stay away.
                (Next::Load(Err(_)), false) => !self.is_missing(&config) || forced.is_some(),
                _ => false,
            };
            changes.push((config, next));
            if fatal {
                return Err(self.undo(changes).await);
            }
        }
        self.commit(changes);
        Ok(())
    }

    async fn next(&self, config: &PluginConfig, forced: bool) -> Next {
        if !config.enabled {
            return Next::Disable;
        }
        let running = self.with(config, |entry| match &entry.state {
            State::Running(_) if entry.config == *config => entry.found,
            _ => None,
        });
        if let Some(found) = running.flatten()
            && !forced
            && load::hash(config.file()).await == Some(found)
        {
            return Next::Keep;
        }
        self.with(config, |entry| entry.loading = true);
        let loaded = load::load(&self.host, config).await;
        self.with(config, |entry| entry.loading = false);
        Next::Load(loaded)
    }

    /// Ends what was loaded for a change that does not come, and says why.
    async fn undo(&self, changes: Vec<(PluginConfig, Next)>) -> GatewayError {
        let mut why = GatewayError::Closing;
        for (config, next) in changes {
            match next {
                Next::Load(Ok(plugin)) => load::end(&plugin).await,
                Next::Load(Err(error)) => {
                    self.with(&config, |entry| entry.error = Some(error.to_string()));
                    why = error;
                }
                Next::Keep | Next::Disable => {}
            }
        }
        why
    }

    fn commit(&self, changes: Vec<(PluginConfig, Next)>) {
        let mut entries = self.entries();
        let mut old = std::mem::take(&mut *entries);
        for (config, next) in changes {
            let key = config.key();
            let place = old.iter().position(|entry| entry.config.key() == key);
            let before = place.map(|place| old.remove(place));
            let entry = match (next, before) {
                (Next::Keep, Some(mut before)) => {
                    before.error = None;
                    before
                }
                (Next::Keep | Next::Disable, before) => {
                    before.into_iter().for_each(|before| self.retire_entry(before));
                    Entry::disabled(config)
                }
                (Next::Load(Ok(plugin)), before) => self.taken_in(config, plugin, before),
                (Next::Load(Err(error)), before) => {
                    before.into_iter().for_each(|before| self.retire_entry(before));
                    tracing::error!(plugin = %key, %error, "not loaded");
                    Entry::failed(config, error.to_string())
                }
            };
            entries.push(entry);
        }
        self.serve(&entries);
        old.into_iter().for_each(|entry| self.retire_entry(entry));
    }

    /// A plugin that was just loaded, on trial where another had its place.
    fn taken_in(
        &self,
        config: PluginConfig,
        plugin: plugbay::Plugin,
        before: Option<Entry>,
    ) -> Entry {
        let hooks: Vec<_> = plugin.interface().hooks().map(|hook| hook.export()).collect();
        tracing::info!(plugin = plugin.name(), ?hooks, "loaded");
        let previous = before.and_then(|before| match before.state {
            State::Running(mut running) => {
                running.previous.take().into_iter().for_each(|older| self.retire(*older));
                Some(running)
            }
            _ => None,
        });
        let found = plugbay::policy::ModuleHash(*plugin.module_hash().as_bytes());
        let placed = entry::placed(&config, Arc::new(plugin.clone()));
        let (placed, ending) = match previous {
            Some(old) if config.rollback > 0 => {
                let (placed, ending, trial) = Placed::on_trial(placed, config.rollback);
                let running = Running::new(config.clone(), plugin, placed, ending);
                let (me, key, number) = (self.me.clone(), config.key(), running.number);
                self.retired.spawn(async move {
                    let verdict = trial.verdict().await;
                    if let Some(plugins) = me.upgrade() {
                        plugins.judged(&key, number, verdict);
                    }
                });
                let running = Running { previous: Some(Box::new(old)), ..running };
                return Entry::running(config, found, running);
            }
            Some(old) => {
                self.retire(old);
                Placed::new(placed)
            }
            None => Placed::new(placed),
        };
        let running = Running::new(config.clone(), plugin, placed, ending);
        Entry::running(config, found, running)
    }

    /// The first calls of a version have been made.
    fn judged(&self, key: &str, number: u64, verdict: Verdict) {
        let mut entries = self.entries();
        let Some(entry) = entries.iter_mut().find(|entry| entry.config.key() == key) else {
            return;
        };
        let State::Running(running) = &mut entry.state else { return };
        if running.number != number {
            return;
        }
        let Some(old) = running.previous.take() else { return };
        if verdict != Verdict::Tripped {
            return self.retire(*old);
        }
        let new = std::mem::replace(running, *old);
        let error =
            "the new version failed too often in its first calls, and the one before is back";
        tracing::error!(plugin = %key, "{error}");
        entry.error = Some(error.to_owned());
        self.serve(&entries);
        self.retire(new);
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

    fn named(&self, config: &PluginConfig) -> String {
        self.with(config, |entry| entry.name()).unwrap_or_else(|| config.key())
    }

    /// Whether it is not loaded although it should be.
    fn is_missing(&self, config: &PluginConfig) -> bool {
        self.with(config, |entry| matches!(entry.state, State::Failed) && entry.config == *config)
            .unwrap_or(false)
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
