//! What the runner needs of plugins, and plugbay's host as one that gives it.

use std::any::Any;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use plugbay::abi::action::TriggerContext;
use plugbay::runtime::BoxFuture;
use plugbay::signing::signature_path;
use plugbay::{Host, PluginOptions};
use serde_json::value::RawValue;

use crate::config::Plugin;

/// Why a plugin did not load or an action did not succeed, in words for the player.
pub type ActionError = Box<dyn Error + Send + Sync>;

/// Loads plugins. Its test double is [`RecordingHost`](super::RecordingHost).
pub trait ActionHost: Send + Sync {
    /// Brings a plugin to life.
    fn load<'a>(
        &'a self,
        plugin: &'a Plugin,
    ) -> BoxFuture<'a, Result<Arc<dyn ActionPlugin>, ActionError>>;

    /// What there is to be loaded at the moment: something else whenever that has changed. `None` is unknown, and
    /// taken for a change.
    fn version<'a>(&'a self, _plugin: &'a Plugin) -> BoxFuture<'a, Option<String>> {
        Box::pin(async { None })
    }
}

/// A plugin that lives.
pub trait ActionPlugin: Any + Send + Sync {
    /// Runs its action. Any error is the player's to see; the next call is independent of it.
    fn execute<'a>(
        &'a self,
        params: &'a RawValue,
        context: &'a TriggerContext,
    ) -> BoxFuture<'a, Result<(), ActionError>>;

    /// Ends its life.
    fn shutdown(&self) -> BoxFuture<'_, Result<(), ActionError>>;

    /// The capabilities for which it waits, as a new version, before it takes the place of `before`: what it asks
    /// for, was not granted, and what the one before has or never asked for.
    fn asks_beyond(&self, _before: &dyn ActionPlugin) -> Vec<String> {
        Vec::new()
    }
}

/// A module that is a plugin of another kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "plugin `{plugin}` is no action plugin: it exports neither `execute_with_context` nor `execute`"
)]
pub struct NoActionPlugin {
    /// Its name.
    pub plugin: String,
}

impl ActionHost for Host {
    fn load<'a>(
        &'a self,
        plugin: &'a Plugin,
    ) -> BoxFuture<'a, Result<Arc<dyn ActionPlugin>, ActionError>> {
        Box::pin(async move {
            let mut options = PluginOptions::named(&plugin.name)
                .with_limits(plugin.limits.clone())
                .with_grant(plugin.grant.clone())
                .with_required_signature(plugin.require_signature)
                .with_variables(plugin.environment.clone());
            options.instances = plugin.instances;
            let loaded = self.load_file(&plugin.path, options).await?;
            if !loaded.interface().is_action_plugin() {
                loaded.shutdown().await?;
                return Err(NoActionPlugin { plugin: plugin.name.clone() }.into());
            }
            Ok(Arc::new(loaded) as Arc<dyn ActionPlugin>)
        })
    }

    fn version<'a>(&'a self, plugin: &'a Plugin) -> BoxFuture<'a, Option<String>> {
        let (path, longest) = (plugin.path.clone(), plugin.limits.module_bytes);
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || version(&path, longest));
            read.await.ok().flatten()
        })
    }
}

/// The hashes of a module and of the signature beside it, if there is one.
fn version(path: &Path, longest: u64) -> Option<String> {
    let hash = |path: &Path| {
        use std::io::Read as _;
        // Reading anything else might never end.
        std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).ok()?.take(longest.saturating_add(1));
        { file }.read_to_end(&mut bytes).ok()?;
        Some(plugbay::module_hash(&bytes).to_string())
    };
    let module = hash(path)?;
    Some(match hash(&signature_path(path)) {
        Some(signature) => format!("{module} {signature}"),
        None => module,
    })
}

impl ActionPlugin for plugbay::Plugin {
    fn execute<'a>(
        &'a self,
        params: &'a RawValue,
        context: &'a TriggerContext,
    ) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            plugbay::Plugin::execute(self, params, context).await?;
            Ok(())
        })
    }

    fn shutdown(&self) -> BoxFuture<'_, Result<(), ActionError>> {
        Box::pin(async move { Ok(plugbay::Plugin::shutdown(self).await?) })
    }

    fn asks_beyond(&self, before: &dyn ActionPlugin) -> Vec<String> {
        let before: &dyn Any = before;
        let asks = before.downcast_ref().map(|before| plugbay::Plugin::asks_beyond(self, before));
        asks.unwrap_or_default().iter().map(ToString::to_string).collect()
    }
}
