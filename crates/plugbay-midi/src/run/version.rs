//! Versions of one plugin: the one that is called, and those that end.

use std::sync::{Arc, Mutex, PoisonError};

use plugbay::abi::action::TriggerContext;
use serde_json::value::RawValue;

use super::{ActionError, ActionPlugin};

/// What calls of one plugin go to: its newest version. A call that waits goes to the one that is newest when
/// its turn comes.
pub(super) struct Slot(Mutex<Arc<Version>>);

/// One version of a plugin.
pub(super) struct Version {
    plugin: Arc<dyn ActionPlugin>,
    /// Held by the call that is made.
    call: tokio::sync::Mutex<()>,
}

impl Slot {
    pub(super) fn new(plugin: Arc<dyn ActionPlugin>) -> Self {
        Self(Mutex::new(Version::new(plugin)))
    }

    /// Calls the newest version.
    pub(super) async fn execute(
        &self,
        params: &RawValue,
        context: &TriggerContext,
    ) -> Result<(), ActionError> {
        loop {
            let version = self.newest();
            let _call = version.call.lock().await;
            // From here on it is not shut down before the call has ended.
            if Arc::ptr_eq(&version, &self.newest()) {
                return version.plugin.execute(params, context).await;
            }
        }
    }

    /// Has calls go to another version, and returns the one before.
    pub(super) fn replace(&self, plugin: Arc<dyn ActionPlugin>) -> Arc<Version> {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut newest, Version::new(plugin))
    }

    pub(super) fn newest(&self) -> Arc<Version> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Version {
    fn new(plugin: Arc<dyn ActionPlugin>) -> Arc<Self> {
        Arc::new(Self { plugin, call: tokio::sync::Mutex::new(()) })
    }

    /// What is called.
    pub(super) fn plugin(&self) -> Arc<dyn ActionPlugin> {
        Arc::clone(&self.plugin)
    }

    /// Waits for its last call and shuts it down.
    pub(super) async fn end(&self) -> Result<(), ActionError> {
        let _last = self.call.lock().await;
        self.plugin.shutdown().await
    }
}
