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
    asks: Vec<String>,
    version: u32,
}

/// The test double of [`ActionHost`]: every plugin loads, every call is recorded and
/// succeeds, unless it was told otherwise. Plugins go by their configured names.
#[derive(Debug, Clone, Default)]
pub struct RecordingHost {
    behaviour: Arc<Mutex<BTreeMap<String, Behaviour>>>,
    recorded: Arc<Mutex<Vec<Recorded>>>,
}

impl RecordingHost {
    /// Plugins that do nothing, at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// A plugin does not load.
    #[must_use]
    pub fn refusing(self, plugin: &str, why: &str) -> Self {
        self.of(plugin, |of| of.refuses = Some(why.to_owned()));
        self
    }

    /// Every call of a plugin fails.
    #[must_use]
    pub fn failing(self, plugin: &str, why: &str) -> Self {
        self.of(plugin, |of| of.fails = Some(why.to_owned()));
        self
    }

    /// Every call of a plugin takes time, on tokio's clock.
    #[must_use]
    pub fn taking(self, plugin: &str, time: Duration) -> Self {
        self.of(plugin, |of| of.takes = time);
        self
    }

    /// Every call of a plugin is a mistake of the host's own.
    #[must_use]
    pub fn panicking(self, plugin: &str) -> Self {
        self.of(plugin, |of| of.panics = true);
        self
    }

    /// Everything that was asked for until now.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on there is another version of a plugin, which loads and is as fast as can be, or which does not load.
    pub fn roll_out(&self, plugin: &str, refuses: Option<&str>) {
        self.of(plugin, |of| {
            let version = of.version + 1;
            *of =
                Behaviour { version, refuses: refuses.map(str::to_owned), ..Behaviour::default() };
        });
    }

    /// From now on the version of a plugin asks for something that it is not granted, or no longer.
    pub fn ask(&self, plugin: &str, capabilities: &[&str]) {
        self.of(plugin, |of| of.asks = capabilities.iter().map(ToString::to_string).collect());
    }

    fn of(&self, plugin: &str, change: impl FnOnce(&mut Behaviour)) {
        let mut behaviour = self.behaviour.lock().unwrap_or_else(PoisonError::into_inner);
        change(behaviour.entry(plugin.to_owned()).or_default());
    }

    fn behaviour(&self, plugin: &str) -> Behaviour {
        let behaviour = self.behaviour.lock().unwrap_or_else(PoisonError::into_inner);
        behaviour.get(plugin).cloned().unwrap_or_default()
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
            let behaviour = self.behaviour(&name);
            if let Some(why) = behaviour.refuses {
                return Err(why.into());
            }
            let recorded = Arc::clone(&self.recorded);
            // Later versions go by the name with their number.
            let name = match behaviour.version {
                0 => name,
                version => format!("{name}.{version}"),
            };
            record(&self.recorded, Recorded::Load { plugin: name.clone() });
            Ok(Arc::new(RecordingPlugin { name, behaviour, recorded }) as Arc<dyn ActionPlugin>)
        })
    }

    fn version<'a>(&'a self, plugin: &'a Plugin) -> BoxFuture<'a, Option<String>> {
        Box::pin(async { Some(self.behaviour(&plugin.name).version.to_string()) })
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

    fn asks_beyond(&self, _before: &dyn ActionPlugin) -> Vec<String> {
        self.behaviour.asks.clone()
    }
}
