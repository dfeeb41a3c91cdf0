//! How much of the machine one plugin may use.

use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The bounds of one plugin. Every number is per plugin instance unless it says otherwise.
///
/// In a configuration, any subset of the fields may be given; the others keep
/// their defaults, and an unknown field is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Fuel per call. Default 100,000,000 units.
    pub fuel: Fuel,
    /// Linear memory in bytes, the module's initial memory included. Growing past it
    /// fails in the guest as it would on a full machine. Default 128 MiB.
    pub memory_bytes: u64,
    /// Wall clock per call in milliseconds: loading counts from before the start
    /// function to the end of `init`, later calls from their first instruction, host
    /// calls included. The clock is first looked at after a slice of fuel, so a call that
    /// is shorter never is, and the time of one that is longer counts from there, some
    /// milliseconds later. Default 5,000.
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

/// How much a call may compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fuel {
    /// So many units, of about one WebAssembly instruction each; host calls and growing
    /// or filling memory cost more than one.
    Units(u64),
    /// No fuel is counted, written `"unmetered"`. Code runs faster, and what depends on
    /// counting is lost: a call is not interrupted, so that its time limit holds only at calls
    /// into the host, and others on its thread wait until it is done, if it ever is.
    Unmetered,
}

impl Fuel {
    /// The number of units, if they are counted.
    pub fn units(self) -> Option<u64> {
        match self {
            Self::Units(units) => Some(units),
            Self::Unmetered => None,
        }
    }
}

impl From<u64> for Fuel {
    fn from(units: u64) -> Self {
        Self::Units(units)
    }
}

const UNMETERED: &str = "unmetered";

impl Serialize for Fuel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Units(units) => serializer.serialize_u64(*units),
            Self::Unmetered => serializer.serialize_str(UNMETERED),
        }
    }
}

impl<'de> Deserialize<'de> for Fuel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Fuel;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "a number of units or \"{UNMETERED}\"")
            }

            fn visit_u64<E: de::Error>(self, units: u64) -> Result<Fuel, E> {
                Ok(Fuel::Units(units))
            }

            fn visit_i64<E: de::Error>(self, units: i64) -> Result<Fuel, E> {
                u64::try_from(units)
                    .map(Fuel::Units)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(units), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Fuel, E> {
                match text {
                    UNMETERED => Ok(Fuel::Unmetered),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Written)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: Fuel::Units(100_000_000),
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
        assert_eq!(limits, Limits { fuel: Fuel::Units(5), ..Limits::default() });
    }

    #[test]
    fn an_unknown_field_is_an_error() {
        let error = serde_json::from_str::<Limits>(r#"{"feul": 5}"#).unwrap_err().to_string();
        assert!(error.contains("feul") && error.contains("memory_bytes"), "{error}");
    }
}
