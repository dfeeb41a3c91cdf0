//! `kv_get`, `kv_set`, `kv_delete`, `kv_swap`.

use std::sync::{Arc, Mutex, PoisonError};

use plugbay_policy::{Filesystem, Request};
use plugbay_runtime::TrapKind;
use serde_json::Value as Json;

use super::HostFunctions;
use super::background::{Task, block};
use super::document::{Args, Told};
use super::outcome::{Class, Failure, Outcome, Success};
use super::remarks::Remarks;
use crate::data::DataRoot;
use crate::services::StandInCall;
use crate::state::{LONGEST_KEY, LONGEST_VALUE, StateError, StateLimits, StateStore, Swapped};

/// The state of one plugin: opened when it is first asked for, and closed with the plugin.
pub(crate) struct PluginState {
    plugin: String,
    remarks: Arc<Remarks>,
    root: DataRoot,
    opened: Mutex<Option<StateStore>>,
}

impl PluginState {
    pub(super) fn new(plugin: &str, remarks: Arc<Remarks>, root: DataRoot) -> Self {
        Self { plugin: plugin.to_owned(), remarks, root, opened: Mutex::default() }
    }

    /// Blocks. One that cannot be opened is tried again by the next call.
    fn store(&self) -> Told<StateStore> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*opened {
            return Ok(store.clone());
        }
        let path = self.root.state_file(&self.plugin);
        let path = path.map_err(|error| Failure::new(Class::Failed, error.to_string()))?;
        let store = StateStore::open(&path).map_err(|error| self.failure(&error))?;
        Ok(opened.insert(store).clone())
    }

    /// What a plugin is told of a failure; where its state lies is the operator's to know.
    fn failure(&self, error: &StateError) -> Failure {
        let class = match error.class() {
            "invalid" => Class::Invalid,
            "too_large" => Class::TooLarge,
            _ => {
                if let Some(text) = self.remarks.fit(error) {
                    tracing::warn!(plugin = &*self.plugin, "its state: {text}");
                }
                Class::Failed
            }
        };
        Failure::new(class, error.guest_message())
    }
}

/// A copy of what is not too long to be one.
fn copied(bytes: &[u8], what: &str, most: usize, class: Class) -> Told<Vec<u8>> {
    if bytes.len() > most {
        let message = format!("{what} of {} bytes, wanted {most} at most", bytes.len());
        return Err(Failure::new(class, message));
    }
    Ok(bytes.to_vec())
}

/// A key as messages and records show it.
fn shown(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

impl HostFunctions {
    /// `kv_get(key_ptr, key_len)`.
    pub(super) fn kv_get(&self, args: &mut Args<'_>) -> Result<Told<Task>, TrapKind> {
        let key = copied(args.bytes(0)?, "a key", LONGEST_KEY, Class::Invalid);
        Ok(key.and_then(|key| {
            let call = StandInCall::new("kv_get").bytes("key", &*key);
            self.with_state(&key.clone(), false, call, move |store, _| {
                Ok(match store.get(&key)? {
                    Some(value) => Success::new(1).bytes(value),
                    None => Success::new(0),
                })
            })
        }))
    }

    /// `kv_set(key_ptr, key_len, ptr, len)`.
    pub(super) fn kv_set(&self, args: &mut Args<'_>) -> Result<Told<Task>, TrapKind> {
        let key = copied(args.bytes(0)?, "a key", LONGEST_KEY, Class::Invalid);
        let value = copied(args.bytes(2)?, "a value", LONGEST_VALUE, Class::TooLarge);
        Ok(key.and_then(|key| {
            let value = value?;
            let call = StandInCall::new("kv_set").bytes("key", &*key).bytes("value", &*value);
            self.with_state(&key.clone(), true, call, move |store, limits| {
                store.set(&key, &value, limits)?;
                Ok(Success::new(0))
            })
        }))
    }

    /// `kv_delete(key_ptr, key_len)`.
    pub(super) fn kv_delete(&self, args: &mut Args<'_>) -> Result<Told<Task>, TrapKind> {
        let key = copied(args.bytes(0)?, "a key", LONGEST_KEY, Class::Invalid);
        Ok(key.and_then(|key| {
            let call = StandInCall::new("kv_delete").bytes("key", &*key);
            self.with_state(&key.clone(), true, call, move |store, _| {
                Ok(Success::new(store.delete(&key)?.into()))
            })
        }))
    }

    /// `kv_swap(key_ptr, key_len, old_ptr, old_len, ptr, len)`.
    pub(super) fn kv_swap(&self, args: &mut Args<'_>) -> Result<Told<Task>, TrapKind> {
        let value = |bytes: &[u8]| copied(bytes, "a value", LONGEST_VALUE, Class::TooLarge);
        let key = copied(args.bytes(0)?, "a key", LONGEST_KEY, Class::Invalid);
        let old = args.optional_bytes(2)?.map(value).transpose();
        let new = args.optional_bytes(4)?.map(value).transpose();
        Ok(key.and_then(|key| {
            let (old, new) = (old?, new?);
            let mut call = StandInCall::new("kv_swap").bytes("key", &*key);
            for (name, value) in [("old", &old), ("value", &new)] {
                call = match value {
                    Some(value) => call.bytes(name, &**value),
                    None => call.with(name, Json::Null),
                };
            }
            self.with_state(&key.clone(), true, call, move |store, limits| {
                Ok(match store.swap(&key, old.as_deref(), new.as_deref(), limits)? {
                    Swapped::Done => Success::new(1),
                    Swapped::Other(Some(value)) => Success::new(0).bytes(value),
                    Swapped::Other(None) => Success::new(0),
                })
            })
        }))
    }

    fn with_state(
        &self,
        key: &[u8],
        write: bool,
        call: StandInCall,
        act: impl FnOnce(&StateStore, StateLimits) -> Result<Success, StateError> + Send + 'static,
    ) -> Told<Task> {
        let permit = self.granted.check(&Request::State { key: shown(key), write })?;
        let filesystem = permit.grant().filesystem.clone().unwrap_or_default();
        let Filesystem { quota_bytes, max_files, .. } = filesystem;
        let limits = StateLimits { quota_bytes, max_keys: max_files };
        if let Some(task) = self.stood_in(|| call) {
            return Ok(task);
        }
        let Some(state) = self.shared.state.clone() else {
            return Err(Failure::new(Class::Unavailable, "this host keeps nothing for plugins"));
        };
        Ok(block(&self.shared.turns, move || -> Outcome {
            let store = state.store()?;
            act(&store, limits).map_err(|error| state.failure(&error))
        }))
    }
}
