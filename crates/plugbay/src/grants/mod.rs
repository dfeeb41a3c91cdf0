//! What a loaded plugin may do, as its host functions ask it: at each call, and never once for all.

mod document;
mod file;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugbay_policy::{Capability, Decision, Denial, Grant, ModuleHash, Request, Risk};
use sha2::{Digest as _, Sha256};

pub use document::{GrantEntry, GrantFile, GrantRequest, Identity, Standing};
pub(crate) use file::{beside, private_folder};
pub use store::{GrantStore, GrantStoreError};

use crate::audit::{AuditOutcome, AuditRecord, AuditSink};
use crate::text;

/// What one plugin may do. Cheap to clone; all clones are one.
///
/// It is what the plugin's configuration gives, with what the user granted on top, and the capabilities of low
/// risk, which are given without asking and reach what a list names. Where the plugin's signature states
/// capabilities, there are no others. What is given may change while the plugin runs:
/// [`check`](Self::check) answers by what holds when it is asked.
#[derive(Clone)]
pub struct Granted {
    shared: Arc<Shared>,
    /// What was decided, for whoever traces an instance's calls.
    notes: Option<Arc<Mutex<Vec<String>>>>,
}

struct Shared {
    identity: Identity,
    store: Option<Arc<GrantStore>>,
    audit: Option<Arc<dyn AuditSink>>,
    /// The capabilities that the plugin's signature states, where it states any.
    stated: Option<BTreeSet<Capability>>,
    state: Mutex<State>,
}

struct State {
    configured: Grant,
    /// The store's revision that `effective` was made from.
    revision: Option<u64>,
    effective: Arc<Grant>,
    /// Capabilities that the plugin is known to ask for.
    asked: BTreeSet<Capability>,
    /// Capabilities of which it was said that they are granted in vain.
    vain: BTreeSet<Capability>,
}

/// Leave for one request, with the grant that it was given under: limits such as quotas and timeouts are in there.
#[derive(Debug, Clone)]
pub struct Permit {
    grant: Arc<Grant>,
}

impl Permit {
    /// The grant that allowed it.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }
}

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugin `{plugin}` was denied {denial}")]
#[non_exhaustive]
pub struct Denied {
    /// The plugin.
    pub plugin: String,
    /// What it lacks.
    pub denial: Denial,
}

impl Granted {
    /// What a plugin of this name is given, with no store and no audit behind it.
    pub fn new(plugin: impl Into<String>, grant: Grant) -> Self {
        Self::with(Identity::named(plugin), grant, None, None)
    }

    pub(crate) fn with(
        identity: Identity,
        configured: Grant,
        store: Option<Arc<GrantStore>>,
        audit: Option<Arc<dyn AuditSink>>,
    ) -> Self {
        Self::made(identity, configured, store, audit, None)
    }

    fn made(
        identity: Identity,
        configured: Grant,
        store: Option<Arc<GrantStore>>,
        audit: Option<Arc<dyn AuditSink>>,
        stated: Option<BTreeSet<Capability>>,
    ) -> Self {
        let mut state = State {
            configured: configured.clone(),
            revision: None,
            effective: Arc::default(),
            asked: BTreeSet::new(),
            vain: BTreeSet::new(),
        };
        state.settle(&identity.plugin, stated.as_ref(), configured);
        let shared = Shared { identity, store, audit, stated, state: Mutex::new(state) };
        Self { shared: Arc::new(shared), notes: None }
    }

    /// The same with nothing but these capabilities, whatever is granted; `None` bounds nothing.
    pub(crate) fn within(self, stated: Option<BTreeSet<Capability>>) -> Self {
        if stated.is_none() {
            return self;
        }
        let Shared { identity, store, audit, .. } = &*self.shared;
        let configured = self.state().configured.clone();
        Self::made(identity.clone(), configured, store.clone(), audit.clone(), stated)
    }

    /// The same with the grants that a store has for the plugin. Changes of the store, by this process or
    /// another, count from the next question on.
    #[must_use]
    pub fn backed_by(self, store: Arc<GrantStore>) -> Self {
        let Shared { identity, audit, stated, .. } = &*self.shared;
        let configured = self.state().configured.clone();
        Self::made(identity.clone(), configured, Some(store), audit.clone(), stated.clone())
    }

    /// The same with another place for audit records.
    #[must_use]
    pub fn audited_by(self, audit: Arc<dyn AuditSink>) -> Self {
        let Shared { identity, store, stated, .. } = &*self.shared;
        let configured = self.state().configured.clone();
        Self::made(identity.clone(), configured, store.clone(), Some(audit), stated.clone())
    }

    /// Which plugin this is about.
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// What holds now.
    pub fn grant(&self) -> Arc<Grant> {
        let mut state = self.state();
        let Some(store) = &self.shared.store else { return Arc::clone(&state.effective) };
        let (revision, file) = store.current();
        if state.revision != Some(revision) {
            let identity = &self.shared.identity;
            let stored = file.standing(identity).granted.unwrap_or_default();
            let granted = state.configured.clone().union(&stored);
            state.settle(&identity.plugin, self.shared.stated.as_ref(), granted);
            state.revision = Some(revision);
        }
        Arc::clone(&state.effective)
    }

    /// Replaces what the configuration gives, for calls from now on. What a store gives stays.
    pub fn replace(&self, grant: Grant) {
        let mut state = self.state();
        state.configured = grant.clone();
        state.settle(&self.shared.identity.plugin, self.shared.stated.as_ref(), grant);
        state.revision = None;
    }

    /// Decides one request by what holds now. Every refusal, and every leave of high risk, is an audit record.
    ///
    /// # Errors
    ///
    /// When it is refused; the error says what would have to be granted.
    pub fn check(&self, request: &Request) -> Result<Permit, Denied> {
        let grant = self.grant();
        let capability = request.capability();
        match grant.decide(request) {
            Decision::Allowed => {
                if capability.risk() == Risk::High {
                    self.record(capability, request, AuditOutcome::Granted, None);
                }
                self.note(|| format!("{capability} granted for {request}"));
                Ok(Permit { grant })
            }
            Decision::Denied(denial) => {
                let reason = denial.lacking.to_string();
                self.note(|| format!("{capability} denied for {request}: {reason}"));
                self.record(capability, request, AuditOutcome::Denied, Some(reason));
                Err(Denied { plugin: self.shared.identity.plugin.clone(), denial })
            }
        }
    }

    /// Whether a capability is there, for what is answered elsewhere; no record is made.
    pub(crate) fn has(&self, capability: Capability) -> bool {
        self.grant().has(capability)
    }

    /// Records that something which takes `capability` was refused where no request could be made of it.
    pub(crate) fn refused(&self, capability: Capability, what: &str) {
        let reason = format!("{capability} is not granted");
        self.record(capability, &what, AuditOutcome::Denied, Some(reason));
    }

    /// Takes in what the plugin says it asks for, and tells once of each capability what is not granted: in the
    /// log, and in the store, where it waits for the user.
    pub(crate) fn asked(&self, asked: &[Capability]) {
        let fresh: Vec<Capability> = {
            let mut state = self.state();
            asked.iter().copied().filter(|capability| state.asked.insert(*capability)).collect()
        };
        let lacking = self.grant().missing(fresh.iter().copied());
        let plugin = &*self.shared.identity.plugin;
        for capability in &lacking {
            tracing::warn!(plugin, %capability, "asks for a capability that it was not granted");
        }
        for capability in fresh.iter().filter(|capability| !lacking.contains(capability)) {
            let granted = self.grant().as_ref().clone().only(*capability);
            tracing::info!(plugin, %granted, "has what it asks for");
        }
        let Some(store) = self.shared.store.as_ref().filter(|_| !lacking.is_empty()) else {
            return;
        };
        // What is only for this process to know need not be written for others to read.
        if let Err(error) = store.ask(&self.shared.identity, &lacking) {
            tracing::warn!(plugin, "its request cannot be kept for `plugbay grants`: {error}");
        }
    }

    /// What is missing of what it asks for, lowest risk first.
    pub(crate) fn missing(&self, asked: &[Capability]) -> Vec<Capability> {
        self.grant().missing(asked.iter().copied())
    }

    /// One that notes what is decided through it, for a trace of one instance.
    pub(crate) fn noted(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), notes: Some(Arc::default()) }
    }

    /// What was decided through this one since the last time.
    pub(crate) fn take_notes(&self) -> Vec<String> {
        let notes = self.notes.as_ref();
        notes.map(|notes| std::mem::take(&mut *lock(notes))).unwrap_or_default()
    }

    fn note(&self, text: impl FnOnce() -> String) {
        if let Some(notes) = &self.notes {
            lock(notes).push(text());
        }
    }

    fn record(
        &self,
        capability: Capability,
        argument: &dyn fmt::Display,
        outcome: AuditOutcome,
        reason: Option<String>,
    ) {
        let Some(audit) = &self.shared.audit else { return };
        let Identity { plugin, sha256, .. } = &self.shared.identity;
        audit.record(&AuditRecord {
            time: text::now(),
            plugin: plugin.clone(),
            sha256: *sha256,
            capability,
            argument: argument.to_string(),
            outcome,
            reason,
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }
}

impl State {
    /// Puts into effect what is granted, as far as the plugin's author stands by it, and tells once of each
    /// capability that is granted in vain.
    fn settle(&mut self, plugin: &str, stated: Option<&BTreeSet<Capability>>, granted: Grant) {
        let Some(stated) = stated else {
            self.effective = Arc::new(granted.with_automatic());
            return;
        };
        for capability in granted.iter().filter(|capability| !stated.contains(capability)) {
            if self.vain.insert(capability) {
                tracing::warn!(
                    plugin,
                    %capability,
                    "is not given what it was granted: its signature does not state it"
                );
            }
        }
        let others = Capability::ALL.into_iter().filter(|other| !stated.contains(other));
        self.effective = Arc::new(others.fold(granted.with_automatic(), Grant::without));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted")
            .field("identity", &self.shared.identity)
            .field("grant", &self.state().effective)
            .finish_non_exhaustive()
    }
}

/// The SHA-256 of a module, by which grants are bound to it.
pub fn module_hash(wasm: &[u8]) -> ModuleHash {
    ModuleHash(Sha256::digest(wasm).into())
}
