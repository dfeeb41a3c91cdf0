//! What a run does when it is told to, between two events.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::control::{self, Command, Prepared};
use super::feed::Told;
use super::performance::{Loaded, Performance};
use super::version::{Slot, Version};
use super::worker::{Name, Worker};
use super::{PluginState, Status, TARGET, modes};
use crate::config::Config;
use crate::engine::Succession;

impl Performance {
    pub(super) async fn obey(&mut self, command: Command, wait: bool) {
        // Whoever asked may have gone: then nobody wants the answer.
        match command {
            Command::Status(answer) => drop(answer.send(self.status())),
            Command::Plugins(answer) => drop(answer.send(self.plugin_states())),
            Command::Latencies(answer) => {
                drop(answer.send(self.latencies.report(self.engine.config())));
            }
            Command::Mode(name, answer) => {
                let found = modes::find(self.engine.config(), &name);
                if let Ok(mode) = found {
                    let at = self.passed(wait).await;
                    self.set_mode(at, mode, wait);
                }
                drop(answer.send(found.map(drop)));
            }
            Command::Loaded(answer) => {
                let known = |Loaded { config, version, slot, .. }: &Loaded| control::Known {
                    config: config.clone(),
                    version: version.clone(),
                    plugin: slot.newest().plugin(),
                };
                let plugins = self.plugins.iter().map(known).collect();
                let config = Arc::clone(self.engine.config());
                drop(answer.send(control::Loaded { config, plugins }));
            }
            Command::Replace(prepared, answer) => {
                if let Some(succession) = self.take_over(*prepared, wait).await {
                    drop(answer.send(succession));
                }
            }
        }
    }

    /// Goes on with another configuration, and with other versions of plugins: at once, and without waiting for a plugin.
    async fn take_over(&mut self, prepared: Prepared, wait: bool) -> Option<Succession> {
        let Prepared { config, plugins } = prepared;
        let at = self.passed(wait).await;
        if let Some(mode) = self.modes.take() {
            self.set_mode(at, mode, wait);
        }
        let mut old: HashMap<PathBuf, Loaded> =
            self.plugins.drain(..).map(|loaded| (loaded.config.path.clone(), loaded)).collect();
        let is_whole = config.plugins.len() == plugins.len()
            && config
                .plugins
                .iter()
                .zip(&plugins)
                .all(|(plugin, fresh)| fresh.is_some() || old.contains_key(&plugin.path));
        if !is_whole {
            // Whoever prepared it looked at another run.
            self.plugins = self.in_order(&mut old);
            return None;
        }
        for (plugin, fresh) in config.plugins.iter().zip(plugins) {
            let known = old.remove(&plugin.path);
            let loaded = match (known, fresh) {
                (Some(known), None) => Loaded { config: plugin.clone(), ..known },
                (Some(known), Some(fresh)) if known.config.name == plugin.name => {
                    let before = known.slot.replace(fresh.plugin);
                    let name = Arc::clone(&known.worker.name);
                    self.retiring.spawn(async move {
                        end(&name, &before).await;
                        None
                    });
                    Loaded { config: plugin.clone(), version: fresh.version, ..known }
                }
                (known, Some(fresh)) => {
                    known.into_iter().for_each(|known| self.retire(known));
                    Loaded {
                        config: plugin.clone(),
                        version: fresh.version,
                        slot: Arc::new(Slot::new(fresh.plugin)),
                        worker: Worker::spawn(Name::Plugin(plugin.name.clone()), &self.shift),
                    }
                }
                (None, None) => continue,
            };
            self.plugins.push(loaded);
        }
        old.into_values().for_each(|gone| self.retire(gone));
        Some(self.follow(config, wait).await)
    }

    /// Those of the configuration, in its order.
    fn in_order(&self, loaded: &mut HashMap<PathBuf, Loaded>) -> Vec<Loaded> {
        let plugins = self.engine.config().plugins.iter();
        plugins.filter_map(|plugin| loaded.remove(&plugin.path)).collect()
    }

    async fn follow(&mut self, config: Arc<Config>, wait: bool) -> Succession {
        let at = self.engine.now();
        let mut decisions = std::mem::take(&mut self.decisions);
        self.latencies.follow(self.engine.config(), &config);
        self.modes.follow(Arc::clone(&config));
        let succession = self.engine.follow(config, &mut decisions);
        self.tally.reloads += 1;
        if let Some(journal) = &mut self.journal {
            journal.reloaded(at, wait);
        }
        let Succession { mode_is_gone, left_out } = succession;
        if mode_is_gone {
            self.set_mode(at, self.engine.mode(), wait);
        }
        if left_out > 0 {
            tracing::warn!(target: TARGET, left_out, "steps of actions under way have no plugin or mode any more: they are left out");
            self.tally.given_up += left_out;
        }
        self.carry_out_all(decisions, wait).await;
        succession
    }

    /// Ends a plugin that is not called any more, when what waits for it is done.
    fn retire(&mut self, loaded: Loaded) {
        self.retiring.spawn(async move { Some(loaded.finish().await) });
    }

    fn status(&self) -> Status {
        let config = self.engine.config();
        let summaries: Vec<_> = self
            .plugins
            .iter()
            .map(|loaded| loaded.worker.summary())
            .chain(self.outlets.summaries())
            .collect();
        let sum = |of: fn(&super::PluginSummary) -> u64| summaries.iter().map(of).sum::<u64>();
        let own = config.modes.iter().map(|mode| mode.mappings.len()).sum::<usize>();
        Status {
            mode: self
                .engine
                .mode_of(self.engine.mode())
                .map_or(String::new(), |mode| mode.name.clone()),
            modes: config.modes.iter().map(|mode| mode.name.clone()).collect(),
            mappings: own + config.global_mappings.len(),
            plugins: config.plugins.iter().map(|plugin| plugin.name.clone()).collect(),
            uptime_ms: super::millis(self.clock.now().saturating_sub(self.base)),
            events: self.tally.events,
            notices: self.tally.notices,
            fired: sum(|one| one.fired),
            failed: sum(|one| one.failed),
            dropped: sum(|one| one.overflowed + one.abandoned) + self.tally.given_up,
            mode_changes: self.tally.mode_changes,
            reloads: self.tally.reloads,
            held_keys: self.engine.held_keys(),
            waiting: self.engine.waiting(),
        }
    }

    fn plugin_states(&self) -> Vec<PluginState> {
        let states = self.plugins.iter().map(|loaded| {
            let calls = loaded.worker.summary();
            PluginState {
                path: loaded.config.path.clone(),
                version: loaded.version.clone(),
                waiting: calls.fired
                    - (calls.succeeded + calls.failed + calls.abandoned).min(calls.fired),
                calls,
            }
        });
        states.collect()
    }

    pub(super) fn tell_mode(&self) {
        let mode = self.engine.mode_of(self.engine.mode());
        self.shift.feed.tell(|| Told::Mode { mode: mode.map_or("", |mode| &mode.name) });
    }
}

/// Ends a version when its last call has.
pub(super) async fn end(name: &Name, version: &Version) {
    match version.end().await {
        Ok(()) => tracing::debug!(target: TARGET, plugin = %name, "shut down"),
        Err(error) => tracing::warn!(target: TARGET, plugin = %name, "{error}"),
    }
}
