//! One change of plugins: prepared beside what serves, and put in its place as a whole or not at all.

use std::collections::HashSet;
use std::sync::Arc;

use plugbay::Plugin;
use plugbay::policy::ModuleHash;
use plugbay_hooks::{HookPlugin, Placed, Verdict};

use super::entry::{self, Entry, Running, State};
use super::waiting::Waiting;
use super::{Plugins, load};
use crate::config::PluginConfig;
use crate::error::GatewayError;
use crate::record::Taped;

/// What becomes of a plugin in a change.
enum Next {
    Keep,
    Disable,
    /// The version before stays until the new one is granted what it asks for.
    Wait(Waiting),
    Load(Result<Plugin, GatewayError>),
}

impl Plugins {
    /// Prepares what `wanted` says beside what is there, and then puts it in its place.
    pub(super) async fn change(
        &self,
        wanted: Vec<PluginConfig>,
        forced: Option<&str>,
        first: bool,
    ) -> Result<(), GatewayError> {
        let is_over = self.changing.lock().await;
        if *is_over {
            return Err(GatewayError::Closing);
        }
        let mut changes = Vec::new();
        let mut names = HashSet::new();
        for config in wanted {
            let next = self.next(&config, forced == Some(&config.key())).await;
            let name = match &next {
                Next::Load(Ok(plugin)) => plugin.name().to_owned(),
                Next::Keep | Next::Wait(_) => self.named(&config),
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
            State::Running(_) if entry.config == *config && !entry.waits => entry.found,
            _ => None,
        });
        if let Some(found) = running.flatten()
            && !forced
            && self.is_still(config, found).await
        {
            return Next::Keep;
        }
        self.with(config, |entry| entry.loading = true);
        let loaded = load::load(&self.host, &self.fetcher, config).await;
        let waiting = self.with(config, |entry| {
            entry.loading = false;
            match (&loaded, &entry.state) {
                (Ok(new), State::Running(old)) => Waiting::of(new, config.file(), old),
                _ => None,
            }
        });
        match (waiting.flatten(), loaded) {
            (Some(waiting), Ok(new)) => {
                load::end(&new).await;
                Next::Wait(waiting)
            }
            (_, loaded) => Next::Load(loaded),
        }
    }

    /// Whether the module is the one that was found last. Servers are asked when somebody asks for it.
    async fn is_still(&self, config: &PluginConfig, found: ModuleHash) -> bool {
        match config.file() {
            Some(file) => load::hash(file, config.limits.module_bytes).await == Some(found),
            None => true,
        }
    }

    /// Ends what was loaded for a change that does not come, and says why.
    async fn undo(&self, changes: Vec<(PluginConfig, Next)>) -> GatewayError {
        let mut why = GatewayError::Closing;
        for (config, next) in changes {
            match next {
                Next::Load(Ok(plugin)) => load::end(&plugin).await,
                Next::Load(Err(error)) => {
                    if let Some(backtrace) = error.backtrace() {
                        // What is said of the failure elsewhere has no room for it.
                        let key = config.key();
                        tracing::error!(plugin = %key, %error, %backtrace, "stopped while it was loaded");
                    }
                    self.with(&config, |entry| entry.error = Some(error.to_string()));
                    why = error;
                }
                Next::Keep | Next::Disable | Next::Wait(_) => {}
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
                (Next::Wait(waiting), Some(before)) => self.stays(config, before, &waiting),
                (Next::Keep | Next::Disable | Next::Wait(_), before) => {
                    before.into_iter().for_each(|before| self.retire_entry(before));
                    Entry::disabled(config)
                }
                (Next::Load(Ok(plugin)), before) => self.taken_in(config, plugin, before),
                (Next::Load(Err(error)), before) => {
                    before.into_iter().for_each(|before| self.retire_entry(before));
                    let backtrace = error.backtrace().map(tracing::field::display);
                    tracing::error!(plugin = %key, %error, backtrace, "not loaded");
                    Entry::failed(config, error.to_string())
                }
            };
            entries.push(entry);
        }
        self.serve(&entries);
        old.into_iter().for_each(|entry| self.retire_entry(entry));
    }

    /// A plugin whose new version waits. What is said of capabilities counts for the one that stays, too: what is taken
    /// back is taken back now.
    fn stays(&self, config: PluginConfig, before: Entry, waiting: &Waiting) -> Entry {
        tracing::warn!(plugin = %config.key(), "{waiting}");
        if let State::Running(running) = &before.state {
            running.plugin.granted().replace(config.capabilities.clone());
        }
        Entry { config, error: Some(waiting.to_string()), waits: true, ..before }
    }

    /// A plugin that was just loaded, on trial where another had its place.
    fn taken_in(&self, config: PluginConfig, plugin: Plugin, before: Option<Entry>) -> Entry {
        let hooks: Vec<_> = plugin.interface().hooks().map(|hook| hook.export()).collect();
        tracing::info!(plugin = plugin.name(), ?hooks, "loaded");
        let previous = before.and_then(|before| match before.state {
            State::Running(mut running) => {
                running.previous.take().into_iter().for_each(|older| self.retire(*older));
                Some(running)
            }
            _ => None,
        });
        let found = ModuleHash(*plugin.module_hash().as_bytes());
        let called: Arc<dyn HookPlugin> = match &self.recorder {
            Some(recorder) => Arc::new(Taped::new(plugin.clone(), Arc::clone(recorder))),
            None => Arc::new(plugin.clone()),
        };
        let placed = entry::placed(&config, called);
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

    fn named(&self, config: &PluginConfig) -> String {
        self.with(config, |entry| entry.name()).unwrap_or_else(|| config.key())
    }

    /// Whether it is not loaded although it should be.
    fn is_missing(&self, config: &PluginConfig) -> bool {
        self.with(config, |entry| matches!(entry.state, State::Failed) && entry.config == *config)
            .unwrap_or(false)
    }
}
