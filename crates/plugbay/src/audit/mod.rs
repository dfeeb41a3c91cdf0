//! The account of what was refused, and of what of high risk was allowed.

mod file;
mod read;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use plugbay_policy::{Capability, ModuleHash};
use serde::{Deserialize, Serialize};

pub use file::{AuditFile, DEFAULT_AUDIT_BYTES};
pub use read::{AuditLine, AuditReader};

use crate::text::{escaped_json, rfc3339};

/// One line of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditRecord {
    /// When it was decided.
    #[serde(with = "rfc3339")]
    pub time: SystemTime,
    /// The plugin's name: the configured one or its file's.
    pub plugin: String,
    /// Its module.
    pub sha256: Option<ModuleHash>,
    /// What the call took.
    pub capability: Capability,
    /// What it wanted.
    pub argument: String,
    /// What became of it.
    pub outcome: AuditOutcome,
    /// Why, where it was denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl AuditRecord {
    /// The record as a line of JSON without its end, in which every character shows as itself.
    ///
    /// # Errors
    ///
    /// When its time is one that no calendar has.
    pub fn to_json(&self) -> std::io::Result<String> {
        Ok(escaped_json(&serde_json::to_string(self)?))
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was allowed. Only what is of high risk is recorded then.
    Granted,
    /// It was not.
    Denied,
}

/// Where records go.
pub trait AuditSink: Send + Sync {
    /// Takes one. A plugin waits for it, so that it must be quick; what it cannot do it keeps to itself.
    fn record(&self, record: &AuditRecord);
}
