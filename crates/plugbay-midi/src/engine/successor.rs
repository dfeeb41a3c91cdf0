//! One configuration after another, without an end of what is under way.
//!
//! Keys that are down stay down, and controllers keep their values. The mode stays if there still is one of its name.
//! A press that is not settled becomes what it would have become, had the new mappings been there when it
//! came. An action that waits for its time goes on as it began: what it still has to do is put into the terms
//! of the new configuration, and what has no place in that is left out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::lookup::Lookup;
use super::{Decision, Engine, MappingId};
use crate::config::{Action, Condition, Config, Mapping, ModeId, PluginId};

/// What became of things under way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Succession {
    /// Whether the mode is another one, because there is none of that name any more.
    pub mode_is_gone: bool,
    /// Steps of actions under way that were left out, because their plugin or mode is not there any more.
    pub left_out: u64,
}

/// Places in the one configuration by places in the other.
pub(crate) struct Places {
    modes: Vec<Option<ModeId>>,
    plugins: Vec<Option<PluginId>>,
}

impl Places {
    pub(crate) fn new(from: &Config, to: &Config) -> Self {
        let modes: HashMap<&str, usize> =
            to.modes.iter().enumerate().map(|(place, mode)| (&*mode.name, place)).collect();
        let plugins: HashMap<&Path, usize> =
            to.plugins.iter().enumerate().map(|(place, plugin)| (&*plugin.path, place)).collect();
        let mode = |name: &str| u8::try_from(*modes.get(name)?).ok().map(ModeId);
        Self {
            modes: from.modes.iter().map(|old| mode(&old.name)).collect(),
            plugins: from
                .plugins
                .iter()
                .map(|old| plugins.get(&*old.path).copied().map(PluginId))
                .collect(),
        }
    }

    pub(crate) fn mode(&self, mode: ModeId) -> Option<ModeId> {
        self.modes.get(usize::from(mode.0)).copied().flatten()
    }

    fn plugin(&self, plugin: PluginId) -> Option<PluginId> {
        self.plugins.get(plugin.0).copied().flatten()
    }

    /// The same mapping, on whichever line it is.
    pub(crate) fn mapping(&self, id: MappingId, from: &Config, to: &Config) -> Option<MappingId> {
        let all = mappings(from, id.mode)?;
        let old = all.get(id.index)?;
        let mode = match id.mode {
            Some(mode) => Some(self.mode(mode)?),
            None => None,
        };
        let is_it =
            |one: &&Mapping| (&one.trigger, &one.description) == (&old.trigger, &old.description);
        // Of several alike, the one that comes as late.
        let before = all.iter().take(id.index).filter(is_it).count();
        let mut alike = mappings(to, mode)?.iter().enumerate().filter(|(_, one)| is_it(one));
        let (index, _) = alike.nth(before)?;
        Some(MappingId { mode, index })
    }

    fn action(&self, action: &Arc<Action>, left_out: &mut u64) -> Arc<Action> {
        let moved = match &**action {
            Action::WasmPlugin { plugin, params } => match self.plugin(*plugin) {
                Some(plugin) => Action::WasmPlugin { plugin, params: params.clone() },
                None => nothing(left_out),
            },
            Action::ModeChange { mode } => match self.mode(*mode) {
                Some(mode) => Action::ModeChange { mode },
                None => nothing(left_out),
            },
            Action::Sequence { actions } => Action::Sequence {
                actions: actions.iter().map(|one| self.action(one, left_out)).collect(),
            },
            Action::Repeat { action, count, pause } => Action::Repeat {
                action: self.action(action, left_out),
                count: *count,
                pause: *pause,
            },
            Action::Conditional { condition, then, otherwise } => Action::Conditional {
                condition: self.condition(condition),
                then: self.action(then, left_out),
                otherwise: otherwise.as_ref().map(|one| self.action(one, left_out)),
            },
            _ => return Arc::clone(action),
        };
        Arc::new(moved)
    }

    /// A mode that is gone is never the current one.
    fn condition(&self, condition: &Condition) -> Condition {
        let all = |all: &[Condition]| all.iter().map(|one| self.condition(one)).collect();
        match condition {
            Condition::ModeIs(mode) => self.mode(*mode).map_or(Condition::Never, Condition::ModeIs),
            Condition::And(conditions) => Condition::And(all(conditions)),
            Condition::Or(conditions) => Condition::Or(all(conditions)),
            Condition::Not(condition) => Condition::Not(Box::new(self.condition(condition))),
            _ => condition.clone(),
        }
    }
}

fn nothing(left_out: &mut u64) -> Action {
    *left_out += 1;
    Action::Delay { time: Duration::ZERO }
}

fn mappings(config: &Config, mode: Option<ModeId>) -> Option<&[Mapping]> {
    match mode {
        Some(mode) => config.modes.get(usize::from(mode.0)).map(|mode| &*mode.mappings),
        None => Some(&config.global_mappings),
    }
}

impl Engine {
    /// Follows another configuration from now on, which is [`now`](Self::now).
    ///
    /// What of the presses under way is settled by that is appended to `decisions`, which are of the new configuration.
    pub fn follow(&mut self, config: Arc<Config>, decisions: &mut Vec<Decision>) -> Succession {
        let places = Places::new(&self.config, &config);
        let mut succession = Succession::default();
        let current = places.mode(self.current);
        succession.mode_is_gone = current.is_none();
        self.modes = config.modes.iter().map(|mode| Lookup::new(&mode.mappings)).collect();
        self.global = Lookup::new(&config.global_mappings);
        let old = std::mem::replace(&mut self.config, config);
        self.current = current.unwrap_or_default();

        let (current, new) = (self.current, Arc::clone(&self.config));
        self.scripts.translate(
            |decision| {
                // What has no place in the new configuration keeps none in it.
                let nowhere = MappingId { mode: None, index: usize::MAX };
                decision.mapping = places.mapping(decision.mapping, &old, &new).unwrap_or(nowhere);
                decision.mode = places.mode(decision.mode).unwrap_or(current);
            },
            |action| places.action(action, &mut succession.left_out),
        );

        let (mut gestures, mut settled) =
            (std::mem::take(&mut self.gestures), std::mem::take(&mut self.settled));
        gestures.reconsider(
            self.now,
            |press| {
                let mode = places.mode(press.mode).unwrap_or(current);
                (mode, self.hopes(mode, press.channel, press.note))
            },
            &mut settled,
        );
        self.gestures = gestures;
        self.decide_all(&mut settled, decisions);
        self.settled = settled;
        succession
    }
}
