//! What the runner needs of plugins, and plugbay's host as one that gives it.

use std::error::Error;
use std::sync::Arc;

use plugbay::abi::action::TriggerContext;
use plugbay::runtime::BoxFuture;
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
}

/// A plugin that lives.
pub trait ActionPlugin: Send + Sync {
    /// Runs its action. Any error is the player's to see; the next call is independent of it.
    fn execute<'a>(
        &'a self,
        params: &'a RawValue,
        context: &'a TriggerContext,
    ) -> BoxFuture<'a, Result<(), ActionError>>;

    /// Ends its life.
    fn shutdown(&self) -> BoxFuture<'_, Result<(), ActionError>>;
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
}
