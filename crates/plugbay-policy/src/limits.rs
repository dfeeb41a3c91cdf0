//! How much of the machine one plugin may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The bounds of one plugin. Every number is per plugin instance unless it says otherwise.
///
/// In a configuration, any subset of the fields may be given; the others keep
/// their defaults, and an unknown field is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Fuel per call, in units of about one WebAssembly instruction; host calls and
    /// growing or filling memory cost more than one. Default 100,000,000.
    pub fuel: u64,
    /// Linear memory in bytes, the module's initial memory included. Growing past it
    /// fails in the guest as it would on a full machine. Default 128 MiB.
    pub memory_bytes: u64,
    /// Wall clock per call in milliseconds: loading counts from before the start
    /// function to the end of `init`, later calls from their first instruction, host
    /// calls included. Default 5,000.
    pub timeout_ms: u64,
    /// Elements over all tables. Default 10,000.
    pub table_elements: u64,
    /// Longest output, in bytes, that one call may hand to the host. Default 16 MiB.
    pub output_bytes: u64,
    /// What a plugin may print to its log, in bytes per second; the rest is dropped
    /// and counted. Default 64 KiB.
    pub log_bytes_per_second: u64,
    /// Largest module, in bytes of WebAssembly, that is compiled at all. Default 64 MiB.
    pub module_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 100_000_000,
            memory_bytes: 128 << 20,
            timeout_ms: 5_000,
            table_elements: 10_000,
            output_bytes: 16 << 20,
            log_bytes_per_second: 64 << 10,
            module_bytes: 64 << 20,
        }
    }
}

impl Limits {
    /// [`timeout_ms`](Self::timeout_ms) as a duration.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_subset_of_the_fields_may_be_given() {
        let limits: Limits = serde_json::from_str(r#"{"fuel": 5}"#).unwrap();
        assert_eq!(limits, Limits { fuel: 5, ..Limits::default() });
    }

    #[test]
    fn an_unknown_field_is_an_error() {
        let error = serde_json::from_str::<Limits>(r#"{"feul": 5}"#).unwrap_err().to_string();
        assert!(error.contains("feul") && error.contains("memory_bytes"), "{error}");
    }
}
