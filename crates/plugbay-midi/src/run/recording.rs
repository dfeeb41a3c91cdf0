//! A host without plugins.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plugbay::abi::action::TriggerContext;
use plugbay::runtime::BoxFuture;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{ActionError, ActionHost, ActionPlugin};
use crate::config::Plugin;

/// What a [`RecordingHost`] was asked to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// A plugin was loaded.
    Load {
        /// Its name.
        plugin: String,
    },
    /// A call began.
    Execute {
        /// The plugin's name.
        plugin: String,
        /// What it was given.
        params: Value,
        /// What it was told.
        context: TriggerContext,
    },
    /// A call ended.
    Done {
        /// The plugin's name.
        plugin: String,
    },
    /// A plugin was shut down.
    Shutdown {
        /// Its name.
        plugin: String,
    },
}

/// How the plugins of a [`RecordingHost`] behave.
#[derive(Debug, Clone, Default)]
struct Behaviour {
    refuses: Option<String>,
    fails: Option<String>,
    takes: Duration,
    panics: bool,
}

/// The test double of [`ActionHost`]: every plugin loads, every call is recorded and
/// succeeds, unless it was told otherwise. Plugins go by their configured names.
#[derive(Debug, Clone, Default)]
pub struct RecordingHost {
    behaviour: BTreeMap<String, Behaviour>,
    recorded: Arc<Mutex<Vec<Recorded>>>,
}

impl RecordingHost {
    /// Plugins that do nothing, at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// A plugin does not load.
    #[must_use]
    pub fn refusing(mut self, plugin: &str, why: &str) -> Self {
        self.of(plugin).refuses = Some(why.to_owned());
        self
    }

    /// Every call of a plugin fails.
    #[must_use]
    pub fn failing(mut self, plugin: &str, why: &str) -> Self {
        self.of(plugin).fails = Some(why.to_owned());
        self
    }

    /// Every call of a plugin takes time, on tokio's clock.
    #[must_use]
    pub fn taking(mut self, plugin: &str, time: Duration) -> Self {
        self.of(plugin).takes = time;
        self
    }

    /// Every call of a plugin is a mistake of the host's own.
    #[must_use]
    pub fn panicking(mut self, plugin: &str) -> Self {
        self.of(plugin).panics = true;
        self
    }

    /// Everything that was asked for until now.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&mut self, plugin: &str) -> &mut Behaviour {
        self.behaviour.entry(plugin.to_owned()).or_default()
    }
}

fn record(recorded: &Mutex<Vec<Recorded>>, what: Recorded) {
    recorded.lock().unwrap_or_else(PoisonError::into_inner).push(what);
}

struct RecordingPlugin {
    name: String,
    behaviour: Behaviour,
    recorded: Arc<Mutex<Vec<Recorded>>>,
}

impl ActionHost for RecordingHost {
    fn load<'a>(
        &'a self,
        plugin: &'a Plugin,
    ) -> BoxFuture<'a, Result<Arc<dyn ActionPlugin>, ActionError>> {
        Box::pin(async move {
            let name = plugin.name.clone();
            let behaviour = self.behaviour.get(&name).cloned().unwrap_or_default();
            if let Some(why) = behaviour.refuses {
                return Err(why.into());
            }
            record(&self.recorded, Recorded::Load { plugin: name.clone() });
            let recorded = Arc::clone(&self.recorded);
            Ok(Arc::new(RecordingPlugin { name, behaviour, recorded }) as Arc<dyn ActionPlugin>)
        })
    }
}

impl ActionPlugin for RecordingPlugin {
    fn execute<'a>(
        &'a self,
        params: &'a RawValue,
        context: &'a TriggerContext,
    ) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            let plugin = self.name.clone();
            let params = serde_json::from_str(params.get())?;
            let context = context.clone();
            record(&self.recorded, Recorded::Execute { plugin: plugin.clone(), params, context });
            assert!(!self.behaviour.panics, "told to panic");
            tokio::time::sleep(self.behaviour.takes).await;
            record(&self.recorded, Recorded::Done { plugin });
            match &self.behaviour.fails {
                Some(why) => Err(why.clone().into()),
                None => Ok(()),
            }
        })
    }

    fn shutdown(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async move {
            record(&self.recorded, Recorded::Shutdown { plugin: self.name.clone() });
            Ok(())
        })
    }
}
