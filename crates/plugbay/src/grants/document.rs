//! What the file of grants says.

use std::time::SystemTime;

use plugbay_policy::{Capability, Grant, ModuleHash};
use serde::{Deserialize, Serialize};

use crate::text::{self, rfc3339};

/// Which plugin a grant is for: its name, its very bytes, and who signed them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The name that the configuration gives it, or its file's. A name that it gives itself is not asked.
    pub plugin: String,
    /// The module. `None` where nobody needed to know, and then nothing that is bound to a module is granted.
    pub sha256: Option<ModuleHash>,
    /// The public key of its verified signature, in the spelling of the trust store.
    pub signer: Option<String>,
}

impl Identity {
    /// A plugin of which only the name is known.
    pub fn named(plugin: impl Into<String>) -> Self {
        Self { plugin: plugin.into(), sha256: None, signer: None }
    }

    /// A plugin with its module, and its signer where its signature was verified.
    pub fn new(plugin: impl Into<String>, sha256: ModuleHash, signer: Option<String>) -> Self {
        Self { plugin: plugin.into(), sha256: Some(sha256), signer }
    }
}

/// Everything that is in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantFile {
    /// What was granted.
    #[serde(default)]
    pub grants: Vec<GrantEntry>,
    /// What was asked for and not granted yet.
    #[serde(default)]
    pub requests: Vec<GrantRequest>,
}

/// What was granted to one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantEntry {
    /// The plugin's name.
    pub plugin: String,
    /// The module.
    pub sha256: ModuleHash,
    /// The key that had signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// When that was last changed.
    #[serde(with = "rfc3339")]
    pub granted_at: SystemTime,
    /// What.
    pub capabilities: Grant,
}

/// What one module asks for and was not granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantRequest {
    /// The plugin's name.
    pub plugin: String,
    /// The module.
    pub sha256: ModuleHash,
    /// The key that signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// When it first asked.
    #[serde(with = "rfc3339")]
    pub requested_at: SystemTime,
    /// What it lacks, lowest risk first.
    pub asks: Vec<Capability>,
    /// The version before it of the same name, where that has grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ModuleHash>,
}

/// How a plugin stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// What it was granted, by itself or as a version that was signed by the same key.
    pub granted: Option<Grant>,
    /// Whether that was granted to an earlier version and passed on to this one.
    pub carried: bool,
    /// What an earlier version of the same name had, which this one does not have by itself: nothing shows
    /// that they are by the same hand.
    pub previous: Option<GrantEntry>,
}

impl GrantFile {
    /// How a plugin stands.
    ///
    /// A grant holds for the module it was given to, under the name it was given to. A new version of
    /// that name has it too if both are signed by the same key. A module that lost its signature has not what it
    /// was granted with one.
    pub fn standing(&self, identity: &Identity) -> Standing {
        let Some(sha256) = identity.sha256 else { return Standing::default() };
        let same_name = || self.grants.iter().filter(|entry| entry.plugin == identity.plugin);
        let newest = |entries: &mut dyn Iterator<Item = &GrantEntry>| {
            entries.max_by_key(|entry| entry.granted_at).cloned()
        };
        let of_signer = |entry: &&GrantEntry| entry.signer == identity.signer;
        // A signature that was added takes nothing away.
        let own = |entry: &&GrantEntry| {
            entry.sha256 == sha256 && (entry.signer.is_none() || of_signer(entry))
        };
        if let Some(entry) = newest(&mut same_name().filter(own)) {
            return Standing { granted: Some(entry.capabilities), ..Standing::default() };
        }
        let carried = |entry: &&GrantEntry| entry.signer.is_some() && of_signer(entry);
        if let Some(entry) = newest(&mut same_name().filter(carried)) {
            return Standing {
                granted: Some(entry.capabilities),
                carried: true,
                ..Standing::default()
            };
        }
        Standing { previous: newest(&mut same_name()), ..Standing::default() }
    }

    /// Grants, on top of what the plugin has: what was asked for and is in it waits no longer.
    ///
    /// Returns what it has now, or `None` where its module is not known, and nothing was granted.
    pub fn grant(&mut self, identity: &Identity, grant: &Grant) -> Option<Grant> {
        let sha256 = identity.sha256?;
        let had = self.standing(identity).granted.unwrap_or_default();
        let capabilities = had.union(grant);
        self.grants.retain(|entry| entry.plugin != identity.plugin || entry.sha256 != sha256);
        self.grants.push(GrantEntry {
            plugin: identity.plugin.clone(),
            sha256,
            signer: identity.signer.clone(),
            granted_at: text::now(),
            capabilities: capabilities.clone(),
        });
        for request in &mut self.requests {
            if request.plugin == identity.plugin && request.sha256 == sha256 {
                request.asks.retain(|asked| !capabilities.has(*asked));
            }
        }
        self.requests.retain(|request| !request.asks.is_empty());
        Some(capabilities)
    }

    /// Takes back: one capability, or all of them, from every entry that `of` says. Returns how many entries
    /// that changed.
    pub fn revoke(&mut self, of: impl Fn(&GrantEntry) -> bool, what: Option<Capability>) -> usize {
        let mut changed = 0;
        for entry in self.grants.iter_mut().filter(|entry| of(entry)) {
            let before = std::mem::take(&mut entry.capabilities);
            entry.capabilities = what.map_or_else(Grant::none, |what| before.clone().without(what));
            if entry.capabilities != before {
                changed += 1;
                entry.granted_at = text::now();
            }
        }
        self.grants.retain(|entry| !entry.capabilities.is_empty());
        changed
    }

    /// Notes what a plugin lacks. Returns whether that is news.
    pub fn ask(&mut self, identity: &Identity, lacking: &[Capability]) -> bool {
        // A file of requests that nobody looks at is not to grow for ever.
        const MOST_REQUESTS: usize = 256;
        let Some(sha256) = identity.sha256 else { return false };
        let previous = self.standing(identity).previous.map(|entry| entry.sha256);
        let own = |r: &&mut GrantRequest| r.plugin == identity.plugin && r.sha256 == sha256;
        let mut asks = lacking.to_vec();
        asks.sort();
        asks.dedup();
        if let Some(request) = self.requests.iter_mut().find(own) {
            asks.extend(&request.asks);
            asks.sort();
            asks.dedup();
            let news = request.asks != asks || request.signer != identity.signer;
            request.asks = asks;
            request.signer.clone_from(&identity.signer);
            return news;
        }
        let beyond = (self.requests.len() + 1).saturating_sub(MOST_REQUESTS);
        self.requests.drain(..beyond);
        self.requests.push(GrantRequest {
            plugin: identity.plugin.clone(),
            sha256,
            signer: identity.signer.clone(),
            requested_at: text::now(),
            asks,
            previous,
        });
        true
    }
}
